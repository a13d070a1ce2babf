package port

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/cellhub/cellhub/cmd/internal/daemon"
)

// Descriptors are open files that whoever started the process has passed, by name: TAPs that are
// attached, packet sockets, UDP sockets. A nil Descriptors has none. They stay open until the
// process ends, so that a device made of one may go and come again.
type Descriptors struct {
	files map[string]int
	mu    sync.Mutex
	taken map[string]bool // TAPs: two readers would share their frames
	kept  map[string]int  // by a Store, of the process before
}

// NewDescriptors takes the files over.
func NewDescriptors(files []daemon.Passed) (*Descriptors, error) {
	d := &Descriptors{files: map[string]int{}, taken: map[string]bool{}, kept: map[string]int{}}
	for _, f := range files {
		if strings.HasPrefix(f.Name, keptPrefix) {
			if before, two := d.kept[f.Name]; two { // what was stored last is the one in use
				_ = unix.Close(before)
			}
			d.kept[f.Name] = f.FD
			continue
		}
		if _, two := d.files[f.Name]; two {
			return nil, fmt.Errorf("two descriptors were passed under the name %q: give each its own", f.Name)
		}
		d.files[f.Name] = f.FD
	}
	return d, nil
}

// open gives a descriptor of the file of that name, which is the caller's.
func (d *Descriptors) open(name string) (int, error) {
	fd, ok := -1, false
	var known []string
	if d != nil {
		fd, ok = d.files[name]
		known = slices.Sorted(maps.Keys(d.files))
	}
	if !ok {
		if len(known) == 0 {
			known = []string{"none"}
		}
		return -1, fmt.Errorf("no descriptor %q was passed; there are: %s", name, strings.Join(known, ", "))
	}
	dup, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("descriptor %q: %w", name, err)
	}
	return dup, nil
}

// take is open for a file that has one user at a time; release ends the use.
func (d *Descriptors) take(name string) (fd int, release func(), err error) {
	if d != nil {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.taken[name] {
			return -1, nil, fmt.Errorf("descriptor %q is another stream's", name)
		}
	}
	if fd, err = d.open(name); err != nil {
		return -1, nil, err
	}
	d.taken[name] = true
	return fd, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.taken, name)
	}, nil
}

// takeKept gives the file that a Store has held under a name until now, which is the caller's; -1: none.
func (d *Descriptors) takeKept(name string) int {
	if d == nil {
		return -1
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	fd, ok := d.kept[name]
	if !ok {
		return -1
	}
	delete(d.kept, name)
	return fd
}

// forgetKept closes the files of a Store that nobody has taken, and gives their names.
func (d *Descriptors) forgetKept() (names []string) {
	if d == nil {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for name, fd := range d.kept {
		_ = unix.Close(fd)
		names = append(names, name)
	}
	clear(d.kept)
	return names
}
