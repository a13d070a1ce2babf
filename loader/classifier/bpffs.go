package classifier

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

// DefaultBPFFS is the folder in which classifiers are pinned unless told.
const DefaultBPFFS = "/run/cellhub/bpf"

// folderPrefix tells classifiers' folders from those of others.
const folderPrefix = "relay-"

// OpenPins opens a folder, on which a bpffs is mounted where it is none yet, for the pins of one classifier. They are in
// the mount namespace of the machine's first process: those of others end with them. owner tells classifiers of one
// machine apart, such as by a path that one process has at a time; those of other network namespaces are others. What is
// left there by dead network namespaces is removed. Close lets the folder go, and leaves the pins.
func OpenPins(dir, owner string) (*Pins, error) {
	type result struct {
		fd  int
		err error
	}
	opened := make(chan result)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread, which is in another namespace now, ends
		fd, err := openBPFFS(dir)
		opened <- result{fd, err}
	}()
	r := <-opened
	if r.err != nil {
		return nil, r.err
	}
	root := fmt.Sprintf("/proc/self/fd/%d", r.fd) // which leads there from any namespace
	name := pinsName(owner)
	return &Pins{root: root, fd: r.fd, folder: filepath.Join(root, name), name: filepath.Join(dir, name)}, sweepDead(root, name)
}

// openBPFFS opens the folder in the mount namespace of process 1. On a thread that nobody else uses.
func openBPFFS(dir string) (int, error) {
	const first = "/proc/1/ns/mnt"
	there, err := os.Readlink(first)
	here, _ := os.Readlink("/proc/thread-self/ns/mnt")
	if err == nil && there != here {
		ns, err := os.Open(first)
		if err != nil {
			return -1, err
		}
		defer ns.Close()
		if err := unix.Unshare(unix.CLONE_FS); err != nil {
			return -1, fmt.Errorf("unshare: %w", err)
		}
		if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNS); err != nil {
			return -1, fmt.Errorf("%s: setns: %w", first, err)
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return -1, err
	}
	if err := mountBPFFS(dir); err != nil {
		return -1, err
	}
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("%s: %w", dir, err)
	}
	return fd, nil
}

// mountBPFFS mounts one where there is none, once, however many processes want it at a time.
func mountBPFFS(dir string) error {
	below, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer below.Close()
	if err := unix.Flock(int(below.Fd()), unix.LOCK_EX); err != nil {
		return fmt.Errorf("%s: %w", dir, err)
	}
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return fmt.Errorf("%s: %w", dir, err)
	}
	if s.Type == unix.BPF_FS_MAGIC {
		return nil
	}
	if err := unix.Mount("bpf", dir, "bpf", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "mode=0700"); err != nil {
		return fmt.Errorf("%s: mount a bpffs: %w", dir, err)
	}
	return nil
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
	return p.root
}

// Close lets the folder go. What is pinned stays.
func (p *Pins) Close() error {
	if p == nil {
		return nil
	}
	return unix.Close(p.fd)
}
