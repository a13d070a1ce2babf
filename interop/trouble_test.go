package interop

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/cellhub/cellhub/dataplane/client"
	"github.com/cellhub/cellhub/interop/guest"
	"github.com/cellhub/cellhub/nic/link"
)

const (
	nobody  = "47000580ffe1000000f20f22000020ea00000000" // at the guest
	nowhere = "47000580ffe1000000f20f22000020ea00000001" // there is no route to it
)

// trouble is a site with calls that are in trouble.
type trouble struct {
	*site
	c *client.Client
	l *client.Listener
	r *guest.Run
}

// calls makes a call to the guest, which listens, or will.
func (x *trouble) calls() (c *client.Conn) {
	x.t.Helper()
	x.until("the guest takes a call", x.r.Done(), func() bool {
		ctx, cancel := context.WithTimeout(x.ctx, patience)
		defer cancel()
		var err error
		c, err = x.c.Dial(ctx, "svc://"+theirs, &client.Config{Local: "svc://" + ours})
		return err == nil
	})
	x.echoes(c)
	return c
}

// echoes hears the guest on a new call, and has it send something back. The guest speaks first:
// what came before its kernel has the VC, its atmtcp would lose.
func (x *trouble) echoes(c net.Conn) {
	x.t.Helper()
	_ = c.SetDeadline(time.Now().Add(patience))
	p := make([]byte, 9180)
	hear := func(want string) {
		x.t.Helper()
		if n, err := c.Read(p); err != nil || string(p[:n]) != want {
			x.t.Fatalf("%q, %v, want %q", p[:n], err, want)
		}
	}
	hear("from linux")
	if _, err := c.Write([]byte("back")); err != nil {
		x.t.Fatal(err)
	}
	hear("back")
}

// ends waits for the end of a call, and gives it.
func (x *trouble) ends(c net.Conn) error {
	x.t.Helper()
	_ = c.SetDeadline(time.Now().Add(patience))
	for p := make([]byte, 9180); ; {
		if _, err := c.Read(p); err != nil {
			var late net.Error
			if errors.As(err, &late) && late.Timeout() {
				x.t.Fatalf("not ended: %v", err)
			}
			_ = c.Close()
			return err
		}
	}
}

// caused compares the cause of a call's end.
func caused(t *testing.T, err error, want uint8) {
	t.Helper()
	var refused *client.Refused
	if !errors.As(err, &refused) || refused.Cause != want {
		t.Errorf("%v, want cause %d", err, want)
	}
}

// sees waits for what the guest prints for the nth time.
func (x *trouble) sees(text string, n int) {
	x.t.Helper()
	x.until(fmt.Sprintf("the guest says %q, %d times", text, n), x.r.Done(), func() bool { return strings.Count(x.r.Output(), text) >= n })
}

// Calls in trouble, with the guest as user: released by us, to nobody, restarted, with the
// link cut for too long, with atmsigd killed; each time calls can be made again, and in the
// end none is left.
func TestTrouble(t *testing.T) {
	s := newSite(t)
	s.hub(`ports: {linux: {spec: "atmtcp:listen=127.0.0.1:2812", number: 1}}`)
	s.signalling("interfaces: [{port: 1, side: network, version: \"3.1\"}]\nroutes: {" + theirs + ": [1], " + nobody + ": [1]}")
	c, err := client.Open(s.path("hub"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	l, err := c.Listen(s.ctx, "svc://"+ours, nil)
	if err != nil {
		t.Fatal(err)
	}
	x := &trouble{site: s, c: c, l: l}
	x.r = s.linux(joined("31", "user", theirs) + `
# atmsigd ends a listener, too, when its link has been reset.
listens() { until call -l ` + theirs + ` "from linux" 600; do sleep 0.2; done; }
echo "1: released by us"; listens
echo "2: to nobody"; call ` + theirs + ` ` + nowhere + ` "from linux"; echo "refused"
echo "3: restarted"; listens; listens
echo "4: link cut"; listens; listens
echo "5: killed"; listens >/tmp/killed &
until grep -q received /tmp/killed; do sleep 0.2; done
sleep 1 # until it has sent that back
killall -9 atmsigd
wait $!
cat /tmp/killed
atmsigd -b -d -u uni31 -l /tmp/sig.log 0.0.5
echo "6: calls us"
until call ` + theirs + ` ` + ours + ` "from linux" 600; do sleep 0.2; done
`)
	t.Run("released by us", func(t *testing.T) {
		x.t = t
		_ = x.calls().Close()
		x.sees("ended", 1)
	})
	t.Run("to nobody", func(t *testing.T) {
		x.t = t
		x.sees("refused", 1)
		if !strings.Contains(x.r.Output(), "connect: Cannot assign requested address") { // its errno for cause 1
			t.Errorf("the guest's call: %s", x.r.Output())
		}
		_, err := c.Dial(s.ctx, "svc://"+nobody, nil)
		caused(t, err, 88) // incompatible destination: atmsigd has no listener there
	})
	t.Run("restarted", func(t *testing.T) {
		x.t = t
		call := x.calls()
		x.cellctl("call", "restart", "1")
		caused(t, x.ends(call), 41) // temporary failure
		x.sees("ended", 2)
		_ = x.calls().Close()
		x.sees("ended", 3)
	})
	t.Run("link cut", func(t *testing.T) {
		x.t = t
		call := x.calls()
		x.do(func() error { return link.Down("lo") })
		caused(t, x.ends(call), 27) // destination out of order
		x.sees("ended", 4)
		x.do(func() error { return link.Up("lo") })
		_ = x.calls().Close()
		x.sees("ended", 5)
	})
	t.Run("killed", func(t *testing.T) {
		x.t = t
		call := x.calls()
		caused(t, x.ends(call), 101) // what STATUS says of a call that atmsigd knows nothing of
		x.sees("ended", 6)
		peer, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		x.echoes(peer)
		_ = peer.Close()
		x.sees("ended", 7)
	})
	x.t = t
	x.wait(x.r)
	x.until("no call is left", nil, func() bool { return strings.HasPrefix(x.cellctl("call", "show"), "no calls") })
}
