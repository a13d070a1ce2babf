package port

import (
	"fmt"
	"net"
	"os"
	"testing"

	"github.com/cellhub/cellhub/nic/link"
)

// A daemon's ports over one UDP socket leave from source ports that their labels choose when they are to, each always from
// the same, and from the local port when nothing is said.
func TestEntropyOfSharedPorts(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, for a network namespace")
	}
	ns, err := link.NewNamespace("")
	if err != nil {
		t.Fatal(err)
	}
	defer ns.Close()
	for _, c := range []struct {
		options string
		least   int // of the ports seen
		from    int
	}{{",entropy=on", 3, 49152}, {"", 1, 6635}, {",entropy=off", 1, 6635}} {
		seen := map[int]bool{}
		err := ns.Do(func() error {
			if err := link.Up("lo"); err != nil {
				return err
			}
			sink, err := net.ListenPacket("udp4", "127.0.0.2:6635")
			if err != nil {
				return err
			}
			defer sink.Close()
			carrier := ""
			var specs []*shared
			for label := range 16 {
				p, err := new(Opener).Read(fmt.Sprintf("udp:127.0.0.1:6635,remote=127.0.0.2:6635,label=%d%s", 100+label, c.options))
				if err != nil {
					return err
				}
				s := p.(*shared)
				if specs = append(specs, s); carrier != "" && s.Carrier() != carrier {
					t.Errorf("%s and %s are not on one carrier", s.Carrier(), carrier)
				}
				carrier = s.Carrier()
			}
			dev, err := specs[0].openMany()
			if err != nil {
				return err
			}
			defer dev.Close()
			for _, s := range specs {
				config, err := s.peerConfig()
				if err != nil {
					return err
				}
				ports := map[int]bool{}
				for range 3 {
					frame := append(config.Far.Peer[:], 1, 2, 3)
					if n, err := dev.Transmit([][]byte{frame}); n != 1 || err != nil {
						t.Fatal(n, err)
					}
					_, from, err := sink.ReadFrom(make([]byte, 100))
					if err != nil {
						return err
					}
					at := from.(*net.UDPAddr).Port
					seen[at], ports[at] = true, true
				}
				if len(ports) != 1 {
					t.Errorf("%s: ports %v", s, ports)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for at := range seen {
			if at < c.from || c.from < 49152 && at != c.from {
				t.Errorf("%q: from port %d", c.options, at)
			}
		}
		if len(seen) < c.least || c.least == 1 && len(seen) > 1 {
			t.Errorf("%q: %d source ports for 16 labels", c.options, len(seen))
		}
	}
}
