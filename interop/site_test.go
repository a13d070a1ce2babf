package interop

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cellhub/cellhub/dataplane/control/controltest"
	"github.com/cellhub/cellhub/interop/guest"
	"github.com/cellhub/cellhub/nic/link"
)

// patience is how long a test waits for what must come: the machine is emulated.
const patience = 3 * time.Minute

// programs are ours.
var programs = controltest.NewPrograms("../cmd/cellhubd", "../cmd/cellsigd", "../cmd/cellctl")

func TestMain(m *testing.M) { programs.Main(m) }

// site is a network namespace with our daemons and a guest, which meet at its loopback.
type site struct {
	t   *testing.T
	ns  *link.Namespace
	dir string
	ctx context.Context
}

// newSite makes a site for a test, which runs beside others: a guest has one processor, and is
// slow.
func newSite(t *testing.T) *site {
	t.Helper()
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("needs root, for a network namespace")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	t.Cleanup(cancel)
	ns, err := link.NewNamespace("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ns.Close() })
	s := &site{t: t, ns: ns, dir: t.TempDir(), ctx: ctx}
	s.do(func() error { return link.Up("lo") })
	return s
}

func (s *site) do(f func() error) {
	s.t.Helper()
	if err := s.ns.Do(f); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) path(name string) string { return filepath.Join(s.dir, name) }

// write makes a file.
func (s *site) write(name, text string) string {
	s.t.Helper()
	if err := os.WriteFile(s.path(name), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return s.path(name)
}

// start starts one of our daemons, and waits until it says that it is ready. It ends with the
// test, or by stop.
func (s *site) start(ready, name string, args ...string) (stop func()) {
	s.t.Helper()
	cmd := exec.CommandContext(s.ctx, programs.Path(s.t, name), args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out := new(controltest.Log)
	cmd.Stdout, cmd.Stderr = out, out
	s.do(cmd.Start)
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	stop = func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // or it has ended
		<-ended
	}
	s.t.Cleanup(func() {
		stop()
		if s.t.Failed() {
			s.t.Logf("%s:\n%s", name, out)
		}
	})
	s.until(name+" is ready", ended, func() bool { return strings.Contains(out.String(), ready) })
	return stop
}

// hub starts cellhubd with a configuration.
func (s *site) hub(config string) {
	s.t.Helper()
	s.start("msg=ready", "cellhubd", "--control", s.path("hub"), "--config", s.write("hub.yaml", config))
}

// signalling starts cellsigd with a configuration.
func (s *site) signalling(config string) (stop func()) {
	s.t.Helper()
	return s.start("msg=attached", "cellsigd", "--control", s.path("hub"), "--socket", s.path("sig"), "--store", s.path("store"), "--config", s.write("sig.yaml", config))
}

// cellctl runs a command of it.
func (s *site) cellctl(args ...string) string {
	s.t.Helper()
	out, err := exec.CommandContext(s.ctx, programs.Path(s.t, "cellctl"), append([]string{"--control", s.path("hub"), "--signalling", s.path("sig")}, args...)...).CombinedOutput()
	if err != nil {
		s.t.Fatalf("cellctl %v: %v: %s", args, err, out)
	}
	return string(out)
}

// until waits for a state; ended, unless nil, is the end of whoever is to bring it about.
func (s *site) until(what string, ended <-chan struct{}, reached func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(patience); !reached(); {
		select {
		case <-ended:
			if !reached() {
				s.t.Fatalf("it has ended before %s", what)
			}
			return
		case <-time.After(5 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// linux boots a guest that runs a script, behind the commands by which it joins the atmtcp
// port that our hub has on port 2812 of the loopback.
func (s *site) linux(script string) *guest.Run {
	s.t.Helper()
	return s.boot(joinPort("2812") + script)
}

// joinPort is the commands by which a guest joins an atmtcp port of our hub's, by its TCP port.
func joinPort(port string) string {
	return "modprobe atmtcp\natmtcp virtual connect 10.0.2.2 " + port + " &\nuntil grep -q atmtcp /proc/net/atm/devices; do sleep 0.1; done\n"
}

// boot boots a guest that runs a script, with Ethernet interfaces on these TAPs.
func (s *site) boot(script string, taps ...string) *guest.Run {
	s.t.Helper()
	image, err := guest.Prepare(s.ctx)
	if errors.Is(err, guest.ErrTools) {
		s.t.Skip(err)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	var r *guest.Run
	s.do(func() (err error) {
		r, err = image.Boot(s.ctx, script, taps...)
		return err
	})
	s.t.Cleanup(func() {
		r.Stop()
		if s.t.Failed() {
			s.t.Logf("guest:\n%s", r.Output())
		}
	})
	return r
}

// wait waits for the script's end, which must be a good one.
func (s *site) wait(r *guest.Run) {
	s.t.Helper()
	if status, err := r.Wait(); err != nil || status != 0 {
		s.t.Fatalf("the guest's script: status %d, %v", status, err)
	}
}

// address gives an interface of the namespace an address.
func (s *site) address(dev, prefix string) {
	s.t.Helper()
	s.do(func() error { return link.AddAddr(dev, netip.MustParsePrefix(prefix)) })
}
