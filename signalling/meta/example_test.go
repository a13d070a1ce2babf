package meta_test

import (
	"fmt"
	"time"

	"github.com/cellhub/cellhub/signalling/meta"
)

// A user asks a network for its signalling channel.
func Example() {
	user, err := meta.NewUser(meta.UserConfig{
		Configuration: meta.General, Profile: "hall", Rate: 353, Timers: meta.DefaultTimers(), Seed: 7,
	})
	if err != nil {
		panic(err)
	}
	network, err := meta.NewNetwork(meta.NetworkConfig{
		First: 32, Last: 63, Broadcast: 2, Rate: 1000, Timers: meta.DefaultTimers(), Seed: 8,
	})
	if err != nil {
		panic(err)
	}

	now := time.Duration(0)
	if err := user.Request(now); err != nil {
		panic(err)
	}
	now, _ = user.Timeout() // it is held back for a while
	user.HandleTimeout(now)
	for _, a := range user.Actions() {
		m, _ := meta.Decode(a.Cell[:])
		fmt.Println(m.Type, m.Profile)
		_ = network.Receive(now, a.Cell[:])
	}
	for _, a := range network.Actions() {
		if a.Kind == meta.Send {
			_ = user.Receive(now, a.Cell[:])
			continue
		}
		fmt.Println("network:", a.Kind, a.ChannelA, a.ChannelB)
	}
	for _, a := range user.Actions() {
		fmt.Println("user:", a.Kind, a.ChannelA, a.ChannelB)
	}
	// Output:
	// ASSIGN REQUEST hall
	// network: Allocated 32 2
	// user: Ready 32 2
}

// A message is one cell payload.
func ExampleEncode() {
	cell, err := meta.Encode(meta.Message{Type: meta.CheckRequest, Reference: 7, ChannelA: 33})
	fmt.Printf("%X ... %X %v\n", cell[:8], cell[44:], err)
	m, err := meta.Decode(cell[:])
	fmt.Println(m, err)
	// Output:
	// 0101040007000021 ... 30ADD1F6 <nil>
	// CHECK REQUEST RI=7 SVCIA=33 <nil>
}
