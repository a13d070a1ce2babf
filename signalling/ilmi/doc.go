// Package ilmi is ILMI, by which the two ends of an ATM interface tell each
// other who they are, see that the other lives, and register addresses: the
// ATM Forum's af-ilmi-0065 (ILMI 4.0), user side and network side.
//
// A [Machine] is one end. It does no I/O, starts no goroutine and reads no
// clock: PDUs, requests and the time go in, a list of actions comes out.
//
//	   prefixes, services                              identifiers, groups
//	SetPrefixes  SetServices                        SetIdentifiers  SetGroups  Discover
//	          │                                               │
//	     ┌────▼────┐    SET prefix                       ┌────▼────┐
//	     │ network │ ──────────────────────────────────▶ │  user   │
//	     │  side   │                    SET address      │  side   │
//	     │         │ ◀────────────────────────────────── │         │
//	     └────┬────┘   GET, GETNEXT, coldStart: both     └────┬────┘
//	          ▼                                               ▼
//	 Actions: Added address                          Actions: Added prefix
//	          Registered prefix                               Registered address
//
// PDUs are those of SNMPv1 with the community "ILMI", one in each AAL5 SDU on
// VPI 0, VCI 16, of at most 484 octets. BER is read and written by
// github.com/go-asn1-ber/asn1-ber.
//
// # Driving a machine
//
// After every input take the actions, do them in their order, and ask for the
// next deadline:
//
//	m, err := ilmi.New(ilmi.DefaultConfig(ilmi.UserSide))
//	err = m.SetIdentifiers(now(), identifiers)
//	m.Start(now()) // the link is there
//	for {
//		select {
//		case sdu := <-received:
//			m.Receive(now(), sdu)
//		case <-timer:
//			m.HandleTimeout(now())
//		}
//		for _, a := range m.Actions() {
//			switch a.Kind {
//			case ilmi.Send:
//				transmit(a.PDU)
//			case ilmi.Registered:
//				listen(a.Address)
//			// ...
//			}
//		}
//		if at, running := m.Timeout(); running {
//			timer = after(at - now())
//		}
//	}
//
// Time is what has passed since any moment the caller chose, by a clock that
// never goes back. Nothing happens between calls.
//
// # What it does
//
// While the peer does not answer (LinkFailing), coldStart and a question go
// out every S. Its answer says what it is attached by; then it is asked what it
// can do (Establishing), what it has of ours is read (Retrieving), and what it
// lacks or has too much is set (Registering). From then on (Verifying) it is
// asked every T whether it lives, and K questions without an answer mean that
// it does not. It has restarted when it sends coldStart, when it names another
// system or port, or when its sysUpTime shows less than it must.
//
// # Beyond the standard
//
//   - Every VerifyEvery polls the rows that we have registered are read again,
//     so that what a peer has lost, with its coldStart lost too, comes back.
//   - After a restart that only the clock shows, rows that the peer has set or
//     read since stay.
//   - A GET that fails for one object is asked again without it: older peers
//     lack objects.
//   - Requests may have any value where NULL is due, as those of linux-atm's
//     ilmid have.
//   - A SET of what is no status or scope is noSuchName, as RFC 1157 has it.
//
// # What is not there
//
// The tables of permanent connections (atmfVpcTable, atmfVccTable and their ABR
// parts), cell counters (atmfAtmStatsTable, deprecated), atmfMyOsiNmNsapAddress,
// and the traps that announce changes of permanent connections: those of the
// peer are counted and passed over.
package ilmi
