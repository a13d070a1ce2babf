package link

import (
	"errors"
	"fmt"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// XDP is what an interface's driver has of XDP: enum netdev_xdp_act of the kernel.
type XDP uint64

// What there is of it.
const (
	XDPBasic    XDP = 1 << 0 // programs run in the driver
	XDPRedirect XDP = 1 << 1 // they may redirect
	XDPTransmit XDP = 1 << 2 // frames can be redirected to it
	XDPZeroCopy XDP = 1 << 3 // AF_XDP without a copy
	XDPPieces   XDP = 1 << 6 // … also frames of several pieces
)

// ErrUnknownXDP says that the kernel does not tell: it is older than 6.3.
var ErrUnknownXDP = errors.New("the kernel does not tell what its drivers have of XDP")

// Of generic netlink's family netdev (include/uapi/linux/netdev.h).
const (
	netdevFamily      = "netdev"
	netdevGet         = 1
	netdevIndex       = 1
	netdevXDPFeatures = 3
)

// genericHeader is struct genlmsghdr: command, version, and two octets that must be 0, which the library's own are not.
type genericHeader [nl.SizeofGenlmsg]byte

func (genericHeader) Len() int            { return nl.SizeofGenlmsg }
func (h genericHeader) Serialize() []byte { return h[:] }

// XDPOf asks what an interface has of XDP. Of a veth it changes with what its other end does.
func XDPOf(index int) (XDP, error) {
	family, err := netlink.GenlFamilyGet(netdevFamily)
	if err != nil {
		return 0, ErrUnknownXDP
	}
	request := nl.NewNetlinkRequest(int(family.ID), unix.NLM_F_ACK)
	request.AddData(genericHeader{netdevGet, uint8(family.Version)})
	request.AddData(nl.NewRtAttr(netdevIndex, nl.Uint32Attr(uint32(index))))
	messages, err := request.Execute(unix.NETLINK_GENERIC, 0)
	if err != nil {
		return 0, fmt.Errorf("interface %d: %w", index, err)
	}
	for _, m := range messages {
		if len(m) < nl.SizeofGenlmsg {
			continue
		}
		attributes, err := nl.ParseRouteAttr(m[nl.SizeofGenlmsg:])
		if err != nil {
			return 0, err
		}
		for _, a := range attributes {
			if a.Attr.Type == netdevXDPFeatures && len(a.Value) >= 8 {
				return XDP(nl.NativeEndian().Uint64(a.Value)), nil
			}
		}
	}
	return 0, ErrUnknownXDP
}
