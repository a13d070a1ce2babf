package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/cellhub/cellhub/cmd/internal/follow"
	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/block"
	"github.com/cellhub/cellhub/nic"
)

// degradedDevice is a device that says what it has given up.
type degradedDevice struct {
	nic.Device
	text string
}

func (d *degradedDevice) Info() nic.Info   { return nic.Info{Name: "192.0.2.1:6635"} }
func (d *degradedDevice) Degraded() string { return d.text }

// What a device gives up while it runs is told once, with its name.
func TestTellsDegraded(t *testing.T) {
	arena, err := block.NewArena(block.Config{Small: 16})
	if err != nil {
		t.Fatal(err)
	}
	defer arena.Close()
	hub, err := dataplane.NewHub(dataplane.Config{Pool: arena.Pool(0)})
	if err != nil {
		t.Fatal(err)
	}
	var registry dataplane.Registry
	fabric, err := dataplane.NewFabric(&registry, hub)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		fabric.Run()
		close(ended)
	}()
	defer func() {
		fabric.Stop()
		<-ended
		_ = hub.Close()
	}()
	tap, carrier := &degradedDevice{}, &degradedDevice{}
	var stdout, stderr bytes.Buffer
	s := &supervisor{t: &tunnel{hub: hub, dev: tap, carrier: carrier}, out: newDisplay(config{json: true}, &stdout, &stderr)}
	s.tap = &follow.Follower{Called: "atm0"}
	s.tellDegraded()
	tap.text = "no more of one"
	s.tellDegraded()
	s.tellDegraded()
	carrier.text = "no more of another"
	s.tellDegraded()
	written := make(chan struct{})
	s.out.lines <- func() { close(written) }
	<-written
	if got, want := stderr.String(), "atmtap: atm0: no more of one\natmtap: 192.0.2.1:6635: no more of another\n"; got != want {
		t.Errorf("told %q, want %q", got, want)
	}
	if n := strings.Count(stdout.String(), `"event":"gso"`); n != 2 {
		t.Errorf("%d objects, want 2: %s", n, stdout.String())
	}
}
