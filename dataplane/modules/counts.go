package modules

// Count is one counter of a module under its name. Names are stable: they appear
// in summaries and in what machines read.
type Count struct {
	Name string
	N    uint64
}
