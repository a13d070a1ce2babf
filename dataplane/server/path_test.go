package server_test

import (
	"bytes"
	"errors"
	"strings"
	"syscall"
	"testing"

	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/dataplane/control/controltest"
)

// Paths: by the exact name and key, told to the module, and each command with the direction
// and the size that it has.
func TestPaths(t *testing.T) {
	r := newRig(t, 1)
	admin := r.dial(control.RoleAdmin)
	admin.Must(admin.Hub(control.HubOpen, 0, 0, "pulse", "77", "keyed"))
	c := r.dial(control.RoleModulePath)
	for name, key := range map[string]uint64{"keyed": 78, "keye": 77, "keyedd": 77, "": 77, "Keyed": 77, "pulse": 77, "pulse#0": 77} {
		if _, err := c.Open(name, key); !errors.Is(err, syscall.ENXIO) {
			t.Errorf("%q with key %d: %v", name, key, err)
		}
	}
	h, err := c.Open("keyed", 77)
	if err != nil {
		t.Fatal(err)
	}
	var told []uint64
	r.fabric.Hub(0).Call(func() { told = append(told, r.paths...) })
	if len(told) != 1 || told[0] != h {
		t.Errorf("the module was told of %d, want %d", told, h)
	}
	for name, x := range map[string]struct {
		command   uint16
		direction control.Direction
		arg, want string
		most      int
		errno     syscall.Errno
	}{
		"inline":                 {129, control.DirectionBoth, "hello", "hello", 0, 0},
		"trailer":                {129, control.DirectionBoth, strings.Repeat("x", 4096), strings.Repeat("x", 4096), 0, 0},
		"too long for it":        {129, control.DirectionBoth, strings.Repeat("x", 4097), "", 0, syscall.EINVAL},
		"another direction":      {129, control.DirectionIn, "hello", "", 0, syscall.EINVAL},
		"out":                    {130, control.DirectionOut, "", string(make([]byte, 100)), 100, 0},
		"out, no room":           {130, control.DirectionOut, "", "", 99, syscall.EMSGSIZE},
		"out, asked for nothing": {130, control.DirectionNone, "", "", 0, 0},
		"without code":           {132, control.DirectionNone, "", "", 0, syscall.EOPNOTSUPP},
		"no such command":        {200, control.DirectionNone, "", "", 0, syscall.EINVAL},
		"name":                   {uint16(control.CommandModule), control.DirectionOut, "", "pulse#", 100, 0},
		"commands":               {uint16(control.CommandCommands), control.DirectionOut, "", "128 IN 4 send\n129 BOTH 4096 echo\n", 1000, 0},
		"counters":               {uint16(control.CommandCounters), control.DirectionOut, "", "received 0\nrefused 0\n", 1000, 0},
		"counters, no room":      {uint16(control.CommandCounters), control.DirectionOut, "", "", 5, syscall.EMSGSIZE},
		"hub's, unknown":         {100, control.DirectionOut, "", "", 5, syscall.EOPNOTSUPP},
		"hub's, inwards":         {uint16(control.CommandCounters), control.DirectionIn, "abc", "", 0, syscall.EINVAL},
	} {
		got, err := c.Manage(h, x.command, x.direction, []byte(x.arg), x.most)
		if !bytes.HasPrefix(got, []byte(x.want)) || (x.errno != 0) != (err != nil) || x.errno != 0 && !errors.Is(err, x.errno) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if _, err := admin.Manage(h, 129, control.DirectionBoth, nil, 0); !errors.Is(err, syscall.ENXIO) {
		t.Errorf("somebody else's handle: %v", err)
	}
	gone := new(control.Packet)
	gone.Type, gone.Key = control.MMIUnpath, h
	gone.SetMMI(&control.MMI{})
	c.Must(gone)
	if _, err := c.Manage(h, 129, control.DirectionBoth, nil, 0); !errors.Is(err, syscall.ENXIO) {
		t.Errorf("a handle given up: %v", err)
	}
}

// Every module that we have is managed without the hub knowing it: its counters, what it is,
// and what it can be set to.
func TestModulesAreManaged(t *testing.T) {
	r := newRig(t, 1)
	c := r.dial(control.RoleAdmin)
	left, _ := twoEnds(c)
	c.Must(c.Hub(control.HubPush, left, 0, "rfc2684", "llc bridged", "encap"))
	c.Must(c.Hub(control.HubPush, left, 0, "toobig", "bridged", "limit"))
	file := t.TempDir() + "/trace"
	c.Must(c.Hub(control.HubPush, left, 0, "capture", "0/100 "+file, "trace"))
	send := func(name string, command uint16, arg []byte) {
		t.Helper()
		h, err := c.Open(name, 0)
		if err == nil {
			_, err = c.Manage(h, command, control.DirectionIn, arg, 0)
		}
		if err != nil {
			t.Fatal(name, err)
		}
	}
	read := func(name string, command uint16) string {
		t.Helper()
		h, err := c.Open(name, 0)
		if err != nil {
			t.Fatal(name, err)
		}
		p, err := c.Manage(h, command, control.DirectionOut, nil, control.MaxTrailer)
		if err != nil {
			t.Fatal(name, err)
		}
		return string(p)
	}
	if s := read("encap", 128); s != "llc bridged" {
		t.Errorf("encapsulation %q", s)
	}
	send("trace", 128, []byte{0})
	send("left", 128, number(5))
	if s := read("trace", 129) + "\n" + read("trace", uint16(control.CommandCounters)); !strings.HasPrefix(s, "off\nwritten 0\n") {
		t.Errorf("a trace that is off: %q", s)
	}
	send("trace", 128, []byte{1})
	send("left", 128, number(5))
	if s := read("trace", 129) + "\n" + read("trace", uint16(control.CommandCounters)); !strings.HasPrefix(s, "on\nwritten 5\n") {
		t.Errorf("a trace that is on: %q", s)
	}
	send("limit", 129, number(30))
	send("left", 128, number(5))
	if s := read("limit", 128) + "\n" + read("limit", uint16(control.CommandCounters)); !strings.HasPrefix(s, "30\ntx_drop_too_big 5\n") {
		t.Errorf("a limit of 30: %q", s)
	}
	controltest.Until(t, "the far end has 10 SDUs", func() bool {
		return strings.HasPrefix(read("right", uint16(control.CommandCounters)), "received 10\n")
	})
	if s := read("port-right", uint16(control.CarrierPorts)); !strings.Contains(s, "0 rx_cells ") || strings.Contains(s, "0 rx_cells 0\n") {
		t.Errorf("of the ports: %q", s)
	}
}

// A handler that blocks holds up nobody but who has asked: neither the hub nor others.
func TestHandlerThatBlocks(t *testing.T) {
	r := newRig(t, 1)
	c, other := r.dial(control.RoleAdmin), r.dial(control.RoleAdmin)
	twoEnds(c)
	h, err := c.Open("left", 0)
	if err != nil {
		t.Fatal(err)
	}
	answered := make(chan error, 1)
	go func(h uint64) {
		_, err := c.Manage(h, 131, control.DirectionNone, nil, 0)
		answered <- err
	}(h)
	h, err = other.Open("left", 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Manage(h, 128, control.DirectionIn, number(7), 0); err != nil {
		t.Fatal(err)
	}
	h, _ = other.Open("right", 0)
	controltest.Until(t, "7 SDUs arrive meanwhile", func() bool {
		p, err := other.Manage(h, uint16(control.CommandCounters), control.DirectionOut, nil, 1000)
		return err == nil && strings.HasPrefix(string(p), "received 7\n")
	})
	select {
	case err := <-answered:
		t.Errorf("it has not blocked: %v", err)
	default:
	}
	close(r.hold)
	if err := <-answered; err != nil {
		t.Error(err)
	}
}
