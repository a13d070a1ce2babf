package sscf

import (
	"fmt"

	"github.com/cellhub/cellhub/signalling/sscop"
)

// State is a state of Q.2130: of the connection as the user sees it, and of
// SSCOP beneath.
type State uint8

// The states; Q.2130's numbers, the user's view and SSCOP's state, are in the
// comments.
const (
	Released          State = iota // 1/1
	AwaitingEstablish              // 2/2
	AwaitingResync                 // 2/5: established anew on a connection that was there
	AwaitingRelease                // 3/4
	Established                    // 4/10
	numStates
)

var stateNames = [numStates]string{"Released", "Awaiting establish", "Awaiting resynchronization", "Awaiting release", "Established"}

// String gives the name of the state.
func (s State) String() string {
	if s < numStates {
		return stateNames[s]
	}
	return fmt.Sprintf("state %d", uint8(s))
}

// signal is a request of the user or a primitive of SSCOP.
type signal uint8

const (
	sigEstablishRequest signal = iota
	sigReleaseRequest
	sigDataRequest
	sigEstablishIndication
	sigEstablishConfirm
	sigReleaseIndication
	sigReleaseConfirm
	sigDataIndication
	sigRecoverIndication
	sigResyncIndication
	sigResyncConfirm
	numSignals
)

// fromSSCOP says which signal a primitive of SSCOP is. Those of retrieval have
// none: SSCF at the UNI does not ask for it.
func fromSSCOP(k sscop.Kind) (s signal, ok bool) {
	switch k {
	case sscop.EstablishIndication:
		return sigEstablishIndication, true
	case sscop.EstablishConfirm:
		return sigEstablishConfirm, true
	case sscop.ReleaseIndication:
		return sigReleaseIndication, true
	case sscop.ReleaseConfirm:
		return sigReleaseConfirm, true
	case sscop.DataIndication:
		return sigDataIndication, true
	case sscop.RecoverIndication:
		return sigRecoverIndication, true
	case sscop.ResyncIndication:
		return sigResyncIndication, true
	case sscop.ResyncConfirm:
		return sigResyncConfirm, true
	}
	return 0, false
}

// request is what SSCF asks of SSCOP.
type request uint8

const (
	noRequest request = iota
	establishRequest
	establishResponse
	releaseRequest
	dataRequest
	recoverResponse
	resyncRequest
	resyncResponse
)

// cell is what a signal does in a state.
type cell struct {
	known bool
	next  State
	down  request // to SSCOP, with the user's data if the user gave some
	up    Kind    // to the user, with SSCOP's data; Send for none
}

func to(next State, down request, up Kind) cell { return cell{true, next, down, up} }

const noKind = Send

// table is SSCF at the UNI (Q.2130). An empty cell is a request that is
// refused, or a primitive that SSCOP does not give in that state. BR is always
// yes.
var table = [numStates][numSignals]cell{
	Released: {
		sigEstablishRequest:    to(AwaitingEstablish, establishRequest, noKind),
		sigReleaseRequest:      to(Released, noRequest, ReleaseConfirm),
		sigEstablishIndication: to(Established, establishResponse, EstablishIndication),
	},
	AwaitingEstablish: {
		sigReleaseRequest:    to(AwaitingRelease, releaseRequest, noKind),
		sigEstablishConfirm:  to(Established, noRequest, EstablishConfirm),
		sigReleaseIndication: to(Released, noRequest, ReleaseIndication),
	},
	AwaitingResync: {
		sigReleaseRequest:    to(AwaitingRelease, releaseRequest, noKind),
		sigReleaseIndication: to(Released, noRequest, ReleaseIndication),
		sigResyncConfirm:     to(Established, noRequest, EstablishConfirm),
	},
	AwaitingRelease: {
		sigEstablishRequest: to(AwaitingEstablish, establishRequest, noKind),
		sigReleaseConfirm:   to(Released, noRequest, ReleaseConfirm),
	},
	Established: {
		sigEstablishRequest:  to(AwaitingResync, resyncRequest, noKind),
		sigReleaseRequest:    to(AwaitingRelease, releaseRequest, noKind),
		sigDataRequest:       to(Established, dataRequest, noKind),
		sigReleaseIndication: to(Released, noRequest, ReleaseIndication),
		sigDataIndication:    to(Established, noRequest, DataIndication),
		sigRecoverIndication: to(Established, recoverResponse, EstablishIndication),
		sigResyncIndication:  to(Established, resyncResponse, EstablishIndication),
	},
}
