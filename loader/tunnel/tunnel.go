package tunnel

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"github.com/cellhub/cellhub/bpf"
)

// Refusals.
var (
	// ErrNeedCapability: the kernel lets only some load programs.
	ErrNeedCapability = errors.New("permission denied: needs CAP_BPF and CAP_NET_ADMIN")
	// ErrNoTCX: kernels before 6.6 cannot attach programs of tc by links.
	ErrNoTCX = errors.New("the kernel has no TCX links: it wants Linux 6.6 or later")
	// ErrManyPrograms: an interface takes 64 programs of tc.
	ErrManyPrograms = errors.New("the interface has as many programs of tc as it takes")
)

// Tunnel is a tunnel in the kernel. One goroutine at a time uses it.
type Tunnel struct {
	config  Config
	pins    *Pins // nil: it ends with the process
	counts  *ebpf.Map
	hub     *ebpf.Map
	loaded  bpf.TunnelPrograms
	out, in link.Link
	back    link.Link // on the hub's TAP; nil: there is none
	adopted bool
}

// Open loads the programs and attaches them. With pins the tunnel outlives the process, until Close; what an earlier
// process has left there is taken over.
func Open(c Config, pins *Pins) (_ *Tunnel, err error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("tunnel: %w", err)
	}
	t := &Tunnel{config: c, pins: pins}
	defer func() {
		if err != nil {
			err = errors.Join(err, t.Close())
		}
	}()
	if err := t.takeMaps(); err != nil {
		return nil, fmt.Errorf("tunnel: %w", err)
	}
	if t.loaded, err = t.load(c); err != nil {
		return nil, err
	}
	if err := t.attach(); err != nil {
		return nil, fmt.Errorf("tunnel: %w", err)
	}
	return t, nil
}

// takeMaps opens the maps that are pinned, if they are as the programs want them, or makes and pins some.
func (t *Tunnel) takeMaps() error {
	spec, err := bpf.LoadTunnel()
	if err != nil {
		return err
	}
	counts, hub := spec.Maps[bpf.TunnelMapTunnelCounts], spec.Maps[bpf.TunnelMapTunnelHub]
	if t.counts, t.hub = t.pins.openMap(pinCounts, counts), t.pins.openMap(pinHub, hub); t.counts != nil && t.hub != nil {
		t.adopted = true
		return nil
	}
	if err := t.pins.Remove(); err != nil { // of another version, or half made
		return err
	}
	if t.counts, err = ebpf.NewMap(counts); err != nil {
		return whyNotLoaded(err)
	}
	if t.hub, err = ebpf.NewMap(hub); err != nil {
		return whyNotLoaded(err)
	}
	return errors.Join(t.pins.pin(pinCounts, t.counts), t.pins.pin(pinHub, t.hub))
}

// load loads programs with the configuration's constants.
func (t *Tunnel) load(c Config) (p bpf.TunnelPrograms, err error) {
	spec, err := bpf.LoadTunnel()
	if err != nil {
		return p, err
	}
	if err := spec.Variables[bpf.TunnelVarConfig].Set(c.constants()); err != nil {
		return p, err
	}
	maps := map[string]*ebpf.Map{bpf.TunnelMapTunnelCounts: t.counts, bpf.TunnelMapTunnelHub: t.hub}
	if err := spec.LoadAndAssign(&p, &ebpf.CollectionOptions{MapReplacements: maps}); err != nil {
		return p, fmt.Errorf("tunnel: %w", whyNotLoaded(err))
	}
	return p, nil
}

// whyNotLoaded makes one line of the kernel's refusal: what the verifier says is many.
func whyNotLoaded(err error) error {
	var verifier *ebpf.VerifierError
	switch {
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		return ErrNeedCapability
	case errors.As(err, &verifier):
		return fmt.Errorf("the kernel refuses the program: %v", verifier) // its last line
	}
	return err
}

// attach attaches the programs: links that are pinned change over, where they are on the right interfaces.
func (t *Tunnel) attach() (err error) {
	if t.in, err = t.attachOne(pinIn, t.config.Underlay, t.loaded.TunnelIn); err != nil {
		return err
	}
	t.out, err = t.attachOne(pinOut, t.config.Inner, t.loaded.TunnelOut)
	return err
}

func (t *Tunnel) attachOne(pin string, index int, p *ebpf.Program) (link.Link, error) {
	if l := t.pins.openLink(pin); l != nil {
		if at(l) == index && l.Update(p) == nil {
			return l, nil
		}
		if err := errors.Join(l.Unpin(), l.Close()); err != nil {
			return nil, err
		}
	}
	l, err := attachTCX(index, p)
	if err != nil {
		return nil, err
	}
	return l, t.pins.pin(pin, l)
}

// at is the number of the interface that a link is on; 0: it has gone.
func at(l link.Link) int {
	info, err := l.Info()
	if err != nil || info.TCX() == nil {
		return 0
	}
	return int(info.TCX().Ifindex)
}

// attachTCX attaches a program to what an interface receives, before those that are there: another may have the kernel take
// frames for others.
func attachTCX(index int, p *ebpf.Program) (link.Link, error) {
	l, err := link.AttachTCX(link.TCXOptions{Interface: index, Program: p, Attach: ebpf.AttachTCXIngress, Anchor: link.Head()})
	switch {
	case errors.Is(err, ebpf.ErrNotSupported):
		return nil, ErrNoTCX
	case errors.Is(err, unix.EPERM):
		return nil, ErrNeedCapability
	case errors.Is(err, unix.ERANGE):
		return nil, ErrManyPrograms
	case err != nil:
		return nil, fmt.Errorf("attach to interface %d: %w", index, err)
	}
	return l, nil
}

// Adopted tells whether the tunnel was there, made by a process that has gone.
func (t *Tunnel) Adopted() bool { return t.adopted }

// Config is how it is.
func (t *Tunnel) Config() Config { return t.config }

// SetHub says which TAP leads to the hub, by number: what the programs can't carry goes there, and what comes from there
// goes to the host. When the TAP goes, the kernel forgets it.
func (t *Tunnel) SetHub(tap int) error {
	back, err := attachTCX(tap, t.loaded.TunnelBack)
	if err != nil {
		return fmt.Errorf("tunnel: %w", err)
	}
	if t.back != nil {
		_ = t.back.Close() // its TAP may have gone
	}
	t.back = back
	if err := t.hub.Put(uint32(0), uint32(tap)); err != nil {
		return fmt.Errorf("tunnel: the hub's device: %w", err)
	}
	return nil
}

// Change carries on by another configuration. Programs change over between two frames; on another interface, what comes
// in the meantime is lost.
func (t *Tunnel) Change(c Config) error {
	if err := c.check(); err != nil {
		return fmt.Errorf("tunnel: %w", err)
	}
	fresh, err := t.load(c)
	if err != nil {
		return err
	}
	before := t.loaded
	t.config, t.loaded = c, fresh
	err = errors.Join(t.move(&t.in, pinIn, c.Underlay, fresh.TunnelIn), t.move(&t.out, pinOut, c.Inner, fresh.TunnelOut))
	if err == nil && t.back != nil {
		err = t.back.Update(fresh.TunnelBack)
		if errors.Is(err, unix.ENOLINK) { // its TAP has gone: the next one gets it
			err = nil
		}
	}
	if err != nil {
		err = fmt.Errorf("tunnel: %w", err)
	}
	return errors.Join(err, before.Close())
}

// move has a program take the place of another, on the same interface or another.
func (t *Tunnel) move(l *link.Link, pin string, index int, p *ebpf.Program) error {
	if *l != nil && at(*l) == index {
		return (*l).Update(p)
	}
	if *l != nil {
		_ = errors.Join((*l).Unpin(), (*l).Close()) // of an interface that may have gone
		*l = nil
	}
	fresh, err := attachTCX(index, p)
	if err != nil {
		return err
	}
	*l = fresh
	return t.pins.pin(pin, fresh)
}

// Attached tells whether both ends are still on their interfaces: one that is deleted takes its program along.
func (t *Tunnel) Attached() bool {
	return t.in != nil && t.out != nil && at(t.in) == t.config.Underlay && at(t.out) == t.config.Inner
}

// Close detaches and unpins the tunnel. A second Close does nothing.
func (t *Tunnel) Close() error {
	return errors.Join(t.pins.Remove(), t.Leave())
}

// Leave lets go of the tunnel, which goes on where it is pinned.
func (t *Tunnel) Leave() (err error) {
	for _, l := range []*link.Link{&t.in, &t.out, &t.back} {
		if *l != nil {
			err = errors.Join(err, (*l).Close())
			*l = nil
		}
	}
	err = errors.Join(err, t.loaded.Close(), t.counts.Close(), t.hub.Close())
	t.loaded, t.counts, t.hub = bpf.TunnelPrograms{}, nil, nil
	return err
}
