package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"

	"github.com/cellhub/cellhub/nic/link"
)

// Uplink is B's device towards the host that is beyond it.
const Uplink = "eth1"

// Beyond makes a third host behind B, which becomes a router. The cable between the
// two has the given MTU, in octets, and may be narrower than the one between A and B:
// then B tells senders so by ICMP. The host's Dev has 203.0.113.2 and 2001:db8:2::2.
// The lab closes it.
func (l *Lab) Beyond(mtu int) (*Host, error) {
	c, err := newHost("host c", "203.0.113.2/24", "2001:db8:2::2/64")
	if err != nil {
		return nil, err
	}
	l.beyond = append(l.beyond, c)
	near4, near6 := netip.MustParsePrefix("203.0.113.1/24"), netip.MustParsePrefix("2001:db8:2::1/64")
	err = l.B.on(func() error {
		return errors.Join(
			link.AddVeth(link.Veth{Name: "spare0", Peer: "spare1"}), link.Delete("spare0"), // see addVeth
			link.AddVeth(link.Veth{Name: Uplink, Peer: Dev, MTU: mtu, PeerIn: c.ns}),
			link.Up(Uplink), link.AddAddr(Uplink, near4), link.AddAddr(Uplink, near6),
			writeSetting("/proc/sys/net/ipv4/ip_forward", "1"), writeSetting("/proc/sys/net/ipv6/conf/all/forwarding", "1"))
	})
	if err == nil {
		err = c.configure(Config{})
	}
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), carrierWait)
	defer cancel()
	if err := errors.Join(l.B.WaitLink(ctx, Uplink), c.WaitLink(ctx, Dev)); err != nil {
		return nil, err
	}
	return c, errors.Join(
		l.A.AddRoute(c.Addr4.Masked(), l.B.Addr4.Addr()), l.A.AddRoute(c.Addr6.Masked(), l.B.Addr6.Addr()),
		c.AddRoute(l.A.Addr4.Masked(), near4.Addr()), c.AddRoute(l.A.Addr6.Masked(), near6.Addr()))
}

// AddRoute sends what is for a network to a neighbour.
func (h *Host) AddRoute(to netip.Prefix, via netip.Addr) error {
	return h.on(func() error {
		route := &netlink.Route{
			Dst: &net.IPNet{IP: to.Addr().AsSlice(), Mask: net.CIDRMask(to.Bits(), to.Addr().BitLen())},
			Gw:  via.AsSlice(),
		}
		if err := netlink.RouteAdd(route); err != nil {
			return fmt.Errorf("route to %s: %w", to, err)
		}
		return nil
	})
}

// MoveLink moves a device to another host, as a container runtime does, under a new name.
func (h *Host) MoveLink(dev string, to *Host, name string) error {
	return h.on(func() error {
		l, err := netlink.LinkByName(dev)
		if err != nil {
			return err
		}
		if name == dev {
			return netlink.LinkSetNsFd(l, to.ns.FD())
		}
		return errors.Join(netlink.LinkSetDown(l), netlink.LinkSetName(l, name), netlink.LinkSetNsFd(l, to.ns.FD()))
	})
}

// Rename gives a device another name.
func (h *Host) Rename(dev, name string) error {
	return h.on(func() error {
		l, err := netlink.LinkByName(dev)
		if err != nil {
			return err
		}
		return netlink.LinkSetName(l, name)
	})
}

// Cable joins A and B by a further veth pair of that name, up and without addresses.
func (l *Lab) Cable(dev string) error {
	err := l.A.on(func() error {
		return link.AddVeth(link.Veth{Name: dev, Peer: dev, PeerIn: l.B.ns})
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), carrierWait)
	defer cancel()
	return errors.Join(l.A.SetUp(dev, true), l.B.SetUp(dev, true), l.A.WaitLink(ctx, dev), l.B.WaitLink(ctx, dev))
}
