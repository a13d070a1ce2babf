package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/cellhub/cellhub/cmd/internal/daemon"
	"github.com/cellhub/cellhub/cmd/internal/lab"
	"github.com/cellhub/cellhub/dataplane/block"
	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/dataplane/control/controltest"
	"github.com/cellhub/cellhub/dataplane/pcb"
	"github.com/cellhub/cellhub/dataplane/region"
	"github.com/cellhub/cellhub/loader"
)

// folder is one that lies neither with the control socket nor with temporary files.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/var/tmp", "cellhubd-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// A daemon that is shut in writes no file but where it may, and still does all that it is for:
// it opens ports by name and TAPs, reads its file again, captures to files and FIFOs.
func TestSandbox(t *testing.T) {
	l := lab.ForTest(t, lab.Config{})
	dir, named, outside := t.TempDir(), folder(t), folder(t)
	head := "captures: [" + named + "]\n"
	file := write(t, filepath.Join(dir, "x.yaml"), head)
	d := startDaemon(t, l.A, filepath.Join(dir, "control"), "--config", file, "--hubs", "2")
	if log := d.log.String(); strings.Contains(log, "no Landlock") || strings.Contains(log, "no seccomp") {
		t.Skip("the kernel has no Landlock or no seccomp")
	}
	c := controltest.Dial(t, d.path, control.RoleAdmin)
	top := lan(c, "lan", "atm0")
	c.Must(c.Hub(control.HubOpen, 0, 0, "port", "u udp:127.0.0.1:6635,remote=localhost:6636,label=100", ""))
	d.reload(t, file, head+"ports:\n  p: eth:"+lab.Dev+",label=100\nstreams:\n  s: {top: head, modules: [capture "+named+"/x.pcap, aal5]}\npvcs:\n  - {port: p, vc: 0/32, stream: s}\n")
	if info, err := os.Stat(named + "/x.pcap"); err != nil || info.Size() == 0 {
		t.Errorf("a capture to a folder that the file names: %v", err)
	}
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	reader, err := os.OpenFile(fifo, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	c.Must(c.Hub(control.HubPush, top, 0, "capture", "0/32 "+fifo, ""))
	if err := c.Errno(c.Hub(control.HubPush, top, 0, "capture", "0/32 "+outside+"/x.pcap", "")); err != syscall.EACCES {
		t.Errorf("a capture to a folder that nobody named: %v, want EACCES", err)
	}
	if made, err := os.ReadDir(outside); err != nil || len(made) != 0 {
		t.Errorf("%d files, %v", len(made), err)
	}
}

// Every thread has the filter of system calls where the kernel can, and none with --sandbox off.
func TestSandboxOfEveryThread(t *testing.T) {
	l := lab.ForTest(t, lab.Config{})
	for mode, want := range map[string]string{"auto": "Seccomp:\t2\n", "off": "Seccomp:\t0\n"} {
		d := startDaemon(t, l.A, filepath.Join(t.TempDir(), "control"), "--hubs", "2", "--sandbox", mode)
		if strings.Contains(d.log.String(), "no seccomp") {
			t.Skip("the kernel has no seccomp")
		}
		if was := strings.Contains(d.log.String(), "no sandbox"); was != (mode == "off") {
			t.Errorf("%s: it says %s", mode, d.log.String())
		}
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", d.cmd.Process.Pid))
		if err != nil || len(threads) < 3 {
			t.Fatalf("%d threads: %v", len(threads), err)
		}
		for _, name := range threads {
			status, err := os.ReadFile(name)
			if err == nil && !strings.Contains(string(status), want) {
				t.Errorf("%s: %s: not %q", mode, name, want)
			}
		}
	}
}

// The limits of a file are those of the packages that keep them.
func TestLimitsAgree(t *testing.T) {
	if loader.MinRegion != region.MinOctets || loader.MaxRegion != region.MaxOctets || loader.MaxConnections != pcb.MaxConnections ||
		loader.MaxGrace != pcb.T309 || loader.MaxBlocks != block.MaxBlocks {
		t.Error("a limit of loader is not that of its package")
	}
}

// What a file says of memory and applications is what the server and the hubs get; a user beyond
// his share is refused.
func TestLimitsOfFile(t *testing.T) {
	l := lab.ForTest(t, lab.Config{})
	dir := t.TempDir()
	file := write(t, filepath.Join(dir, "x.yaml"), "blocks: {small: 4096, medium: 256, large: 128}\nsockets: {region: 1048576, connections: 10, grace: 3s, user: {applications: 1}}\n")
	c, err := parse(daemon.NewFlags("cellhubd", manual), []string{"--config", file}, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := (&hubd{c: c}).serverConfig()
	if got.RegionOctets != 1<<20 || got.Connections != 10 || got.Grace.Seconds() != 3 || got.Limits.Regions != 1 || got.Limits.Octets == 0 || c.blocks().Small != 4096 {
		t.Errorf("%+v, %+v", got, c.blocks())
	}
	d := startDaemon(t, l.A, filepath.Join(dir, "control"), "--config", file)
	controltest.Dial(t, d.path, control.RoleApplication)
	if _, err := controltest.TryDial(t, d.path, control.RoleApplication); err == nil || !strings.Contains(err.Error(), "user 0 has 1 applications") {
		t.Errorf("a second application: %v", err)
	}
}
