package block

// State is where a block is, in the ledger of a debug build.
type State uint8

// The states.
const (
	Free   State = iota
	Held         // by whoever has its message
	Linked       // held, as a part of another message
	Queued       // in a queue, or in the hub's own ring
	Sent         // on its way to another hub
	Parked       // put aside, and may be taken back
)

func (s State) String() string {
	return [...]string{"is free", "has been given away", "is part of another message", "is queued", "is on its way to another hub", "is parked"}[s]
}

// Actor is who runs, as the ledger asks: a put or a service.
type Actor interface {
	Holder() any    // the process, comparable
	String() string // the module's name, and what it does
}
