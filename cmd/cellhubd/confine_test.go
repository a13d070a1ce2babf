package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cellhub/cellhub/cmd/internal/lab"
	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/dataplane/control/controltest"
)

// While it serves, no thread of the daemon has more than it says, nor can it get more; and it
// opens devices with that.
func TestPrivilegesAreGivenUp(t *testing.T) {
	l := lab.ForTest(t, lab.Config{})
	d := startDaemon(t, l.A, filepath.Join(t.TempDir(), "control"), "--hubs", "2")
	c := controltest.Dial(t, d.path, control.RoleAdmin)
	c.Must(c.Hub(control.HubOpen, 0, 0, "port", "p eth:"+lab.Dev+",label=100", ""))
	lan(c, "lan", "atm0")
	var bits uint64
	for _, v := range capabilities {
		bits |= 1 << v
	}
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", d.cmd.Process.Pid))
	if err != nil || len(threads) < 3 {
		t.Fatalf("%d threads: %v", len(threads), err)
	}
	for _, name := range threads {
		status, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended
		}
		for _, want := range []string{
			"NoNewPrivs:\t1\n", fmt.Sprintf("CapPrm:\t%016x\n", bits), fmt.Sprintf("CapEff:\t%016x\n", bits),
			fmt.Sprintf("CapBnd:\t%016x\n", bits), "CapAmb:\t0000000000000000\n",
		} {
			if !strings.Contains(string(status), want) {
				t.Errorf("%s: not %q in\n%s", name, want, status)
			}
		}
	}
}
