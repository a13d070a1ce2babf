package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/cellhub/cellhub/cmd/internal/lab"
)

// Every command says what it is, in a line that fits a terminal beside its name.
func TestEveryCommandIsDescribed(t *testing.T) {
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		if c.Short == "" || len(c.Short) > 80 || strings.HasSuffix(c.Short, ".") {
			t.Errorf("%s: %q", c.CommandPath(), c.Short)
		}
		for line := range strings.Lines(c.Long + "\n" + c.Example) {
			if len([]rune(line)) > 82 {
				t.Errorf("%s: a long line: %s", c.CommandPath(), line)
			}
		}
		if !c.Runnable() && !c.HasSubCommands() {
			t.Errorf("%s does nothing", c.CommandPath())
		}
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(tree(&options{}))
}

// A shell is given the names that the daemon has.
func TestCompletion(t *testing.T) {
	l := lab.ForTest(t, lab.Config{})
	d := startDaemon(t, l.A)
	d.must("port add dslam eth:" + lab.Dev + ",label=100")
	d.must("stream open --name lan head")
	for line, want := range map[string]string{
		"__complete port del ":          "dslam\n",
		"__complete pvc add ":           "dslam\n",
		"__complete capture ":           "dslam\n",
		"__complete stream pop ":        "lan\n",
		"__complete module command ":    "lan\n",
		"__complete show po":            "ports\t",
		"__complete event subscribe vc": "vc_added\n",
	} {
		args := strings.Fields(line)
		if strings.HasSuffix(line, " ") {
			args = append(args, "")
		}
		if out, code := d.ctl(args...); code != 0 || !strings.HasPrefix(out, want) {
			t.Errorf("%s: %d: %s", line, code, out)
		}
	}
}

// make install puts each program where a shell, man and systemd find it.
func TestInstall(t *testing.T) {
	if _, err := exec.LookPath("make"); err != nil {
		t.Skip("needs make")
	}
	dir := t.TempDir()
	if out, err := exec.Command("make", "-s", "-C", "../..", "install", "DESTDIR="+dir, "PREFIX=/opt").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for file, want := range map[string]string{
		"../etc/systemd/system/cellhubd.service":       "ExecStart=/opt/sbin/cellhubd --config",
		"../etc/systemd/system/cellhubd.socket":        "FileDescriptorName=control",
		"../etc/systemd/system/atmtap@.service":        "ExecStart=/opt/sbin/atmtap $ARGS",
		"sbin/cellhubd":                                "",
		"sbin/cellctl":                                 "",
		"share/man/man8/cellhubd.8":                    ".SH CONFIGURATION",
		"share/man/man8/cellctl.8":                     "/run/cellhub/control",
		"share/man/man8/cellctl-capture.8":             "Wireshark",
		"share/bash-completion/completions/cellctl":    "__start_cellctl",
		"share/zsh/site-functions/_cellctl":            "#compdef cellctl",
		"share/fish/vendor_completions.d/cellctl.fish": "complete -c cellctl",
	} {
		text, err := os.ReadFile(filepath.Join(dir, "opt", file))
		if err != nil || !bytes.Contains(text, []byte(want)) {
			t.Errorf("%s: %v, without %q", file, err, want)
		}
	}
}
