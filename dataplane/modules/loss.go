package modules

import "github.com/cellhub/cellhub/dataplane"

// loss is what a module remembers of the last thing that it has dropped: why, by the name of the
// counter that rose, and when by the hub's clock. Nothing is done for what is not dropped.
type loss struct {
	cause string // "": nothing was
	at    int64
}

// note says that something was dropped just now.
func (l *loss) note(h *dataplane.Hub, cause string) { l.cause, l.at = cause, h.Now() }

// mark says with the counter concerned how long ago that was.
func (l *loss) mark(h *dataplane.Hub, counts []dataplane.Count) []dataplane.Count {
	if l.cause == "" {
		return counts
	}
	for i := range counts {
		if counts[i].Name == l.cause {
			counts[i].Ago = max(h.Now()-l.at, 1)
		}
	}
	return counts
}
