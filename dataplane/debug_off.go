//go:build !hubdebug

package dataplane

// debug switches the checks of a debug build on: see debug_on.go. Without the build tag
// all of it is compiled out.
const debug = false

type notebook struct{} //nolint:unused // what a debug build keeps

func (*Hub) debugPut(*Queue, Msg) {}
func (*Hub) debugService(*Queue)  {}
func (*Hub) noteQueued(*Msg)      {}
func (*Hub) noteTaken(*Msg)       {}
func (*Hub) noteSent(*Msg)        {}
func (*Hub) noteArrived(*Msg)     {}
