package client

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/cellhub/cellhub/dataplane/region"
	"github.com/cellhub/cellhub/dataplane/server"
)

// open counts this process's descriptors of a kind.
func openFiles(t *testing.T, of string) (n int) {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	for _, e := range all {
		if to, _ := os.Readlink("/proc/self/fd/" + e.Name()); strings.HasPrefix(to, of) {
			n++
		}
	}
	return n
}

// TestRegions: an application that has filled its region gets another, twice as large, and its
// connections in all of them carry data; they are closed in any order, what was freed is used
// again, and with the application all of it goes.
func TestRegions(t *testing.T) {
	const pvcs = 40
	d := newDaemon(t, func(c *server.Config) { c.RegionOctets = region.MinOctets })
	for i := range uint16(pvcs) {
		d.pvc(100 + i)
	}
	before := openFiles(t, "/memfd:cellhub")
	c, err := Open(d.path)
	must(t, err)
	var ends [pvcs][2]*Conn
	open := func(i int) {
		for port := range 2 {
			ends[i][port] = dial(t, c, fmt.Sprintf("pvc://%d/0/%d", port+1, 100+i), &Config{MaxSDU: 48})
		}
	}
	for i := range pvcs {
		open(i)
		say(t, ends[i][0], ends[i][1], fmt.Sprint("first of ", i))
	}
	regions := len(c.shared)
	if regions < 4 { // 128 KiB have room for three such channels
		t.Fatalf("%d regions for %d connections", regions, 2*pvcs)
	}
	for i := 0; i < pvcs; i += 3 {
		for _, conn := range ends[i] {
			must(t, conn.Close())
			<-conn.released
		}
	}
	for i := 0; i < pvcs; i += 3 {
		open(i)
	}
	for i := range pvcs {
		say(t, ends[i][1], ends[i][0], fmt.Sprint("back from ", i))
	}
	if len(c.shared) != regions {
		t.Errorf("%d regions, there were %d before as many were closed and opened", len(c.shared), regions)
	}
	if d.server.BrokenRings() != 0 {
		t.Error("broken rings")
	}
	must(t, c.Close())
	eventually(t, "no region is left", func() bool { return openFiles(t, "/memfd:cellhub") == before })
}

// TestRegionLimit: the octets of all regions of a user are limited; what he has goes on, and what
// an application gives back another one may have.
func TestRegionLimit(t *testing.T) {
	const most = 1 << 20
	d := newDaemon(t, func(c *server.Config) {
		c.RegionOctets, c.Limits = region.MinOctets, server.Limits{Regions: 9, Octets: most, Connections: 1000}
	})
	for i := range uint16(30) {
		d.pvc(100 + i)
	}
	one, two := d.open(), d.open()
	var conns []*Conn
	for i := 0; ; i++ {
		conn, err := one.Dial(context.Background(), fmt.Sprintf("pvc://1/0/%d", 100+i), &Config{MaxSDU: 48})
		if err != nil {
			if !errors.Is(err, syscall.EDQUOT) {
				t.Fatal(err)
			}
			break
		}
		conns = append(conns, conn)
	}
	if n := len(conns); n < 15 || n > 25 { // of 40 KiB each, in what 1 MiB leaves beside the other's region
		t.Errorf("%d connections", n)
	}
	far := dial(t, two, "pvc://2/0/100", &Config{MaxSDU: 48}) // its own region has room
	say(t, conns[0], far, "all goes on")
	must(t, conns[1].Close())
	<-conns[1].released
	dial(t, one, "pvc://1/0/101", &Config{MaxSDU: 48})
	must(t, one.Close())
	eventually(t, "the octets are there again", func() bool {
		conn, err := two.Dial(context.Background(), "pvc://1/0/110", &Config{MaxSDU: 65535})
		return err == nil && conn.Close() == nil
	})
}

// TestRegionForCalls: a call's connection may lie in any region, and the descriptors come before
// it.
func TestRegionForCalls(t *testing.T) {
	d := newDaemon(t, func(c *server.Config) { c.RegionOctets = region.MinOctets })
	d.manage(nil, routes(t))
	one, two := d.open(), d.open()
	l, err := two.Listen(context.Background(), "svc://"+here, nil)
	must(t, err)
	called := make(chan *Conn)
	go func() {
		defer close(called)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			called <- conn.(*Conn)
		}
	}()
	for i := range 12 {
		a := dial(t, one, "svc://"+here, &Config{MaxSDU: 1500})
		say(t, a, <-called, fmt.Sprint("call ", i))
	}
	must(t, l.Close())
	for range called { // until it has ended
	}
	if len(one.shared) < 2 || len(two.shared) < 2 {
		t.Errorf("%d and %d regions", len(one.shared), len(two.shared))
	}
}
