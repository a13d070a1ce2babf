package main

import (
	"encoding/binary"
	"errors"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cellhub/cellhub/cmd/internal/lab"
	"github.com/cellhub/cellhub/dataplane/client"
	"github.com/cellhub/cellhub/dataplane/control/controltest"
)

// stream sends numbered SDUs until it is stopped, and counts at the other end those that come,
// each once and in order.
type stream struct {
	t          *testing.T
	stop       atomic.Bool
	sent, got  atomic.Uint32
	done, over chan struct{}
}

// pace leaves room for others on the machine: nothing is to be shed for want of it.
const pace = 500 * time.Microsecond

func flow(t *testing.T, from, to net.Conn) *stream {
	s := &stream{t: t, done: make(chan struct{}), over: make(chan struct{})}
	go func() {
		defer close(s.done)
		for !s.stop.Load() {
			n := s.sent.Add(1)
			if _, err := from.Write(binary.BigEndian.AppendUint32(nil, n)); err != nil {
				t.Errorf("SDU %d: %v", n, err)
				return
			}
			time.Sleep(pace)
		}
	}()
	go func() {
		defer close(s.over)
		p := make([]byte, 100)
		for {
			n, err := to.Read(p)
			if err != nil {
				return
			}
			if want := s.got.Add(1); n != 4 || binary.BigEndian.Uint32(p) != want {
				t.Errorf("SDU %d came, want %d", binary.BigEndian.Uint32(p), want)
				return
			}
		}
	}()
	return s
}

// progress waits until so many more have come.
func (s *stream) progress(more uint32) {
	s.t.Helper()
	from := s.got.Load()
	controltest.Until(s.t, "data flows", func() bool { return s.got.Load() >= from+more })
}

// end stops sending, and wants all to have come.
func (s *stream) end() {
	s.t.Helper()
	s.stop.Store(true)
	<-s.done
	controltest.Until(s.t, "the last SDU has come", func() bool { return s.got.Load() == s.sent.Load() })
}

// TestGraceful: cellsigd of the switch, and of a host, is killed while data flows on a call, and
// another takes over: no SDU is lost, calls that were there can be released from either side,
// and new ones made; a call to many goes on with its leaves.
func TestGraceful(t *testing.T) {
	l := lab.ForTest(t, lab.Config{})
	far, err := l.Beyond(1500)
	if err != nil {
		t.Fatal(err)
	}
	a, x, b := newSite(t, l.A, "--grace", "10s"), newSite(t, l.B, "--grace", "10s"), newSite(t, far, "--grace", "10s")
	a.port(1, "eth:"+lab.Dev+",label=100")
	x.port(1, "eth:"+lab.Dev+",label=100")
	x.port(2, "eth:"+lab.Uplink+",label=200")
	b.port(1, "eth:"+lab.Dev+",label=200")
	const host = "interfaces: [{port: 1, side: user}]\nroutes: {\"*\": [1]}"
	const config = "interfaces: [{port: 1, side: network}, {port: 2, side: network}]\nroutes: {47.0005.80FFE1000000F20F2200.0020EA000EE1/152: [2]}"
	a.signalling(host, "--graceful")
	b.signalling(host, "--graceful")
	x.signalling(config, "--graceful")
	callee, caller := b.leaf(addressB), a.client()
	dial := func(c *client.Config) (ends [2]net.Conn) {
		controltest.Until(t, "a call comes up", func() bool {
			ends[0], err = caller.Dial(within(t), "svc://"+addressB, c)
			return err == nil
		})
		ends[1] = <-callee.calls
		return ends
	}
	one, two, many := dial(nil), dial(nil), dial(&client.Config{Multipoint: true})
	flows := []*stream{flow(t, one[0], one[1]), flow(t, two[1], two[0]), flow(t, many[0], many[1])}
	again := func(s *site, config string) {
		if err := s.sig.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		<-s.sig.Done()
		for _, f := range flows {
			f.progress(20)
		}
		s.signalling(config, "--graceful")
		controltest.Until(t, "the calls are there", func() bool {
			out := s.cellctl("call", "show")
			return strings.Count(out, "active") >= 3
		})
	}
	again(x, config)
	again(a, host)
	again(x, config)
	for _, s := range []*site{a, x, b} { // Q.2931 has asked, and all agree
		controltest.Until(t, "links are up", func() bool { return !strings.Contains(s.cellctl("address", "show"), "Awaiting") })
	}
	for _, f := range flows {
		f.progress(20)
		f.end()
	}
	three := dial(nil)
	exchange(t, three[0], three[1])
	for _, ends := range [][2]net.Conn{{one[0], one[1]}, {two[1], two[0]}, {many[0], many[1]}, {three[0], three[1]}} {
		if err := ends[0].Close(); err != nil {
			t.Error(err)
		}
		_ = ends[1].SetReadDeadline(time.Now().Add(controltest.Patience))
		if _, err := ends[1].Read(make([]byte, 100)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("after the release: %v", err)
		}
		ends[1].Close()
	}
	for _, s := range []*site{a, x, b} {
		controltest.Until(t, "nothing is left", func() bool { return strings.HasPrefix(s.cellctl("call", "show"), "no calls") })
	}
}
