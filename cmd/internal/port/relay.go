package port

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/server"
	"github.com/cellhub/cellhub/loader/classifier"
)

// How often the relay looks at interfaces and next hops.
const (
	relayLook = time.Second
	relaySoon = 50 * time.Millisecond // as long as a next hop is not resolved
)

// Relay has the kernel relay cells between ports of a daemon: the classifier, and what it must be told about
// interfaces, stations and routes.
type Relay struct {
	log    *slog.Logger
	again  func() // tries again what has been refused; nil: nobody
	cancel context.CancelFunc
	ended  chan struct{}

	mu      sync.Mutex // guards what follows
	c       *classifier.Classifier
	ports   map[*shared]*relayPort
	tried   map[int]bool // interfaces that take no redirected frames, with a program or without
	refused bool         // something that may work later
}

var _ server.Relay = (*Relay)(nil)

// NewRelay makes a relay of a classifier, which is its own from then on. Follow begins to look after it.
func NewRelay(c *classifier.Classifier, log *slog.Logger) *Relay {
	return &Relay{c: c, log: log, ports: map[*shared]*relayPort{}, tried: map[int]bool{}}
}

// Follow keeps what the kernel has been told true, in the network namespace of the process, until Close. again is called
// when what was refused may be tried again.
func (r *Relay) Follow(again func()) {
	ctx, cancel := context.WithCancel(context.Background())
	r.again, r.cancel, r.ended = again, cancel, make(chan struct{})
	go func() {
		defer close(r.ended)
		for {
			wait := relayLook
			if r.look() > 0 {
				wait = relaySoon
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(wait):
			}
			r.mu.Lock()
			refused := r.refused
			r.refused = false
			r.mu.Unlock()
			if refused {
				r.again()
			}
		}
	}()
}

// Close ends it: the kernel relays no more, or, to be kept, goes on as it was told last, until another adopts it.
func (r *Relay) Close(keep bool) error {
	if r == nil {
		return nil
	}
	if r.cancel != nil {
		r.cancel()
		<-r.ended
	}
	if keep {
		return r.c.Abandon()
	}
	return r.c.Close()
}

// Applied tells that all of a configuration has been bound: what an earlier process had in the kernel, and nobody wants
// any more, goes.
func (r *Relay) Applied() {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.c.Sweep(); err != nil {
		r.log.Error("relay: what an earlier process left", "error", err)
	}
}

// port is what the relay knows of a port; it makes it.
func (r *Relay) port(p server.PortSpec) (*relayPort, error) {
	s, ok := p.(*shared)
	if !ok {
		return nil, errors.New("only ports eth: and udp: are relayed by the kernel")
	}
	if one := r.ports[s]; one != nil {
		return one, nil
	}
	one := &relayPort{shared: s, c: r.c, log: r.log}
	if err := one.resolve(); err != nil && one.state.Index == 0 {
		return nil, r.later(err)
	}
	var err error
	if one.number, err = r.c.Number(one.wire()); err != nil {
		return nil, err
	}
	r.ports[s] = one
	return one, nil
}

// later notes that a refusal may come to an end.
func (r *Relay) later(err error) error {
	r.refused = true
	return err
}

// Bind has the kernel relay what comes from one end.
func (r *Relay) Bind(from, to server.RelayEnd, insist bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	in, err := r.port(from.Port)
	if err != nil {
		return err
	}
	out, err := r.port(to.Port)
	if err != nil {
		return err
	}
	if err := in.leadsTo(out, insist); err != nil {
		return err
	}
	if in.Mode.OneVP() && from.VCI != 0 {
		return fmt.Errorf("mode %s carries a whole path, and this is a part of it", in.Mode)
	}
	if err := r.join(in, out); err != nil {
		return r.later(err)
	}
	if err := out.send(); err != nil {
		return err
	}
	key := in.key(from)
	if err := r.c.Connect(key, classifier.Connection{Verdict: classifier.Relay, Out: out.number, As: out.key(to).VC}); err != nil {
		return err
	}
	return in.receive(key, out)
}

// join attaches the classifier to both ports' interfaces, or to none.
func (r *Relay) join(in, out *relayPort) error {
	if !out.takes() && r.tried[out.state.Index] { // attaching again would only disturb what passes there
		return out.takesNothing()
	}
	err := errors.Join(in.attach(), out.attach())
	if err == nil && r.c.Mode(in.state.Index) != classifier.Generic && !out.takes() {
		r.tried[out.state.Index] = true // some drivers can when they have a program
		err = out.takesNothing()
	}
	if err != nil {
		r.tidy()
	}
	return err
}

// Unbind gives it back to the hub.
func (r *Relay) Unbind(from server.RelayEnd) uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, _ := from.Port.(*shared)
	in := r.ports[s]
	if in == nil {
		return 0
	}
	key := in.key(from)
	cells, err := r.c.Disconnect(key)
	if err = errors.Join(err, in.forget(key)); err != nil {
		r.log.Error("relay", "port", s.Spec, "error", err)
	}
	r.tidy()
	return cells
}

// Relayed is what has gone from an end since it was bound.
func (r *Relay) Relayed(from server.RelayEnd) uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, _ := from.Port.(*shared)
	in := r.ports[s]
	if in == nil {
		return 0
	}
	n, err := r.c.Relayed(in.key(from))
	if err != nil {
		r.log.Error("relay", "port", s.Spec, "error", err)
	}
	return n
}

// Counts is what was relayed from a port and to it.
func (r *Relay) Counts(p server.PortSpec) []dataplane.Count {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, _ := p.(*shared)
	one := r.ports[s]
	if one == nil {
		return nil
	}
	n, err := r.c.Traffic(one.number)
	if err != nil {
		r.log.Error("relay", "port", s.Spec, "error", err)
	}
	names := [...]string{"rx_cells", "tx_cells"}
	if !s.Mode.Cells() {
		names = [...]string{"rx_sdus", "tx_sdus"}
	}
	return []dataplane.Count{
		{Name: names[0], N: n.RxCells}, {Name: names[1], N: n.TxCells},
		{Name: "relayed_rx_frames", N: n.RxFrames}, {Name: "relayed_tx_frames", N: n.TxFrames},
	}
}

// Forget ends what is kept for a port.
func (r *Relay) Forget(p server.PortSpec) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s, _ := p.(*shared)
	one := r.ports[s]
	if one == nil {
		return
	}
	delete(r.ports, s)
	if err := errors.Join(one.end(), r.c.Release(one.number)); err != nil {
		r.log.Error("relay", "port", s.Spec, "error", err)
	}
	r.tidy()
}

// tidy takes the classifier off interfaces that no port needs it on.
func (r *Relay) tidy() {
	needed := map[int]bool{}
	for _, p := range r.ports {
		needed[p.attached] = needed[p.attached] || len(p.from) > 0 || p.users > 0
	}
	for _, index := range r.c.Interfaces() {
		if needed[index] || r.c.Adopted() {
			continue
		}
		if err := r.c.Detach(index); err != nil {
			r.log.Error("relay", "interface", index, "error", err)
		}
	}
	for _, p := range r.ports {
		if r.c.Mode(p.attached) == classifier.Detached {
			p.attached = 0
		}
	}
}

// look looks at each port's interface and next hop, tells the kernel what has changed, and gives how many of them it
// still waits for.
func (r *Relay) look() (waits int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	moved := false
	for _, p := range r.ports {
		if len(p.from) == 0 && p.users == 0 {
			continue
		}
		was := p.state.Index
		if !p.follow() {
			waits++
		}
		moved = moved || p.state.Index != was
	}
	if moved {
		r.tidy()
	}
	return waits
}

// Counted is what the classifier has counted, frames by what became of them, for a log.
func (r *Relay) Counted() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	n, err := r.c.Counts()
	if err != nil {
		return err.Error()
	}
	return strings.Trim(fmt.Sprintf("%+v", n), "{}")
}

// Report says how large the classifier is, for a log.
func (r *Relay) Report() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	verified, size := r.c.Instructions()
	return fmt.Sprintf("%d instructions, %d looked at by the verifier", size, verified)
}
