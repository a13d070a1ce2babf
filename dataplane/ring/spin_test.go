package ring

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestModels checks the Promela models in every reachable state, and that
// each fault built into them is found: a model that cannot fail proves
// nothing.
func TestModels(t *testing.T) {
	for _, tool := range []string{"spin", "gcc"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(tool + " is not installed")
		}
	}
	const (
		race    = "assertion violated  !(busy[s])"
		wrong   = "assertion violated (slot[s]==expected)"
		lost    = "invalid end state"
		stuck   = "non-progress cycle"
		twice   = "assertion violated (told<=1)"
		forever = "-DNP -l -f"
	)
	for _, tc := range []struct {
		name, model, define, check string
		fault                      string // what spin must report; none: it must prove the model
	}{
		{"ring, 2 slots", "spsc.pml", "-DN=2", "", ""},
		{"ring, 4 slots", "spsc.pml", "", "", ""},
		{"ring, progress", "spsc.pml", "", forever, ""},
		{"ring, publish before write", "spsc.pml", "-DPUBLISH_EARLY", "", wrong},
		{"ring, release before read", "spsc.pml", "-DRELEASE_EARLY", "", race},
		{"ring, one slot too many", "spsc.pml", "-DLIMIT_PLUS_ONE", "", wrong},
		{"ring, odd wrap", "spsc.pml", "-DODD_WRAP", "", wrong},
		{"ring, no release", "spsc.pml", "-DNO_RELEASE", forever, stuck},
		{"doorbell", "doorbell.pml", "", "", ""},
		{"doorbell, no recheck", "doorbell.pml", "-DNO_RECHECK", "", lost},
		{"doorbell, recheck before arming", "doorbell.pml", "-DRECHECK_FIRST", "", lost},
		{"doorbell, flag before publish", "doorbell.pml", "-DFLAG_FIRST", "", lost},
		{"doorbell, eventfd read while armed", "doorbell.pml", "-DREAD_ARMED", "", lost},
		{"doorbell, no swap", "doorbell.pml", "-DNO_SWAP", "", twice},
		{"doorbell, release store", "doorbell.pml", "-DRELEASE_STORE", "", lost},
		{"doorbell, release store and fence", "doorbell.pml", "-DRELEASE_STORE -DFENCE", "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			args := slices.Concat(strings.Fields(tc.define), []string{"-run"},
				strings.Fields(tc.check), []string{"-m1000000", tc.model})
			out := spin(t, tc.model, args)
			if tc.fault != "" {
				if !strings.Contains(out, tc.fault) {
					t.Errorf("the fault was not found:\n%s", out)
				}
				return
			}
			for _, complete := range []string{"Full statespace search", "errors: 0\n"} {
				if !strings.Contains(out, complete) {
					t.Errorf("no %q:\n%s", complete, out)
				}
			}
			if strings.Contains(out, "too small") || strings.Contains(out, "error:") {
				t.Errorf("the search was cut short:\n%s", out)
			}
		})
	}
}

// spin runs spin in a directory of its own, because it leaves files behind.
func spin(t *testing.T, model string, args []string) string {
	text, err := os.ReadFile(model)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, model), text, 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("spin", args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil && len(out) == 0 {
		t.Fatalf("spin %s: %v", strings.Join(args, " "), err)
	}
	return string(out)
}
