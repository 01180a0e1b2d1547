//go:build !linux

package postgres

import "syscall"

// namespace is Linux's; elsewhere nothing stands in for it.
func namespace(int, int) *syscall.SysProcAttr { return nil }
