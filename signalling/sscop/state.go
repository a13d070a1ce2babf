package sscop

import "fmt"

// State is a state of Q.2110, 7.3; the number is the one there.
type State uint8

// The ten states.
const (
	Idle                  State = 1
	OutgoingConnection    State = 2  // BGN is out
	IncomingConnection    State = 3  // the user is asked
	OutgoingDisconnection State = 4  // END is out
	OutgoingResync        State = 5  // RS is out
	IncomingResync        State = 6  // the user is asked
	OutgoingRecovery      State = 7  // ER is out
	RecoveryResponse      State = 8  // ER is answered, the user is asked
	IncomingRecovery      State = 9  // ER has come, the user is asked
	Ready                 State = 10 // data transfer
	numStates                   = 11
)

var stateNames = [numStates]string{
	Idle: "Idle", OutgoingConnection: "Outgoing Connection Pending", IncomingConnection: "Incoming Connection Pending",
	OutgoingDisconnection: "Outgoing Disconnection Pending", OutgoingResync: "Outgoing Resynchronization Pending",
	IncomingResync: "Incoming Resynchronization Pending", OutgoingRecovery: "Outgoing Recovery Pending",
	RecoveryResponse: "Recovery Response Pending", IncomingRecovery: "Incoming Recovery Pending", Ready: "Data Transfer Ready",
}

// String gives the name of 7.3.
func (s State) String() string {
	if int(s) < len(stateNames) && stateNames[s] != "" {
		return stateNames[s]
	}
	return fmt.Sprintf("state %d", uint8(s))
}

// signal is what can happen to a machine. 1 to 15 are the PDUs.
type signal uint8

const (
	sigTimerCC signal = iota + 16
	sigTimerPoll
	sigTimerKeepAlive
	sigTimerNoResponse
	sigTimerIdle
	sigEstablishRequest
	sigEstablishResponse
	sigReleaseRequest
	sigDataRequest
	sigRecoverResponse
	sigResyncRequest
	sigResyncResponse
	sigRetrieveRequest
	sigUnitDataRequest
	sigManagementRequest
	numSignals
)

var signalNames = [...]string{
	"Timer_CC", "Timer_POLL", "Timer_KEEP-ALIVE", "Timer_NO-RESPONSE", "Timer_IDLE", "AA-ESTABLISH.request",
	"AA-ESTABLISH.response", "AA-RELEASE.request", "AA-DATA.request", "AA-RECOVER.response", "AA-RESYNC.request",
	"AA-RESYNC.response", "AA-RETRIEVE.request", "AA-UNITDATA.request", "MAA-UNITDATA.request",
}

func (s signal) String() string {
	if s < sigTimerCC {
		return PDUType(s).String()
	}
	return signalNames[s-sigTimerCC]
}
