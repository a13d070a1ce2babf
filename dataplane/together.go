package dataplane

import "fmt"

// Changes are what changes a fabric: each by itself, between two messages (Alone), or many
// between the same two (Together). To wait for a hub costs far more than what is done there.
type Changes struct {
	f        *Fabric
	together bool // the fabric is locked, and the hubs stand
}

// Alone are the changes each by itself: those of the fabric's own methods.
func (f *Fabric) Alone() Changes { return Changes{f: f} }

// Together runs fn, whose changes, made through the Changes that it gets, are all done between
// the same two messages: other changes are not possible meanwhile, nor through the fabric
// itself. With one hub fn runs on it, so that it must not wait for anything: neither may the
// constructors of modules that it builds.
func (f *Fabric) Together(fn func(x Changes)) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := func() error { fn(Changes{f, true}); return nil }
	if len(f.hubs) == 1 {
		return f.Alone().at(f.hubs[0], all)
	}
	return f.still(all)
}

func (x Changes) lock() {
	if !x.together {
		x.f.mu.Lock()
	}
}

func (x Changes) unlock() {
	if !x.together {
		x.f.mu.Unlock()
	}
}

// at runs a change that concerns one hub.
func (x Changes) at(h *Hub, fn func() error) (err error) {
	if x.together {
		h.settle()
		return fn()
	}
	if x.f.between != nil {
		x.f.between()
	}
	if !h.Call(func() { h.settle(); err = fn() }) {
		return fmt.Errorf("%w: hub %d is closed", ErrHub, h.index)
	}
	return err
}

// still runs a change while no hub turns.
func (x Changes) still(fn func() error) error {
	if !x.together {
		return x.f.still(fn)
	}
	x.f.land()
	return fn()
}

// Do is Alone().Do, and so are those that follow.
func (f *Fabric) Do(c Command) (Answer, error) { return f.Alone().Do(c) }

// Build is Alone().Build.
func (f *Fabric) Build(hub int, parts ...Part) ([]ProcID, error) {
	return f.Alone().Build(hub, parts...)
}

// On is Alone().On.
func (f *Fabric) On(id ProcID, fn func()) error { return f.Alone().On(id, fn) }

// SetMarks is Alone().SetMarks.
func (f *Fabric) SetMarks(id ProcID, hi, lo uint32) error { return f.Alone().SetMarks(id, hi, lo) }

// Stream is Alone().Stream.
func (f *Fabric) Stream(id ProcID) ([]Process, error) { return f.Alone().Stream(id) }

// Commands is Alone().Commands.
func (f *Fabric) Commands(id ProcID) ([]ModuleCommand, error) { return f.Alone().Commands(id) }
