package tunnel

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

// DefaultBPFFS is where pins are, in the mount namespace of the host: one of `ip netns exec` ends with its process.
const DefaultBPFFS = "/run/cellhub/bpf"

// ErrNoBPFFS says that there is nowhere to pin.
var ErrNoBPFFS = errors.New("no bpffs")

// Names of pins, and of their folder.
const (
	pinCounts, pinHub, pinIn, pinOut = "counts", "hub", "in", "out"

	folderPrefix = "tunnel-"
)

// Pins is a folder of a bpffs in which one tunnel is pinned. It is made when there is something to pin. A nil one keeps
// nothing.
type Pins struct{ folder string }

// OpenPins finds the folder of a device's tunnel in the calling thread's network namespace, in the bpffs at a path, which
// is mounted if it is not. What is left there of tunnels whose interfaces have gone is removed. Without a path there are no
// pins, and no error.
func OpenPins(bpffs, device string) (*Pins, error) {
	if bpffs == "" {
		return nil, nil
	}
	root, err := openBPFFS(bpffs)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", bpffs, ErrNoBPFFS, err)
	}
	sweep(root)
	var ns unix.Stat_t
	if err := unix.Stat("/proc/thread-self/ns/net", &ns); err != nil {
		return nil, fmt.Errorf("%s: %w", bpffs, err)
	}
	// A bpffs has no dots in names, and interfaces no percent signs.
	name := fmt.Sprintf("%s%d-%s", folderPrefix, ns.Ino, strings.ReplaceAll(device, ".", "%2e"))
	return &Pins{folder: filepath.Join(root, name)}, nil
}

// openBPFFS mounts a bpffs where there is none, and gives its path as seen from here.
func openBPFFS(path string) (string, error) {
	seen := path
	elsewhere := inOtherMounts()
	if elsewhere {
		seen = filepath.Join("/proc/1/root", path)
	}
	if isBPFFS(seen) {
		return seen, nil
	}
	mount := func() error { return mountBPFFS(path) }
	if elsewhere {
		return seen, inHostMounts(mount)
	}
	return seen, mount()
}

func isBPFFS(path string) bool {
	var s unix.Statfs_t
	return unix.Statfs(path, &s) == nil && s.Type == unix.BPF_FS_MAGIC
}

// mountBPFFS mounts one, once, however many processes want it at a time.
func mountBPFFS(path string) error {
	if err := os.MkdirAll(path, 0o755); err != nil {
		return err
	}
	below, err := os.Open(path)
	if err != nil {
		return err
	}
	defer below.Close()
	if err := unix.Flock(int(below.Fd()), unix.LOCK_EX); err != nil {
		return err
	}
	if isBPFFS(path) {
		return nil
	}
	return unix.Mount("bpf", path, "bpf", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "mode=0700")
}

// inOtherMounts tells whether this process has not the mounts of the host's first one.
func inOtherMounts() bool {
	ours, err := os.Readlink("/proc/thread-self/ns/mnt")
	hosts, err1 := os.Readlink("/proc/1/ns/mnt")
	return err == nil && err1 == nil && ours != hosts
}

// inHostMounts runs a function in the host's mount namespace, on a thread that ends with it.
func inHostMounts(f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		done <- func() error {
			ns, err := os.Open("/proc/1/ns/mnt")
			if err != nil {
				return err
			}
			defer ns.Close()
			if err := unix.Unshare(unix.CLONE_FS); err != nil {
				return err
			}
			if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNS); err != nil {
				return err
			}
			return f()
		}()
	}()
	return <-done
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

// Exist tells whether something is pinned.
func (p *Pins) Exist() bool {
	if p == nil {
		return false
	}
	_, err := os.Stat(p.folder)
	return err == nil
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
