package link

import (
	"errors"
	"net"
	"os"
	"runtime"
	"unsafe"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Offload is work that an interface takes off the kernel, a command of ethtool to switch it.
type Offload uint32

// The offloads, in an order in which they can be switched off: segmentation before the checksums that it depends on.
const (
	TCPSegmentation Offload = unix.ETHTOOL_STSO
	Segmentation    Offload = unix.ETHTOOL_SGSO
	Receive         Offload = unix.ETHTOOL_SGRO
	SendChecksum    Offload = unix.ETHTOOL_STXCSUM
	ReceiveChecksum Offload = unix.ETHTOOL_SRXCSUM
)

// ethtoolValue is struct ethtool_value of linux/ethtool.h.
type ethtoolValue struct {
	cmd  Offload
	data uint32
}

// ethtoolRequest is struct ifreq with ifr_data.
type ethtoolRequest struct {
	name [unix.IFNAMSIZ]byte
	data unsafe.Pointer
	_    [16]byte
}

// SetOffloads switches offloads of an interface, one after the other. One that it does not have is off already.
func SetOffloads(name string, on bool, offloads ...Offload) error {
	for _, cmd := range offloads {
		value := ethtoolValue{cmd: cmd}
		if on {
			value.data = 1
		}
		if err := ethtool(name, &value); err != nil && !errors.Is(err, unix.EOPNOTSUPP) {
			return err
		}
	}
	return nil
}

// ethtool asks an interface's driver for something, or tells it.
func ethtool(name string, value *ethtoolValue) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	defer unix.Close(fd)
	request := ethtoolRequest{data: unsafe.Pointer(value)}
	copy(request.name[:unix.IFNAMSIZ-1], name)
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&request)))
	runtime.KeepAlive(value)
	if errno != 0 {
		return os.NewSyscallError("ioctl SIOCETHTOOL", errno)
	}
	return nil
}

// maxBelow bounds how many interfaces are looked at below one another.
const maxBelow = 8

// Hardware tells whether frames of an interface leave the machine by a driver, which cuts and finishes what the kernel has
// left to it. Over a virtual one they may reach another program as they are.
func Hardware(index int) bool {
	for range maxBelow {
		l, err := netlink.LinkByIndex(index)
		if err != nil {
			return false
		}
		switch l.Type() {
		case "device", "bond":
			return l.Attrs().Flags&net.FlagLoopback == 0
		case "vlan", "macvlan", "ipvlan":
			index = l.Attrs().ParentIndex
		default:
			return false
		}
	}
	return false
}
