package interop

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/cellhub/cellhub/dataplane/client"
)

const (
	theirs = "47000580ffe1000000f20f22000020ea000ee000"
	ours   = "47000580ffe1000000f20f22000020ea00999900"
)

// joined starts linux-atm's signalling in the guest, by a version of the UNI and as a side of
// it, with an address.
func joined(version, side, address string) string {
	return `
esi ` + address[26:38] + ` 0
atmaddr -a ` + address + `
atmsigd -b -d -u uni` + version + ` -m ` + side + ` -l /tmp/sig.log 0.0.5
until grep -q SVC /proc/net/atm/vc 2>/dev/null || grep -q "entering state" /tmp/sig.log; do sleep 0.2; done
`
}

// Switched calls between an application of ours and one of the guest's: first it calls, then
// we do; data both ways; it releases. By every version of the UNI that it has, we as network
// and as user, with both daemons started anew each time.
func TestCalls(t *testing.T) {
	s := newSite(t)
	s.hub(`ports: {linux: {spec: "atmtcp:listen=127.0.0.1:2812", number: 1}}`)
	other := map[string]string{"user": "network", "network": "user"}
	var cases []string
	script := ""
	for _, side := range []string{"network", "user"} {
		for _, version := range []string{"3.0", "3.1", "4.0"} {
			cases = append(cases, side+" "+version)
			script += joined(strings.ReplaceAll(version, ".", ""), other[side], theirs) + `
until call ` + theirs + " " + ours + ` "from linux"; do sleep 0.2; done
call -l ` + theirs + ` "from linux" || { tail -c 3000 /tmp/sig.log; exit 2; }
killall atmsigd
while pidof atmsigd >/dev/null; do sleep 0.1; done
rm /tmp/sig.log
`
		}
	}
	r := s.linux(script)
	for n, name := range cases {
		t.Run(name, func(t *testing.T) {
			s.t = t
			side, version, _ := strings.Cut(name, " ")
			stop := s.signalling(fmt.Sprintf("interfaces: [{port: 1, side: %s, version: %q}]\nroutes: {\"*\": [1]}", side, version))
			defer stop()
			c, err := client.Open(s.path("hub"))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			ctx, cancel := context.WithTimeout(s.ctx, patience)
			defer cancel()
			l, err := c.Listen(ctx, "svc://"+ours, nil)
			if err != nil {
				t.Fatal(err)
			}
			peer, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			_ = l.Close() // the guest's next call is for the next daemon
			converse(t, peer)
			s.until("the guest listens", r.Done(), func() bool { return strings.Count(r.Output(), "listening") > n })
			called, err := c.Dial(ctx, "svc://"+theirs, &client.Config{Local: "svc://" + ours})
			if err != nil {
				t.Fatal(err)
			}
			converse(t, called)
			if got := strings.Count(r.Output(), "received from cellhub"); got != 2*(n+1) {
				t.Errorf("the guest has received %d of 2", got-2*n)
			}
			s.until("no call is left", nil, func() bool { return strings.HasPrefix(s.cellctl("call", "show"), "no calls") })
		})
	}
	s.t = t
	s.wait(r)
}

// converse hears the guest, answers, and waits until it has released. The guest speaks first:
// what came before its kernel has the VC, its atmtcp would lose.
func converse(t *testing.T, c net.Conn) {
	t.Helper()
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	p := make([]byte, 9180)
	n, err := c.Read(p)
	if err != nil || string(p[:n]) != "from linux" {
		t.Fatalf("read %q, %v", p[:n], err)
	}
	if _, err := c.Write([]byte("from cellhub")); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Read(p); !errors.Is(err, io.EOF) && !released(err) {
		t.Fatalf("at the end: %q, %v", p[:n], err)
	}
}

// released tells whether a call has ended as calls do: UNI 3.0 has cause 31 for that.
func released(err error) bool {
	var refused *client.Refused
	return errors.As(err, &refused) && refused.Cause == 31
}

// The guest registers its address with us by ILMI, under the prefix that it was given.
func TestILMI(t *testing.T) {
	s := newSite(t)
	s.hub(`ports: {linux: {spec: "atmtcp:listen=127.0.0.1:2812", number: 1}}`)
	s.signalling(`interfaces: [{port: 1, side: network, version: "3.1", ilmi: {prefixes: [47.0005.80FFE1000000F20F2200]}}]`)
	r := s.linux(`
esi 0020ea000ee0 0
ilmid -b -u 3.1 0
until atmaddr | grep -qi 47.*20ea000ee0; do sleep 0.2; done
atmaddr
sleep 1000
`)
	s.until("the guest's address is registered", r.Done(), func() bool {
		return strings.Contains(strings.ToLower(strings.ReplaceAll(s.cellctl("address", "show"), ".", "")), theirs[:38])
	})
	s.until("the guest has its address", r.Done(), func() bool {
		return strings.Contains(strings.ToLower(strings.ReplaceAll(r.Output(), ".", "")), theirs[:38])
	})
}
