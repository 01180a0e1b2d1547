package postgres

import "syscall"

// namespace makes a process that is called uid:gid inside, and is root to the file system: not root by name, which is what
// PostgreSQL asks, and yet the owner of our files. The id must be one that /etc/passwd knows, for initdb looks it up.
func namespace(uid, gid int) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: uid, HostID: 0, Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: gid, HostID: 0, Size: 1}},
	}
}
