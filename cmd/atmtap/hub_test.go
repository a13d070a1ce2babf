package main

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cellhub/cellhub/cmd/internal/lab"
	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/dataplane/control/controltest"
	"github.com/cellhub/cellhub/loader"
)

// hubd is a cellhubd in a host.
type hubd struct {
	cmd  *lab.Cmd
	path string
	log  controltest.Log
}

// startHub starts a daemon.
func startHub(t *testing.T, h *lab.Host) *hubd {
	t.Helper()
	d := &hubd{path: filepath.Join(t.TempDir(), "control")}
	d.cmd = h.Command(context.Background(), programs.Path(t, "cellhubd"), "--control", d.path)
	d.cmd.Stdout, d.cmd.Stderr = &d.log, &d.log
	d.log.Start(t, d.cmd, "msg=ready")
	return d
}

// session is an ADMIN's.
func (d *hubd) session(t *testing.T) *control.Session {
	t.Helper()
	conn, err := control.Dial(d.path)
	if err != nil {
		t.Fatal(err)
	}
	s, err := control.Hello(conn, control.RoleAdmin, "test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func (d *hubd) running(t *testing.T) *loader.Running {
	t.Helper()
	r, err := loader.Read(d.session(t))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A tunnel in a daemon speaks with one that is a process of its own, and leaves nothing.
func TestInHub(t *testing.T) {
	l := lab.ForTest(t, lab.Config{MTU: 1600})
	ctx := t.Context()
	d := startHub(t, l.A)
	spec := "eth:" + lab.Dev + ",label=100"
	args := []string{"--tap", tunnelDev, "--vc", "0/100", "--port", spec}
	far := startPeer(t, ctx, l.B, args...)
	far.waitUp(t, ctx, tunnelDev)
	near := startPeer(t, ctx, l.A, append(args, "--hub="+d.path)...)
	until := func(p *peer, word string) {
		t.Helper()
		p.stderr.Wait(t, p.cmd.Done(), word)
	}
	until(near, "in the daemon at")
	for i, h := range []*lab.Host{l.A, l.B} {
		if err := h.AddAddr(tunnelDev, inner4[i]); err != nil {
			t.Fatal(err)
		}
	}
	pings(t, ctx, l.A, inner4[1].Addr(), 56)
	t.Run("killed and started", func(t *testing.T) { // what it has left is taken over, with its addresses
		_ = near.cmd.Process.Kill()
		<-near.cmd.Done()
		near = startCommand(t, ctx, l.A, append([]string{"env", "CELLHUB_CONTROL=" + d.path, programs.Path(t, "atmtap"), "--json", "--hub"}, args...)...)
		until(near, "in the daemon at")
		pings(t, ctx, l.A, inner4[1].Addr(), 1400)
		r := near.stop(t)
		if r.Counters["tap"]["rx_frames"] == 0 || r.Counters["aal5"]["rx_pdus"] == 0 || r.Counters["port"]["rx_cells"] == 0 {
			t.Errorf("%+v", r.Counters)
		}
	})
	if r := d.running(t); len(r.Ports)+len(r.Streams)+len(r.PVCs) != 0 {
		t.Errorf("left: %+v", r)
	}
}

// A port that the daemon has is used and stays; what it refuses is told, and nothing of it
// stays.
func TestInHubWithPort(t *testing.T) {
	l := lab.ForTest(t, lab.Config{})
	d := startHub(t, l.A)
	spec := "eth:" + lab.Dev + ",label=100"
	own := &loader.Config{
		Ports: []loader.Port{{Name: "dslam", Spec: spec, Number: 9}},
		PVCs:  []loader.PVC{{Port: "dslam", ATM: control.ATM{VCI: 200, Direction: control.DirectionBoth}}},
	}
	if err := loader.Apply(d.session(t), "", loader.Plan(nil, loader.Names{}, own), nil); err != nil {
		t.Fatal(err)
	}
	start := func(vc, spec string) (code int, stderr string) {
		var out controltest.Log
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan int, 1)
		go func() {
			ended <- run(ctx, nil, []string{"--tap", "t0", "--vc", vc, "--port", spec, "--hub=" + d.path}, &out, &out)
		}()
		controltest.Until(t, "it runs or has ended", func() bool {
			return strings.Contains(out.String(), "in the daemon at") || len(ended) > 0
		})
		if len(ended) == 0 {
			if r := d.running(t); len(r.Ports) != 1 || len(r.PVCs) != 2 || len(r.Streams) != 1 {
				t.Errorf("while it runs: %+v", r)
			}
		}
		cancel()
		return <-ended, out.String()
	}
	if code, out := start("0/100", spec); code != exitOK {
		t.Errorf("%d: %s", code, out)
	}
	if code, out := start("0/200", spec); code != exitUsage || out != "atmtap: --vc 0/200: port dslam of the daemon has that VC already: take another, or cellctl pvc del dslam 0/200\n" {
		t.Errorf("%d: %s", code, out)
	}
	if code, out := start("0/100", "eth:"+lab.Dev+",label=100,mode=n1cw"); code != exitUsage || !strings.Contains(out, "atmtap: open port t0.port: ") {
		t.Errorf("%d: %s", code, out)
	}
	if r := d.running(t); len(r.Ports) != 1 || len(r.PVCs) != 1 || len(r.Streams) != 0 || r.Ports[0].Number != 9 {
		t.Errorf("left: %+v", r)
	}
	if code, out := start("0/100", "eth:none0,label=7"); code != exitUsage {
		t.Errorf("%d: %s", code, out)
	}
}
