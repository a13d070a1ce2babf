package bpffs

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// A folder becomes a bpffs once, is reached from wherever it was opened, and cannot be opened where there is none to be made.
func TestOpen(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to mount")
	}
	dir := filepath.Join(t.TempDir(), "bpf")
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	for range 2 {
		f, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		var s unix.Statfs_t
		if err := unix.Statfs(f.Path()+"/", &s); err != nil || s.Type != unix.BPF_FS_MAGIC {
			t.Fatalf("type %#x, %v", s.Type, err)
		}
		if err := os.Mkdir(filepath.Join(f.Path(), "one"), 0o700); err != nil && !os.IsExist(err) {
			t.Fatal(err)
		}
		for range 2 {
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "one")); err != nil {
		t.Errorf("what was made in it: %v", err)
	}
	if err := unix.Unmount(dir, 0); err != nil {
		t.Fatal(err)
	}
	if err := unix.Unmount(dir, 0); err == nil {
		t.Error("it was mounted twice")
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(file); err == nil {
		t.Error("a file is taken for a folder")
	}
}
