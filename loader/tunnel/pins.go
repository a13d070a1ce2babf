package tunnel

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"github.com/cellhub/cellhub/loader/bpffs"
)

// Names of pins, and of their folder.
const (
	pinCounts, pinHub, pinIn, pinOut = "counts", "hub", "in", "out"

	folderPrefix = "tunnel-"
)

// Pins is a folder of a bpffs in which one tunnel is pinned. It is made when there is something to pin. A nil one keeps
// nothing.
type Pins struct {
	fs     bpffs.Folder
	folder string
}

// OpenPins finds the folder of a device's tunnel in the calling thread's network namespace, in the bpffs at a path, which
// is mounted if it is not. What is left there of tunnels whose interfaces have gone is removed. Without a path there are no
// pins, and no error.
func OpenPins(dir, device string) (*Pins, error) {
	if dir == "" {
		return nil, nil
	}
	var ns unix.Stat_t
	if err := unix.Stat("/proc/thread-self/ns/net", &ns); err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	fs, err := bpffs.Open(dir)
	if err != nil {
		return nil, err
	}
	sweep(fs.Path())
	// A bpffs has no dots in names, and interfaces no percent signs.
	name := fmt.Sprintf("%s%d-%s", folderPrefix, ns.Ino, strings.ReplaceAll(device, ".", "%2e"))
	return &Pins{fs, filepath.Join(fs.Path(), name)}, nil
}

// sweep removes the pins of tunnels whose interfaces have gone, with their namespaces perhaps.
func sweep(root string) {
	folders, _ := filepath.Glob(filepath.Join(root, folderPrefix+"*"))
	for _, f := range folders {
		p := &Pins{folder: f}
		out := p.openLink(pinOut)
		if out == nil {
			continue // being made
		}
		if at(out) == 0 {
			_ = p.Remove()
		}
		_ = out.Close()
	}
}

// openMap opens a map that is pinned and as it is wanted; nil: there is none.
func (p *Pins) openMap(name string, want *ebpf.MapSpec) *ebpf.Map {
	if p == nil {
		return nil
	}
	m, err := ebpf.LoadPinnedMap(filepath.Join(p.folder, name), nil)
	if err != nil {
		return nil
	}
	if want.Compatible(m) != nil {
		_ = m.Close()
		return nil
	}
	return m
}

// openLink opens a link that is pinned; nil: there is none.
func (p *Pins) openLink(name string) link.Link {
	if p == nil {
		return nil
	}
	l, err := link.LoadPinnedLink(filepath.Join(p.folder, name), nil)
	if err != nil {
		return nil
	}
	return l
}

// pin pins a map or a link.
func (p *Pins) pin(name string, what interface{ Pin(string) error }) error {
	if p == nil {
		return nil
	}
	if err := os.Mkdir(p.folder, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("pin %s: %w", name, err)
	}
	if err := what.Pin(filepath.Join(p.folder, name)); err != nil {
		return fmt.Errorf("pin %s: %w", name, err)
	}
	return nil
}

// Remove removes all pins: a link that nobody holds otherwise detaches.
func (p *Pins) Remove() error {
	if p == nil {
		return nil
	}
	files, err := os.ReadDir(p.folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, f := range files {
		err = errors.Join(err, os.Remove(filepath.Join(p.folder, f.Name())))
	}
	return errors.Join(err, os.Remove(p.folder))
}

// Close lets the folder go. What is pinned stays.
func (p *Pins) Close() error {
	if p == nil {
		return nil
	}
	return p.fs.Close()
}
