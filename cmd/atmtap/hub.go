package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/cellhub/cellhub/cmd/internal/daemon"
	"github.com/cellhub/cellhub/cmd/internal/offload"
	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/loader"

	"github.com/cellhub/cellhub/cmd/internal/follow"
)

// hubTimeout is how long each answer of the daemon is waited for.
const hubTimeout = 15 * time.Second

// guest is a tunnel in a running daemon: the same as a configuration of one port, one
// stream and one PVC, which lasts as long as this process.
type guest struct {
	c       config
	session *control.Session
	want    *loader.Config
	made    loader.Names // what is ours, and goes at the end
	service *daemon.Service
	begun   time.Time

	offload *offload.Offload // the tunnel in the kernel beside; nil: there is none
	trouble string           // of it, as last told
	note    string           // why there is none
}

// runInHub is run for --hub.
func runInHub(ctx context.Context, c config, stdout, stderr io.Writer) int {
	complain := func(err error) {
		for line := range strings.Lines(err.Error()) {
			fmt.Fprintf(stderr, "atmtap: %s\n", oneLine.Replace(strings.TrimSuffix(line, "\n")))
		}
	}
	g, err := visit(c)
	if err != nil {
		complain(err)
		return exitUsage
	}
	g.service = daemon.NewService()
	if err = errors.Join(g.run(ctx, newDisplay(c, stdout, stderr)), g.leave()); err != nil {
		complain(err)
		return exitError
	}
	return exitOK
}

// visit connects to the daemon and has it make the tunnel, or nothing. What an atmtap that
// was killed has left there is taken over.
func visit(c config) (g *guest, err error) {
	conn, err := control.Dial(c.hub)
	if err != nil {
		return nil, fmt.Errorf("--hub %s: %w: is cellhubd running there?", c.hub, err)
	}
	g = &guest{c: c}
	g.chooseOffload()
	c = g.c
	defer func() {
		if err != nil {
			_ = conn.Close()
		}
	}()
	if g.session, err = control.Hello(conn, control.RoleAdmin, "atmtap "+c.name); err != nil {
		return nil, fmt.Errorf("--hub %s: %w", c.hub, err)
	}
	g.session.Timeout = hubTimeout
	running, err := loader.Read(g.session)
	if err != nil {
		return nil, fmt.Errorf("--hub %s: %w", c.hub, err)
	}
	g.plan(running)
	if err := g.free(running); err != nil {
		return nil, err
	}
	if err := loader.Apply(g.session, "", loader.Plan(running, loader.Names{}, g.want), nil); err != nil {
		return nil, errors.Join(err, g.remove())
	}
	if c.offload == offload.On {
		if err := g.openOffload(); err != nil {
			return nil, errors.Join(fmt.Errorf("--offload: %w", err), g.remove())
		}
	}
	return g, nil
}

// plan makes the configuration of the command line. A port that the daemon has already by
// the same specification is used, and stays when we go.
func (g *guest) plan(running *loader.Running) {
	c := &g.c
	port := loader.Port{Name: c.name + ".port", Spec: c.portText}
	others := slices.IndexFunc(running.Ports, func(p loader.RunningPort) bool { return p.Spec == port.Spec && p.Name != port.Name })
	if others >= 0 {
		port.Name, port.Number = running.Ports[others].Name, running.Ports[others].Number
	}
	kind := c.payload().String()
	s := loader.Stream{Name: c.name, Top: loader.Part{Name: c.kind(), Arg: c.deviceText()}}
	s.Modules = []loader.Part{{Name: "toobig", Arg: kind}, {Name: "rfc2684", Arg: c.encap.String() + " " + kind}}
	if c.capture != "" {
		s.Modules = append(s.Modules, loader.Part{Name: "capture", Arg: c.vc.String() + " " + c.capture})
	}
	if c.spec.Mode.Cells() {
		s.Modules = append(s.Modules, loader.Part{Name: "aal5"})
	}
	vc := loader.PVC{Port: port.Name, Stream: s.Name, ATM: control.ATM{VPI: c.vc.VPI, VCI: c.vc.VCI, Direction: control.DirectionBoth}}
	g.want = &loader.Config{Ports: []loader.Port{port}, Streams: []loader.Stream{s}, PVCs: []loader.PVC{vc}}
	ours := *g.want
	if others >= 0 {
		ours.Ports = nil
	}
	g.made.Add(&ours)
}

// free tells whether the VC is nobody else's.
func (g *guest) free(running *loader.Running) error {
	port := &g.want.Ports[0]
	number := uint16(0)
	for _, p := range running.Ports {
		if p.Name == port.Name {
			number = p.Number
		}
	}
	for _, v := range running.PVCs {
		if v.Port != number || v.VPI != g.c.vc.VPI || v.VCI != g.c.vc.VCI {
			continue
		}
		ours := slices.ContainsFunc(running.Streams, func(s loader.RunningStream) bool {
			return s.Name == g.c.name && slices.ContainsFunc(s.Parts, func(p loader.RunningPart) bool { return p.Number == v.Receiver })
		})
		if !ours {
			return fmt.Errorf("--vc %s: port %s of the daemon has that VC already: take another, or cellctl pvc del %s %s", g.c.vc, port.Name, port.Name, g.c.vc)
		}
	}
	return nil
}

// deviceText is the argument of the TAP or TUN.
func (c *config) deviceText() string {
	text := c.name
	if c.offload == offload.On {
		text = offload.HubDevice(c.name)
	}
	if c.mtu != 0 {
		text += fmt.Sprintf(" mtu=%d", c.mtu)
	}
	if c.mac != nil && c.offload != offload.On { // else the host's end has it
		text += " mac=" + c.mac.String()
	}
	return text + " gso=" + c.gso.String()
}

// run shows the tunnel until ctx ends or the daemon does.
func (g *guest) run(ctx context.Context, out *display) error {
	g.begun = time.Now()
	c := &g.c
	out.event(follow.Event{Kind: "start", Dev: c.name, Text: fmt.Sprintf("%s in the daemon at %s; VC %s, %s %s; %s", c.name, c.hub, c.vc, c.encap, c.payload(), c.portText)})
	g.sayOffload(out)
	g.service.Ready()
	defer g.service.Stopping()
	tick := time.NewTicker(statusInterval)
	defer tick.Stop()
	for {
		g.followOffload(out)
		s, err := g.snapshot()
		if err != nil {
			return fmt.Errorf("the daemon has gone, or the VC: %w", err)
		}
		out.status(s)
		g.service.Status(statusOf(s))
		select {
		case <-ctx.Done():
			if s, err = g.snapshot(); err != nil {
				return err
			}
			return out.summary(s)
		case <-tick.C:
		}
	}
}

// snapshot asks for the counters of the VC and of its port.
func (g *guest) snapshot() (snapshot, error) {
	now := time.Now()
	s := snapshot{at: now, since: now.Sub(g.begun)}
	port, err := g.port()
	if err != nil {
		return s, err
	}
	counters := func(t control.Type) (trailer []byte, err error) {
		var p control.Packet
		p.Type = t
		p.SetATM(&control.ATM{Port: port, VPI: g.c.vc.VPI, VCI: g.c.vc.VCI})
		err = g.session.Call(&p)
		return p.Trailer, err
	}
	vc, err := counters(control.ATMStats)
	if err != nil {
		return s, err
	}
	s.addCounters(vc, "")
	all, err := counters(control.ATMPortStat)
	s.addCounters(all, "port.")
	s.addOffload(g.offload)
	return s, err
}

// addCounters adds those of a trailer, each to the group before the dot in its name.
func (s *snapshot) addCounters(trailer []byte, of string) {
	for r := control.ReadTLVs(trailer); r.Next(); {
		if r.Type() != control.TLVCounter {
			continue
		}
		name, n, err := control.ParseCounter(r.Value())
		if err != nil {
			continue
		}
		name, count, _ := strings.Cut(of+name, ".")
		i := slices.IndexFunc(s.groups, func(g group) bool { return g.name == name })
		if i < 0 {
			i = len(s.groups)
			s.add(name, nil)
		}
		s.groups[i].counts = append(s.groups[i].counts, dataplane.Count{Name: count, N: n})
	}
}

// port is the number of our port.
func (g *guest) port() (uint16, error) {
	ports, err := g.session.List(control.ListPorts)
	for _, p := range ports {
		if p.Name == g.want.Ports[0].Name {
			return uint16(p.A), nil
		}
	}
	return 0, errors.Join(err, syscall.ENODEV)
}

// remove takes away what is ours, as far as it is there.
func (g *guest) remove() error {
	running, err := loader.Read(g.session)
	if err != nil {
		return err
	}
	return loader.Apply(g.session, "", loader.Plan(running, g.made, &loader.Config{}), nil)
}

// leave ends the visit. Of a daemon that has gone nothing is left to remove.
func (g *guest) leave() error {
	err := g.remove()
	_ = g.session.Close()
	var refused loader.Faults
	if errors.As(err, &refused) || errors.Is(err, os.ErrDeadlineExceeded) {
		return errors.Join(err, g.closeOffload())
	}
	if err != nil && g.offload != nil {
		return g.offload.Leave() // as long as there is no daemon, the kernel carries it alone
	}
	return g.closeOffload()
}
