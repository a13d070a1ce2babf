package link

import (
	"context"
	"fmt"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Event is a change of an interface, or its state when watching began.
type Event struct {
	State
	Gone bool // it was deleted, renamed or moved to another namespace; the rest of State is the last known
}

// watchBuffer is how many events wait for a slow reader before the kernel's own buffer fills.
const watchBuffer = 64

// Watch reports the interfaces of these names, or all without names: first those that exist, then every change. It
// watches the namespace in which it was called. The channel closes when ctx ends, or when the kernel had to drop
// events because nobody read them: then watch again.
func Watch(ctx context.Context, names ...string) (<-chan Event, error) {
	stop := make(chan struct{})
	updates := make(chan netlink.LinkUpdate, watchBuffer)
	err := netlink.LinkSubscribeWithOptions(updates, stop, netlink.LinkSubscribeOptions{
		ErrorCallback: func(error) {}, // a fatal one closes updates; the others are about one message
	})
	if err != nil {
		return nil, fmt.Errorf("watch links: %w", err)
	}
	// Asked apart: the subscription's own list needs CAP_NET_ADMIN. What changes meanwhile comes twice or as a change.
	existing, err := netlink.LinkList()
	if err != nil {
		close(stop)
		return nil, fmt.Errorf("list links: %w", err)
	}
	events := make(chan Event, watchBuffer)
	w := &watcher{names: names, known: make(map[int]State)}
	go func() {
		defer close(events)
		defer func() {
			close(stop)
			for range updates { // lets the subscription's goroutine end
			}
		}()
		for _, l := range existing {
			if !w.pass(ctx, events, netlink.LinkUpdate{Link: l}) {
				return
			}
		}
		for {
			select {
			case <-ctx.Done():
				return
			case update, ok := <-updates:
				if !ok || !w.pass(ctx, events, update) {
					return
				}
			}
		}
	}()
	return events, nil
}

// pass sends what a message says; false when ctx has ended.
func (w *watcher) pass(ctx context.Context, events chan<- Event, update netlink.LinkUpdate) bool {
	for _, event := range w.events(update) {
		select {
		case events <- event:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// watcher turns netlink messages into events. An interface is known by its index, so that a new name shows as the old
// one gone.
type watcher struct {
	names []string
	known map[int]State
}

func (w *watcher) events(update netlink.LinkUpdate) []Event {
	var events []Event
	state := stateOf(update.Link)
	old, known := w.known[state.Index]
	deleted := update.Header.Type == unix.RTM_DELLINK
	if known && (deleted || old.Name != state.Name) {
		delete(w.known, state.Index)
		events = append(events, Event{State: old, Gone: true})
	}
	if !deleted && (len(w.names) == 0 || slices.Contains(w.names, state.Name)) {
		if !known || !same(old, state) {
			w.known[state.Index] = state
			events = append(events, Event{State: state})
		}
	}
	return events
}

// same tells whether two states differ in nothing that State shows: the kernel reports much that it does not.
func same(a, b State) bool {
	return a.Name == b.Name && a.MTU == b.MTU && a.Up == b.Up && a.Running == b.Running &&
		slices.Equal(a.HardwareAddr, b.HardwareAddr)
}
