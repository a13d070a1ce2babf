package daemon

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// firstPassed is the first descriptor that a service manager passes: sd_listen_fds(3).
const firstPassed = 3

// Passed is an open file from whoever started the process, which is ours.
type Passed struct {
	Name string
	FD   int
}

// TakePassed takes the open files that came with the start of the process, as systemd and others
// pass them: LISTEN_FDS of them from descriptor 3 on, with the names of LISTEN_FDNAMES, for the
// process LISTEN_PID. What we start ourselves is not to have them.
func TakePassed() ([]Passed, error) {
	pid, count, names := os.Getenv("LISTEN_PID"), os.Getenv("LISTEN_FDS"), os.Getenv("LISTEN_FDNAMES")
	for _, name := range []string{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"} {
		_ = os.Unsetenv(name)
	}
	if count == "" || pid != strconv.Itoa(os.Getpid()) {
		return nil, nil // another process's
	}
	n, err := strconv.Atoi(count)
	if err != nil || n < 0 {
		return nil, fmt.Errorf("LISTEN_FDS=%s: a number of descriptors", count)
	}
	var named []string
	if names != "" {
		named = strings.Split(names, ":")
	}
	var files []Passed
	for i := range n {
		f := Passed{FD: firstPassed + i}
		if f.Name = "unknown"; i < len(named) && named[i] != "" { // sd_listen_fds_with_names(3)
			f.Name = named[i]
		}
		if _, err := unix.FcntlInt(uintptr(f.FD), unix.F_SETFD, unix.FD_CLOEXEC); err != nil {
			return nil, fmt.Errorf("LISTEN_FDS=%s: descriptor %d: %w", count, f.FD, err)
		}
		files = append(files, f)
	}
	return files, nil
}
