package daemon

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cellhub/cellhub/signalling/internal/proof"
)

// storeVariable in the environment makes TestStoreKilled the process that is killed.
const storeVariable = "CELLHUB_TEST_STORE"

// write changes a store without end, each change a number further, and says each when it is done.
func write(path string) error {
	s, err := OpenStore(path)
	if err != nil {
		return err
	}
	defer s.Close()
	routes, err := s.Routes()
	if err != nil {
		return err
	}
	n := uint16(0)
	if ports := routes[killed]; len(ports) == 2 {
		n = ports[1]
	}
	for {
		n++
		if err := s.SaveRoute(killed, []uint16{^n, n}); err != nil {
			return err
		}
		fmt.Println("route", n)
		if err := s.SaveSequence(7, uint8(n)); err != nil {
			return err
		}
		fmt.Println("sequence", n)
	}
}

// killed is the route that is changed.
const killed = "47.0005/24"

// TestStoreKilled: a store is as it was before or after the change under way when its process
// is killed, whenever that is.
func TestStoreKilled(t *testing.T) {
	if path := os.Getenv(storeVariable); path != "" {
		t.Fatal(write(path))
	}
	rng := proof.Seeded(t)
	path := filepath.Join(t.TempDir(), "store")
	var route, sequence uint16 // said to be done last
	for round := range 30 {
		cmd := exec.Command("/proc/self/exe", "-test.run", "^TestStoreKilled$")
		cmd.Env = append(os.Environ(), storeVariable+"="+path)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewReader(out)
		first := ""
		if round%2 == 0 { // in others it may be killed while it opens the store
			if first, err = lines.ReadString('\n'); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Duration(rng.Int64N(int64(20 * time.Millisecond))))
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		rest, err := io.ReadAll(lines)
		if err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // it was killed
		for line := range strings.Lines(first + string(rest)) {
			what, text, _ := strings.Cut(strings.TrimSpace(line), " ")
			n, err := strconv.ParseUint(text, 10, 16)
			switch {
			case err != nil || !strings.HasSuffix(line, "\n"):
			case what == "route":
				route = uint16(n)
			default:
				sequence = uint16(n)
			}
		}
		route, sequence = intact(t, path, route, sequence)
	}
	t.Logf("%d changes", route)
}

// intact wants a store to have what was said to be done last, or the one change after it.
func intact(t *testing.T, path string, route, sequence uint16) (uint16, uint16) {
	t.Helper()
	s, err := OpenStore(path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	routes, err := s.Routes()
	if err != nil {
		t.Fatal(err)
	}
	ports := routes[killed]
	if len(routes) != 1 || len(ports) != 2 || ports[0] != ^ports[1] || ports[1] != route && ports[1] != route+1 {
		t.Fatalf("routes %v after change %d", routes, route)
	}
	sq, err := s.Sequence(7)
	if err != nil || sq != uint8(sequence) && sq != uint8(ports[1]) {
		t.Fatalf("N(SQ) %d, %v after change %d, and route %d", sq, err, sequence, ports[1])
	}
	if sq != uint8(sequence) {
		sequence = ports[1]
	}
	return ports[1], sequence
}
