package port

import (
	"errors"
	"fmt"

	"github.com/cellhub/cellhub/cmd/internal/follow"
	"github.com/cellhub/cellhub/nic"
	"github.com/cellhub/cellhub/nic/link"
)

// See looks at the interface of a followed carrier and, over UDP, at the way to the peer.
// changes, which may be nil, knows what went to other namespaces.
func (s Spec) See(f *follow.Follower, changes *link.Changes) (seen follow.Sight) {
	index := f.Opened.Index
	if f.Role == follow.UDP && (f.Want == "" || index != 0) {
		spec := s
		if f.Want != "" {
			spec = spec.InZone(index)
		}
		path, err := link.PathTo(spec.Local.Addr(), spec.Remote.Addr())
		seen.NoPath = whyNoPath(spec, err)
		if err == nil {
			seen.MTU = path.MTU
			if f.Want == "" { // else the zone says which
				index = path.Index
			}
		}
	}
	if index == 0 {
		seen.Named = Others(0, f.Called, f.Want)
		return seen
	}
	var err error
	seen.Now, err = link.GetIndex(index)
	switch {
	case errors.Is(err, link.ErrNotFound):
		seen.Moved = changes != nil && changes.Moved(index)
		if f.Want != "" {
			seen.Named = Others(index, f.Called, f.Want)
		}
		return seen
	case err != nil:
		return follow.Sight{Unknown: true}
	}
	seen.Present = true
	if seen.MTU == 0 || seen.MTU > seen.Now.MTU {
		seen.MTU = seen.Now.MTU
	}
	seen.Master = MasterName(seen.Now)
	if f.Want != "" && seen.Now.Name != f.Want {
		seen.Named = Others(index, f.Want)
	}
	return seen
}

// whyNoPath says in words why the peer cannot be reached; empty: it can.
func whyNoPath(spec Spec, err error) string {
	switch {
	case errors.Is(err, link.ErrNotOurs):
		return fmt.Sprintf("%s is no address of this host now", spec.Local.Addr())
	case errors.Is(err, link.ErrNoRoute):
		return fmt.Sprintf("there is no route to %s", spec.Remote.Addr())
	}
	return ""
}

// Others are the interfaces of these names, but for one of ours.
func Others(ours int, names ...string) (found []link.State) {
	for i, name := range names {
		if name == "" || i > 0 && name == names[i-1] {
			continue
		}
		if state, err := link.Get(name); err == nil && state.Index != ours {
			found = append(found, state)
		}
	}
	return found
}

// SeeTAP looks where the TAP or TUN of a follower is: its descriptor tells, wherever it has been
// moved. on shows the device, on its hub, and is false when there is no hub any more.
func SeeTAP(f *follow.Follower, on func(look func(nic.Device)) bool) (seen follow.Sight) {
	name, err := "", nic.ErrGone
	namespace := -1
	if !on(func(dev nic.Device) { name, err = nic.AttachedTo(dev) }) {
		return follow.Sight{Unknown: true}
	}
	switch {
	case errors.Is(err, nic.ErrGone):
		return follow.Sight{Named: Others(0, f.Called, f.Want)}
	case err != nil:
		return follow.Sight{Unknown: true}
	}
	seen.Present = true
	if seen.Now, err = link.GetIndex(f.Opened.Index); err == nil && seen.Now.Name == name {
		seen.MTU, seen.Master = seen.Now.MTU, MasterName(seen.Now)
		return seen
	}
	seen.Now, seen.Elsewhere = link.State{Name: name}, true
	on(func(dev nic.Device) { namespace, err = nic.NamespaceOf(dev) })
	if err != nil {
		return seen
	}
	ns := link.NamespaceFrom(namespace)
	defer ns.Close()
	seen.Elsewhere = !ns.Here()
	err = ns.Do(func() error { // without the privilege to enter it nothing more is known
		state, err := link.Get(name)
		if err == nil {
			seen.Now, seen.MTU = state, state.MTU
		}
		return err
	})
	if errors.Is(err, link.ErrNotFound) { // it was renamed since it told its name
		return follow.Sight{Unknown: true}
	}
	return seen
}
