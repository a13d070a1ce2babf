package interop

import (
	"strings"
	"testing"
)

// Ethernet over permanent VCs between the guest's kernel and our TAPs (RFC 2684, bridged),
// with LLC and with VC multiplexing: ping of all sizes that Ethernet has.
func TestBridged(t *testing.T) {
	s := newSite(t)
	s.hub(`
ports: {linux: {spec: "atmtcp:listen=127.0.0.1:2812", number: 1}}
streams:
  llc: {top: tap tap0, modules: [rfc2684 llc bridged]}
  mux: {top: tap tap1, modules: [rfc2684 vcmux bridged]}
pvcs:
  - {port: linux, vc: 0/100, stream: llc}
  - {port: linux, vc: 0/101, stream: mux}
`)
	s.address("tap0", "192.0.2.1/28")
	s.address("tap1", "192.0.2.17/28")
	s.wait(s.linux(`
modprobe br2684
br2684ctl -e 0 -c 0 -a 0.0.100 -b
br2684ctl -e 1 -c 1 -a 0.0.101 -b
for n in 0 1; do
	until ip link show nas$n >/dev/null 2>&1; do sleep 0.1; done
	ip link set nas$n address 02:00:00:00:00:1$n
	ip addr add 192.0.2.$((n * 16 + 2))/28 dev nas$n
	ip link set nas$n up
	for size in 0 1 100 1000 1472; do
		ping -c 3 -i 0.2 -w 20 -s $size 192.0.2.$((n * 16 + 1)) || exit 1
	done
done
`))
	counts := s.cellctl("show", "pvcs")
	if strings.Contains(counts, "lost") && !strings.Contains(counts, "nothing lost") {
		t.Errorf("%s", counts)
	}
}
