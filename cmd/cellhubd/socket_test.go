package main

import (
	"context"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/cellhub/cellhub/cmd/internal/lab"
	"github.com/cellhub/cellhub/dataplane/client"
	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/dataplane/control/controltest"
)

// Applications on two hosts, each with a daemon of its own, over a PVC between them: of a port with
// cells and of one with SDUs, with one hub and with two. When the one daemon is killed its application
// hears of it, and works again with the next one.
func TestSockets(t *testing.T) {
	for name, c := range map[string]struct{ mode, hubs string }{"cells": {"n1", "1"}, "sdus, two hubs": {"aal5sdu", "2"}} {
		t.Run(name, func(t *testing.T) {
			l := lab.ForTest(t, lab.Config{MTU: 1600})
			dir := t.TempDir()
			var daemons [2]*peer
			var conns [2]*client.Conn
			start := func(side int) {
				h := []*lab.Host{l.A, l.B}[side]
				d := startDaemon(t, h, filepath.Join(dir, string(rune('a'+side))), "--hubs", c.hubs)
				admin := controltest.Dial(t, d.path, control.RoleAdmin)
				admin.Must(admin.Hub(control.HubOpen, 0, 7, "port", "dslam eth:"+lab.Dev+",label=100,mode="+c.mode, ""))
				admin.Must(admin.ATM(control.ATMAdd, control.ATM{Port: 7, VCI: 100, AAL: control.AAL5}))
				app, err := client.Open(d.path)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { app.Close() })
				conn, err := app.Dial(context.Background(), "pvc://dslam/0/100", nil)
				if err != nil {
					t.Fatal(err)
				}
				daemons[side], conns[side] = d, conn
			}
			exchange := func() {
				t.Helper()
				p := make([]byte, 9180)
				for i := range 200 {
					what := strings.Repeat("over the wire ", 1+i%100)
					for side := range 2 {
						if _, err := conns[side].Write([]byte(what)); err != nil {
							t.Fatal(err)
						}
						if n, err := conns[1-side].Read(p); err != nil || string(p[:n]) != what {
							t.Fatalf("%d octets, want %d, %v", n, len(what), err)
						}
					}
				}
			}
			start(0)
			start(1)
			exchange()
			if err := daemons[0].cmd.Stop(syscall.SIGKILL); err == nil {
				t.Error("killed, and no error")
			}
			if _, err := conns[0].Read(make([]byte, 9180)); err == nil {
				t.Error("the application of a daemon that was killed reads on")
			}
			start(0)
			exchange()
		})
	}
}
