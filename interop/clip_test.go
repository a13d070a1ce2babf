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

// Classical IP on permanent VCs between the guest's kernel and TUNs of ours (RFC 2225; RFC 2684,
// routed, LLC): one is a stream of the hub's, which knows the far end by its configuration, the
// other a host of cellsigd's, which asks for it by InATMARP. Ping of sizes up to the MTU, and
// transfers by TCP both ways.
func TestClassicalIP(t *testing.T) {
	s := newSite(t)
	s.hub(`
ports: {linux: {spec: "atmtcp:listen=127.0.0.1:2812", number: 1}}
streams: {ip: {top: tun ip0 mtu=9180, modules: [rfc2684 llc routed]}}
pvcs: [{port: linux, vc: 0/100, stream: ip, maxsdu: 9188}, {port: linux, vc: 0/101, maxsdu: 9188}]
`)
	s.address("ip0", "192.0.2.1/28")
	s.signalling("interfaces: [{port: 1, side: network}]\nip: {lis: {tun: ip1, address: 192.0.2.17/28, atm: " + ours + ", pvcs: [linux/0/101]}}")
	r := s.linux(classicalIP + `
atmarp -s 192.0.2.1 0.0.100
atmarp -c atm1
ip addr add 192.0.2.18/28 dev atm1
ip link set atm1 up
atmarp -s 192.0.2.17 0.0.101
for size in 0 1 100 1472 9152; do
	ping -c 3 -i 0.2 -w 20 -s $size 192.0.2.1 || { cat /tmp/arp.log; exit 1; }
done
nc -l -p 8 </dev/null >/dev/null # until the host has had its transfer
`)
	s.echo(r.Done(), "192.0.2.2:7")
	s.echo(r.Done(), "192.0.2.18:7")
	if show := s.cellctl("arp", "show"); !strings.Contains(show, "pvc://linux/0/101") {
		t.Errorf("%s", show)
	}
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

// Classical IP on switched VCs between the guest's kernel, whose atmarpd is the subnet's
// ATMARP server, and a TUN of ours: ping and transfers by TCP. A neighbour that the server does
// not know is refused.
func TestClassicalIPClient(t *testing.T) {
	s := newSite(t)
	s.hub(`ports: {linux: {spec: "atmtcp:listen=127.0.0.1:2812", number: 1}}`)
	s.signalling(`
interfaces: [{port: 1, side: network, version: "3.1"}]
routes: {"*": [1]}
ip: {lis: {tun: ip0, address: 192.0.2.1/28, atm: ` + ours + `, servers: [` + theirs + `]}}
`)
	r := s.linux(joined("31", "user", theirs) + classicalIP + `
nc -l -p 8 </dev/null >/dev/null # until the host has had its transfer
ping -c 3 -i 0.2 -w 20 -s 9152 192.0.2.1 || { atmarp -a; cat /tmp/arp.log; exit 1; }
`)
	s.echo(r.Done(), "192.0.2.2:7")
	show := s.cellctl("arp", "show")
	if !strings.Contains(show, "registered") || strings.Count(show, "open") != 1 {
		t.Errorf("%s", show)
	}
	_ = s.ns.Do(func() error { // to nobody
		c, err := net.DialTimeout("udp", "192.0.2.5:9", time.Second)
		if err == nil {
			_, err = c.Write([]byte("x"))
		}
		return err
	})
	s.until("the server knows nobody", r.Done(), func() bool { return strings.Contains(s.cellctl("arp", "show"), "refused") })
	s.dial(r.Done(), "192.0.2.2:8").Close()
	s.wait(r)
}

// The other way round: the server is a host of ours, and atmarpd asks it for another of ours.
func TestClassicalIPServer(t *testing.T) {
	const second = "47000580ffe1000000f20f22000020ea00999901"
	s := newSite(t)
	s.hub(`ports: {linux: {spec: "atmtcp:listen=127.0.0.1:2812", number: 1}}`)
	s.signalling(`
interfaces: [{port: 1, side: network, version: "4.0"}]
routes: {"*": [1]}
ip:
  server: {tun: ip0, address: 192.0.2.9/28, atm: ` + ours + `}
  host: {tun: ip1, address: 192.0.2.1/28, atm: ` + second + `, servers: [` + ours + `]}
`)
	s.until("our host is registered", nil, func() bool { return strings.Contains(s.cellctl("arp", "show"), "registered") })
	r := s.linux(joined("40", "user", theirs) + classicalIP + `
atmarp -s 192.0.2.9 ` + ours + ` arpsrv
for n in 9 1; do
	until ping -c 1 -w 5 192.0.2.$n; do :; done
	ping -c 3 -i 0.2 -w 20 -s 1000 192.0.2.$n || { atmarp -a; cat /tmp/arp.log; exit 1; }
done
atmarp -a
nc -l -p 8 </dev/null >/dev/null
`)
	s.echo(r.Done(), "192.0.2.2:7")
	s.dial(r.Done(), "192.0.2.2:8").Close()
	s.wait(r)
	for _, atm := range []string{ours, second} { // whom it has called
		if !strings.Contains(strings.ToLower(strings.ReplaceAll(r.Output(), ".", "")), "addr "+atm) {
			t.Errorf("%s is no neighbour of the guest's", atm)
		}
	}
}
