package link

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Why there is no way to an address. Test with errors.Is.
var (
	// ErrNoRoute says that no route leads there, or one that refuses.
	ErrNoRoute = errors.New("no route")
	// ErrNotOurs says that the local address is no address of this host.
	ErrNotOurs = errors.New("not an address of this host")
)

// PathKind is what an address is to this host.
type PathKind int

// The kinds of path.
const (
	Unicast   PathKind = iota // another host's
	Local                     // this host's own
	Broadcast                 // a network's broadcast address
	Multicast                 // a group's
)

// Path is the way to an address as the kernel's routes have it now.
type Path struct {
	Kind  PathKind
	Index int        // of the interface that packets leave by
	MTU   int        // octets of a packet, when a route or a router on the way said so; 0: as the interface has it
	Via   netip.Addr // the router that packets go to; invalid: the address itself is on the interface
}

// PathTo asks the kernel for the way to an address, from a local one unless that is unspecified; an IPv6 zone in either
// names the interface. One question, whatever the number of interfaces.
func PathTo(local, remote netip.Addr) (Path, error) {
	r, err := routeTo(local, remote)
	if err != nil {
		return Path{}, err
	}
	path := Path{Index: r.LinkIndex, MTU: r.MTU}
	if via, ok := r.Via.(*netlink.Via); ok {
		path.Via, _ = netip.AddrFromSlice(via.Addr)
	} else if via, ok := netip.AddrFromSlice(r.Gw); ok {
		path.Via = via.Unmap()
	}
	switch r.Type {
	case unix.RTN_LOCAL, unix.RTN_ANYCAST:
		path.Kind = Local
	case unix.RTN_BROADCAST:
		path.Kind = Broadcast
	case unix.RTN_MULTICAST:
		path.Kind = Multicast
	case unix.RTN_UNREACHABLE, unix.RTN_BLACKHOLE, unix.RTN_PROHIBIT, unix.RTN_THROW:
		return Path{}, fmt.Errorf("%s: %w", remote, ErrNoRoute)
	}
	if remote.IsMulticast() {
		path.Kind = Multicast
	}
	return path, nil
}

// routeTo asks for the route to an address.
func routeTo(local, remote netip.Addr) (r netlink.Route, err error) {
	var options netlink.RouteGetOptions
	if local.IsValid() && !local.IsUnspecified() {
		options.SrcAddr = local.AsSlice()
	}
	for _, zone := range []string{remote.Zone(), local.Zone()} {
		if zone == "" {
			continue
		}
		index, err := ZoneIndex(zone)
		if err != nil {
			return r, err
		}
		options.OifIndex = index
		break
	}
	routes, err := netlink.RouteGetWithOptions(remote.AsSlice(), &options)
	if err != nil && options.SrcAddr != nil && !ours(local) { // the errno for that has changed with kernels
		return r, fmt.Errorf("%s: %w", local, ErrNotOurs)
	}
	switch {
	case errors.Is(err, unix.ENETUNREACH), errors.Is(err, unix.EHOSTUNREACH), errors.Is(err, unix.EACCES), errors.Is(err, unix.ENETDOWN),
		errors.Is(err, unix.ENODEV), errors.Is(err, unix.EINVAL):
		return r, fmt.Errorf("%s: %w", remote, ErrNoRoute)
	case err != nil:
		return r, fmt.Errorf("route to %s: %w", remote, err)
	case len(routes) == 0:
		return r, fmt.Errorf("%s: %w", remote, ErrNoRoute)
	}
	return routes[0], nil
}

// ours tells whether an address is this host's, as far as its routes tell.
func ours(addr netip.Addr) bool {
	routes, err := netlink.RouteGet(addr.AsSlice())
	return err == nil && len(routes) > 0 && routes[0].Type == unix.RTN_LOCAL
}
