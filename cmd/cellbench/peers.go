package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/cellhub/cellhub/cmd/internal/lab"
)

// dev is the inner device of every tunnel.
const dev = "tap0"

// baseline is the tunnel that ratios are taken against.
const baseline = "plain-loop"

// A peer is one way to build the tunnel.
type peer struct {
	name     string
	program  string // what must be installed: a path, or a name in $PATH
	optional bool   // absent, it is passed over in one line; broken, too
	listens  uint16 // TCP port on which the first end listens before the second starts; 0: none
	// command is the command line that runs one end in the foreground. dir is an
	// empty directory for configuration files.
	command func(program string, own, other *lab.Host, first bool, dir string) ([]string, error)
}

// peers lists the contenders, the baseline first.
func peers(self, atmtap string) []peer {
	list := []peer{{name: baseline, program: self, command: plainLoopLine}}
	for _, carrier := range []string{"udp", "eth"} {
		for _, mode := range []string{"aal5sdu", "n1"} {
			list = append(list, peer{
				name:    "atmtap-" + carrier + "-" + mode,
				program: atmtap,
				command: atmtapLine(carrier, mode),
			})
		}
	}
	return append(list,
		peer{name: "openvpn-plain", program: "openvpn", optional: true, command: openvpnLine},
		peer{name: "vtun-plain", program: "vtund", optional: true, listens: vtunPort, command: vtunLine})
}

func plainLoopLine(program string, own, other *lab.Host, _ bool, _ string) ([]string, error) {
	return []string{
		program, plainLoopCommand, "--tap", dev,
		"--local", own.Addr4.Addr().String() + ":7000", "--remote", other.Addr4.Addr().String() + ":7000",
	}, nil
}

func atmtapLine(carrier, mode string) func(string, *lab.Host, *lab.Host, bool, string) ([]string, error) {
	return func(program string, own, other *lab.Host, _ bool, _ string) ([]string, error) {
		port := fmt.Sprintf("eth:%s,label=100,mode=%s", lab.Dev, mode)
		if carrier == "udp" {
			port = fmt.Sprintf("udp:%v:6635,remote=%v:6635,label=100,mode=%s", own.Addr4.Addr(), other.Addr4.Addr(), mode)
		}
		return []string{program, "--tap", dev, "--vc", "0/100", "--port", port, "--json"}, nil
	}
}

// openvpnLine runs openvpn point to point, without keys: a plain tunnel.
func openvpnLine(program string, own, other *lab.Host, _ bool, _ string) ([]string, error) {
	return []string{
		program, "--dev", dev, "--dev-type", "tap", "--proto", "udp", "--disable-dco",
		"--local", own.Addr4.Addr().String(), "--lport", "1194",
		"--remote", other.Addr4.Addr().String(), "--rport", "1194",
		"--cipher", "none", "--auth", "none", "--tun-mtu", "1500", "--mssfix", "0", "--verb", "1",
	}, nil
}

// vtunPort is where vtun's server listens.
const vtunPort = 5000

// vtunConfig is read by both ends of vtun: Ethernet over UDP, nothing encrypted.
const vtunConfig = `options {
  port 5000;
  timeout 10;
}
default {
  type ether;
  proto udp;
  compress no;
  encrypt no;
  keepalive no;
  stat no;
  speed 0;
}
bench {
  passwd bench;
  device ` + dev + `;
}
`

// vtunLine runs vtun, whose server leaves its pid file in /var/run, as it always
// does.
func vtunLine(program string, _, other *lab.Host, first bool, dir string) ([]string, error) {
	config := filepath.Join(dir, "vtund.conf")
	if err := os.WriteFile(config, []byte(vtunConfig), 0o600); err != nil {
		return nil, err
	}
	if first {
		return []string{program, "-n", "-s", "-f", config}, nil
	}
	return []string{program, "-n", "-f", config, "bench", other.Addr4.Addr().String()}, nil
}
