package main

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"

	"github.com/cellhub/cellhub/cmd/internal/lab"
)

// baseline is the tunnel that ratios are taken against.
const baseline = "plain-loop"

// A peer is one way to build the tunnel.
type peer struct {
	name     string
	program  string // a path, or a name in $PATH; "": the kernel does it
	install  string // what to do when the program is not there
	needed   bool   // without it, or when it breaks, there is no run
	listens  uint16 // TCP port on which the first end listens before the second starts; 0: none
	bare     bool   // the cable takes no super-frames and no unfinished checksums
	ownInner bool   // it gives its device the inner address itself
	version  func(program string) string

	// command is the command line that runs one end in the foreground.
	command func(e end) ([]string, error)
	// then completes an end whose device is there; nil: nothing to do.
	then func(ctx context.Context, e end) error
	// kernel makes an end that has no process, in the namespace of its host.
	kernel func(e end) error
}

// An end is one end of a tunnel.
type end struct {
	host     *lab.Host
	to       netip.Addr // the other host
	first    bool
	dev      string          // name of the inner device; no other end of this machine has it
	mtu      int             // inner
	inner    [2]netip.Prefix // inner addresses, its own first
	program  string
	dir      string // for configuration files, shared by both ends
	identity [2]key // of the peers with keys, its own first
}

// own is the end's address on the cable.
func (e end) own() string { return e.host.Addr4.Addr().String() }

// peers lists the contenders, the baseline first. programs is where those lie
// that were built for the comparison.
func peers(self, atmtap, programs string) []peer {
	list := []peer{{name: baseline, program: self, needed: true, command: plainLoopLine}}
	for _, carrier := range []string{"udp", "eth"} {
		for _, mode := range []string{"aal5sdu", "n1"} {
			list = append(list, peer{
				name:    "atmtap-" + carrier + "-" + mode,
				program: atmtap,
				install: "make build, or --atmtap PATH",
				needed:  true,
				command: atmtapLine(carrier, mode),
			})
		}
	}
	for _, carrier := range []string{"udp", "eth"} {
		list = append(list, peer{
			name:    "offload-" + carrier,
			program: atmtap,
			install: "make build, or --atmtap PATH",
			command: offloadLine(carrier),
		})
	}
	return append(list,
		peer{name: "vtun", program: "vtund", install: "apt-get install vtun", listens: vtunPort, command: vtunLine, version: debianVersion("vtun")},
		peer{name: "openvpn-plain", program: "openvpn", install: "apt-get install openvpn", command: openvpnLine, version: debianVersion("openvpn")},
		peer{name: "wireguard-go", program: filepath.Join(programs, "wireguard"), install: "make bench-peers",
			command: wireguardLine, then: wireguardKeys, version: moduleVersion("golang.zx2c4.com/wireguard")},
		peer{name: "nebula", program: filepath.Join(programs, "nebula"), install: "make bench-peers",
			ownInner: true, command: nebulaLine, version: moduleVersion("github.com/slackhq/nebula")},
		peer{name: "kernel-vxlan", kernel: vxlan})
}

// choose picks the peers that can run, the baseline always among them. One that
// is not there is told of in one line when it is not needed.
func choose(list []peer, only []string, tell func(format string, args ...any)) ([]peer, error) {
	for _, name := range only {
		if !slices.ContainsFunc(list, func(p peer) bool { return p.name == name }) {
			return nil, fmt.Errorf("--peers %s: no such tunnel; there are %s", name, names(list))
		}
	}
	var found []peer
	for _, p := range list {
		if len(only) > 0 && p.name != baseline && !slices.Contains(only, p.name) {
			continue
		}
		if p.kernel == nil {
			path, err := exec.LookPath(p.program)
			switch {
			case err != nil && p.needed:
				return nil, fmt.Errorf("%s: %w: %s", p.name, err, p.install)
			case err != nil:
				tell("%s: passed over: %s is not there: %s", p.name, p.program, p.install)
				continue
			}
			p.program = path
		}
		found = append(found, p)
	}
	return found, nil
}

func names(list []peer) string {
	var all []string
	for _, p := range list {
		all = append(all, p.name)
	}
	return strings.Join(all, ", ")
}

func plainLoopLine(e end) ([]string, error) {
	return []string{e.program, plainLoopCommand, "--tap", e.dev, "--local", e.own() + ":7000", "--remote", e.to.String() + ":7000"}, nil
}

func atmtapLine(carrier, mode string) func(end) ([]string, error) {
	return func(e end) ([]string, error) {
		port := fmt.Sprintf("eth:%s,label=100,mode=%s", lab.Dev, mode)
		if carrier == "udp" {
			port = fmt.Sprintf("udp:%s:6635,remote=%v:6635,label=100,mode=%s", e.own(), e.to, mode)
		}
		return []string{e.program, "--tap", e.dev, "--vc", "0/100", "--port", port, "--mtu", fmt.Sprint(e.mtu), "--json"}, nil
	}
}

// offloadLine runs atmtap with the tunnel in the kernel, which at both ends takes super-frames whole. It ends with its process.
func offloadLine(carrier string) func(end) ([]string, error) {
	line := atmtapLine(carrier, "aal5sdu")
	return func(e end) ([]string, error) {
		args, err := line(e)
		return append(args, "--offload", "on", "--gso", "on", "--bpffs", ""), err
	}
}

// openvpnLine runs openvpn point to point, without keys: a plain tunnel.
func openvpnLine(e end) ([]string, error) {
	return []string{
		e.program, "--dev", e.dev, "--dev-type", "tap", "--proto", "udp", "--disable-dco",
		"--local", e.own(), "--lport", "1194", "--remote", e.to.String(), "--rport", "1194",
		"--cipher", "none", "--auth", "none", "--tun-mtu", fmt.Sprint(e.mtu), "--mssfix", "0", "--verb", "1",
	}, nil
}

// vtunPort is where vtun's server listens.
const vtunPort = 5000

// vtunConfig is read by an end of vtun: Ethernet over UDP, nothing encrypted.
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
  device %s;
}
`

// vtunLine runs vtun, whose server leaves its pid file in /var/run, as it always
// does.
func vtunLine(e end) ([]string, error) {
	config := filepath.Join(e.dir, e.dev+".conf")
	if err := os.WriteFile(config, fmt.Appendf(nil, vtunConfig, e.dev), 0o600); err != nil {
		return nil, err
	}
	if e.first {
		return []string{e.program, "-n", "-s", "-f", config}, nil
	}
	return []string{e.program, "-n", "-f", config, "bench", e.to.String()}, nil
}

// vxlan is the kernel's own tunnel of Ethernet over UDP, between two fixed hosts.
func vxlan(e end) error {
	cable, err := netlink.LinkByName(lab.Dev)
	if err != nil {
		return err
	}
	err = netlink.LinkAdd(&netlink.Vxlan{
		LinkAttrs:    netlink.LinkAttrs{Name: e.dev, MTU: e.mtu},
		VxlanId:      100,
		VtepDevIndex: cable.Attrs().Index,
		SrcAddr:      e.host.Addr4.Addr().AsSlice(),
		Group:        e.to.AsSlice(),
		Port:         4789, // RFC 7348
	})
	if err != nil {
		return fmt.Errorf("VXLAN: %w", err)
	}
	return nil
}
