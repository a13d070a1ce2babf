package classifier

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"

	"github.com/cellhub/cellhub/bpf"
	"github.com/cellhub/cellhub/loader/bpffs"
)

// Pins is a folder of a bpffs in which one classifier is pinned. It is made when there is something to pin.
type Pins struct {
	fs     bpffs.Folder
	folder string // in it, as it is opened
	name   string // as it is called
	exists bool
}

// linkPrefix is what the name of a pinned link begins with; the interface's number follows.
const linkPrefix = "link-"

// String is the folder's path.
func (p *Pins) String() string {
	if p == nil {
		return ""
	}
	return p.name
}

// made tells whether there are pins.
func (p *Pins) made() bool { return p != nil && p.exists }

// maps opens the maps that are pinned, by name; nil when there are none. Where one is missing, or is not as the
// specification wants it, all that is pinned is removed. The limit of connections stays as it was.
func (p *Pins) maps(spec *ebpf.CollectionSpec) (map[string]*ebpf.Map, error) {
	if p == nil {
		return nil, nil
	}
	if _, err := os.Stat(p.folder); err != nil {
		return nil, nil
	}
	p.exists = true
	found := map[string]*ebpf.Map{}
	for name, want := range spec.Maps {
		m, err := ebpf.LoadPinnedMap(filepath.Join(p.folder, name), nil)
		if err == nil {
			found[name] = m
			if name == bpf.ClassifierMapConnections {
				want.MaxEntries = m.MaxEntries()
			}
			err = want.Compatible(m)
		}
		if err == nil {
			continue
		}
		for _, m := range found {
			_ = m.Close()
		}
		return nil, p.remove()
	}
	return found, nil
}

// add pins a link, and with the first one the maps.
func (p *Pins) add(c *Classifier, index int, l link.Link) error {
	if p == nil {
		return nil
	}
	if !p.exists {
		if err := p.make(c); err != nil {
			return errors.Join(err, p.remove())
		}
	}
	name := filepath.Join(p.folder, linkPrefix+strconv.Itoa(index))
	_ = os.Remove(name) // of an interface that had the number before
	return l.Pin(name)
}

func (p *Pins) make(c *Classifier) error {
	p.exists = true
	if err := os.Mkdir(p.folder, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	for name, m := range map[string]*ebpf.Map{
		bpf.ClassifierMapPorts: c.objects.Ports, bpf.ClassifierMapConnections: c.objects.Connections, bpf.ClassifierMapOutputs: c.objects.Outputs,
		bpf.ClassifierMapSequences: c.objects.Sequences, bpf.ClassifierMapTraffic: c.objects.Traffic, bpf.ClassifierMapDevices: c.objects.Devices,
		bpf.ClassifierMapSockets: c.objects.Sockets, bpf.ClassifierMapCounters: c.objects.Counters,
	} {
		if err := m.Pin(filepath.Join(p.folder, name)); err != nil {
			return fmt.Errorf("pin map %s: %w", name, err)
		}
	}
	return nil
}

// links opens the links that are pinned, by interface.
func (p *Pins) links() (map[int]link.Link, error) {
	if !p.made() {
		return nil, nil
	}
	files, err := os.ReadDir(p.folder)
	if err != nil {
		return nil, err
	}
	found := map[int]link.Link{}
	for _, f := range files {
		number, is := strings.CutPrefix(f.Name(), linkPrefix)
		index, err := strconv.Atoi(number)
		if !is || err != nil {
			continue
		}
		l, err := link.LoadPinnedLink(filepath.Join(p.folder, f.Name()), nil)
		if err != nil {
			return found, err
		}
		found[index] = l
	}
	return found, nil
}

// remove removes all pins; a link whose last descriptor goes detaches.
func (p *Pins) remove() error {
	if !p.made() {
		return nil
	}
	p.exists = false
	files, err := os.ReadDir(p.folder)
	for _, f := range files {
		err = errors.Join(err, os.Remove(filepath.Join(p.folder, f.Name())))
	}
	return errors.Join(err, os.Remove(p.folder))
}
