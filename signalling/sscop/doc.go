// Package sscop is SSCOP, the protocol that carries signalling over an ATM
// connection without loss: ITU-T Q.2110 (07/94), all states, PDUs and timers.
//
// A [Machine] is one end of a connection. It does no I/O, starts no goroutine
// and reads no clock: PDUs, requests and the time go in, a list of actions
// comes out.
//
//	      AA-ESTABLISH, AA-DATA, ...             the user: SSCF, package sscf
//	Establish  Data  Release │ ▲ Actions: EstablishConfirm, DataIndication, ...
//	                         ▼ │
//	HandleTimeout(now) ─▶ ┌─────────┐ ─▶ Timeout()
//	                      │ Machine │    state × signal ─▶ one handler (table.go)
//	         SetBusy   ─▶ └─────────┘ ─▶ Actions: ErrorIndication, ...
//	                         ▲ │
//	            Receive(pdu) │ ▼ Actions: Send
//	       a CPCS-SDU of AAL5, in order, without errors
//
// # Driving a machine
//
// After every input take the actions, do them in their order, and ask for the
// next deadline:
//
//	m, err := sscop.New(sscop.DefaultConfig())
//	for {
//		select {
//		case pdu := <-received:
//			m.Receive(now(), pdu)
//		case message := <-toSend:
//			err = m.Data(now(), message)
//		case <-timer:
//			m.HandleTimeout(now())
//		}
//		for _, a := range m.Actions() {
//			switch a.Kind {
//			case sscop.Send:
//				transmit(a.Data)
//			case sscop.DataIndication:
//				deliver(a.Data)
//			// ...
//			}
//		}
//		if at, running := m.Timeout(); running {
//			timer = after(at - now())
//		}
//	}
//
// Time is what has passed since any moment the caller chose, by a clock that
// never goes back; a time before the last one counts as the last one. Nothing
// happens between calls: a machine that is not called stands still, and a call
// that is late makes each timer expire once, not once for each period missed.
// When a PDU and a deadline fall together, hand in the PDU first.
//
// # Memory
//
// What goes in stays the caller's and is copied where it must be kept. What
// comes out is the machine's, and valid until the next call of Actions. In
// steady state no input allocates. Buffers grow to what they once had to hold,
// within Config.Queue messages to send and Config.Window messages out of turn,
// each of Config.K octets.
//
// # Restarts
//
// BGN, RS and ER carry N(SQ), by which the other end tells a new one from a
// repeated one. A program that starts again with N(SQ) 1 has its BGN taken for
// a repetition when the last life ended with 1: the peer answers as it did,
// and goes on as if nothing had happened. So [SequenceUsed] tells each new
// N(SQ) before the PDU that carries it, and [Config].LastSQ takes the last one
// back.
//
// # What the link must be
//
// Q.2110 counts on ATM: PDUs may be lost, but come in order and once. One that
// is repeated or overtaken leads to error recovery (codes Q and T), of which
// the user is told; no message is delivered twice or out of order, unless one
// from an earlier connection overtakes the PDU that began a new one.
//
// # Where Q.2110 is not followed to the letter
//
//   - Timer_NO-RESPONSE is restarted by a repeated BGN, RS or ER only when it
//     runs: starting it in the idle phase would end the connection.
//   - Code V is reported for SDs that are sent again, never for none.
//   - What is queued is sent when it may be, rather than when a signal that it
//     was queued is taken from a queue: a signal used up on a closed window
//     would leave its message behind.
package sscop

//go:generate go test -run TestConformancePage . -rewrite
