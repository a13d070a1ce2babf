package link

import (
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// groupRequest is struct ifreq with ifr_hwaddr.
type groupRequest struct {
	name   [unix.IFNAMSIZ]byte
	family uint16
	addr   [14]byte
	_      [8]byte
}

// SetGroup has an interface receive the frames of an Ethernet group address, or no more, until somebody says otherwise: it
// belongs to no process. Saying it twice is saying it once.
func SetGroup(name string, group net.HardwareAddr, on bool) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	defer unix.Close(fd)
	var request groupRequest
	copy(request.name[:unix.IFNAMSIZ-1], name)
	copy(request.addr[:], group)
	cmd := uintptr(unix.SIOCDELMULTI)
	if on {
		cmd = unix.SIOCADDMULTI
	}
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), cmd, uintptr(unsafe.Pointer(&request)))
	runtime.KeepAlive(&request)
	if errno == 0 || on && errors.Is(errno, unix.EEXIST) || !on && errors.Is(errno, unix.ENOENT) {
		return nil
	}
	return fmt.Errorf("link %s: group %s: %w", name, group, errno)
}
