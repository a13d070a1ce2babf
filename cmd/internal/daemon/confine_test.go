package daemon

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
	"kernel.org/pub/linux/libs/security/libcap/cap"
)

// confinedDir names the folder that the confined copy of this program may write to.
const confinedDir = "CELLHUB_TEST_CONFINED"

// A confined process is refused other programs, other files and what needs capabilities, on each of
// its threads, and keeps what it may do. It runs in a process of its own, since none gets out again.
func TestConfine(t *testing.T) {
	if os.Getenv(confinedDir) != "" {
		confined(t, os.Getenv(confinedDir))
		return
	}
	c := exec.Command(os.Args[0], "-test.run=^TestConfine$", "-test.v")
	c.Env = append(os.Environ(), confinedDir+"="+t.TempDir())
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if strings.Contains(string(out), "--- SKIP") {
		t.Skip("the kernel has no Landlock or no seccomp")
	}
}

func confined(t *testing.T, dir string) {
	said, err := Confinement{Keep: []cap.Value{cap.NET_ADMIN}, Folders: Folders{Read: []string{"/proc/sys"}, Write: []string{dir}, Devices: []string{os.DevNull, "/no/such"}}}.Confine()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(said, "no Landlock") || strings.Contains(said, "no seccomp") {
		t.Skip(said)
	}
	var threads sync.WaitGroup
	var meet sync.WaitGroup
	meet.Add(4)
	for range 4 {
		threads.Go(func() {
			meet.Done()
			meet.Wait() // each on a thread of its own
			refusals(t, dir)
		})
	}
	threads.Wait()
	if _, err := (Confinement{}).Confine(); err != nil {
		t.Errorf("once more: %v", err)
	}
}

func refusals(t *testing.T, dir string) {
	if err := exec.Command("/bin/true").Run(); !errors.Is(err, syscall.EPERM) && !errors.Is(err, syscall.EACCES) {
		t.Errorf("another program: %v", err)
	}
	if err := unix.Unshare(unix.CLONE_NEWUSER); err != unix.EPERM {
		t.Errorf("unshare: %v", err)
	}
	if err := unix.Mount("none", dir, "tmpfs", 0, ""); err != unix.EPERM {
		t.Errorf("mount: %v", err)
	}
	if _, err := os.ReadFile("/etc/passwd"); !errors.Is(err, syscall.EACCES) {
		t.Errorf("a file that nobody named: %v", err)
	}
	if err := os.WriteFile("/proc/sys/kernel/hostname", nil, 0); !errors.Is(err, syscall.EACCES) {
		t.Errorf("a file to read alone: %v", err)
	}
	f, err := os.CreateTemp(dir, "")
	if err != nil {
		t.Fatalf("a file where it may: %v", err)
	}
	if _, err := os.ReadFile("/proc/self/task"); !errors.Is(err, syscall.EISDIR) {
		t.Errorf("a folder that it reads: %v", err)
	}
	_ = f.Close()
}

// --sandbox takes three words.
func TestSandboxWords(t *testing.T) {
	for i, word := range sandboxWords {
		var s Sandbox
		if err := s.UnmarshalText([]byte(word)); err != nil || s != Sandbox(i) {
			t.Errorf("%s: %v, %v", word, s, err)
		}
		if text, err := s.MarshalText(); err != nil || string(text) != word {
			t.Errorf("%d: %s, %v", i, text, err)
		}
	}
	var s Sandbox
	if err := s.UnmarshalText([]byte("yes")); err == nil {
		t.Error("yes is a word")
	}
}
