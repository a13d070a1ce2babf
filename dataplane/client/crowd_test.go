package client

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/dataplane/server"
)

// TestCrowd: one user's connections, which need not even say HELLO, leave room for others': the
// next one above his share is closed.
func TestCrowd(t *testing.T) {
	d := newDaemon(t, nil) // its administrator is this user's first
	hello := func() error {
		c, err := control.Dial(d.path)
		must(t, err)
		defer c.Close()
		p := control.Packet{}
		p.Type = control.HubHello
		p.SetHub(&control.Hub{A: uint32(control.RoleObserver)})
		return c.Call(&p)
	}
	const share = server.MaxClients / 16
	var files unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &files); err != nil || files.Cur < 3*share {
		t.Skip("too few descriptors for so many connections")
	}
	var crowd []*control.Conn
	for range share - 1 {
		c, err := control.Dial(d.path)
		must(t, err)
		defer c.Close()
		crowd = append(crowd, c)
	}
	if hello() == nil {
		t.Errorf("connection %d of one user is taken", share+1)
	}
	must(t, crowd[0].Close())
	eventually(t, "there is room again", func() bool { return hello() == nil })
}
