package dataplane

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/cellhub/cellhub/dataplane/control"
)

// Do carries a command out. A module's constructor runs on the caller's goroutine, off
// the hubs.
func (x Changes) Do(c Command) (a Answer, err error) {
	switch c.Number {
	case control.HubOpen:
		a.Number, a.Top, err = x.open(c)
	case control.HubPair:
		a.Number, err = x.pair(c)
	case control.HubPush, control.HubReplace:
		a.Number, err = x.install(c)
	case control.HubClose:
		err = x.change(c.A, apart, x.f.close)
	case control.HubUnlink:
		err = x.change(c.A, apart, x.f.unlink)
	case control.HubPop:
		err = x.change(c.A, between, x.f.pop)
	case control.HubLink:
		err = x.link(c.A, c.B)
	case control.HubMove:
		err = x.moveTo(c.A, c.B)
	case control.HubFlush:
		a.Data, err = x.flush(c)
	case control.HubList:
		a.Data, err = x.f.list()
	default:
		a.Data, err = x.command(c)
	}
	if a.Top == 0 && a.Number != 0 && err == nil {
		a.Top = x.top(a.Number)
	}
	return a, err
}

// Build makes a stream on a hub of its parts, the lowest first: all of it or nothing. It
// gives a number for each. Their constructors run before, the highest first. Nothing is
// pushed by itself: the list says it all. Modules that were made before are the fabric's
// in any case, and discarded with the others.
func (x Changes) Build(hub int, parts ...Part) (ids []ProcID, err error) {
	modules := make([]Module, len(parts))
	for i, p := range parts {
		if p.Module != nil {
			modules[i] = *p.Module
		}
	}
	made := 0
	defer func() {
		if err != nil {
			for i := len(ids) - 1; i >= 0; i-- {
				_, _ = x.Do(Command{Number: control.HubClose, A: ids[i]})
			}
			discard(modules[made:])
		}
	}()
	for i := len(parts) - 1; i >= 0; i-- {
		if parts[i].Name != "" && parts[i].Module == nil {
			if modules[i], err = x.f.registry.construct(parts[i]); err != nil {
				return nil, err
			}
		}
	}
	for i, p := range parts {
		var id ProcID
		pairs := p.Name == "" && p.Module == nil && i > 0
		if pairs {
			id, err = x.pair(Command{A: ids[i-1], Arg: p.Arg})
		} else {
			id, _, err = x.stack(x.f.hubs[hub], modules[i:i+1])
		}
		made = i + 1 // it is open, or discarded
		if err != nil {
			return ids, err
		}
		if ids = append(ids, id); i > 0 && !pairs {
			err = x.link(ids[i-1], id)
		}
		if err != nil {
			return ids, err
		}
	}
	return ids, nil
}

// open makes a process, and stacks on it what Autopush says.
func (x Changes) open(c Command) (id, top ProcID, err error) {
	h, err := x.f.hub(c.B)
	if err != nil {
		return 0, 0, err
	}
	parts := append([]Part{{Name: c.Name, Arg: c.Arg}}, x.f.registry.autopush[c.Name]...)
	modules := make([]Module, 0, len(parts))
	for _, p := range parts {
		m, err := x.f.registry.construct(p)
		if err != nil {
			discard(modules)
			return 0, 0, err
		}
		modules = append(modules, m)
	}
	return x.stack(h, modules)
}

// stack makes a process of each module, one above the other; all or none.
func (x Changes) stack(h *Hub, modules []Module) (id, top ProcID, err error) {
	x.lock()
	defer x.unlock()
	var made []*pair
	err = x.at(h, func() error {
		for i, m := range modules {
			p, err := h.add(m, nil)
			if err == nil && i > 0 {
				err = join(made[i-1], p)
			}
			if err != nil {
				for _, p := range made {
					h.remove(p)
				}
				return err
			}
			made = append(made, p)
		}
		return nil
	})
	if err != nil {
		discard(modules[len(made):])
		return 0, 0, err
	}
	return made[0].id, made[len(made)-1].id, nil
}

func discard(modules []Module) {
	for _, m := range modules {
		m.discard()
	}
}

// pair gives a multiplexor another pair.
func (x Changes) pair(c Command) (id ProcID, err error) {
	x.lock()
	defer x.unlock()
	p, err := x.f.find(c.A)
	if err != nil {
		return 0, err
	}
	return id, x.at(p.rq.hub, func() error {
		if p.module.Pair == nil {
			return fmt.Errorf("%w: %s is no multiplexor", ErrHub, p.module.Name)
		}
		m, err := p.module.Pair(c.Arg)
		if err != nil {
			return err
		}
		n, err := p.rq.hub.add(m, p)
		if err == nil {
			id = n.id
		}
		return err
	})
}

// install makes a module and pushes it, or puts it in another's place.
func (x Changes) install(c Command) (id ProcID, err error) {
	m, err := x.f.registry.construct(Part{Name: c.Name, Arg: c.Arg})
	if err != nil {
		return 0, err
	}
	err = x.change(c.A, nil, func(p *pair) error {
		id = p.id
		if c.Number == control.HubReplace {
			return p.rq.hub.replace(p, m)
		}
		n, err := p.rq.hub.push(p, m)
		if err == nil {
			id = n.id
		}
		return err
	})
	if err != nil {
		m.discard()
	}
	return id, err
}

// change does something to a process: with all standing still when far says that it
// concerns other hubs.
func (x Changes) change(id ProcID, far func(*pair) bool, do func(*pair) error) error {
	x.lock()
	defer x.unlock()
	p, err := x.f.find(id)
	switch {
	case err != nil:
		return err
	case far != nil && (far(p) || p.id.Hub() != p.rq.hub.index):
		return x.still(func() error { return do(p) })
	}
	return x.at(p.rq.hub, func() error { return do(p) })
}

// apart tells whether a neighbour stands on another hub.
func apart(p *pair) bool { return isProxy(p.above()) || isProxy(p.below()) }

// between tells whether both do: without what is between them their path is one.
func between(p *pair) bool { return isProxy(p.above()) && isProxy(p.below()) }

func isProxy(p *pair) bool { return p != nil && p.proxy != nil }

func (f *Fabric) close(p *pair) error {
	for _, o := range [...]*pair{p.above(), p.below()} {
		if isProxy(o) {
			o.proxy.cutAll()
		}
	}
	p.rq.hub.remove(p)
	return nil
}

func (f *Fabric) unlink(p *pair) error {
	switch above := p.above(); {
	case above == nil:
		return fmt.Errorf("%w: nobody above %s", ErrHub, p.module.Name)
	case above.proxy != nil:
		above.proxy.cutAll()
	default:
		p.part()
	}
	return nil
}

func (f *Fabric) pop(p *pair) error {
	below := p.below()
	if err := p.rq.hub.pop(p); err != nil {
		return err
	}
	if isProxy(below) && below.proxy.beside() != nil {
		f.land()
		popAll(below.proxy.shorten())
	}
	return nil
}

// popAll takes joints out. Neighbours that do not come to rest keep them: they only pass
// on.
func popAll(joints []*pair) {
	for _, p := range joints {
		_ = p.rq.hub.pop(p)
	}
}

func (x Changes) link(lower, upper ProcID) error {
	x.lock()
	defer x.unlock()
	l, err := x.f.find(lower)
	if err != nil {
		return err
	}
	u, err := x.f.find(upper)
	if err != nil {
		return err
	}
	a, b := l.rq.hub, u.rq.hub
	if a == b {
		return x.at(a, func() error { return join(l, u) })
	}
	return x.still(func() error {
		if l.rq.next != nil || u.wq.next != nil || u.top() == l {
			return join(l, u) // which says why not
		}
		x, y, err := pave(a, b)
		if err == nil {
			err = errors.Join(join(l, x.pair()), join(y.pair(), u))
		}
		return err
	})
}

func (x Changes) moveTo(id, to ProcID) error {
	x.lock()
	defer x.unlock()
	p, err := x.f.find(id)
	if err != nil {
		return err
	}
	h, err := x.f.hub(to)
	if err != nil || h == p.rq.hub {
		return err
	}
	return x.still(func() error {
		joints, err := x.f.move(p, h)
		popAll(joints)
		return err
	})
}

// command carries out a module's own command: on its hub, but for one that may block.
func (x Changes) command(c Command) (result []byte, err error) {
	x.lock()
	p, own, err := x.f.commandOf(c)
	if err == nil && own.Blocks {
		x.unlock()
		return own.run([]byte(c.Arg))
	}
	defer x.unlock()
	if err != nil {
		return nil, err
	}
	run := func() error {
		r, err := own.run([]byte(c.Arg))
		result = append([]byte(nil), r...)
		return err
	}
	if own.Stops {
		return result, x.still(run)
	}
	err = x.at(p.rq.hub, run)
	return result, err
}

// commandOf finds a module's own command.
func (f *Fabric) commandOf(c Command) (*pair, *ModuleCommand, error) {
	p, err := f.find(c.A)
	if err != nil {
		return nil, nil, err
	}
	own, err := p.module.command(c.Number)
	if err == nil && c.Direction != 0 && c.Direction != own.Direction {
		err = fmt.Errorf("%w: command %d is %v, not %v: %w", ErrHub, c.Number, own.Direction, c.Direction, syscall.EINVAL)
	}
	return p, own, err
}

// Commands gives the commands of a process's module; what they run is not for callers.
func (x Changes) Commands(id ProcID) ([]ModuleCommand, error) {
	x.lock()
	defer x.unlock()
	p, err := x.f.find(id)
	if err != nil {
		return nil, err
	}
	return p.module.extra.commands, nil
}

// Path opens a path to a process, under a handle of the caller's choice, and tells its module
// so. ENXIO: the key is another.
func (f *Fabric) Path(id ProcID, key, handle uint64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	p, err := f.find(id)
	switch {
	case err != nil:
		return err
	case p.module.extra.key != key:
		return fmt.Errorf("%w: %s has another key: %w", ErrHub, p.module.Name, syscall.ENXIO)
	case p.module.extra.path == nil:
		return nil
	}
	return f.Alone().at(p.rq.hub, func() error { p.module.extra.path(handle); return nil })
}
