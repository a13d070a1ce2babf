package pcb

import "strconv"

// State is what a connection has come to.
type State uint8

// The states.
const (
	Idle       State = iota // made, nothing asked yet
	Binding                 // the manager is asked for the local address
	Bound                   // has it
	Listening               // takes calls
	Connecting              // a call is under way
	Offered                 // a call has come, the user has not seen to it
	Deferred                // the user holds the call, the far side is told so
	Accepting               // the user has accepted, the manager is at work
	Connected               // carries data
	Cleared                 // over, its cause is known, the user has not closed
	Closing                 // the user has gone, the manager has not released yet
	Held                    // carries data, its manager has gone, grace is running
	Dead                    // free
	numStates
)

var stateNames = [numStates]string{"idle", "binding", "bound", "listening", "connecting", "offered",
	"deferred", "accepting", "connected", "cleared", "closing", "held", "dead"}

// String gives the state's name in small letters.
func (s State) String() string {
	if s < numStates {
		return stateNames[s]
	}
	return "state " + strconv.Itoa(int(s))
}

// Event is a message or an occurrence. Those that depend on more than the state come in
// two: Step tells them apart.
type Event uint8

// The events: of the user, by the SOCK types of the control protocol …
const (
	Bind      Event = iota
	Listen          //
	Connect         //
	Attach          // BIND or CONNECT that names a PVC: no manager is asked
	Defer           // the user's answer to INCOMING: it holds the call
	Accept          //
	Reject          //
	Close           // CLOSE, and the end of the user's process
	Modify          //
	AddParty        //
	DropParty       //

	// … of the manager …
	Okay     // with a VC, or its claim of a held connection
	Fail     //
	Incoming // a call for this listener
	Closed   //
	Released //
	Alerting //
	AddVC    // ATM ADD
	DelVC    // ATM DEL

	// … and of the hub.
	ManagerGone  //
	HoldOver     // grace has run out, or DONE came without a claim
	ListenerGone // the listener of an offered call has closed

	// Told apart by Step, not for its callers.
	okayEarly  // OKAY without a VC
	closeAlone // CLOSE when there is nobody to release it
	lapse      // the manager has gone, and there is grace
	numEvents
)

var eventNames = [numEvents]string{"BIND", "LISTEN", "CONNECT", "attach", "defer", "ACCEPT", "REJECT", "CLOSE",
	"MODIFY", "ADDPARTY", "DROPPARTY", "OKAY", "FAIL", "INCOMING", "CLOSED", "RELEASED", "ALERTING", "ATM ADD",
	"ATM DEL", "manager gone", "hold over", "listener gone", "OKAY without VC", "CLOSE alone", "manager gone, grace"}

// String gives the message's name, or the occurrence's in small letters.
func (e Event) String() string {
	if e < numEvents {
		return eventNames[e]
	}
	return "event " + strconv.Itoa(int(e))
}

// Action is one thing that the hub has to do.
type Action uint8

// The actions.
const (
	None            Action = iota
	Forward                // pass the message on to the other side
	UserReleased           // tell the user RELEASED
	UserUnattached         // tell the user FAIL or CLOSED with EUNATCH; its waiters wake
	UserClosed             // tell the user CLOSED
	ManagerClose           // tell the manager CLOSE
	ManagerReject          // tell the manager REJECT
	ManagerAlerting        // tell the manager that the user is alerted
	BindVC                 // write the association and the classifier's maps
	UnbindVC               // clear them
	Offer                  // make a block for the call and tell the user INCOMING
	StartHold              // let it live until the grace is over
	StopHold               // it has a manager again
	Free                   // the block is free; the id is stale
	numActions
)

var actionNames = [numActions]string{"none", "forward", "user RELEASED", "user unattached", "user CLOSED", "manager CLOSE",
	"manager REJECT", "manager ALERTING", "bind VC", "unbind VC", "offer", "start hold", "stop hold", "free"}

// String names the action.
func (a Action) String() string {
	if a < numActions {
		return actionNames[a]
	}
	return "action " + strconv.Itoa(int(a))
}
