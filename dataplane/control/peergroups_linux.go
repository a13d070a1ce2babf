package control

import (
	"fmt"
	"syscall"
	"unsafe"
)

// soPeerGroups is SO_PEERGROUPS of asm-generic/socket.h, which package syscall lacks.
const soPeerGroups = 59

// maxGroups is how many supplementary groups a process may have: NGROUPS_MAX of linux/limits.h.
const maxGroups = 65536

// PeerGroups is the groups of the process at the other end, as the kernel knew them when the
// connection was made: its own group, then the supplementary ones.
func (c *Conn) PeerGroups() ([]uint32, error) {
	groups := []uint32{c.peer.Gid}
	supplementary := make([]uint32, 64)
	for {
		size := uint32(4 * len(supplementary))
		var errno syscall.Errno
		err := c.raw.Control(func(fd uintptr) {
			_, _, errno = syscall.Syscall6(syscall.SYS_GETSOCKOPT, fd, syscall.SOL_SOCKET, soPeerGroups,
				uintptr(unsafe.Pointer(&supplementary[0])), uintptr(unsafe.Pointer(&size)), 0)
		})
		switch {
		case err != nil:
			return nil, err
		case errno == syscall.ERANGE && len(supplementary) < maxGroups:
			supplementary = make([]uint32, maxGroups)
		case errno != 0:
			return nil, fmt.Errorf("control: groups of the peer: %w", errno)
		default:
			return append(groups, supplementary[:size/4]...), nil
		}
	}
}
