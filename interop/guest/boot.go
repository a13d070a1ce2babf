package guest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// Run is a machine that runs a script.
type Run struct {
	cmd  *exec.Cmd
	dir  string
	out  output
	done chan struct{}
	err  error
}

// output is what the script has written.
type output struct {
	sync.Mutex
	b bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.Lock()
	defer o.Unlock()
	o.b.Write(bytes.ReplaceAll(p, []byte("\r"), nil))
	return len(p), nil
}

// Boot starts a machine in the network namespace of the calling thread. It ends with the
// script, or with ctx. Each name of taps is a TAP, which is made if it is not there, on whose
// other side the machine has an Ethernet interface: eth1, and so on.
func (i *Image) Boot(ctx context.Context, script string, taps ...string) (*Run, error) {
	dir, err := os.MkdirTemp("", "guest")
	if err != nil {
		return nil, err
	}
	r := &Run{dir: dir, done: make(chan struct{})}
	root, err := os.ReadFile(i.initrd)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	var a archive
	a.file("script", 0o755, []byte(script))
	a.end()
	for len(root)%4 != 0 { // archives follow each other at multiples of four
		root = append(root, 0)
	}
	initrd := filepath.Join(dir, "initrd")
	if err := os.WriteFile(initrd, append(root, a.Bytes()...), 0o644); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	r.cmd = exec.CommandContext(ctx, "qemu-system-x86_64", "-M", "pc", "-accel", "tcg,thread=single,tb-size=128", "-smp", "1", "-m", "256",
		"-nodefaults", "-no-reboot", "-display", "none", "-serial", "stdio", "-serial", "file:"+filepath.Join(dir, "console"),
		"-kernel", i.kernel, "-initrd", initrd,
		"-append", "console=ttyS1 panic=-1 nokaslr mitigations=off no_timer_check loglevel=6 net.ifnames=0",
		"-netdev", "user,id=u,ipv6=off", "-device", "virtio-net-pci,netdev=u,romfile=")
	for n, tap := range taps {
		r.cmd.Args = append(r.cmd.Args, "-netdev", fmt.Sprintf("tap,id=t%d,ifname=%s,script=no,downscript=no", n, tap),
			"-device", fmt.Sprintf("virtio-net-pci,netdev=t%d,romfile=,mac=02:00:00:00:01:%02x", n, n+1))
	}
	r.cmd.Stdout, r.cmd.Stderr = &r.out, &r.out
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := r.cmd.Start(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	go func() {
		r.err = r.cmd.Wait()
		close(r.done)
	}()
	return r, nil
}

// Output is what the script has written so far.
func (r *Run) Output() string {
	r.out.Lock()
	defer r.out.Unlock()
	return r.out.b.String()
}

// Done is closed when the machine has ended.
func (r *Run) Done() <-chan struct{} { return r.done }

var ending = regexp.MustCompile(`(?m)^guest: exit (\d+)$`)

// Wait waits for the end of the machine, and gives the script's exit status. An error tells
// of a machine that ended otherwise, with the last of what its kernel has said.
func (r *Run) Wait() (status int, err error) {
	<-r.done
	defer os.RemoveAll(r.dir)
	if m := ending.FindStringSubmatch(r.Output()); m != nil {
		return strconv.Atoi(m[1])
	}
	console, _ := os.ReadFile(filepath.Join(r.dir, "console"))
	lines := strings.Split(strings.TrimSpace(string(console)), "\n")
	return 0, fmt.Errorf("the guest has ended before its script: %w\n%s", errors.Join(r.err, errors.New("no exit status")), strings.Join(lines[max(0, len(lines)-20):], "\n"))
}

// Stop ends the machine.
func (r *Run) Stop() {
	_ = syscall.Kill(-r.cmd.Process.Pid, syscall.SIGKILL) // ended already
	<-r.done
	_ = os.RemoveAll(r.dir)
}
