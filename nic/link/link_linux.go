package link

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// ErrNotFound says that no interface has the name. Test with errors.Is.
var ErrNotFound = errors.New("no such interface")

// State is what the kernel tells of an interface.
type State struct {
	Name         string
	Index        int
	MTU          int              // octets, without the link's header
	HardwareAddr net.HardwareAddr // empty on a TUN
	Up           bool             // administratively up
	Running      bool             // up and with carrier
	Master       int              // index of the bridge or bond that takes its frames; 0: none does
}

// Get returns the state of an interface, or ErrNotFound.
func Get(name string) (State, error) {
	l, err := find(name)
	if err != nil {
		return State{}, err
	}
	return stateOf(l), nil
}

func stateOf(l netlink.Link) State {
	a := l.Attrs()
	return State{
		Name:         a.Name,
		Index:        a.Index,
		MTU:          a.MTU,
		HardwareAddr: a.HardwareAddr,
		Up:           a.Flags&net.FlagUp != 0,
		Running:      a.Flags&net.FlagRunning != 0,
		Master:       a.MasterIndex,
	}
}

// ZoneIndex turns the zone of a link-local address, an interface's name or number, into its number.
func ZoneIndex(zone string) (int, error) {
	if index, err := strconv.ParseUint(zone, 10, 31); err == nil {
		return int(index), nil
	}
	state, err := Get(zone)
	return state.Index, err
}

func find(name string) (netlink.Link, error) {
	l, err := netlink.LinkByName(name)
	if err != nil {
		var missing netlink.LinkNotFoundError
		if errors.As(err, &missing) {
			err = ErrNotFound
		}
		return nil, fmt.Errorf("link %s: %w", name, err)
	}
	return l, nil
}

// Exists tells whether there is an interface of this name.
func Exists(name string) (bool, error) {
	_, err := find(name)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// change looks an interface up and applies one change to it.
func change(name, what string, apply func(netlink.Link) error) error {
	l, err := find(name)
	if err != nil {
		return err
	}
	if err := apply(l); err != nil {
		return fmt.Errorf("link %s: %s: %w", name, what, err)
	}
	return nil
}

// Up sets an interface up.
func Up(name string) error { return change(name, "set up", netlink.LinkSetUp) }

// Down sets an interface down.
func Down(name string) error { return change(name, "set down", netlink.LinkSetDown) }

// GetIndex returns the state of the interface with the kernel's number index, whatever
// it is called now, or ErrNotFound.
func GetIndex(index int) (State, error) {
	l, err := netlink.LinkByIndex(index)
	if err != nil {
		if errors.As(err, &netlink.LinkNotFoundError{}) {
			return State{}, fmt.Errorf("link %d: %w", index, ErrNotFound)
		}
		return State{}, fmt.Errorf("link %d: %w", index, err)
	}
	return stateOf(l), nil
}

// runningPoll is how often WaitRunning asks.
const runningPoll = time.Millisecond

// WaitRunning returns when an interface is up and has carrier. Before that, for up to a second after Up, the kernel
// takes frames without an error and drops them, because the interface's queue is attached only when its carrier is
// noticed. It asks again and again: an event about carrier may be held back for a second, but a question makes the
// kernel notice at once.
func WaitRunning(ctx context.Context, name string) error {
	for {
		state, err := Get(name)
		if err != nil || state.Running {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("link %s is not running: %w", name, ctx.Err())
		case <-time.After(runningPoll):
		}
	}
}

// Delete removes an interface. The far end of a veth goes with it.
func Delete(name string) error { return change(name, "delete", netlink.LinkDel) }

// SetMTU sets the MTU in octets, without the link's header.
func SetMTU(name string, mtu int) error {
	return change(name, fmt.Sprintf("set MTU %d", mtu), func(l netlink.Link) error {
		return netlink.LinkSetMTU(l, mtu)
	})
}

// SetHardwareAddr sets the Ethernet address.
func SetHardwareAddr(name string, addr net.HardwareAddr) error {
	return change(name, "set address "+addr.String(), func(l netlink.Link) error {
		return netlink.LinkSetHardwareAddr(l, addr)
	})
}

// AddAddr gives an interface an IPv4 or IPv6 address with its prefix. An IPv6 address is usable at once: duplicate
// address detection is skipped.
func AddAddr(name string, prefix netip.Prefix) error {
	addr := &netlink.Addr{IPNet: &net.IPNet{
		IP:   prefix.Addr().AsSlice(),
		Mask: net.CIDRMask(prefix.Bits(), prefix.Addr().BitLen()),
	}}
	if prefix.Addr().Is6() {
		addr.Flags = nodad
	}
	return change(name, "add address "+prefix.String(), func(l netlink.Link) error {
		err := netlink.AddrAdd(l, addr)
		if err == nil && prefix.Addr().Is6() && l.Attrs().Flags&net.FlagRunning != 0 {
			waitLocal(addr.IP)
		}
		return err
	})
}

// localPatience is how long the kernel may take to know an address for its own.
const localPatience = time.Second

// waitLocal returns when packets to an IPv6 address are taken as ours. The kernel installs the route for that from a work
// queue, some time after it has acknowledged the address.
func waitLocal(ip net.IP) {
	for deadline := time.Now().Add(localPatience); time.Now().Before(deadline); time.Sleep(runningPoll) {
		routes, err := netlink.RouteGet(ip)
		if err == nil && len(routes) > 0 && routes[0].Type == unix.RTN_LOCAL {
			return
		}
	}
}

// nodad is IFA_F_NODAD of linux/if_addr.h.
const nodad = 0x02

// Veth describes a pair of virtual Ethernet interfaces, which are created down.
type Veth struct {
	Name, Peer string
	MTU        int        // octets, of both ends; 0: 1500
	PeerIn     *Namespace // where the peer goes; nil: beside the first end
	Queues     int        // each way, of both ends; 0: as many as the kernel gives, of which it uses one
}

// AddVeth creates a veth pair.
func AddVeth(v Veth) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.MTU = v.Name, v.MTU
	attrs.NumTxQueues, attrs.NumRxQueues = v.Queues, v.Queues
	pair := netlink.NewVeth(attrs)
	pair.PeerNumTxQueues, pair.PeerNumRxQueues = uint32(v.Queues), uint32(v.Queues)
	pair.PeerName, pair.PeerMTU = v.Peer, uint32(v.MTU)
	if v.PeerIn != nil {
		pair.PeerNamespace = netlink.NsFd(v.PeerIn.fd)
	}
	if err := netlink.LinkAdd(pair); err != nil {
		return fmt.Errorf("veth %s-%s: %w", v.Name, v.Peer, err)
	}
	return nil
}

// SilenceIPv6 keeps IPv6 off an interface: the host sends and answers nothing there by itself. A host without IPv6 has
// nothing to silence.
func SilenceIPv6(name string) error {
	err := os.WriteFile("/proc/sys/net/ipv6/conf/"+name+"/disable_ipv6", []byte("1"), 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// TUN describes a TUN or TAP interface as its driver does.
type TUN struct {
	TAP        bool // Ethernet frames, not IP packets
	PI         bool // four octets of packet information come before each frame
	VnetHdr    bool // a virtio header comes before each frame
	MultiQueue bool
	Persist    bool // outlives its holder
}

// ErrNotTUN says that an interface is neither a TUN nor a TAP.
var ErrNotTUN = errors.New("not a TUN or TAP")

// TunInfo returns how a TUN or TAP is set, without attaching to it; ErrNotFound or ErrNotTUN.
func TunInfo(name string) (TUN, error) {
	l, err := find(name)
	if err != nil {
		return TUN{}, err
	}
	t, ok := l.(*netlink.Tuntap)
	if !ok {
		return TUN{}, fmt.Errorf("link %s: %w", name, ErrNotTUN)
	}
	return TUN{
		TAP:        t.Mode == netlink.TUNTAP_MODE_TAP,
		PI:         t.Flags&netlink.TUNTAP_NO_PI == 0,
		VnetHdr:    t.Flags&netlink.TUNTAP_VNET_HDR != 0,
		MultiQueue: t.Flags&netlink.TUNTAP_MULTI_QUEUE != 0,
		Persist:    !t.NonPersist,
	}, nil
}
