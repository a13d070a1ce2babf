package lab

import (
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// These functions act on the namespace of the calling thread.

// vethIndex is the interface index of the near end of a veth pair; the far end
// gets the first free one of a young namespace, a small number.
const vethIndex = 1000

// addVeth makes a veth pair whose ends have the same name, one here and one in
// the namespace peer. Neither end is ever elsewhere. The ends get different
// interface indices: where they agree, as in two fresh namespaces they would, the
// kernel takes neither for half of a pair, and reports the carrier up to a second
// late (linkwatch_urgent_event in net/core/link_watch.c).
func addVeth(name string, mtu int, peer netns.NsHandle) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.MTU, attrs.Index = name, mtu, vethIndex
	return netlink.LinkAdd(&netlink.Veth{
		LinkAttrs:     attrs,
		PeerName:      name,
		PeerMTU:       uint32(mtu),
		PeerNamespace: netlink.NsFd(peer),
	})
}

func setUp(name string, up bool) error {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	if up {
		return netlink.LinkSetUp(link)
	}
	return netlink.LinkSetDown(link)
}

func deleteLink(name string) error {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	return netlink.LinkDel(link)
}

func addAddr(name string, addr netip.Prefix) error {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	a := &netlink.Addr{IPNet: &net.IPNet{
		IP:   addr.Addr().AsSlice(),
		Mask: net.CIDRMask(addr.Bits(), addr.Addr().BitLen()),
	}}
	if addr.Addr().Is6() {
		a.Flags = unix.IFA_F_NODAD
	}
	return netlink.AddrAdd(link, a)
}
