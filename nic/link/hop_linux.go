package link

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// ErrUnresolved says that the next hop's station is not known yet; the kernel has been asked to find it.
var ErrUnresolved = errors.New("next hop not resolved yet")

// Hop is the next station on the way to an address.
type Hop struct {
	Link  State // that packets leave by
	MTU   int   // octets of a packet on this way
	To    net.HardwareAddr
	Local netip.Addr // that the kernel would send from
}

// NextHop asks the kernel for the next station on the way to an address, from a local one unless that is unspecified, and
// has it look again for one that it has not heard of for a while, as traffic would.
func NextHop(local, remote netip.Addr) (h Hop, err error) {
	r, err := routeTo(local, remote)
	if err != nil {
		return h, err
	}
	if r.Type != unix.RTN_UNICAST || remote.IsMulticast() {
		return h, fmt.Errorf("%s: %w: it is no other host's address", remote, ErrNoRoute)
	}
	if h.Link, err = GetIndex(r.LinkIndex); err != nil {
		return h, err
	}
	if h.MTU = h.Link.MTU; r.MTU > 0 && r.MTU < h.MTU {
		h.MTU = r.MTU
	}
	h.Local = local
	if src, ok := netip.AddrFromSlice(r.Src); ok && local.IsUnspecified() {
		h.Local = src.Unmap()
	}
	next := r.Gw
	if next == nil && r.Via != nil {
		return h, fmt.Errorf("%s: %w: its gateway is of another family", remote, ErrNoRoute)
	}
	if next == nil {
		next = remote.WithZone("").AsSlice()
	}
	h.To, err = neighbour(h.Link.Index, next)
	return h, err
}

// fresh are the states in which a neighbour has an address that nobody doubts; known those in which it has one.
const (
	fresh = netlink.NUD_REACHABLE | netlink.NUD_PERMANENT | netlink.NUD_NOARP
	known = fresh | netlink.NUD_STALE | netlink.NUD_DELAY | netlink.NUD_PROBE
)

// neighbour is the station of an address on an interface.
func neighbour(index int, addr net.IP) (net.HardwareAddr, error) {
	family := netlink.FAMILY_V6
	if addr.To4() != nil {
		family = netlink.FAMILY_V4
	}
	list, err := netlink.NeighList(index, family)
	if err != nil {
		return nil, fmt.Errorf("neighbours: %w", err)
	}
	var at net.HardwareAddr
	for _, n := range list {
		if !n.IP.Equal(addr) || n.State&known == 0 {
			continue
		}
		if at = n.HardwareAddr; n.State&fresh != 0 {
			return at, nil
		}
	}
	ask := netlink.Neigh{LinkIndex: index, Family: family, IP: addr, State: netlink.NUD_NONE, Flags: netlink.NTF_USE}
	if err := netlink.NeighSet(&ask); err != nil && at == nil {
		return nil, fmt.Errorf("%s: %w: %w", addr, ErrUnresolved, err)
	}
	if at == nil {
		return nil, fmt.Errorf("%s: %w", addr, ErrUnresolved)
	}
	return at, nil
}
