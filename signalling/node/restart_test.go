package node

import (
	"errors"
	"testing"
	"time"

	"github.com/cellhub/cellhub/signalling/q2931"
)

// TestRestart: calls of the interface go, on both sides and at their other ends, and its link
// makes calls again (Q.2931, 5.5.1 and 5.5.2).
func TestRestart(t *testing.T) {
	w := newWorld(t, 5)
	w.polite = true
	a, b := chain(w)
	w.run(10 * time.Second)
	l := b.listen()
	calls := []*sock{a.call(b, nil), a.call(b, nil)}
	w.run(2 * time.Second)
	w.settled()
	if ok, err := a.n.Restart(w.now, 7); ok || err != nil {
		t.Errorf("no such interface: %v, %v", ok, err)
	}
	restart := func() error {
		ok, err := a.n.Restart(w.now, 1)
		if !ok {
			t.Fatal("it has no port 1")
		}
		a.drain()
		return err
	}
	if err := restart(); err != nil {
		t.Fatal(err)
	}
	if err := restart(); !errors.Is(err, q2931.ErrState) {
		t.Errorf("twice at a time: %v", err)
	}
	w.run(2 * time.Second)
	for n, k := range calls {
		if !k.up || !k.over {
			t.Errorf("call %d: up %v, over %v", n, k.up, k.over)
		}
	}
	k := a.call(b, nil)
	w.run(2 * time.Second)
	if w.settled(); !k.up || k.over {
		t.Error("no call afterwards")
	}
	a.close(k)
	b.close(l)
	w.run(time.Minute)
	w.empty()
}
