package nic

import (
	"errors"
	"fmt"
	"net"

	"golang.org/x/sys/unix"
)

// ethernetAddress is an interface's number and its Ethernet address. Loopback has Ethernet headers too.
func ethernetAddress(fd int, name string) (index int, address [6]byte, err error) {
	request, err := unix.NewIfreq(name)
	if err != nil {
		return 0, address, ErrNameTooLong
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFHWADDR, request); err != nil {
		return 0, address, err
	}
	family, address := hardwareAddress(request)
	if family != unix.ARPHRD_ETHER && family != unix.ARPHRD_LOOPBACK {
		return 0, address, errors.New("not an Ethernet interface")
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFINDEX, request); err != nil {
		return 0, address, err
	}
	return int(request.Uint32()), address, nil
}

// joinGroups has the interface take frames of the groups as long as the packet socket is open.
func joinGroups(fd, index int, groups []net.HardwareAddr) error {
	for _, group := range groups {
		if len(group) != 6 || group[0]&1 == 0 {
			return fmt.Errorf("%s is not an Ethernet group address", group)
		}
		request := unix.PacketMreq{Ifindex: int32(index), Type: unix.PACKET_MR_MULTICAST, Alen: 6}
		copy(request.Address[:], group)
		if err := unix.SetsockoptPacketMreq(fd, unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP, &request); err != nil {
			return fmt.Errorf("join %s: %w", group, err)
		}
	}
	return nil
}
