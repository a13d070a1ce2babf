package aal

import "time"

// Times of fault management (I.610, 9.2.1 and 9.2.2). The standard allows
// half a second either way on the two timeouts.
const (
	OAMPeriod     = time.Second             // between AIS, RDI and CC cells
	OAMAISTimeout = 2500 * time.Millisecond // AIS or RDI state without such a cell
	OAMLOCTimeout = 3500 * time.Millisecond // no user or CC cell: continuity lost
)

// OAMState is the set of defects that an end point sees.
type OAMState uint8

// The defects.
const (
	OAMStateAIS OAMState = 1 << iota // AIS cells come
	OAMStateRDI                      // RDI cells come: the far end sees a defect
	OAMStateLOC                      // loss of continuity
)

var oamStateNames = [8]string{"up", "AIS", "RDI", "AIS RDI", "LOC", "AIS LOC", "RDI LOC", "AIS RDI LOC"}

// String names the defects: "AIS RDI", or "up" when there are none.
func (s OAMState) String() string { return oamStateNames[s&7] }

// OAMDue is the set of cells that a monitor wants sent now.
type OAMDue uint8

// The cells: MakeOAMFault(OAMRDI), PutOAMContinuity.
const (
	OAMDueRDI OAMDue = 1 << iota
	OAMDueCC
)

// OAMMonitor is the fault management of one end point of one flow: it keeps
// the defects and tells what to send. The clock is a time since any fixed
// origin, the same in all calls, that never runs back. The zero value watches
// AIS and RDI; continuity is watched and proven after Sink and Source.
//
// User and Sent are for the hot path: each is one store.
type OAMMonitor struct {
	state        OAMState
	sink, source bool
	userSeen     bool          // a user cell came since the last Poll
	lastGood     time.Duration // last user or CC cell
	lastAIS      time.Duration
	lastRDI      time.Duration
	lastSent     time.Duration // last user or CC cell sent
	nextRDI      time.Duration
}

// Sink starts or stops watching for loss of continuity. It starts as if a
// cell had just come.
func (m *OAMMonitor) Sink(now time.Duration, on bool) {
	m.sink = on
	m.lastGood = now
	m.state &^= OAMStateLOC
}

// Source starts or stops sending continuity check cells. They are sent when
// no user cell has been for [OAMPeriod], the first of the standard's options;
// a caller that never calls Sent has the other, a cell every period.
func (m *OAMMonitor) Source(now time.Duration, on bool) {
	m.source = on
	m.lastSent = now - OAMPeriod
}

// User notes that user cells of the connection came.
func (m *OAMMonitor) User() { m.userSeen = true }

// Sent notes that user cells of the connection were sent.
func (m *OAMMonitor) Sent(now time.Duration) { m.lastSent = now }

// Cell notes an OAM cell of the flow whose CRC-10 was right.
func (m *OAMMonitor) Cell(now time.Duration, k OAMKind) {
	switch k {
	case OAMAIS:
		if m.state&OAMStateAIS == 0 {
			m.nextRDI = now
		}
		m.state |= OAMStateAIS
		m.lastAIS = now
		m.userSeen = false // what came before the AIS does not end it
	case OAMRDI:
		m.state |= OAMStateRDI
		m.lastRDI = now
	case OAMCC:
		m.good(now)
	}
}

// good notes proof of continuity.
func (m *OAMMonitor) good(now time.Duration) {
	m.lastGood = now
	m.state &^= OAMStateAIS | OAMStateLOC
}

// Poll advances the clock and tells the cells to send now, once each. Call it
// a few times a second.
func (m *OAMMonitor) Poll(now time.Duration) (due OAMDue) {
	if m.userSeen {
		m.userSeen = false
		m.good(now)
	}
	if m.state&OAMStateAIS != 0 && now-m.lastAIS >= OAMAISTimeout {
		m.state &^= OAMStateAIS
		m.lastGood = now // LOC is watched anew after AIS
	}
	if m.state&OAMStateRDI != 0 && now-m.lastRDI >= OAMAISTimeout {
		m.state &^= OAMStateRDI
	}
	if m.sink && m.state&(OAMStateAIS|OAMStateLOC) == 0 && now-m.lastGood >= OAMLOCTimeout {
		m.state |= OAMStateLOC
		m.nextRDI = now
	}
	if m.state&(OAMStateAIS|OAMStateLOC) != 0 && now >= m.nextRDI {
		due |= OAMDueRDI
		m.nextRDI = now + OAMPeriod
	}
	if m.source && now-m.lastSent >= OAMPeriod {
		due |= OAMDueCC
		m.lastSent = now
	}
	return due
}

// State gives the defects as of the last Poll or Cell.
func (m *OAMMonitor) State() OAMState { return m.state }
