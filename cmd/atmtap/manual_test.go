package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// examples are the commands of the manual page, as a user would paste them.
func examples(t *testing.T) []string {
	t.Helper()
	name := programs.Path(t, "atmtap")
	page, err := exec.Command(name, "--help").Output()
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(page), "\nEXAMPLES\n")
	if !ok {
		t.Fatalf("no EXAMPLES in %s", page)
	}
	var found []string
	for line := range strings.Lines(section) {
		switch code := strings.HasPrefix(line, "        "); {
		case strings.TrimSpace(line) == "":
		case !strings.HasPrefix(line, " "):
			return found // the next section
		case !code:
			found = append(found, "")
		case len(found) == 0:
			t.Fatalf("an example without introduction: %q", line)
		default:
			found[len(found)-1] += line
		}
	}
	var whole []string
	for _, e := range found {
		if e != "" {
			whole = append(whole, e)
		}
	}
	return whole
}

// TestExamplesOfManual pastes each whole example of --help into a shell that has its
// own network and names for it.
func TestExamplesOfManual(t *testing.T) {
	for _, tool := range []string{"bash", "ip", "ping", "mount"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip("needs bash, iproute2 and ping")
		}
	}
	if os.Getuid() != 0 {
		t.Skip("needs root to make network namespaces")
	}
	all := examples(t)
	if len(all) != 2 {
		t.Fatalf("the manual has %d examples, want 2: %q", len(all), all)
	}
	for i, e := range all {
		t.Run(string(rune('1'+i)), func(t *testing.T) {
			t.Parallel()
			runExample(t, e)
		})
	}
}

var goodPing = regexp.MustCompile(`3 packets transmitted, 3 received, 0% packet loss`)

func runExample(t *testing.T, example string) {
	if strings.Contains(example, "tshark") {
		needTshark(t)
	}
	name := programs.Path(t, "atmtap")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Second)
	defer cancel()
	// `ip netns` keeps its names in /run: this shell has one of its own.
	const private = "mount --make-rprivate / && mount -t tmpfs tmpfs /run || exit 99\n"
	cmd := exec.CommandContext(ctx, "bash", "-c", private+example)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(name)+":"+os.Getenv("PATH"))
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWPID,
		Pdeathsig:  syscall.SIGKILL,
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.WaitDelay = time.Second
	if err := cmd.Run(); err != nil {
		t.Errorf("%v", err)
	}
	out := stdout.String()
	if !goodPing.MatchString(out) {
		t.Error("its ping does not pass")
	}
	if n := strings.Count(out, ", VC "); n != 2 {
		t.Errorf("%d summaries, want 2", n)
	}
	if strings.Contains(example, "tshark") {
		for _, kind := range []string{"Echo (ping) request", "Echo (ping) reply"} {
			if n := strings.Count(out, kind); n != 3 {
				t.Errorf("tshark shows %d %ss, want 3", n, kind)
			}
		}
	}
	for line := range strings.Lines(stderr.String()) {
		if !strings.HasPrefix(line, "atmtap: ") && !strings.HasPrefix(line, "Running as user") {
			t.Errorf("stderr: %s", line)
		}
	}
	if t.Failed() {
		t.Logf("%s\n%s%s", example, out, &stderr)
	}
}

// TestManual asks whether the manual page names all that there is.
func TestManual(t *testing.T) {
	name := programs.Path(t, "atmtap")
	var stderr bytes.Buffer
	cmd := exec.Command(name, "-h")
	cmd.Stderr = &stderr
	page, err := cmd.Output()
	if err != nil || stderr.Len() != 0 {
		t.Fatalf("%v: %s", err, &stderr)
	}
	for _, word := range []string{
		"NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "EXAMPLES", "--tap", "--tun", "--vc", "--port", "--encap",
		"--mtu", "--mac", "--capture", "--json", "--force", "--help", "--version", "SIGNALS", "SIGHUP", "ENVIRONMENT", "NOTIFY_SOCKET", "eth:", "udp:", "label", "mode", "peer", "remote",
		"n1", "n1cw", "aal5sdu", "llc", "vcmux", "CAP_NET_ADMIN", "CAP_NET_RAW",
	} {
		if !strings.Contains(string(page), word) {
			t.Errorf("the manual says nothing of %s", word)
		}
	}
	for line := range strings.Lines(string(page)) {
		if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > 80 {
			t.Errorf("a line of %d columns does not fit a terminal: %s", n, line)
		}
	}
}

// TestInstall installs into an empty directory, and reads the manual page as troff does: no
// line is lost and none becomes a request.
func TestInstall(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.Command("make", "-s", "-C", "../..", "install", "DESTDIR="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			t.Skip("needs make")
		}
		t.Fatalf("%v: %s", err, out)
	}
	page, err := os.ReadFile(filepath.Join(dir, "usr/local/share/man/man8/atmtap.8"))
	if err != nil {
		t.Fatal(err)
	}
	text := ""
	for line := range strings.Lines(string(page)) {
		switch {
		case strings.HasPrefix(line, ".SH "):
			text += line[len(".SH "):]
		case strings.HasPrefix(line, ".nf"), strings.HasPrefix(line, ".fi"), strings.HasPrefix(line, ".TH "):
		case line[0] == '.' || line[0] == '\'':
			t.Errorf("troff would take this for a request: %s", line)
		case line == "\n":
			text += line
		default:
			text += "    " + line
		}
	}
	if text = strings.NewReplacer(`\-`, "-", `\e`, `\`, `\&`, "").Replace(text); text != manual {
		t.Errorf("the page reads %q", text)
	}
	unit, err := os.ReadFile(filepath.Join(dir, "etc/systemd/system/atmtap@.service"))
	if err != nil || !bytes.Contains(unit, []byte("ExecStart=/usr/local/sbin/atmtap $ARGS")) {
		t.Errorf("the unit is %q, %v", unit, err)
	}
	out, err := exec.Command(filepath.Join(dir, "usr/local/sbin/atmtap"), "--version").Output()
	if err != nil || !strings.HasPrefix(string(out), "atmtap ") {
		t.Errorf("%q, %v", out, err)
	}
}
