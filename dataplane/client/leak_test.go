package client

import (
	"os"
	"testing"
)

// TestCloseLeavesNoDescriptors: a process that opens and closes clients, runs out of nothing.
func TestCloseLeavesNoDescriptors(t *testing.T) {
	d := newDaemon(t, nil)
	count := func() int {
		all, err := os.ReadDir("/proc/self/fd")
		must(t, err)
		return len(all)
	}
	open := func() {
		c, err := Open(d.path)
		must(t, err)
		must(t, c.Close())
	}
	open() // the runtime's own
	before := count()
	for range 8 {
		open()
	}
	eventually(t, "all have gone", func() bool { return count() <= before })
}
