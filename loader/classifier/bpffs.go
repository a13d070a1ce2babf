package classifier

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"github.com/cellhub/cellhub/loader/bpffs"
)

// folderPrefix tells classifiers' folders from those of others.
const folderPrefix = "relay-"

// OpenPins opens a folder of a bpffs for the pins of one classifier. owner tells classifiers of one
// machine apart, such as by a path that one process has at a time; those of other network namespaces are others. What is
// left there by dead network namespaces is removed. Close lets the folder go, and leaves the pins.
func OpenPins(dir, owner string) (*Pins, error) {
	fs, err := bpffs.Open(dir)
	if err != nil {
		return nil, err
	}
	root, name := fs.Path(), pinsName(owner)
	return &Pins{fs: fs, folder: filepath.Join(root, name), name: filepath.Join(dir, name)}, sweepDead(root, name)
}

// pinsName is the name of an owner's folder. A bpffs takes no dots.
func pinsName(owner string) string {
	var ns unix.Stat_t
	_ = unix.Stat("/proc/self/ns/net", &ns) // 0 is as good
	plain := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, owner)
	const most = 100
	sum := sha256.Sum256([]byte(owner))
	return fmt.Sprintf("%s%d-%s-%x", folderPrefix, ns.Ino, plain[:min(len(plain), most)], sum[:4])
}

// sweepDead removes the pins of others all of whose interfaces have gone.
func sweepDead(root, own string) error {
	folders, err := os.ReadDir(root)
	for _, f := range folders {
		other := &Pins{folder: filepath.Join(root, f.Name()), exists: true}
		if f.Name() == own || !strings.HasPrefix(f.Name(), folderPrefix) || !other.dead() {
			continue
		}
		if failed := other.remove(); !errors.Is(failed, fs.ErrNotExist) { // another has been faster
			err = errors.Join(err, failed)
		}
	}
	return err
}

// dead tells whether there are links, and none is on an interface.
func (p *Pins) dead() bool {
	links, err := p.links()
	alive := err != nil || len(links) == 0
	for _, l := range links {
		info, err := l.Info()
		alive = alive || err != nil || onInterface(info) != 0
		_ = l.Close()
	}
	return !alive
}

// onInterface is the number of the interface that a link is on; 0: it has gone.
func onInterface(info *link.Info) int {
	if info == nil || info.XDP() == nil {
		return 0
	}
	return int(info.XDP().Ifindex)
}

// Root is the folder of the bpffs as this process reaches it, whatever its mount namespace.
func (p *Pins) Root() string {
	if p == nil {
		return ""
	}
	return p.fs.Path()
}

// Close lets the folder go. What is pinned stays.
func (p *Pins) Close() error {
	if p == nil {
		return nil
	}
	return p.fs.Close()
}
