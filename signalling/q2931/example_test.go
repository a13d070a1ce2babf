package q2931_test

import (
	"fmt"
	"time"

	"github.com/cellhub/cellhub/signalling/ie"
	"github.com/cellhub/cellhub/signalling/q2931"
)

// A user and a network, joined without a link between them: what one wants sent
// the other gets.
func Example() {
	user, _ := q2931.New(q2931.Config{Side: q2931.User, Version: q2931.UNI40})
	network, _ := q2931.New(q2931.Config{Side: q2931.Network, Version: q2931.UNI40})
	now := time.Duration(0) // the time since any fixed moment

	// pump does what a machine wants done: messages go to the peer, the rest
	// is for call control, here this function.
	var pump func(m, peer *q2931.Machine)
	pump = func(m, peer *q2931.Machine) {
		for _, e := range m.Ready() {
			switch e.Kind {
			case q2931.EstablishRequest: // AAL-ESTABLISH-request: SSCOP would do it
				m.Step(now, &q2931.Event{Kind: q2931.EstablishConfirm})
				peer.Step(now, &q2931.Event{Kind: q2931.EstablishIndication})
			case q2931.DataRequest:
				message, _ := q2931.Decode(e.Data)
				fmt.Printf("%v: %v\n", m.Config().Side, message.Type)
				peer.Step(now, &q2931.Event{Kind: q2931.DataIndication, Data: e.Data})
			case q2931.SetupIndication: // accept, on VCI 32
				m.Step(now, &q2931.Event{Kind: q2931.SetupResponse, Call: e.Call, Elements: []ie.Element{
					ie.New(&ie.Connection{Associated: ie.Explicit, VCI: 32})}})
			case q2931.ReleaseIndication:
				m.Step(now, &q2931.Event{Kind: q2931.ReleaseResponse, Call: e.Call})
			}
			pump(peer, m)
			pump(m, peer)
		}
	}

	setup := q2931.Event{Kind: q2931.SetupRequest, Elements: []ie.Element{
		ie.New(&ie.TrafficDescriptor{Traffic: ie.Traffic{
			ForwardPeak01: ie.Some[uint32](353207), BackwardPeak01: ie.Some[uint32](353207), BestEffort: true}}),
		ie.New(&ie.BearerCapability{Class: ie.BearerX}),
		ie.New(&ie.CalledNumber{Number: ie.Number{Plan: ie.PlanATM, Digits: make([]byte, 20)}}),
		ie.New(&ie.QoSParameter{}),
	}}
	if err := user.Step(now, &setup); err != nil {
		fmt.Println(err)
	}
	pump(user, network)
	info, _ := user.Info(setup.Call)
	fmt.Println(info.State, "on VCI", info.Connection.VCI)

	user.Step(now, &q2931.Event{Kind: q2931.ReleaseRequest, Call: setup.Call, Elements: []ie.Element{
		ie.New(&ie.Cause{Value: ie.CauseNormal})}})
	pump(user, network)
	fmt.Println(user.Len(), "and", network.Len(), "calls")

	// Output:
	// user: SETUP
	// network: CONNECT
	// user: CONNECT ACKNOWLEDGE
	// active on VCI 32
	// user: RELEASE
	// network: RELEASE COMPLETE
	// 0 and 0 calls
}

// Time is driven from outside: Deadline says when Tick is due.
func ExampleMachine_Deadline() {
	m, _ := q2931.New(q2931.Config{Side: q2931.User, Timers: q2931.Timers{T303: 4 * time.Second}})
	m.Step(0, &q2931.Event{Kind: q2931.EstablishConfirm})
	m.Step(0, &q2931.Event{Kind: q2931.SetupRequest, Elements: []ie.Element{
		ie.New(&ie.TrafficDescriptor{Traffic: ie.Traffic{ForwardPeak01: ie.Some[uint32](1), BackwardPeak01: ie.Some[uint32](1)}}),
		ie.New(&ie.BearerCapability{Class: ie.BearerX}),
		ie.New(&ie.CalledNumber{Number: ie.Number{Type: ie.NumberInternational, Plan: ie.PlanE164, Digits: []byte("35891234")}}),
	}})
	for range 4 {
		for _, e := range m.Ready() {
			fmt.Println(e)
		}
		at, running := m.Deadline()
		if !running {
			break
		}
		fmt.Println("at", at)
		m.Tick(at)
	}

	// Output:
	// Link-up.indication
	// AAL-DATA-request SETUP call 1/0 to "35891234"
	// at 4s
	// AAL-DATA-request SETUP call 1/0 to "35891234"
	// at 8s
	// AAL-DATA-request RELEASE COMPLETE call 1/0 cause 102 "recovery on timer expiry"
	// Release.confirm 1 out cause 102
}

// A message as one line, and in full.
func ExampleDecode() {
	m, err := q2931.Decode([]byte{9, 3, 0x80, 0, 1, 0x4d, 0x80, 0, 9, 8, 0x80, 0, 5, 0x82, 0xe6, '3', '1', '0'})
	if err != nil {
		fmt.Println(err)
	}
	fmt.Println(m.String())
	fmt.Print(m.Text())

	// Output:
	// RELEASE call 1/1 cause 102 "recovery on timer expiry"
	// RELEASE, call reference 1, flag 1
	//   Cause (ITU-T coding)
	//     location: public network serving the local user (2)
	//     value: recovery on timer expiry (102)
	//     diagnostics: T310
}
