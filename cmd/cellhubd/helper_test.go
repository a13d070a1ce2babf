package main

import (
	"context"
	"testing"

	"github.com/cellhub/cellhub/cmd/internal/lab"
	"github.com/cellhub/cellhub/dataplane/control/controltest"
)

// programs are under test: the daemon, and the tunnel program that stands at both ends of a switch.
var programs = controltest.NewPrograms(".", "../atmtap", "../cellctl")

func TestMain(m *testing.M) { programs.Main(m) }

// peer is a cellhubd in a host of a lab.
type peer struct {
	path string
	host *lab.Host
	cmd  *lab.Cmd
	log  controltest.Log
}

// startDaemon starts a cellhubd at a socket and waits until it serves.
func startDaemon(t testing.TB, h *lab.Host, path string, args ...string) *peer {
	t.Helper()
	d := &peer{path: path, host: h}
	d.cmd = h.Command(context.Background(), append([]string{programs.Path(t, "cellhubd"), "--control", path}, args...)...)
	d.start(t)
	return d
}

func (d *peer) start(t testing.TB) {
	t.Helper()
	d.cmd.Stdout, d.cmd.Stderr = &d.log, &d.log
	d.log.Start(t, d.cmd, "msg=ready")
}
