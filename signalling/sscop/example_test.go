package sscop_test

import (
	"fmt"
	"time"

	"github.com/cellhub/cellhub/signalling/sscop"
)

// Two ends on a link without delay, and a clock that the example turns.
func Example() {
	a, _ := sscop.New(sscop.DefaultConfig())
	b, _ := sscop.New(sscop.DefaultConfig())
	now := time.Duration(0)

	// work does what the machine of one end asks for, and says whether
	// anything went to the other.
	work := func(name string, from, to *sscop.Machine) (sent bool) {
		for _, act := range from.Actions() {
			switch act.Kind {
			case sscop.Send:
				p, _ := sscop.Decode(act.Data)
				fmt.Printf("%v %s sends %v\n", now, name, &p)
				_ = to.Receive(now, act.Data)
				sent = true
			case sscop.EstablishIndication:
				_ = from.EstablishResponse(now, nil, true)
				sent = true
			case sscop.DataIndication:
				fmt.Printf("%v %s has %q\n", now, name, act.Data)
			}
		}
		return sent
	}
	settle := func() {
		for work("a", a, b) || work("b", b, a) {
		}
	}

	_ = a.Establish(now, nil, true)
	settle()
	_ = a.Data(now, []byte("SETUP"))
	settle()
	now, _ = a.Timeout() // nothing else happens before it
	a.HandleTimeout(now)
	settle()
	fmt.Println(a.State(), "/", b.State(), "/", a.Pending(), "pending")

	// Output:
	// 0s a sends BGN N(SQ)=1 N(MR)=256
	// 0s b sends BGAK N(MR)=256
	// 0s a sends SD N(S)=0 5 octets
	// 0s b has "SETUP"
	// 750ms a sends POLL N(PS)=1 N(S)=1
	// 750ms b sends STAT N(PS)=1 N(R)=1 N(MR)=257
	// Data Transfer Ready / Data Transfer Ready / 0 pending
}
