//go:build !hubdebug

package dataplane

// debug switches the ledger of blocks on: see debug_on.go. Without the build tag all of
// it is compiled out.
const debug = false

// What a debug build keeps.
type (
	ledger   struct{} //nolint:unused
	notebook struct{} //nolint:unused
)

func (*Arena) openLedger() {}

func (*Hub) debugPut(*Queue, Msg)   {}
func (*Hub) debugService(*Queue)    {}
func (*Hub) noteQueued(*Msg)        {}
func (*Hub) noteTaken(*Msg)         {}
func (*Hub) noteSent(*Msg)          {}
func (*Hub) noteArrived(*Msg)       {}
func (*Pool) noteAllocated(BlockID) {}
func (*Pool) noteFreed(BlockID)     {}
func (*Pool) noteLinked(BlockID)    {}
