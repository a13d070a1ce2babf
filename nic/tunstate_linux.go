package nic

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// tunState is what attaching to an existing TAP or TUN may change, and what tells whether it can be attached to.
type tunState struct {
	exists  bool
	tun     bool   // of the TUN/TAP driver
	flags   uint16 // IFF_TUN or IFF_TAP, with IFF_NO_PI, IFF_VNET_HDR and IFF_MULTI_QUEUE: as TUNSETIFF takes them
	persist bool
	held    bool // a process is attached
	offload uint // TUN_F_…, as far as ethtool shows them
	vnet    int  // octets of the virtio header; 0: not known, because nobody is attached
}

// probeTUN reads the state over rtnetlink, because attaching to look would already change it, and sysfs shows the
// namespace of its mount and not the caller's.
func probeTUN(name string) (tunState, error) {
	info, err := getLink(name)
	if err != nil || info == nil {
		return tunState{}, err
	}
	state := parseTUN(info)
	if state.tun {
		state.offload, err = tunOffload(name)
	}
	return state, err
}

// parseTUN reads the state from the attributes of an RTM_NEWLINK.
func parseTUN(info []byte) tunState {
	state := tunState{exists: true}
	var data []byte
	carrier := false
	for kind, value := range attributes(info) {
		switch kind {
		case unix.IFLA_CARRIER:
			carrier = isSet(value)
		case unix.IFLA_LINKINFO:
			for kind, value := range attributes(value) {
				switch kind {
				case unix.IFLA_INFO_KIND:
					state.tun = string(value) == "tun\x00"
				case unix.IFLA_INFO_DATA:
					data = value
				}
			}
		}
	}
	if !state.tun {
		return state
	}
	queues := uint32(0)
	state.flags = unix.IFF_NO_PI
	for kind, value := range attributes(data) {
		switch kind {
		case unix.IFLA_TUN_TYPE:
			state.flags |= uint16(value[0])
		case unix.IFLA_TUN_PI:
			if isSet(value) {
				state.flags &^= unix.IFF_NO_PI
			}
		case unix.IFLA_TUN_VNET_HDR:
			if isSet(value) {
				state.flags |= unix.IFF_VNET_HDR
			}
		case unix.IFLA_TUN_MULTI_QUEUE:
			if isSet(value) {
				state.flags |= unix.IFF_MULTI_QUEUE
			}
		case unix.IFLA_TUN_PERSIST:
			state.persist = isSet(value)
		case unix.IFLA_TUN_NUM_QUEUES, unix.IFLA_TUN_NUM_DISABLED_QUEUES:
			if len(value) >= 4 {
				queues += binary.NativeEndian.Uint32(value)
			}
		}
	}
	// The driver tells the number of queues of multi-queue devices only; attaching turns any device's carrier on.
	state.held = queues > 0 || carrier && state.flags&unix.IFF_MULTI_QUEUE == 0
	return state
}

func isSet(value []byte) bool { return value[0] != 0 }

// attributes yields the type and value of each well-formed netlink attribute; never an empty value.
func attributes(octets []byte) func(yield func(uint16, []byte) bool) {
	return func(yield func(uint16, []byte) bool) {
		for len(octets) >= unix.SizeofRtAttr {
			length := int(binary.NativeEndian.Uint16(octets))
			kind := binary.NativeEndian.Uint16(octets[2:]) &^ unix.NLA_F_NESTED
			if length < unix.SizeofRtAttr || length > len(octets) {
				return
			}
			if length > unix.SizeofRtAttr && !yield(kind, octets[unix.SizeofRtAttr:length]) {
				return
			}
			octets = octets[min(len(octets), (length+3)&^3):]
		}
	}
}

// linkAnswer is room for one RTM_NEWLINK: the statistics and the configuration of every address family.
const linkAnswer = 32 << 10

// getLink asks rtnetlink for one interface and returns its attributes; nil: there is no such interface.
func getLink(name string) ([]byte, error) {
	fd, err := netlinkSocket()
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	info, _, err := askLink(fd, name, 0)
	return info, err
}

// netlinkSocket asks about the calling thread's namespace, for good.
func netlinkSocket() (int, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return -1, fmt.Errorf("rtnetlink: %w", err)
	}
	return fd, nil
}

// askLink asks by name, or else by index, and returns the index too.
func askLink(fd int, name string, index int) ([]byte, int, error) {
	// nlmsghdr, ifinfomsg, IFLA_IFNAME; rtnetlink(7).
	request := make([]byte, unix.SizeofNlMsghdr+unix.SizeofIfInfomsg, 64)
	binary.NativeEndian.PutUint16(request[4:], unix.RTM_GETLINK)
	binary.NativeEndian.PutUint16(request[6:], unix.NLM_F_REQUEST)
	binary.NativeEndian.PutUint32(request[unix.SizeofNlMsghdr+4:], uint32(index))
	if name != "" {
		value := append([]byte(name), 0)
		request = binary.NativeEndian.AppendUint16(request, uint16(unix.SizeofRtAttr+len(value)))
		request = binary.NativeEndian.AppendUint16(request, unix.IFLA_IFNAME)
		request = append(request, value...)
	}
	binary.NativeEndian.PutUint32(request, uint32(len(request)))
	if err := unix.Sendto(fd, request, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return nil, 0, fmt.Errorf("rtnetlink: %w", err)
	}
	answer := make([]byte, linkAnswer)
	n, err := unix.Read(fd, answer)
	if err != nil {
		return nil, 0, fmt.Errorf("rtnetlink: %w", err)
	}
	messages, err := syscall.ParseNetlinkMessage(answer[:n])
	if err != nil || len(messages) == 0 {
		return nil, 0, fmt.Errorf("rtnetlink: malformed answer about %s%d", name, index)
	}
	m := messages[0]
	switch {
	case m.Header.Type == unix.RTM_NEWLINK && len(m.Data) >= unix.SizeofIfInfomsg:
		return m.Data[unix.SizeofIfInfomsg:], int(binary.NativeEndian.Uint32(m.Data[4:])), nil
	case m.Header.Type == unix.NLMSG_ERROR && len(m.Data) >= 4:
		errno := unix.Errno(-int32(binary.NativeEndian.Uint32(m.Data)))
		if errno == unix.ENODEV {
			return nil, 0, nil
		}
		return nil, 0, fmt.Errorf("rtnetlink: %s%d: %w", name, index, errno)
	}
	return nil, 0, fmt.Errorf("rtnetlink: unexpected answer about %s%d", name, index)
}

// attach makes an open /dev/net/tun the holder of an interface.
func attach(fd int, name string, flags uint16) error {
	request, err := unix.NewIfreq(name)
	if err != nil {
		return err
	}
	request.SetUint16(flags)
	return unix.IoctlIfreq(fd, unix.TUNSETIFF, request)
}

// attachedTo is the name and the flags of the interface that fd holds.
func attachedTo(fd int) (string, uint16, error) {
	var request unix.Ifreq
	err := unix.IoctlIfreq(fd, unix.TUNGETIFF, &request)
	return request.Name(), request.Uint16(), err
}

func setOffload(fd int, offload uint) error {
	return unix.IoctlSetInt(fd, unix.TUNSETOFFLOAD, int(offload))
}

const tunNode = "/dev/net/tun"

// openTunDevice opens /dev/net/tun, bound to the calling thread's namespace for good.
func openTunDevice() (int, error) {
	fd, err := unix.Open(tunNode, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if errors.Is(err, os.ErrPermission) { // the node's mode, or a container's device rules: no capability
		mode := "which cannot be looked at"
		if info, err := os.Stat(tunNode); err == nil {
			mode = fmt.Sprintf("mode %04o", info.Mode().Perm())
			if owner, ok := info.Sys().(*syscall.Stat_t); ok {
				mode = fmt.Sprintf("%s, owner %d:%d", mode, owner.Uid, owner.Gid)
			}
		}
		return -1, fmt.Errorf("%s (%s): %w", tunNode, mode, ErrTunClosed)
	}
	return fd, tunError(err)
}

// tunError gives the refusals of /dev/net/tun, from x/sys or water, their names.
func tunError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, os.ErrPermission):
		return ErrNeedNetAdmin
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENODEV), errors.Is(err, unix.ENXIO):
		return ErrNoTunDevice
	case errors.Is(err, unix.EBUSY):
		return ErrInUse
	}
	return err
}

// controlSocket is a socket for ioctls about interfaces.
func controlSocket() (int, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("control socket: %w", err)
	}
	return fd, nil
}

// interfaceName is what the interface of that index is called now; ErrNoInterface when there is none.
func interfaceName(fd, index int) (string, error) {
	var request unix.Ifreq
	request.SetUint32(uint32(index))
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFNAME, &request); err != nil {
		if errors.Is(err, unix.ENODEV) {
			err = ErrNoInterface
		}
		return "", err
	}
	return request.Name(), nil
}

// interfaceMTU reads the MTU; ErrNoInterface when there is no such interface.
func interfaceMTU(fd int, name string) (int, error) {
	request, err := unix.NewIfreq(name)
	if err != nil {
		return 0, ErrNameTooLong
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFMTU, request); err != nil {
		if errors.Is(err, unix.ENODEV) {
			err = ErrNoInterface
		}
		return 0, err
	}
	return int(int32(request.Uint32())), nil
}
