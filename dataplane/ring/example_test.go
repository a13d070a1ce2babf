package ring_test

import (
	"fmt"

	"github.com/cellhub/cellhub/dataplane/ring"
)

func Example() {
	type message struct{ kind, length uint32 }
	p, c, err := ring.New[message](8)
	if err != nil {
		fmt.Println(err)
		return
	}
	var bell ring.Doorbell

	// The consumer finds nothing to do, arms the bell, looks again, sleeps.
	bell.Arm()
	fmt.Println("sleep:", c.Empty())

	// The producer stores a batch, publishes it once, rings once.
	stored := p.PutBatch([]message{{1, 48}, {1, 96}, {2, 0}})
	fmt.Println("stored:", stored, "published:", p.Publish(), "wake:", bell.NeedsWake())

	// The consumer wakes, drains, and gives the slots back.
	bell.Disarm()
	in := make([]message, 32)
	for _, m := range in[:c.GetBatch(in)] {
		fmt.Println(m.kind, m.length)
	}
	c.Release()
	// Output:
	// sleep: true
	// stored: 3 published: true wake: true
	// 1 48
	// 1 96
	// 2 0
}
