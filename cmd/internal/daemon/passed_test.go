package daemon

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// passedTo says what the copy of this program that is started is to find.
const passedTo = "CELLHUB_TEST_PASSED"

// Files are taken with their names, by the process that they are for alone, and what it starts
// itself hears nothing of them: sd_listen_fds_with_names(3).
func TestTakePassed(t *testing.T) {
	if want := os.Getenv(passedTo); want != "" {
		files, err := TakePassed()
		if got := fmt.Sprint(files, err); got != want {
			t.Errorf("%s, want %s", got, want)
		}
		if slices.ContainsFunc(os.Environ(), func(s string) bool { return strings.HasPrefix(s, "LISTEN_") }) {
			t.Error("the environment still has them")
		}
		return
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	for _, c := range []struct{ env, want string }{
		{"LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=control:lan", "[{control 3} {lan 4}] <nil>"},
		{"LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=control", "[{control 3} {unknown 4}] <nil>"},
		{"LISTEN_PID=$$ LISTEN_FDS=1", "[{unknown 3}] <nil>"},
		{"LISTEN_PID=1 LISTEN_FDS=2 LISTEN_FDNAMES=a:b", "[] <nil>"},
		{"LISTEN_PID=$$ LISTEN_FDS=some", "[] LISTEN_FDS=some: a number of descriptors"},
		{"LISTEN_PID=$$ LISTEN_FDS=-1", "[] LISTEN_FDS=-1: a number of descriptors"},
	} {
		cmd := exec.Command("sh", "-c", c.env+` exec "$0" "$@"`, os.Args[0], "-test.run=^TestTakePassed$")
		cmd.Env = append(os.Environ(), passedTo+"="+c.want)
		cmd.ExtraFiles = []*os.File{null, null}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", c.env, err, out)
		}
	}
}
