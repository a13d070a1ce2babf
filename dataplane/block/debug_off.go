//go:build !hubdebug

package block

// Debug switches the ledger of blocks on. Without the build tag all of it is compiled
// out.
const Debug = false

type ledger struct{} //nolint:unused

func (*Arena) openLedger() {}

func (*Pool) noteAllocated(ID) {}
func (*Pool) noteFreed(ID)     {}
func (*Pool) noteLinked(ID)    {}
func (*Pool) noteParked(ID)    {}
func (*Pool) noteUnparked(ID)  {}

// The ledger's entries, of a debug build.

// Act says who runs from now on.
func (*Pool) Act(Actor) {}

// Pass moves a message's blocks from whoever runs into a state.
func (*Pool) Pass(ID, string, State, any) {}

// Receive gives a message's blocks, which were in a state, to whoever runs.
func (*Pool) Receive(ID, State) {}

// Use counts the times that a block was allocated.
func (*Pool) Use(ID) uint64 { return 0 }

// Holds tells whether a block is still held by a holder, since it was allocated for the
// use.
func (*Pool) Holds(any, ID, uint64) bool { return false }
