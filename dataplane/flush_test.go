package dataplane

import (
	"encoding/binary"
	"errors"
	"fmt"
	"testing"

	"github.com/cellhub/cellhub/dataplane/block"
	"github.com/cellhub/cellhub/dataplane/control"
)

// A flush by command empties the queues of one stream, across hubs too, of the sides that it names;
// what comes afterwards passes.
func TestFlushByCommand(t *testing.T) {
	for sides, want := range map[uint32]struct{ up, down bool }{
		0: {false, false}, FlushRead: {false, true}, FlushWrite: {true, false}, FlushRead | FlushWrite: {false, false},
	} {
		t.Run(fmt.Sprint("sides ", sides), func(t *testing.T) {
			r := newRig(t, 2, block.Config{})
			bottom, top, up, down := across(r)
			bottom.stalled, top.stalled = true, true
			const messages = 200 // more than the ends hold
			for i := range messages {
				put(up, numbered(i))
				put(down, numbered(i))
				r.hubs[i%2].Pass()
			}
			a, err := r.fabric.Do(Command{Number: control.HubFlush, A: up.ID(), B: ProcID(sides)})
			if err != nil || len(a.Data) != 4 {
				t.Fatal(a, err)
			}
			freed := int(binary.BigEndian.Uint32(a.Data))
			bottom.resume()
			top.resume()
			r.settle()
			left := [2]int{len(top.got), len(bottom.got)}
			if freed+left[0]+left[1] != 2*messages || (left[0] > 0) != want.up || (left[1] > 0) != want.down {
				t.Errorf("%d freed, %v have come, of %d each way", freed, left, messages)
			}
			put(up, numbered(messages))
			put(down, numbered(messages))
			r.settle()
			if len(top.got) != left[0]+1 || len(bottom.got) != left[1]+1 {
				t.Error("what comes afterwards does not pass")
			}
		})
	}
	r := newRig(t, 1, block.Config{})
	if _, err := r.fabric.Do(Command{Number: control.HubFlush, A: 99}); !errors.Is(err, ErrHub) {
		t.Errorf("of nobody: %v", err)
	}
}
