package interop

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"time"
)

// classicalIP gives the guest's kernel a Classical IP interface, and echoes there what comes
// by TCP: to port 7, the Echo Protocol's.
const classicalIP = `
modprobe clip
atmarpd -b -l /tmp/arp.log
until atmarp -c atm0; do sleep 0.1; done
ip addr add 192.0.2.2/28 dev atm0
ip link set atm0 up
nc -ll -p 7 -e cat &
`

// Classical IP on a permanent VC between the guest's kernel and a TUN of ours (RFC 2225; RFC
// 2684, routed, LLC): ping of sizes up to the MTU, and transfers by TCP both ways.
func TestClassicalIP(t *testing.T) {
	s := newSite(t)
	s.hub(`
ports: {linux: {spec: "atmtcp:listen=127.0.0.1:2812", number: 1}}
streams: {ip: {top: tun ip0 mtu=9180, modules: [rfc2684 llc routed]}}
pvcs: [{port: linux, vc: 0/100, stream: ip, maxsdu: 9188}]
`)
	s.address("ip0", "192.0.2.1/28")
	r := s.linux(classicalIP + `
atmarp -s 192.0.2.1 0.0.100
for size in 0 1 100 1472 9152; do
	ping -c 3 -i 0.2 -w 20 -s $size 192.0.2.1 || { cat /tmp/arp.log; exit 1; }
done
nc -l -p 8 </dev/null >/dev/null # until the host has had its transfer
`)
	s.echo(r.Done(), "192.0.2.2:7")
	s.dial(r.Done(), "192.0.2.2:8").Close()
	s.wait(r)
	if counts := s.cellctl("show", "pvcs"); !strings.Contains(counts, "nothing lost") {
		t.Errorf("%s", counts)
	}
}

// dial connects by TCP from the namespace, as soon as somebody listens there.
func (s *site) dial(ended <-chan struct{}, to string) (c net.Conn) {
	s.t.Helper()
	s.until("a connection to "+to, ended, func() bool {
		return s.ns.Do(func() (err error) {
			c, err = net.DialTimeout("tcp", to, time.Second)
			return err
		}) == nil
	})
	return c
}

// echo sends a mebibyte by TCP to who sends it back, and compares.
func (s *site) echo(ended <-chan struct{}, to string) {
	s.t.Helper()
	c := s.dial(ended, to)
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	sent := make([]byte, 1<<20)
	random := rand.NewChaCha8([32]byte{12})
	_, _ = random.Read(sent)
	failed := make(chan error, 1)
	go func() {
		_, err := c.Write(sent)
		if err == nil {
			err = c.(*net.TCPConn).CloseWrite()
		}
		failed <- err
	}()
	got, err := io.ReadAll(c)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := <-failed; err != nil {
		s.t.Fatal(err)
	}
	if !bytes.Equal(got, sent) {
		s.t.Errorf("%d octets have come back of %d, or others", len(got), len(sent))
	}
}
