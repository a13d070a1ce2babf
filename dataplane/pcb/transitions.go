package pcb

import "syscall"

// cell is what happens on an event in a state: a next state and actions in order, or a
// refusal that changes nothing.
type cell struct {
	next    State
	do      [maxActions]Action
	errno   syscall.Errno
	decided bool // every pair is: a test sees to it
}

// maxActions is the most that one event asks for.
const maxActions = 5

// to goes to a state.
func to(next State, do ...Action) (c cell) {
	c.next, c.decided = next, true
	copy(c.do[:], do)
	return c
}

// no refuses.
func no(errno syscall.Errno) cell { return cell{errno: errno, decided: true} }

// The refusals.
const (
	invalid = syscall.EINVAL       // not in this state
	already = syscall.EALREADY     // under way
	isConn  = syscall.EISCONN      // done
	notConn = syscall.ENOTCONN     // no connection, or none any more
	aborted = syscall.ECONNABORTED // the other side was faster
	refused = syscall.ECONNREFUSED // nobody listens
	stale   = syscall.ESTALE       // not in use any more
	early   = syscall.EPROTO       // the maps must be written before OKAY
	busy    = syscall.EBUSY        // it carries data
)

// transitions is the machine: every state and every event. The manager's messages are
// never refused for having crossed the user's CLOSE; of all that says the end, in any
// order, one RELEASED comes.
var transitions = [numStates][numEvents]cell{
	Idle: {
		Bind: to(Binding, Forward), Listen: to(Listening, Forward), Connect: to(Connecting, Forward),
		Attach: to(Connected, BindVC), Defer: no(invalid), Accept: no(invalid), Reject: no(invalid),
		Close: to(Dead, UserReleased, Free), closeAlone: to(Dead, UserReleased, Free),
		Modify: no(notConn), AddParty: no(notConn), DropParty: no(notConn),
		Okay: no(invalid), okayEarly: no(invalid), Fail: no(invalid), Incoming: no(refused),
		Closed: no(invalid), Released: no(invalid), Alerting: no(invalid), AddVC: no(invalid), DelVC: no(invalid),
		ManagerGone: to(Idle), lapse: to(Idle), HoldOver: to(Idle), ListenerGone: to(Idle),
	},
	Binding: {
		Bind: no(already), Listen: no(already), Connect: no(already), Attach: no(already),
		Defer: no(invalid), Accept: no(invalid), Reject: no(invalid),
		Close: to(Closing, ManagerClose), closeAlone: to(Dead, UserReleased, Free),
		Modify: no(notConn), AddParty: no(notConn), DropParty: no(notConn),
		Okay: no(invalid), okayEarly: to(Bound, Forward), Fail: to(Cleared, Forward), Incoming: no(refused),
		Closed: to(Cleared, Forward), Released: to(Cleared, UserClosed), Alerting: no(invalid), AddVC: no(invalid), DelVC: no(invalid),
		ManagerGone: to(Cleared, UserUnattached), lapse: to(Cleared, UserUnattached),
		HoldOver: to(Binding), ListenerGone: to(Binding),
	},
	Bound: {
		Bind: no(invalid), Listen: to(Listening, Forward), Connect: to(Connecting, Forward), Attach: no(invalid),
		Defer: no(invalid), Accept: no(invalid), Reject: no(invalid),
		Close: to(Closing, ManagerClose), closeAlone: to(Dead, UserReleased, Free),
		Modify: no(notConn), AddParty: no(notConn), DropParty: no(notConn),
		Okay: no(invalid), okayEarly: no(invalid), Fail: to(Cleared, Forward), Incoming: no(refused),
		Closed: to(Cleared, Forward), Released: to(Cleared, UserClosed), Alerting: no(invalid), AddVC: no(invalid), DelVC: no(invalid),
		ManagerGone: to(Cleared, UserUnattached), lapse: to(Cleared, UserUnattached),
		HoldOver: to(Bound), ListenerGone: to(Bound),
	},
	Listening: { // OKAY: the manager has taken the address
		Bind: no(invalid), Listen: no(already), Connect: no(invalid), Attach: no(invalid),
		Defer: no(invalid), Accept: no(invalid), Reject: no(invalid),
		Close: to(Closing, ManagerClose), closeAlone: to(Dead, UserReleased, Free),
		Modify: no(notConn), AddParty: no(notConn), DropParty: no(notConn),
		Okay: no(invalid), okayEarly: to(Listening, Forward), Fail: to(Cleared, Forward), Incoming: to(Listening, Offer),
		Closed: to(Cleared, Forward), Released: to(Cleared, UserClosed), Alerting: no(invalid), AddVC: no(invalid), DelVC: no(invalid),
		ManagerGone: to(Cleared, UserUnattached), lapse: to(Cleared, UserUnattached),
		HoldOver: to(Listening), ListenerGone: to(Listening),
	},
	Connecting: {
		Bind: no(already), Listen: no(already), Connect: no(already), Attach: no(already),
		Defer: no(invalid), Accept: no(invalid), Reject: no(invalid),
		Close: to(Closing, ManagerClose), closeAlone: to(Dead, UnbindVC, UserReleased, Free),
		Modify: no(notConn), AddParty: no(notConn), DropParty: no(notConn),
		Okay: to(Connected, Forward), okayEarly: no(early), Fail: to(Cleared, UnbindVC, Forward), Incoming: no(refused),
		Closed: to(Cleared, UnbindVC, Forward), Released: to(Cleared, UnbindVC, UserClosed), Alerting: to(Connecting, Forward),
		AddVC: to(Connecting, BindVC), DelVC: to(Connecting, UnbindVC),
		ManagerGone: to(Cleared, UnbindVC, UserUnattached), lapse: to(Cleared, UnbindVC, UserUnattached),
		HoldOver: to(Connecting), ListenerGone: to(Connecting),
	},
	Offered: {
		Bind: no(invalid), Listen: no(invalid), Connect: no(invalid), Attach: no(invalid),
		Defer: to(Deferred, ManagerAlerting), Accept: to(Accepting, Forward), Reject: to(Closing, Forward),
		Close: to(Closing, ManagerClose), closeAlone: to(Dead, UserReleased, Free),
		Modify: no(notConn), AddParty: no(notConn), DropParty: no(notConn),
		Okay: no(invalid), okayEarly: no(invalid), Fail: to(Cleared, Forward), Incoming: no(refused),
		Closed: to(Cleared, Forward), Released: to(Cleared, UserClosed), Alerting: no(invalid), AddVC: no(invalid), DelVC: no(invalid),
		ManagerGone: to(Cleared, UserUnattached), lapse: to(Cleared, UserUnattached),
		HoldOver: to(Offered), ListenerGone: to(Closing, ManagerReject),
	},
	Deferred: {
		Bind: no(invalid), Listen: no(invalid), Connect: no(invalid), Attach: no(invalid),
		Defer: no(already), Accept: to(Accepting, Forward), Reject: to(Closing, Forward),
		Close: to(Closing, ManagerClose), closeAlone: to(Dead, UserReleased, Free),
		Modify: no(notConn), AddParty: no(notConn), DropParty: no(notConn),
		Okay: no(invalid), okayEarly: no(invalid), Fail: to(Cleared, Forward), Incoming: no(refused),
		Closed: to(Cleared, Forward), Released: to(Cleared, UserClosed), Alerting: no(invalid), AddVC: no(invalid), DelVC: no(invalid),
		ManagerGone: to(Cleared, UserUnattached), lapse: to(Cleared, UserUnattached),
		HoldOver: to(Deferred), ListenerGone: to(Deferred), // the user has taken it up
	},
	Accepting: {
		Bind: no(already), Listen: no(already), Connect: no(already), Attach: no(already),
		Defer: no(already), Accept: no(already), Reject: no(already),
		Close: to(Closing, ManagerClose), closeAlone: to(Dead, UnbindVC, UserReleased, Free),
		Modify: no(notConn), AddParty: no(notConn), DropParty: no(notConn),
		Okay: to(Connected, Forward), okayEarly: no(early), Fail: to(Cleared, UnbindVC, Forward), Incoming: no(refused),
		Closed: to(Cleared, UnbindVC, Forward), Released: to(Cleared, UnbindVC, UserClosed), Alerting: no(invalid),
		AddVC: to(Accepting, BindVC), DelVC: to(Accepting, UnbindVC),
		ManagerGone: to(Cleared, UnbindVC, UserUnattached), lapse: to(Cleared, UnbindVC, UserUnattached),
		HoldOver: to(Accepting), ListenerGone: to(Accepting),
	},
	Connected: {
		Bind: no(isConn), Listen: no(isConn), Connect: no(isConn), Attach: no(isConn),
		Defer: no(isConn), Accept: no(isConn), Reject: no(isConn),
		Close: to(Closing, ManagerClose), closeAlone: to(Dead, UnbindVC, UserReleased, Free),
		Modify: to(Connected, Forward), AddParty: to(Connected, Forward), DropParty: to(Connected, Forward),
		Okay: no(isConn), okayEarly: no(isConn), Fail: to(Cleared, UnbindVC, Forward), Incoming: no(refused),
		Closed: to(Cleared, UnbindVC, Forward), Released: to(Cleared, UnbindVC, UserClosed), Alerting: no(isConn),
		AddVC: no(isConn), DelVC: no(busy),
		ManagerGone: to(Cleared, UnbindVC, UserUnattached), lapse: to(Held, StartHold),
		HoldOver: to(Connected), ListenerGone: to(Connected),
	},
	Cleared: { // what crosses the end is aborted; the end may come again
		Bind: no(aborted), Listen: no(aborted), Connect: no(aborted), Attach: no(aborted),
		Defer: no(aborted), Accept: no(aborted), Reject: no(aborted), // REJECT comes as CLOSE
		Close: to(Closing, ManagerClose), closeAlone: to(Dead, UserReleased, Free),
		Modify: no(notConn), AddParty: no(notConn), DropParty: no(notConn),
		Okay: no(aborted), okayEarly: no(aborted), Fail: to(Cleared), Incoming: no(refused),
		Closed: to(Cleared), Released: to(Cleared), Alerting: to(Cleared), AddVC: no(aborted), DelVC: to(Cleared),
		ManagerGone: to(Cleared), lapse: to(Cleared), HoldOver: to(Cleared), ListenerGone: to(Cleared),
	},
	Closing: { // CLOSE beats OKAY
		Bind: no(notConn), Listen: no(notConn), Connect: no(notConn), Attach: no(notConn),
		Defer: no(notConn), Accept: no(notConn), Reject: no(notConn), Close: no(already), closeAlone: no(already),
		Modify: no(notConn), AddParty: no(notConn), DropParty: no(notConn),
		Okay: to(Closing), okayEarly: to(Closing), Fail: to(Closing), Incoming: no(refused),
		Closed: to(Closing), Released: to(Dead, UnbindVC, UserReleased, Free), Alerting: to(Closing),
		AddVC: no(aborted), DelVC: to(Closing, UnbindVC),
		ManagerGone: to(Dead, UnbindVC, UserReleased, Free), lapse: to(Dead, UnbindVC, UserReleased, Free),
		HoldOver: to(Closing), ListenerGone: to(Closing),
	},
	Held: { // OKAY is the new manager's claim
		Bind: no(isConn), Listen: no(isConn), Connect: no(isConn), Attach: no(isConn),
		Defer: no(isConn), Accept: no(isConn), Reject: no(isConn),
		Close: to(Dead, StopHold, UnbindVC, UserReleased, Free), closeAlone: to(Dead, StopHold, UnbindVC, UserReleased, Free),
		Modify: no(notConn), AddParty: no(notConn), DropParty: no(notConn),
		Okay: to(Connected, StopHold), okayEarly: no(early), Fail: to(Cleared, StopHold, UnbindVC, Forward), Incoming: no(refused),
		Closed: to(Cleared, StopHold, UnbindVC, Forward), Released: to(Cleared, StopHold, UnbindVC, UserClosed), Alerting: no(isConn),
		AddVC: no(isConn), DelVC: no(busy),
		ManagerGone: to(Held), lapse: to(Held), // a second manager that never claimed it
		HoldOver: to(Cleared, StopHold, UnbindVC, UserUnattached), ListenerGone: to(Held),
	},
	Dead: {
		Bind: no(stale), Listen: no(stale), Connect: no(stale), Attach: no(stale),
		Defer: no(stale), Accept: no(stale), Reject: no(stale), Close: no(stale), closeAlone: no(stale),
		Modify: no(stale), AddParty: no(stale), DropParty: no(stale),
		Okay: no(stale), okayEarly: no(stale), Fail: no(stale), Incoming: no(stale),
		Closed: no(stale), Released: no(stale), Alerting: no(stale), AddVC: no(stale), DelVC: no(stale),
		ManagerGone: no(stale), lapse: no(stale), HoldOver: no(stale), ListenerGone: no(stale),
	},
}
