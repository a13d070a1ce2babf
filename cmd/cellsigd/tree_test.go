package main

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/cellhub/cellhub/cmd/internal/lab"
	"github.com/cellhub/cellhub/dataplane/client"
	"github.com/cellhub/cellhub/dataplane/control/controltest"
)

// leafHost is an application that takes calls at an address.
type leafHost struct {
	*site
	address string
	calls   chan net.Conn
}

func (s *site) leaf(address string) *leafHost {
	s.t.Helper()
	h := &leafHost{site: s, address: address, calls: make(chan net.Conn, 10)}
	l, err := s.client().Listen(within(s.t), "svc://"+address, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			h.calls <- c
		}
	}()
	return h
}

// hears wants a leaf to read a text, and mute that it reads the end.
func hears(t *testing.T, c net.Conn, text string) {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(controltest.Patience))
	p := make([]byte, 100)
	if n, err := c.Read(p); err != nil || string(p[:n]) != text {
		t.Fatalf("%q, %v, want %q", p[:n], err, text)
	}
}

func mute(t *testing.T, c net.Conn) {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(controltest.Patience))
	if n, err := c.Read(make([]byte, 100)); !errors.Is(err, io.EOF) {
		t.Fatalf("%d octets, %v, want the end", n, err)
	}
}

// A root behind a switch, and leaves at two of its ports: added, dropped by the root, gone by
// themselves; the switch copies what the root says once for each port (Q.2971).
func TestTree(t *testing.T) {
	l := lab.ForTest(t, lab.Config{})
	far, err := l.Beyond(1500)
	if err != nil {
		t.Fatal(err)
	}
	const cable = "eth7"
	if err := l.Cable(cable); err != nil {
		t.Fatal(err)
	}
	root, x, one, two := newSite(t, far), newSite(t, l.B), newSite(t, l.A), newSite(t, l.A)
	root.port(1, "eth:"+lab.Dev+",label=200")
	x.port(1, "eth:"+lab.Dev+",label=100")
	x.port(2, "eth:"+lab.Uplink+",label=200")
	x.port(3, "eth:"+cable+",label=300")
	one.port(1, "eth:"+lab.Dev+",label=100")
	two.port(1, "eth:"+cable+",label=300")
	x.signalling("interfaces: [{port: 1, side: network}, {port: 2, side: network, version: \"3.1\"}, {port: 3, side: network}]\n" +
		"routes: {47.0005.80FFE1000000F20F2200.0020EA000EE0/152: [1], 47.0005.80FFE1000000F20F2200.0020EA000EE1/152: [3]}")
	host := "interfaces: [{port: 1, side: user}]\nroutes: {\"*\": [1]}"
	one.signalling(host)
	two.signalling(host)
	root.signalling(strings.Replace(host, "user", "user, version: \"3.1\"", 1))
	a, b := one.leaf(addressA), two.leaf(addressB)

	left := make(chan uint32, 1)
	caller := root.client()
	var c *client.Conn
	controltest.Until(t, "a call comes up", func() bool {
		c, err = caller.Dial(within(t), "svc://"+a.address, &client.Config{Multipoint: true, Left: func(leaf uint32, _ uint8) { left <- leaf }})
		return err == nil
	})
	atA := <-a.calls
	say := func(text string) {
		t.Helper()
		if _, err := c.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	add := func(leaf uint32, h *leafHost) net.Conn {
		t.Helper()
		controltest.Until(t, "a leaf is added", func() bool { // the link to it may come up yet
			err = c.AddParty(within(t), leaf, "svc://"+h.address)
			return err == nil
		})
		return <-h.calls
	}
	atB := add(1, b)
	say("to both")
	hears(t, atA, "to both")
	hears(t, atB, "to both")
	if out := x.cellctl("call", "show"); strings.Count(out, "active") != 3 || !strings.Contains(out, "leaf 1") && !strings.Contains(out, "port 3 0/") {
		t.Error(out)
	}
	if err := c.DropParty(within(t), 0); err != nil {
		t.Fatal(err)
	}
	mute(t, atA)
	say("to one")
	hears(t, atB, "to one")
	atA = add(2, a)
	say("to both again")
	hears(t, atA, "to both again")
	hears(t, atB, "to both again")
	if err := atA.Close(); err != nil { // the leaf goes by itself
		t.Fatal(err)
	}
	if leaf := <-left; leaf != 2 {
		t.Errorf("leaf %d has left", leaf)
	}
	if err := c.AddParty(within(t), 3, "svc://"+strings.Repeat("0", 40)); err == nil {
		t.Error("a leaf that nobody is")
	}
	say("to one again")
	hears(t, atB, "to one again")
	speak := root.host.Command(within(t), programs.Path(t, "cellctl"), "--control", root.path("hub"), "nc", "-w", "100ms", "svc://"+a.address, "--leaf", "svc://"+b.address)
	speak.Stdin = strings.NewReader("to all, from the shell")
	if out, err := speak.CombinedOutput(); err != nil {
		t.Errorf("cellctl nc: %v: %s", err, out)
	}
	for _, h := range []*leafHost{a, b} {
		hears(t, <-h.calls, "to all, from the shell")
	}
	atB.Close() // the last one
	mute(t, c)
	controltest.Until(t, "nothing is left", func() bool { return strings.HasPrefix(x.cellctl("call", "show"), "no calls") })
}
