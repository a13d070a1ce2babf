// Package bpffs opens the folder in which what outlives a process is pinned: links, and maps.
package bpffs

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// Default is the folder unless told.
const Default = "/run/cellhub/bpf"

// ErrNone says that there is nowhere to pin.
var ErrNone = errors.New("no bpffs")

// Folder is an open one.
type Folder struct{ file *os.File }

// Open opens a folder, on which a bpffs is mounted where it is none yet, in the mount namespace of the machine's first process:
// those of others, `ip netns exec`'s too, end with them.
func Open(dir string) (Folder, error) {
	type result struct {
		fd  int
		err error
	}
	opened := make(chan result)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread, which is in another namespace now, ends
		fd, err := open(dir)
		opened <- result{fd, err}
	}()
	r := <-opened
	if r.err != nil {
		return Folder{}, fmt.Errorf("%s: %w: %w", dir, ErrNone, r.err)
	}
	return Folder{os.NewFile(uintptr(r.fd), dir)}, nil
}

// Path is the folder as this process reaches it, whatever its mount namespace, until Close.
func (f Folder) Path() string { return fmt.Sprintf("/proc/self/fd/%d", f.file.Fd()) }

// Close lets the folder go. What is pinned stays. A second Close does nothing.
func (f Folder) Close() error {
	if err := f.file.Close(); !errors.Is(err, os.ErrClosed) {
		return err
	}
	return nil
}

// open opens the folder in the mount namespace of process 1. On a thread that nobody else uses.
func open(dir string) (int, error) {
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
	if err := mount(dir); err != nil {
		return -1, err
	}
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("%s: %w", dir, err)
	}
	return fd, nil
}

// mount mounts one where there is none, once, however many processes want it at a time.
func mount(dir string) error {
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
