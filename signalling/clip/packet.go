package clip

import (
	"errors"
	"io"
	"net/netip"
	"slices"
	"syscall"
	"time"

	"github.com/cellhub/cellhub/signalling/address"
	"github.com/cellhub/cellhub/signalling/atmarp"
)

const (
	headerSize = 8  // LLC, OUI, EtherType
	ipv4Min    = 20 // octets of the shortest header
)

// header is what an IPv4 packet has before it (RFC 2225, 6).
var header = [headerSize]byte{0xAA, 0xAA, 0x03, 0, 0, 0, 0x08, 0x00}

// fromTunnel sends what the host's IP gives to the tunnel.
func (h *Host) fromTunnel() {
	defer h.work.Done()
	sdu := make([]byte, headerSize+1<<16)
	copy(sdu, header[:])
	for {
		n, err := h.tunnel.Read(sdu[headerSize:])
		if err != nil {
			if !h.isEnded() {
				h.config.Log.Error("the tunnel has ended", "err", err)
			}
			return
		}
		h.forward(sdu[:headerSize+n])
	}
}

func (h *Host) isEnded() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.ended
}

// forward sends an SDU to the neighbour that its packet goes by.
func (h *Host) forward(sdu []byte) {
	packet := sdu[headerSize:]
	if len(packet) < ipv4Min || packet[0]>>4 != 4 || len(packet) > MTU {
		h.counts.notIP.Add(1)
		return
	}
	to, ok := h.hop(netip.AddrFrom4([4]byte(packet[16:20])))
	if !ok {
		h.counts.noRoute.Add(1)
		return
	}
	if v := (*h.table.Load())[to]; v != nil {
		h.send(v, sdu)
		return
	}
	h.resolve(to, sdu)
}

// hop gives the neighbour that an address is reached by.
func (h *Host) hop(to netip.Addr) (netip.Addr, bool) {
	if h.config.Host.Prefix.Contains(to) {
		return to, true
	}
	for i := range h.routes {
		if h.routes[i].To.Contains(to) {
			return h.routes[i].Via, true
		}
	}
	return to, false
}

func (h *Host) send(v *vc, sdu []byte) {
	switch err := v.conn.TryWrite(sdu); err {
	case nil:
		h.counts.out.Add(1)
		if !v.used.Load() {
			v.used.Store(true)
		}
	case syscall.EAGAIN:
		h.counts.full.Add(1)
	default:
		h.counts.lost.Add(1)
	}
}

// resolve keeps a packet until its neighbour has a VC.
func (h *Host) resolve(to netip.Addr, sdu []byte) {
	h.do(func(now time.Duration) {
		if v := (*h.table.Load())[to]; v != nil { // it has just come
			h.send(v, sdu)
			return
		}
		if len(h.waiting[to]) == MaxWaiting || len(h.waiting[to]) == 0 && len(h.waiting) == MaxNeighbours {
			h.counts.waiting.Add(1)
			return
		}
		h.waiting[to] = append(h.waiting[to], slices.Clone(sdu))
		h.machine.Need(now, to)
	})
}

// fromVC gives what a VC brings to the tunnel, and ATMARP to the machine.
func (h *Host) fromVC(v *vc) {
	defer h.work.Done()
	defer close(v.gone)
	sdu := make([]byte, 1<<16)
	for {
		n, err := v.conn.Read(sdu)
		if err != nil {
			if !errors.Is(err, io.EOF) {
				h.config.Log.Info("VC has ended", "vc", v.link, "with", v.conn.RemoteAddr(), "err", err)
			}
			break
		}
		h.take(v, sdu[:n])
	}
	_ = v.conn.Close()
	h.do(func(now time.Duration) {
		delete(h.vcs, v.link)
		h.machine.Closed(now, v.link)
	})
}

func (h *Host) take(v *vc, sdu []byte) {
	switch {
	case len(sdu) >= headerSize+ipv4Min && [headerSize]byte(sdu) == header && sdu[headerSize]>>4 == 4:
		h.counts.in.Add(1)
		if !v.used.Load() {
			v.used.Store(true)
		}
		if _, err := h.tunnel.Write(sdu[headerSize:]); err != nil {
			h.counts.lost.Add(1)
		}
	case atmarp.IsPacket(sdu):
		h.config.Log.Debug("from the network", "vc", v.link, "octets", len(sdu))
		h.do(func(now time.Duration) { h.machine.Receive(now, v.link, sdu) })
	default:
		h.counts.malformed.Add(1)
	}
}

// Counters are of packets, and of ATMARP.
type Counters struct {
	In, Out     uint64 // IP packets to and from the tunnel
	NotIP       uint64 // of the tunnel: not IPv4, or longer than MTU
	NoRoute     uint64 // no neighbour leads there
	Unreachable uint64 // waited, and the neighbour could not be reached
	Waiting     uint64 // too many wait
	Full        uint64 // the VC had no room
	Malformed   uint64 // SDUs that are neither IPv4 nor ATMARP
	Lost        uint64 // the VC or the tunnel failed
}

// Entry is a neighbour.
type Entry struct {
	atmarp.Entry
	VC string // who is at the other end, or which permanent VC it is; "" without
}

// View is a host as it is now.
type View struct {
	Name     string
	Status   atmarp.Status
	Counters Counters
}

// Show gives a host as it is now.
func (h *Host) Show() View {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := &h.counts
	v := View{Name: h.config.Name, Status: h.machine.Status()}
	v.Counters = Counters{In: c.in.Load(), Out: c.out.Load(), NotIP: c.notIP.Load(), NoRoute: c.noRoute.Load(),
		Unreachable: c.unreachable.Load(), Waiting: c.waiting.Load(), Full: c.full.Load(),
		Malformed: c.malformed.Load(), Lost: c.lost.Load()}
	return v
}

// Entries gives neighbours in the order of their addresses, most of them, from one on; next is
// the one to go on with, invalid at the end.
func (h *Host) Entries(from netip.Addr, most int) (all []Entry, next netip.Addr) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range h.machine.Entries(time.Since(h.start)) {
		switch {
		case from.IsValid() && e.IP.Less(from):
			continue
		case len(all) == most:
			return all, e.IP
		}
		entry := Entry{Entry: e}
		if x := h.vcs[e.Link]; x != nil {
			entry.VC = x.conn.RemoteAddr().String()
		}
		all = append(all, entry)
	}
	return all, netip.Addr{}
}

// Add makes a static entry.
func (h *Host) Add(ip netip.Addr, atm address.Address) (err error) {
	if err := callable(atm); err != nil {
		return err
	}
	h.do(func(now time.Duration) { err = h.machine.Add(now, ip, atm) })
	return err
}

// Delete removes an entry. False: there is none.
func (h *Host) Delete(ip netip.Addr) (was bool) {
	h.do(func(now time.Duration) { was = h.machine.Delete(now, ip) })
	return was
}
