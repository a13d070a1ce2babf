package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/cellhub/cellhub/cmd/internal/lab"
	"github.com/cellhub/cellhub/dataplane/control"
)

// daemons are programs that serve at a socket each, in one directory.
type daemons struct {
	dir    string
	cmds   map[string]*lab.Cmd
	stderr map[string]*bytes.Buffer
}

func newDaemons() daemons {
	return daemons{cmds: map[string]*lab.Cmd{}, stderr: map[string]*bytes.Buffer{}}
}

func (n *daemons) path(name string) string { return filepath.Join(n.dir, name) }

// start runs a daemon with its configuration, and waits until it serves.
func (n *daemons) start(ctx context.Context, h *lab.Host, name, config, program string, args ...string) error {
	file := n.path(name + ".yaml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		return err
	}
	cmd := h.Command(context.Background(), append([]string{program, "--config", file, "--log", "warn"}, args...)...)
	n.stderr[name] = new(bytes.Buffer)
	cmd.Stderr = n.stderr[name]
	if err := cmd.Start(); err != nil {
		return err
	}
	n.cmds[name] = cmd
	ctx, cancel := context.WithTimeoutCause(ctx, setupTime, fmt.Errorf("%s does not serve within %v", name, setupTime))
	defer cancel()
	for {
		if conn, err := control.Dial(n.path(name)); err == nil {
			return conn.Close()
		}
		select {
		case <-ctx.Done():
			return n.explain(context.Cause(ctx))
		case <-cmd.Done():
			return n.explain(errors.New("it has ended"))
		case <-time.After(pollTime):
		}
	}
}

// explain adds what a daemon that has ended has said.
func (n *daemons) explain(err error) error {
	if err == nil {
		return nil
	}
	for name, cmd := range n.cmds {
		select {
		case <-cmd.Done():
			text := strings.TrimSpace(n.stderr[name].String())
			err = fmt.Errorf("%w; %s has ended: %s", err, name, text[max(0, len(text)-maxOutput):])
		default:
		}
	}
	return err
}

func residentOf(pid int) float64 { return statusOf(pid, "VmRSS") }

// statusOf is a size in a process's status, in MiB.
func statusOf(pid int, key string) float64 {
	text := strings.TrimSuffix(keyed(fmt.Sprintf("/proc/%d/status", pid), key, ":"), " kB")
	kilo, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0
	}
	return kilo / 1024
}
