package atmarp

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cellhub/cellhub/signalling/address"
)

// at is the ATM address of a host by its number.
func at(n byte) address.Address {
	return address.Address{AESA: address.NetPrefix{0x47, 0, 5}.AESA(address.ESI{5: n}, 0)}
}

// ip is its IP address.
func ip(n byte) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, n}) }

func prefix(n byte) netip.Prefix { return netip.PrefixFrom(ip(n), 24) }

// said gives a host's actions, a line each.
func said(h *Host) (lines []string) {
	for _, a := range h.Actions() {
		switch a.Kind {
		case Call:
			lines = append(lines, fmt.Sprintf("call %d", a.ATM.AESA.ESI()[5]))
		case Release:
			lines = append(lines, fmt.Sprintf("release %d", a.Link))
		case Send:
			p := &a.Packet
			lines = append(lines, fmt.Sprintf("send %d %v %v@%d %v@%d", a.Link, p.Op,
				printed(p.SourceIP), p.Source.AESA.ESI()[5], printed(p.TargetIP), p.Target.AESA.ESI()[5]))
		case Ready:
			lines = append(lines, fmt.Sprintf("ready %v %d", a.IP, a.Link))
		case Lost:
			lines = append(lines, fmt.Sprintf("lost %v", a.IP))
		case Refused:
			lines = append(lines, fmt.Sprintf("refused %v", a.IP))
		}
	}
	return lines
}

// rig is a host and its test.
type rig struct {
	t *testing.T
	*Host
	now time.Duration
}

func newRig(t *testing.T, n byte, servers ...address.Address) *rig {
	t.Helper()
	h, err := NewHost(Config{Prefix: prefix(n), ATM: at(n), Servers: servers})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, Host: h}
	h.Start(0)
	return r
}

// want compares what the host has said.
func (r *rig) want(lines ...string) {
	r.t.Helper()
	if got := said(r.Host); !slices.Equal(got, lines) {
		r.t.Fatalf("at %v:\n%s\nwant\n%s", r.now, strings.Join(got, "\n"), strings.Join(lines, "\n"))
	}
}

// get has a packet come by a VC.
func (r *rig) get(l Link, p Packet) {
	r.t.Helper()
	r.Receive(r.now, l, p.Append(nil))
}

// after lets time pass, and calls Tick as its user does.
func (r *rig) after(d time.Duration) {
	for end := r.now + d; ; {
		next, ok := r.Deadline()
		if !ok || next > end {
			r.now = end
			return
		}
		r.now = max(r.now, next)
		r.Tick(r.now)
	}
}

// joined is a client of server 9, registered by VC 1.
func joined(t *testing.T) *rig {
	r := newRig(t, 1, at(9))
	r.want("call 9")
	r.Opened(0, 1, at(9))
	r.want("send 1 ATMARP_Request 192.0.2.1@1 192.0.2.1@1", "send 1 InATMARP_Request 192.0.2.1@1 -@9")
	r.get(1, Packet{Reply, at(1), at(1), ip(1), ip(1)})
	r.get(1, Packet{InReply, at(9), at(1), ip(9), ip(1)})
	r.want("ready 192.0.2.9 1")
	if s := r.Status(); !s.Registered || s.Duplicate || s.ServerLink != 1 {
		t.Fatalf("%+v", s)
	}
	return r
}

// reached is a client that has VC 2 to host 3.
func reached(t *testing.T) *rig {
	r := joined(t)
	r.Need(r.now, ip(3))
	r.want("send 1 ATMARP_Request 192.0.2.1@1 192.0.2.3@0")
	r.get(1, Packet{Reply, at(3), at(1), ip(3), ip(1)})
	r.want("call 3")
	r.Opened(r.now, 2, at(3))
	r.want("ready 192.0.2.3 2")
	return r
}

// A client registers when it has a VC to its server, again before 15 minutes are over, and
// when the VC was lost (8.5).
func TestRegistration(t *testing.T) {
	r := joined(t)
	r.after(Registering - time.Second)
	r.want()
	r.after(time.Second)
	r.want("send 1 ATMARP_Request 192.0.2.1@1 192.0.2.1@1")
	r.get(1, Packet{Reply, at(1), at(1), ip(1), ip(1)})
	r.Closed(r.now, 1)
	r.want("lost 192.0.2.9")
	r.after(Redial)
	r.want("call 9")
	r.Opened(r.now, 2, at(9))
	r.want("send 2 ATMARP_Request 192.0.2.1@1 192.0.2.1@1", "ready 192.0.2.9 2")
}

// A server that does not answer, or not the call, is followed by the next.
func TestServers(t *testing.T) {
	r := newRig(t, 1, at(9), at(8))
	r.want("call 9")
	r.Failed(0, at(9))
	r.after(Redial)
	r.want("call 8")
	r.Opened(r.now, 1, at(8))
	r.after(Tries * Retry)
	lines := said(r.Host)
	if n := len(lines); n != 2*Tries+1 || lines[n-1] != "release 1" {
		t.Fatalf("%q", lines)
	}
	r.Closed(r.now, 1)
	r.after(Redial)
	r.want("call 9")
}

// Another host has the address already: the server's answer names it (8.4).
func TestDuplicate(t *testing.T) {
	r := newRig(t, 1, at(9))
	r.Opened(0, 1, at(9))
	r.get(1, Packet{Reply, at(7), at(1), ip(1), ip(1)})
	if s := r.Status(); s.Registered || !s.Duplicate || s.Counters.Duplicates != 1 {
		t.Errorf("%+v", s)
	}
}

// A neighbour that nobody knows: the server says so, or nobody does.
func TestUnknown(t *testing.T) {
	r := joined(t)
	r.Need(r.now, ip(3))
	r.want("send 1 ATMARP_Request 192.0.2.1@1 192.0.2.3@0")
	r.Need(r.now, ip(3))
	r.want()
	r.get(1, Packet{NAK, at(1), address.Address{}, ip(1), ip(3)})
	r.want("refused 192.0.2.3")
	r.Need(r.now, ip(3)) // and at once again
	r.want("refused 192.0.2.3")
	r.after(HoldDown)
	r.want()
	r.Need(r.now, ip(3))
	r.after(Tries * Retry)
	r.want(append(slices.Repeat([]string{"send 1 ATMARP_Request 192.0.2.1@1 192.0.2.3@0"}, Tries), "refused 192.0.2.3")...)
	r.after(HoldDown)
	for _, e := range r.Entries(r.now) {
		if e.IP != ip(9) {
			t.Errorf("left: %+v", e)
		}
	}
}

// What is no neighbour is refused.
func TestNoNeighbours(t *testing.T) {
	r := joined(t)
	for _, a := range []string{"192.0.2.0", "192.0.2.1", "192.0.2.255", "255.255.255.255", "198.51.100.1", "224.0.0.1", "::1"} {
		r.Need(r.now, netip.MustParseAddr(a))
		r.want("refused " + a)
	}
}

// A call that comes to nothing.
func TestNoAnswer(t *testing.T) {
	r := joined(t)
	r.Need(r.now, ip(3))
	r.get(1, Packet{Reply, at(3), at(1), ip(3), ip(1)})
	r.want("send 1 ATMARP_Request 192.0.2.1@1 192.0.2.3@0", "call 3")
	r.Failed(r.now, at(3))
	r.want("refused 192.0.2.3")
	r.Need(r.now, ip(3))
	r.want("refused 192.0.2.3")
	r.after(HoldDown)
	r.Need(r.now, ip(3))
	r.want("send 1 ATMARP_Request 192.0.2.1@1 192.0.2.3@0")
}

// What was learnt is asked for again after 15 minutes, while a VC is in use (8.5.1).
func TestClientAging(t *testing.T) {
	use := func(r *rig, d time.Duration) { // the VC carries something every minute
		for end := r.now + d; r.now < end; {
			r.after(time.Minute)
			r.Used(r.now, 2)
			r.get(1, Packet{Reply, at(1), at(1), ip(1), ip(1)}) // if it has registered again
		}
	}
	question := "send 1 ATMARP_Request 192.0.2.1@1 192.0.2.3@0"
	asked := func(t *testing.T) *rig {
		r := reached(t)
		use(r, ClientAge)
		if lines := said(r.Host); !slices.Contains(lines, question) || slices.Contains(lines, "lost 192.0.2.3") {
			t.Fatalf("%q", lines)
		}
		return r
	}
	t.Run("the same", func(t *testing.T) {
		r := asked(t)
		r.get(1, Packet{Reply, at(3), at(1), ip(3), ip(1)})
		r.want()
		use(r, 10*time.Minute)
		if e := r.Entries(r.now)[0]; e.State != "open" || e.Age != 10*time.Minute {
			t.Errorf("%+v", e)
		}
	})
	t.Run("another", func(t *testing.T) {
		r := asked(t)
		r.Need(r.now, ip(3))
		r.want("ready 192.0.2.3 2")
		r.get(1, Packet{Reply, at(4), at(1), ip(3), ip(1)})
		r.want("lost 192.0.2.3")
		r.Need(r.now, ip(3))
		r.want("call 4")
	})
	t.Run("nobody", func(t *testing.T) {
		r := asked(t)
		r.get(1, Packet{NAK, at(1), address.Address{}, ip(1), ip(3)})
		r.want("lost 192.0.2.3")
	})
	t.Run("no answer", func(t *testing.T) {
		r := asked(t)
		r.after(Tries * Retry)
		if lines := said(r.Host); !slices.Contains(lines, "lost 192.0.2.3") {
			t.Fatalf("%q", lines)
		}
	})
}

// A switched VC that carries nothing is released, and the address forgotten when it is too old.
func TestIdle(t *testing.T) {
	r := reached(t)
	r.after(DefaultIdle - time.Second)
	r.Used(r.now, 2)
	r.Used(r.now, 77) // none
	said(r.Host)
	r.after(DefaultIdle)
	lines := said(r.Host)
	if !slices.Contains(lines, "release 2") || slices.Contains(lines, "release 1") {
		t.Fatalf("%q", lines)
	}
	r.Closed(r.now, 2)
	r.want()
	for _, e := range r.Entries(r.now) {
		if e.IP == ip(3) {
			t.Errorf("left: %+v", e)
		}
	}
}

// A host that is called asks who calls, and answers such a question (8.3).
func TestCalled(t *testing.T) {
	r := joined(t)
	r.Opened(r.now, 2, at(3))
	r.want("send 2 InATMARP_Request 192.0.2.1@1 -@3")
	r.get(2, Packet{InReply, at(3), at(1), ip(3), ip(1)})
	r.want("ready 192.0.2.3 2")
	r.get(2, Packet{InRequest, at(3), at(1), ip(3), netip.Addr{}})
	r.want("send 2 InATMARP_Reply 192.0.2.1@1 192.0.2.3@3")
	r.get(2, Packet{InReply, at(4), at(1), ip(4), ip(1)}) // that is not who has called
	r.get(2, Packet{Request, at(3), at(1), ip(3), ip(9)}) // and this is no server
	r.get(2, Packet{Reply, at(3), at(1), ip(5), ip(1)})
	r.get(9, Packet{InReply, at(3), at(1), ip(3), ip(1)}) // no such VC
	r.get(2, Packet{Op: 3, Source: at(3)})
	r.Receive(r.now, 2, []byte("garbage"))
	r.want()
	if c := r.Status().Counters; c.Foreign != 1 || c.Unexpected != 4 || c.Malformed != 1 {
		t.Errorf("%+v", c)
	}
}

// At the far end of a permanent VC the host asks until somebody answers, and again when what
// it has learnt is old (8.2).
func TestPermanent(t *testing.T) {
	r := newRig(t, 1)
	r.Opened(0, 5, address.Address{})
	r.after(Inquiring + 3*Tries*Retry)
	if n := len(said(r.Host)); n < Tries+2 {
		t.Errorf("asked %d times", n)
	}
	r.get(5, Packet{InReply, address.Address{}, at(1), ip(3), ip(1)})
	r.want("ready 192.0.2.3 5")
	r.after(24 * time.Hour)
	if lines := said(r.Host); slices.Contains(lines, "release 5") || !slices.Contains(lines, "lost 192.0.2.3") {
		t.Errorf("%q", lines)
	}
	r.get(5, Packet{InRequest, address.Address{}, address.Address{}, ip(4), netip.Addr{}})
	r.want("ready 192.0.2.4 5", "send 5 InATMARP_Reply 192.0.2.1@1 192.0.2.4@0")
	r.Closed(r.now, 5)
	r.want("lost 192.0.2.4")
	if left := r.Entries(r.now); len(left) != 0 {
		t.Errorf("left: %+v", left)
	}
}

// The server learns from questions, answers them, and knows its own address (8.4).
func TestServer(t *testing.T) {
	r := newRig(t, 9)
	for n := byte(1); n <= 2; n++ {
		r.Opened(0, Link(n), at(n))
		r.want(fmt.Sprintf("send %d InATMARP_Request 192.0.2.9@9 -@%d", n, n))
		r.get(Link(n), Packet{Request, at(n), at(n), ip(n), ip(n)})
		r.want(fmt.Sprintf("ready %v %d", ip(n), n), fmt.Sprintf("send %d ATMARP_Reply %v@%d %v@%d", n, ip(n), n, ip(n), n))
	}
	r.get(1, Packet{Request, at(1), address.Address{}, ip(1), ip(2)})
	r.want("send 1 ATMARP_Reply 192.0.2.2@2 192.0.2.1@1")
	r.get(1, Packet{Request, at(1), address.Address{}, ip(1), ip(9)})
	r.want("send 1 ATMARP_Reply 192.0.2.9@9 192.0.2.1@1")
	r.get(1, Packet{Request, at(1), address.Address{}, ip(1), ip(3)})
	r.want("send 1 ATMARP_NAK 192.0.2.1@1 192.0.2.3@0")
	r.Need(r.now, ip(3))
	r.want("refused 192.0.2.3")

	t.Run("duplicate", func(t *testing.T) { // who has it and a VC keeps it
		r.t = t
		r.Opened(r.now, 3, at(3))
		r.want("send 3 InATMARP_Request 192.0.2.9@9 -@3")
		r.get(3, Packet{Request, at(3), at(3), ip(1), ip(1)})
		r.want("send 3 ATMARP_Reply 192.0.2.1@1 192.0.2.1@3")
		if e := r.Entries(r.now)[0]; e.ATM != at(1) || e.Link != 1 {
			t.Errorf("%+v", e)
		}
		r.Closed(r.now, 1)
		r.want("lost 192.0.2.1")
		r.get(3, Packet{Request, at(3), at(3), ip(1), ip(1)})
		r.want("ready 192.0.2.1 3", "send 3 ATMARP_Reply 192.0.2.1@3 192.0.2.1@3")
	})
}

// After 20 minutes the server asks a client whether it is there, and forgets one that is not,
// or has no VC (8.4).
func TestServerAging(t *testing.T) {
	r := newRig(t, 9)
	for n := byte(1); n <= 3; n++ {
		r.Opened(0, Link(n), at(n))
		r.get(Link(n), Packet{InReply, at(n), at(9), ip(n), ip(9)})
	}
	r.Closed(0, 3)
	said(r.Host)
	r.after(ServerAge - time.Second)
	for n := Link(1); n <= 2; n++ {
		r.Used(r.now, n)
	}
	r.want()
	r.after(time.Second)
	r.want("send 1 InATMARP_Request 192.0.2.9@9 192.0.2.1@1", "send 2 InATMARP_Request 192.0.2.9@9 192.0.2.2@2")
	r.get(1, Packet{InReply, at(1), at(9), ip(1), ip(9)})
	r.after(Tries * Retry)
	if lines := said(r.Host); len(lines) != Tries || lines[Tries-1] != "lost 192.0.2.2" {
		t.Errorf("%q", lines)
	}
	if all := r.Entries(r.now); len(all) != 1 || all[0].IP != ip(1) || all[0].State != "open" {
		t.Errorf("%+v", all)
	}
}

// Entries by hand stay, and go when they are told to.
func TestStatic(t *testing.T) {
	r := joined(t)
	for name, err := range map[string]error{
		"own":     r.Add(0, ip(1), at(3)),
		"beyond":  r.Add(0, netip.MustParseAddr("198.51.100.1"), at(3)),
		"nowhere": r.Add(0, ip(3), address.Address{}),
		"itself":  r.Add(0, ip(3), at(1)),
	} {
		if !errors.Is(err, ErrIP) && !errors.Is(err, ErrATM) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := r.Add(0, ip(3), at(3)); err != nil {
		t.Fatal(err)
	}
	r.Need(r.now, ip(3))
	r.want("call 3")
	r.Failed(r.now, at(3))
	r.want("refused 192.0.2.3")
	r.after(HoldDown)
	r.Need(r.now, ip(3))
	r.want("call 3")
	r.Opened(r.now, 2, at(3))
	r.want("ready 192.0.2.3 2")
	r.get(2, Packet{InReply, at(3), at(1), ip(3), ip(1)})
	if !r.Delete(r.now, ip(3)) || r.Delete(r.now, ip(3)) {
		t.Error("not deleted once")
	}
	r.want("lost 192.0.2.3", "release 2")
}

func TestConfig(t *testing.T) {
	for name, c := range map[string]Config{
		"no address":      {ATM: at(1)},
		"IPv6":            {Prefix: netip.MustParsePrefix("2001:db8::1/64"), ATM: at(1)},
		"subnet's":        {Prefix: netip.MustParsePrefix("192.0.2.0/24"), ATM: at(1)},
		"broadcast":       {Prefix: netip.MustParsePrefix("192.0.2.255/24"), ATM: at(1)},
		"no ATM address":  {Prefix: prefix(1)},
		"its own server":  {Prefix: prefix(1), ATM: at(1), Servers: []address.Address{at(1)}},
		"a server's none": {Prefix: prefix(1), ATM: at(1), Servers: []address.Address{{}}},
	} {
		if _, err := NewHost(c); !errors.Is(err, ErrIP) && !errors.Is(err, ErrATM) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
