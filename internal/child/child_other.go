//go:build !linux

package child

import "syscall"

// whenOrphaned does nothing where the kernel offers nothing.
func whenOrphaned(*syscall.SysProcAttr, syscall.Signal) {}
