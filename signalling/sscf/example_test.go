package sscf_test

import (
	"fmt"

	"github.com/cellhub/cellhub/signalling/sscf"
	"github.com/cellhub/cellhub/signalling/sscop"
)

// A user that restarts: N(SQ) is kept, and the peer's user is told that the
// connection was released and established.
func Example() {
	kept := uint8(0) // what a real program has on its disk
	start := func() *sscf.Machine {
		cfg := sscop.DefaultConfig()
		cfg.LastSQ = kept
		m, err := sscf.New(cfg)
		if err != nil {
			panic(err)
		}
		return m
	}
	user, network := start(), start()

	settle := func() {
		for moved := true; moved; {
			moved = false
			for _, a := range user.Actions() {
				switch moved = true; a.Kind {
				case sscf.SequenceUsed:
					kept = a.SQ
				case sscf.Send:
					_ = network.Receive(0, a.Data)
				default:
					fmt.Println("user:", a.Kind)
				}
			}
			for _, a := range network.Actions() {
				if moved = true; a.Kind == sscf.Send {
					_ = user.Receive(0, a.Data)
				} else {
					fmt.Println("network:", a.Kind)
				}
			}
		}
	}
	_ = user.Establish(0, nil)
	settle()
	user = start()
	_ = user.Establish(0, nil)
	settle()

	// Output:
	// network: AAL-ESTABLISH.indication
	// user: AAL-ESTABLISH.confirm
	// network: AAL-RELEASE.indication
	// network: AAL-ESTABLISH.indication
	// user: AAL-ESTABLISH.confirm
}
