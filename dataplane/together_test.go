package dataplane

import (
	"errors"
	"slices"
	"testing"

	"github.com/cellhub/cellhub/dataplane/control"
)

// TestTogether: many changes between the same two messages, of hubs that run: on one hub no
// pass comes between, and on several they join streams across.
func TestTogether(t *testing.T) {
	for _, hubs := range []int{1, 2} {
		r := newRunners(t, hubs)
		r.start()
		var stream []Process
		var passes []uint64
		err := r.fabric.Together(func(x Changes) {
			var ids []ProcID
			for i := range 3 {
				made, err := x.Build(i%hubs, Part{Name: "pass"})
				if err != nil {
					t.Error(err)
					return
				}
				if ids = append(ids, made[0]); i > 0 {
					if _, err := x.Do(Command{Number: control.HubLink, A: ids[i-1], B: ids[i]}); err != nil {
						t.Error(err)
					}
				}
				if err := x.On(ids[i], func() { passes = append(passes, r.hubs[0].counters.Passes) }); err != nil {
					t.Error(err)
				}
				if err := x.SetMarks(ids[i], 100, 10); err != nil {
					t.Error(err)
				}
			}
			if err := x.On(12345, func() {}); !errors.Is(err, ErrHub) {
				t.Errorf("of nobody: %v", err)
			}
			stream, _ = x.Stream(ids[0])
			for _, id := range ids {
				if _, err := x.Do(Command{Number: control.HubClose, A: id}); err != nil {
					t.Error(err)
				}
			}
		})
		if err != nil || len(stream) != 3 || len(slices.Compact(passes)) != 1 {
			t.Errorf("%d hubs: %v, %v, passes %v", hubs, err, stream, passes)
		}
		r.stop()
		if err := r.fabric.Together(func(Changes) { t.Error("on a hub that is closed") }); !errors.Is(err, ErrHub) {
			t.Errorf("%d hubs, closed: %v", hubs, err)
		}
	}
}
