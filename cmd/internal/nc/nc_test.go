package nc

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/cellhub/cellhub/cmd/internal/port"
	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/block"
	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/dataplane/control/controltest"
	"github.com/cellhub/cellhub/dataplane/modules"
	"github.com/cellhub/cellhub/dataplane/region"
	"github.com/cellhub/cellhub/dataplane/server"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// startHub starts a hub with two UDP ports that are each other's peers, and a PVC between them.
func startHub(t *testing.T) (path string) {
	t.Helper()
	arena, err := block.NewArena(block.Config{Small: 4096, Medium: 1024, Large: 512})
	must(t, err)
	hub, err := dataplane.NewHub(dataplane.Config{Pool: arena.Pool(0)})
	must(t, err)
	registry := new(dataplane.Registry)
	must(t, modules.Register(registry))
	fabric, err := dataplane.NewFabric(registry, hub)
	must(t, err)
	ran := make(chan struct{})
	go func() { fabric.Run(); close(ran) }()
	s, err := server.New(server.Config{Fabric: fabric, Opener: new(port.Opener),
		Sockets: func(r *region.Region, broken func(uint32)) (server.Sockets, error) {
			return modules.NewSockets(modules.SocketsConfig{Region: r, Broken: broken, Now: func() int64 { return time.Now().UnixNano() }})
		}})
	must(t, err)
	path = t.TempDir() + "/control"
	l, err := control.Listen(path, 0o600)
	must(t, err)
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	t.Cleanup(func() {
		must(t, l.Close())
		s.Close()
		must(t, <-served)
		fabric.Stop()
		<-ran
		must(t, fabric.Close())
		must(t, arena.Close())
	})
	configure(t, path)
	return path
}

func configure(t *testing.T, path string) {
	t.Helper()
	admin, err := control.Dial(path)
	must(t, err)
	t.Cleanup(func() { admin.Close() })
	var epoch uint32
	call := func(typ control.Type, set func(*control.Packet), text string) {
		t.Helper()
		p := control.Packet{}
		set(&p)
		p.Type, p.Epoch = typ, epoch
		if text != "" {
			p.Trailer, _ = control.AppendTLV(nil, control.TLVText, []byte(text))
		}
		if err := admin.Call(&p); err != nil {
			reason, _ := control.FindTLV(p.Trailer, control.TLVText)
			t.Fatalf("%v: %s", err, reason)
		}
		epoch = p.Epoch
	}
	call(control.HubHello, func(p *control.Packet) { p.SetHub(&control.Hub{A: uint32(control.RoleAdmin)}) }, "")
	name, _ := control.MakeName("port")
	for number, spec := range []string{"a udp:127.0.0.1:16635,remote=127.0.0.1:16636,label=100", "b udp:127.0.0.1:16636,remote=127.0.0.1:16635,label=100"} {
		call(control.HubOpen, func(p *control.Packet) { p.SetHub(&control.Hub{B: uint32(number + 1), Name: name}) }, spec)
		call(control.ATMAdd, func(p *control.Packet) {
			p.SetATM(&control.ATM{Port: uint16(number + 1), VCI: 100, AAL: control.AAL5, Direction: control.DirectionBoth})
		}, "")
	}
}

// TestType: two people type into a PVC, one at each end.
func TestType(t *testing.T) {
	path := startHub(t)
	var out, log [2]controltest.Log
	var keys [2]*io.PipeWriter
	done := make(chan error, 2)
	for i, address := range []string{"pvc://a/0/100", "pvc://2/0/100"} {
		in, typed := io.Pipe()
		keys[i] = typed
		go func() {
			done <- Run(context.Background(), Config{Control: path, Address: address, Listen: i == 1, Verbose: true, Wait: time.Millisecond}, in, &out[i], &log[i])
		}()
		controltest.Until(t, "connected", func() bool { return strings.Contains(log[i].String(), "connected") })
	}
	for i, line := range []string{"hello\n", "hello yourself\n", "how is the weather in there\n", "53 octets, 48 of them pleasant\n"} {
		_, err := keys[i%2].Write([]byte(line))
		must(t, err)
		controltest.Until(t, line, func() bool { return strings.HasSuffix(out[1-i%2].String(), line) })
	}
	for _, k := range keys {
		k.Close()
	}
	for range keys {
		must(t, <-done)
	}
}

// TestStop: the end of the context ends it, whatever it waits for, and a refusal says why.
func TestStop(t *testing.T) {
	path := startHub(t)
	var log controltest.Log
	ctx, stop := context.WithCancel(context.Background())
	in, _ := io.Pipe()
	done := make(chan error)
	go func() {
		done <- Run(ctx, Config{Control: path, Address: "pvc://1/0/100", Verbose: true}, in, io.Discard, &log)
	}()
	controltest.Until(t, "connected", func() bool { return strings.Contains(log.String(), "connected") })
	stop()
	must(t, <-done)
	err := Run(context.Background(), Config{Control: path, Address: "pvc://1/0/101"}, in, io.Discard, &log)
	if err == nil || !strings.Contains(err.Error(), "no VC 1 0/101") {
		t.Errorf("refused: %v", err)
	}
}
