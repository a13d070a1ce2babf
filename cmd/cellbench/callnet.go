package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/cellhub/cellhub/cmd/internal/lab"
	"github.com/cellhub/cellhub/dataplane/client"
)

// callProcesses are those whose work a call is, in the order of its way.
var callProcesses = []string{"applications", "hub a", "signalling a", "hub of switch", "signalling of switch", "hub b", "signalling b"}

// Configurations. An SDU is small, so that memory holds many connections; a region's pages
// are taken when they are used.
const (
	callsVPIs    = 4
	callsRegion  = 1 << 33
	callsHub     = "sockets: {region: %d, user: {octets: %d, connections: 1048576}}\nblocks: {small: 65536}\nports:\n"
	callsHost    = "interfaces: [{port: 1, side: user, vpis: %d}]\nroutes: {\"*\": [1]}\n"
	callsSwitch  = "interfaces: [{port: 1, side: network, vpis: %d}, {port: 2, side: network, vpis: %d}]\nroutes: {\"47.0005.80FFE1000000F20F2200\": [2]}\n"
	callsAddress = "47000580ffe1000000f20f2200%012x00"
)

// callNet is the network that calls go through, and the applications at its ends.
type callNet struct {
	daemons
	lab     *lab.Lab
	ends    [2]*client.Client // the callers', the callees'
	callers []*callPair
	up      int
}

// newCallNet starts everything, and waits until a call goes through.
func newCallNet(ctx context.Context, s *callsSettings) (_ *callNet, err error) {
	n := &callNet{daemons: newDaemons()}
	defer func() {
		if err != nil {
			n.close()
		}
	}()
	if n.dir, err = os.MkdirTemp("", "cellbench"); err != nil {
		return nil, err
	}
	if n.lab, err = lab.New(lab.Config{}); err != nil {
		return nil, err
	}
	if err := n.startAll(ctx, s); err != nil {
		return nil, err
	}
	for i, name := range []string{"hub a", "hub b"} {
		if n.ends[i], err = client.Open(n.path(name)); err != nil {
			return nil, err
		}
	}
	for i := range s.workers {
		if err := n.addPair(ctx, i); err != nil {
			return nil, n.explain(err)
		}
	}
	return n, n.explain(n.firstCall(ctx))
}

// startAll starts the daemons of both hosts and of the switch between them.
func (n *callNet) startAll(ctx context.Context, s *callsSettings) error {
	far, err := n.lab.Beyond(1500)
	if err != nil {
		return err
	}
	hub := fmt.Sprintf(callsHub, callsRegion, 2*callsRegion)
	sites := []struct {
		host     *lab.Host
		name     string
		hub, sig string
	}{
		{n.lab.A, "a", "  net: eth:" + lab.Dev + ",label=100\n", fmt.Sprintf(callsHost, callsVPIs)},
		{n.lab.B, "of switch", "  a: eth:" + lab.Dev + ",label=100\n  b: eth:" + lab.Uplink + ",label=200\n", fmt.Sprintf(callsSwitch, callsVPIs, callsVPIs)},
		{far, "b", "  net: eth:" + lab.Dev + ",label=200\n", fmt.Sprintf(callsHost, callsVPIs)},
	}
	for _, x := range sites {
		if err := n.start(ctx, x.host, "hub "+x.name, hub+x.hub, s.hubd, "--control", n.path("hub "+x.name)); err != nil {
			return err
		}
		sig := "signalling " + x.name
		err := n.start(ctx, x.host, sig, x.sig, s.sigd, "--control", n.path("hub "+x.name), "--socket", n.path(sig), "--store", n.path(sig+".db"))
		if err != nil {
			return err
		}
	}
	return nil
}

func (n *callNet) close() {
	for _, c := range n.ends {
		if c != nil {
			c.Close()
		}
	}
	if n.lab != nil {
		n.lab.Close()
	}
	os.RemoveAll(n.dir)
}

// cpu is the time that each process has used.
func (n *callNet) cpu() map[string]time.Duration {
	all := map[string]time.Duration{callProcesses[0]: ownCPU()}
	for name, cmd := range n.cmds {
		all[name] = cmd.CPU()
	}
	return all
}

// resident is the memory that each process has, in MiB.
func (n *callNet) resident() map[string]float64 {
	all := map[string]float64{callProcesses[0]: residentOf(os.Getpid())}
	for name, cmd := range n.cmds {
		all[name] = residentOf(cmd.Process.Pid)
	}
	return all
}
