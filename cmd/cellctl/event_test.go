package main

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cellhub/cellhub/cmd/internal/lab"
	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/dataplane/control/controltest"
)

// speaker is a hub that answers HELLO and SUBSCRIBE, and then says what it is given.
func speaker(t *testing.T, say []*control.Packet, stay bool) (path string, asked *control.Evt) {
	t.Helper()
	path, asked = filepath.Join(t.TempDir(), "control"), new(control.Evt)
	l, err := control.Listen(path, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	t.Cleanup(func() { l.Close(); <-ended })
	go func() {
		defer close(ended)
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		for range 2 {
			var in control.Packet
			if c.Recv(&in) != nil {
				return
			}
			if in.Class == control.ClassEvt {
				*asked = in.Evt()
			}
			in.Epoch = 1
			_ = c.Reply(&in.Header, &in)
		}
		for _, p := range say {
			_ = c.Send(p)
		}
		for in := new(control.Packet); stay && c.Recv(in) == nil; {
		}
	}()
	return path, asked
}

// events are one of each kind that a person can see.
func events() []*control.Packet {
	at := time.Date(2026, 11, 25, 12, 0, 0, 500000000, time.Local)
	event := func(typ control.Type, body control.Evt) *control.Packet {
		p := new(control.Packet)
		p.Type, p.Flags, p.Idx, p.Val = typ, control.FlagNoReply, body.IdxFirst, body.ValFirst
		body.NS = uint64(at.UnixNano())
		p.SetEvt(&body)
		return p
	}
	vc := event(control.EvtEvent, control.Evt{Mask: control.EventVCAdded, ValFirst: 7})
	end := control.SecondEnd{Port: 1, VCI: 100}
	vc.Trailer, _ = end.Append(nil)
	port := event(control.EvtEvent, control.Evt{Mask: control.EventPortDown})
	port.Trailer, _ = control.AppendTLV(nil, control.TLVName, []byte("dslam"))
	return []*control.Packet{vc, port, event(control.EvtLost, control.Evt{Lost: 9})}
}

func TestSubscribe(t *testing.T) {
	path, asked := speaker(t, events(), true)
	ctx, interrupt := context.WithCancel(t.Context())
	var out controltest.Log
	code := make(chan int)
	go func() {
		code <- run(ctx, []string{"--control", path, "event", "subscribe", "vc_added", "port_down"}, &out, &out)
	}()
	controltest.Until(t, "LOST is told of", func() bool { return strings.Contains(out.String(), "were lost") })
	interrupt()
	if got := <-code; got != 0 {
		t.Errorf("%d: %s", got, out.String())
	}
	when := time.Date(2026, 11, 25, 12, 0, 0, 500000000, time.Local).Format("2006-01-02T15:04:05.000000Z07:00")
	want := when + "  vc_added  port 1 VC 0/100\n" + when + "  port_down  dslam\n" + when + "  lost  9 events were lost: look with cellctl show all\n"
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
	if asked.Mask != control.EventVCAdded|control.EventPortDown || asked.IdxRange != 1<<32-1 || asked.ValRange != 1<<32-1 {
		t.Errorf("asked for %+v", asked)
	}
}

// Machines get an object a line; the daemon's end is an error.
func TestSubscribeJSON(t *testing.T) {
	path, asked := speaker(t, events(), false)
	var out, stderr bytes.Buffer
	if code := run(t.Context(), []string{"--control", path, "event", "subscribe", "--json"}, &out, &stderr); code != exitFailed || !strings.Contains(stderr.String(), "the daemon has gone") {
		t.Errorf("%d: %s", code, stderr.String())
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 3 || !strings.Contains(lines[0], `"kind":"vc_added","id":"0x0.0x7","port":1,"vc":"0/100"`) || !strings.Contains(lines[2], `"lost":9`) {
		t.Errorf("%s", out.String())
	}
	if asked.Mask != 4095 {
		t.Errorf("asked for %v", asked.Mask)
	}
}

// What is done to a daemon is seen by who has subscribed.
func TestSubscribeToDaemon(t *testing.T) {
	l := lab.ForTest(t, lab.Config{})
	d := startDaemon(t, l.A)
	ctx, interrupt := context.WithCancel(t.Context())
	var out controltest.Log
	code := make(chan int)
	go func() { code <- run(ctx, []string{"--control", d.path, "event", "subscribe"}, &out, &out) }()
	d.must("port add dslam eth:" + lab.Dev + ",label=100")
	controltest.Until(t, "events come", func() bool { // the subscription may come after the first
		d.must("pvc add dslam 0/100")
		d.must("pvc del dslam 0/100")
		return strings.Contains(out.String(), "vc_added  port 1 VC 0/100\n") && strings.Contains(out.String(), "vc_gone  port 1 VC 0/100\n")
	})
	d.must("port down dslam")
	d.must("port up dslam")
	controltest.Until(t, "the port's come", func() bool {
		down, up := strings.Index(out.String(), "port_down"), strings.Index(out.String(), "port_up")
		return down > 0 && up > down
	})
	interrupt()
	if got := <-code; got != 0 || !strings.Contains(out.String(), "vc_added  port 1 VC 0/100\n") {
		t.Errorf("%d: %s", got, out.String())
	}
}
