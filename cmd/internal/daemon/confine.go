package daemon

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
	"kernel.org/pub/linux/libs/security/libcap/cap"
)

// Confinement is what a process may do yet once it is confined.
type Confinement struct {
	Keep    []cap.Value // capabilities; of these it has what it had
	Sandbox Sandbox
	Folders Folders // where there is a sandbox
	BPF     bool    // it fills maps of the kernel's, and attaches programs
}

// Confine gives up, in every thread, what the process does not need any more: all capabilities
// but those that it keeps, the way to more (no-new-privs), other files (Landlock) and other system
// calls (seccomp), all for ever. It looks afterwards at what each thread really has, and says so
// in one line.
func (c Confinement) Confine() (string, error) {
	if _, err := cap.Prctlw(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0); err != nil {
		return "", fmt.Errorf("no-new-privs: %w", err)
	}
	kept, names, err := c.give()
	if err != nil {
		return "", err
	}
	said, calls, err := c.Sandbox.shutIn(c.Folders, c.BPF)
	if err != nil {
		return "", err
	}
	said = append([]string{"no-new-privs", "capabilities " + names}, said...)
	return strings.Join(said, ", "), check(kept, calls > 0)
}

// give gives up all capabilities but those to keep, and tells which these are.
func (c Confinement) give() (*cap.Set, string, error) {
	had := cap.GetProc()
	kept := cap.NewSet()
	var names []string
	for _, v := range c.Keep {
		may, err := had.GetFlag(cap.Permitted, v)
		if err != nil {
			return nil, "", err
		}
		if !may {
			continue
		}
		names = append(names, v.String())
		if err := errors.Join(kept.SetFlag(cap.Permitted, true, v), kept.SetFlag(cap.Effective, true, v)); err != nil {
			return nil, "", err
		}
	}
	if err := dropBounding(kept); err != nil {
		return nil, "", err
	}
	if err := cap.ResetAmbient(); err != nil && !errors.Is(err, unix.EINVAL) { // a kernel without
		return nil, "", fmt.Errorf("ambient capabilities: %w", err)
	}
	if err := kept.SetProc(); err != nil {
		return nil, "", fmt.Errorf("capabilities: %w", err)
	}
	if len(names) == 0 {
		names = []string{"none"}
	}
	return kept, strings.Join(names, " "), nil
}

// dropBounding takes out of reach what is not kept, where the process may still do that.
func dropBounding(kept *cap.Set) error {
	if may, err := cap.GetProc().GetFlag(cap.Effective, cap.SETPCAP); err != nil || !may {
		return err
	}
	for v := cap.Value(0); v < cap.MaxBits(); v++ {
		if keeps, err := kept.GetFlag(cap.Permitted, v); err == nil && keeps {
			continue
		}
		if err := cap.DropBound(v); err != nil {
			return fmt.Errorf("bounding set, %v: %w", v, err)
		}
	}
	return nil
}

// check reads the status of every thread.
func check(kept *cap.Set, filtered bool) error {
	threads, err := filepath.Glob("/proc/self/task/*/status")
	if err != nil {
		return err
	}
	var bits uint64
	for v := cap.Value(0); v < cap.MaxBits(); v++ {
		if keeps, err := kept.GetFlag(cap.Permitted, v); err == nil && keeps {
			bits |= 1 << v
		}
	}
	want := []string{"NoNewPrivs:\t1\n", fmt.Sprintf("CapPrm:\t%016x\n", bits), fmt.Sprintf("CapEff:\t%016x\n", bits), "CapInh:\t0000000000000000\n"}
	if filtered {
		want = append(want, "Seccomp:\t2\n")
	}
	for _, name := range threads {
		status, err := os.ReadFile(name)
		if errors.Is(err, os.ErrNotExist) {
			continue // it has ended
		}
		if err != nil {
			return err
		}
		for _, line := range want {
			if !strings.Contains(string(status), line) {
				return fmt.Errorf("%s: not %q", name, strings.TrimSpace(line))
			}
		}
	}
	return nil
}
