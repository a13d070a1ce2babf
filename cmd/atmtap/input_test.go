package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/cellhub/cellhub/cmd/internal/lab"
	"github.com/cellhub/cellhub/nic/link"
)

// badInput is a command line that cannot work. The one line on stderr must name the
// flag and hold the words, of which the last say what to do.
type badInput struct {
	name  string
	args  string // {good} is a whole port specification that works, {dir} a directory
	flag  string
	words []string
}

// Of each command line the rest is good, so that nothing else can be the matter.
var badInputs = []badInput{
	{"no device", "--vc 0/100 --port {good}", "--tap", []string{"missing", "--tap atm0"}},
	{"two devices", "--tap atm0 --tun atm1 --vc 0/100 --port {good}", "--tun", []string{"one of the two"}},
	{"name too long", "--tap sixteen_octets_x --vc 0/100 --port {good}", "--tap", []string{"sixteen_octets_x", "at most 15"}},
	{"TUN name too long", "--tun sixteen_octets_x --vc 0/100 --port {good}", "--tun", []string{"sixteen_octets_x", "at most 15"}},
	{"name with a slash", "--tap a/b --vc 0/100 --port {good}", "--tap", []string{"a/b"}},
	{"name with a space", "--tap=a{space}b --vc 0/100 --port {good}", "--tap", nil},
	{"name of this directory", "--tap . --vc 0/100 --port {good}", "--tap", nil},
	{"name that the kernel counts up", "--tap atm%d --vc 0/100 --port {good}", "--tap", []string{"atm%d"}},
	{"TAP of another atmtap", "--tap busy0 --vc 0/100 --port {good}", "--tap", []string{"busy0", "in use", "another name"}},
	{"TAP that is a veth", "--tap eth0 --vc 0/100 --port {good}", "--tap", []string{"eth0", "not a TAP", "another name"}},
	{"TAP that is the loopback", "--tap lo --vc 0/100 --port {good}", "--tap", []string{"lo", "not a TAP", "another name"}},
	{"TAP that is a TUN", "--tap tun7 --vc 0/100 --port {good}", "--tap", []string{"tun7", "other"}},
	{"TUN that is a TAP", "--tun tap7 --vc 0/100 --port {good}", "--tun", []string{"tap7", "other"}},

	{"no VC", "--tap atm0 --port {good}", "--vc", []string{"missing", "--vc 0/100"}},
	{"no number", "--tap atm0 --vc some --port {good}", "--vc", []string{"some"}},
	{"no VCI", "--tap atm0 --vc 0 --port {good}", "--vc", nil},
	{"empty VCI", "--tap atm0 --vc 0/ --port {good}", "--vc", nil},
	{"three numbers", "--tap atm0 --vc 0/100/1 --port {good}", "--vc", nil},
	{"negative VPI", "--tap atm0 --vc=-1/100 --port {good}", "--vc", nil},
	{"VPI over the limit", "--tap atm0 --vc 4096/100 --port {good}", "--vc", []string{"4095"}},
	{"VCI over the limit", "--tap atm0 --vc 0/65536 --port {good}", "--vc", []string{"65535"}},
	{"sign", "--tap atm0 --vc 0/+100 --port {good}", "--vc", nil},
	{"hexadecimal", "--tap atm0 --vc 0/0x64 --port {good}", "--vc", nil},
	{"signalling", "--tap atm0 --vc 0/5 --port {good}", "--vc", []string{"0/5", "reserved", "--force"}},
	{"last reserved VCI", "--tap atm0 --vc 7.31 --port {good}", "--vc", []string{"7/31", "reserved", "--force"}},
	{"idle cells", "--tap atm0 --vc 0/0 --force --port {good}", "--vc", []string{"0/0", "another"}},

	{"latency over the limit", "--tap atm0 --vc 0/100 --port {good} --latency 11ms", "--latency", []string{"11ms", "10ms"}},
	{"negative latency", "--tap atm0 --vc 0/100 --port {good} --latency=-1us", "--latency", []string{"0s to 10ms"}},
	{"spin in a daemon", "--tap atm0 --vc 0/100 --port {good} --spin --hub", "--spin", []string{"--hub", "the daemon"}},
	{"latency without unit", "--tap atm0 --vc 0/100 --port {good} --latency 20", "--latency", []string{"20"}},

	{"no port", "--tap atm0 --vc 0/100", "--port", []string{"missing", "eth:IFNAME", "udp:LOCAL"}},
	{"unknown kind", "--tap atm0 --vc 0/100 --port atm:eth0,label=100", "--port", []string{"atm", "eth:", "udp:"}},
	{"no kind", "--tap atm0 --vc 0/100 --port eth0", "--port", []string{"eth:", "udp:"}},
	{"no interface", "--tap atm0 --vc 0/100 --port eth:,label=100", "--port", []string{"interface"}},
	{"unknown interface", "--tap atm0 --vc 0/100 --port eth:nosuch0,label=100", "--port", []string{"nosuch0", "no such interface"}},
	{"interface name too long", "--tap atm0 --vc 0/100 --port eth:sixteen_octets_x,label=100", "--port", []string{"sixteen_octets_x", "15"}},
	{"interface that is no Ethernet", "--tap atm0 --vc 0/100 --port eth:tun7,label=100", "--port", []string{"tun7", "Ethernet"}},
	{"no label", "--tap atm0 --vc 0/100 --port eth:eth0", "--port", []string{"label=N", "16"}},
	{"reserved label", "--tap atm0 --vc 0/100 --port eth:eth0,label=15", "--port", []string{"label=15", "16 to 1048575"}},
	{"label over the limit", "--tap atm0 --vc 0/100 --port eth:eth0,label=1048576", "--port", []string{"label=1048576", "16 to 1048575"}},
	{"reserved label in", "--tap atm0 --vc 0/100 --port eth:eth0,label=100/3", "--port", []string{"label=100/3", "16 to 1048575"}},
	{"bad label", "--tap atm0 --vc 0/100 --port eth:eth0,label=x", "--port", []string{"label=x", "number"}},
	{"bad mode", "--tap atm0 --vc 0/100 --port eth:eth0,label=100,mode=aal9", "--port", []string{"mode=aal9", "n1, n1cw, aal5sdu, vcc, vpc, aal5pdu, port or portcw"}},
	{"unknown key", "--tap atm0 --vc 0/100 --port eth:eth0,label=100,colour=red", "--port", []string{"colour", "label=, mode=, vc=, vp=, peer="}},
	{"key of the other kind", "--tap atm0 --vc 0/100 --port eth:eth0,label=100,remote=192.0.2.2:6635", "--port", []string{"remote", "label=, mode=, vc=, vp=, peer="}},
	{"key twice", "--tap atm0 --vc 0/100 --port eth:eth0,label=100,label=101", "--port", []string{"label=101", "twice"}},
	{"no value", "--tap atm0 --vc 0/100 --port eth:eth0,label=", "--port", []string{"label", "no value"}},
	{"no equals sign", "--tap atm0 --vc 0/100 --port eth:eth0,label", "--port", []string{"label", "no value"}},
	{"comma at the end", "--tap atm0 --vc 0/100 --port eth:eth0,label=100,", "--port", nil},
	{"bad peer", "--tap atm0 --vc 0/100 --port eth:eth0,label=100,peer=192.0.2.2", "--port", []string{"peer=192.0.2.2", "MAC"}},
	{"group as peer", "--tap atm0 --vc 0/100 --port eth:eth0,label=100,peer=01:00:5e:90:00:00", "--port", []string{"peer=", "group"}},
	{"no remote", "--tap atm0 --vc 0/100 --port udp:192.0.2.1:6635", "--port", []string{"remote=HOST:PORT"}},
	{"no local address", "--tap atm0 --vc 0/100 --port udp:,remote=192.0.2.2:6635", "--port", []string{"HOST:PORT"}},
	{"no local port", "--tap atm0 --vc 0/100 --port udp:192.0.2.1,remote=192.0.2.2:6635", "--port", []string{"192.0.2.1", "HOST:PORT"}},
	{"no remote port", "--tap atm0 --vc 0/100 --port udp:192.0.2.1:6635,remote=192.0.2.2", "--port", []string{"remote=192.0.2.2", "HOST:PORT"}},
	{"remote port 0", "--tap atm0 --vc 0/100 --port udp:192.0.2.1:6635,remote=192.0.2.2:0", "--port", []string{"remote=192.0.2.2:0"}},
	{"port over the limit", "--tap atm0 --vc 0/100 --port udp:192.0.2.1:65536,remote=192.0.2.2:6635", "--port", []string{"192.0.2.1:65536"}},
	{"broadcast remote", "--tap atm0 --vc 0/100 --port udp:192.0.2.1:6635,remote=192.0.2.255:6635", "--port", []string{"192.0.2.255", "broadcast", "peer's own"}},
	{"all-ones remote", "--tap atm0 --vc 0/100 --port udp:192.0.2.1:6635,remote=255.255.255.255:6635", "--port", []string{"broadcast"}},
	{"group as remote", "--tap atm0 --vc 0/100 --port udp:192.0.2.1:6635,remote=239.1.1.1:6635", "--port", []string{"group", "peer's own"}},
	{"IPv6 group as remote", "--tap atm0 --vc 0/100 --port udp:[2001:db8::1]:6635,remote=[ff02::1%eth0]:6635", "--port", []string{"group"}},
	{"own address as remote", "--tap atm0 --vc 0/100 --port udp:192.0.2.1:6635,remote=192.0.2.1:6635", "--port", []string{"own address", "the peer's"}},
	{"own address as remote, from any", "--tap atm0 --vc 0/100 --port udp:0.0.0.0:6635,remote=192.0.2.1:6635", "--port", []string{"own address"}},
	{"link-local without interface", "--tap atm0 --vc 0/100 --port udp:[::]:6635,remote=[fe80::2]:6635", "--port", []string{"fe80::2", "link-local", "%eth0"}},
	{"link-local on no interface", "--tap atm0 --vc 0/100 --port udp:[::]:6635,remote=[fe80::2%nosuch0]:6635", "--port", []string{"nosuch0", "no such interface"}},
	{"own address as peer", "--tap atm0 --vc 0/100 --port eth:eth0,label=100,peer={mac}", "--port", []string{"eth0 itself", "far end's"}},
	{"enslaved interface", "--tap atm0 --vc 0/100 --port eth:slave0,label=100", "--port", []string{"slave0", "belongs to br7", "nomaster"}},
	{"label of another program", "--tap atm0 --vc 0/100 --port eth:eth0,label=300/200", "--port", []string{"label 200", "another program", "eth0"}},
	{"two VCs", "--tap atm0 --vc 0/100 --vc 0/101 --port {good}", "--vc", []string{"given twice", "daemon"}},
	{"two ports", "--tap atm0 --vc 0/100 --port {good} --port eth:eth0,label=101", "--port", []string{"given twice", "start another", "daemon"}},
	{"unspecified remote", "--tap atm0 --vc 0/100 --port udp:192.0.2.1:6635,remote=0.0.0.0:6635", "--port", []string{"remote=0.0.0.0:6635"}},
	{"IPv4 and IPv6", "--tap atm0 --vc 0/100 --port udp:192.0.2.1:6635,remote=[2001:db8::2]:6635", "--port", []string{"both IPv4, or both IPv6"}},
	{"another host's address", "--tap atm0 --vc 0/100 --port udp:192.0.2.77:6635,remote=192.0.2.2:6635", "--port", []string{"192.0.2.77"}},
	{"UDP port in use", "--tap atm0 --vc 0/100 --port udp:192.0.2.1:7777,remote=192.0.2.2:6635", "--port", []string{"192.0.2.1:7777", "in use", "another port"}},
	{"no route", "--tap atm0 --vc 0/100 --port udp:192.0.2.1:6635,remote=203.0.113.1:6635", "--port", []string{"203.0.113.1"}},

	{"silence without a unit", "--tap atm0 --vc 0/100 --silence 30 --port {good}", "--silence", nil},
	{"silence too short", "--tap atm0 --vc 0/100 --silence 10ms --port {good}", "--silence", []string{"10ms", "1s", "--silence 30s"}},
	{"bad encapsulation", "--tap atm0 --vc 0/100 --encap lane --port {good}", "--encap", []string{"lane", "llc or vcmux"}},
	{"MTU 0", "--tap atm0 --vc 0/100 --mtu 0 --port {good}", "--mtu", []string{"0", "68 to"}},
	{"MTU too small", "--tap atm0 --vc 0/100 --mtu 67 --port {good}", "--mtu", []string{"67", "68 to"}},
	{"MTU over the limit", "--tap atm0 --vc 0/100 --mtu 65522 --port {good}", "--mtu", []string{"65522", "68 to 65"}},
	{"no number of an MTU", "--tap atm0 --vc 0/100 --mtu big --port {good}", "--mtu", []string{"big"}},
	{"MTU over the carrier's", "--tap atm0 --vc 0/100 --mtu 1500 --port eth:eth0,label=100,mode=aal5sdu", "--mtu", []string{"1468", "set --mtu 1468"}},
	{"default MTU over the carrier's", "--tap atm0 --vc 0/100 --port eth:eth0,label=100,mode=aal5sdu", "--mtu", []string{"1468", "set --mtu 1468"}},
	{"bad MAC", "--tap atm0 --vc 0/100 --mac 02:00 --port {good}", "--mac", []string{"02:00", "such as"}},
	{"group MAC", "--tap atm0 --vc 0/100 --mac 01:00:00:00:00:01 --port {good}", "--mac", []string{"01:00:00:00:00:01"}},
	{"MAC of a TUN", "--tun atm0 --vc 0/100 --mac 02:00:00:00:00:01 --port {good}", "--mac", []string{"TUN", "--tap"}},
	{"capture in no directory", "--tap atm0 --vc 0/100 --capture {dir}/no/c.pcap --port {good}", "--capture", []string{"/no/c.pcap", "no such"}},
	{"capture that is a directory", "--tap atm0 --vc 0/100 --capture {dir} --port {good}", "--capture", []string{"directory"}},
	{"capture, but no TAP", "--tap busy0 --vc 0/100 --capture {dir}/c.pcap --port {good}", "--tap", []string{"busy0", "in use"}},
	{"capture, but no interface", "--tap atm0 --vc 0/100 --capture {dir}/c.pcap --port eth:nosuch0,label=100", "--port", []string{"nosuch0"}},
	{"line break in a VC", "--tap atm0 --vc 0/1{line}0 --port {good}", "--vc", []string{`\n`}},
	{"line break in a port", "--tap atm0 --vc 0/100 --port eth:eth0,label={line}", "--port", []string{`\n`}},
	{"unknown flag", "--tap atm0 --vc 0/100 --frobnicate --port {good}", "--frobnicate", []string{"--help"}},
	{"flag without value", "--tap atm0 --vc 0/100 --port", "--port", []string{"--help"}},
	{"extra argument", "--tap atm0 --vc 0/100 --port {good} again", "again", []string{"--help"}},
}

// inputLab is a host A with all that bad command lines collide with.
func inputLab(t *testing.T, ctx context.Context) *lab.Lab {
	t.Helper()
	l := lab.ForTest(t, lab.Config{})
	err := l.A.Do(func() error {
		return errors.Join(persistent{flags: unix.IFF_TUN | unix.IFF_NO_PI}.make("tun7"),
			persistent{flags: unix.IFF_TAP | unix.IFF_NO_PI}.make("tap7"), enslave())
	})
	if err != nil {
		t.Fatal(err)
	}
	busy := startPeer(t, ctx, l.A, "--tap", "busy0", "--vc", "0/200", "--port", "udp:192.0.2.1:7777,remote=192.0.2.2:7777")
	busy.waitUp(t, ctx, "busy0")
	label := startPeer(t, ctx, l.A, "--tap", "label0", "--vc", "0/200", "--port", "eth:eth0,label=200")
	label.waitUp(t, ctx, "label0")
	return l
}

// enslave makes a bridge with a port.
func enslave() error {
	if err := link.AddVeth(link.Veth{Name: "slave0", Peer: "slave1"}); err != nil {
		return err
	}
	return bridgeOf("br7", "slave0")
}

// bridgeOf makes a bridge of one interface, in the namespace of the calling thread.
func bridgeOf(name, port string) error {
	bridge := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: name}}
	if err := netlink.LinkAdd(bridge); err != nil {
		return err
	}
	slave, err := netlink.LinkByName(port)
	if err != nil {
		return err
	}
	return netlink.LinkSetMaster(slave, bridge)
}

// interfaces describes all interfaces of a host but for their counters.
func interfaces(t *testing.T, h *lab.Host) string {
	t.Helper()
	var text string
	err := h.Do(func() error {
		all, err := net.Interfaces()
		for _, i := range all {
			text += fmt.Sprintf("%d %s %d %v %v\n", i.Index, i.Name, i.MTU, i.HardwareAddr, i.Flags&net.FlagUp)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// refused runs a command line that must not work, and gives its line.
func refused(t *testing.T, cmd *lab.Cmd) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-cmd.Done():
	case <-time.After(patience):
		_ = cmd.Stop(syscall.SIGTERM)
		t.Errorf("it runs: %s", &stderr)
		return ""
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 2 {
		t.Errorf("%v, want exit status 2", err)
	}
	line := stderr.String()
	if strings.Count(line, "\n") != 1 || !strings.HasSuffix(line, "\n") || !strings.HasPrefix(line, "atmtap: ") {
		t.Errorf("want one line of atmtap's, not %q", line)
	}
	if stdout.Len() != 0 {
		t.Errorf("stdout: %q", &stdout)
	}
	return line
}

// TestBadInput gives atmtap command lines that cannot work: each ends at once with one
// line that names the flag and the remedy, and leaves nothing behind.
func TestBadInput(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	t.Cleanup(cancel)
	name := programs.Path(t, "atmtap")
	l := inputLab(t, ctx)
	before := interfaces(t, l.A)
	eth0, err := l.A.Link(lab.Dev)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range badInputs {
		t.Run(b.name, func(t *testing.T) {
			dir := t.TempDir()
			args := strings.Fields(strings.NewReplacer("{good}", "eth:eth0,label=100", "{dir}", dir, "{mac}", eth0.HardwareAddr.String()).Replace(b.args))
			for i := range args {
				args[i] = strings.NewReplacer("{space}", " ", "{line}", "\n").Replace(args[i])
			}
			line := refused(t, l.A.Command(ctx, append([]string{name}, args...)...))
			for _, word := range append([]string{b.flag}, b.words...) {
				if !strings.Contains(line, word) {
					t.Errorf("%q does not say %q", line, word)
				}
			}
			if after := interfaces(t, l.A); after != before {
				t.Errorf("interfaces were\n%sand are\n%s", before, after)
			}
			if files, err := os.ReadDir(dir); err != nil || len(files) != 0 {
				t.Errorf("left behind: %v, %v", files, err)
			}
		})
	}
}

// TestMissingPrivilege runs atmtap as nobody: the line says which capability is needed.
func TestMissingPrivilege(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	name := publicBinary(t)
	l := lab.ForTest(t, lab.Config{})
	if err := l.A.Do(func() error { return persistent{flags: unix.IFF_TAP | unix.IFF_NO_PI}.make("tap7") }); err != nil {
		t.Fatal(err)
	}
	before := interfaces(t, l.A)
	const eth, udp = "eth:eth0,label=100", "udp:192.0.2.1:6635,remote=192.0.2.2:6635"
	tests := []struct {
		name, device, port, caps string
		node                     string // mode of /dev/net/tun
		flag, want, remedy       string
	}{
		{"none over UDP", "atm0", udp, "", "666", "--tap", "CAP_NET_ADMIN", "run as root"},
		{"CAP_NET_RAW over Ethernet", "atm0", eth, "+net_raw", "666", "--tap", "CAP_NET_ADMIN", "run as root"},
		{"CAP_NET_ADMIN over Ethernet", "atm0", eth, "+net_admin", "666", "--port", "CAP_NET_RAW", "run as root"},
		{"none over Ethernet", "atm0", eth, "", "666", "", "CAP_NET_", "run as root"},
		{"somebody else's TAP", "tap7", udp, "", "666", "--tap", "CAP_NET_ADMIN", "run as root"},
		{"closed node", "atm0", udp, "+net_admin", "600", "--tap", "/dev/net/tun (mode 0600, owner 0:0)", "let this user"},
		{"privileged port", "atm0", "udp:192.0.2.1:635,remote=192.0.2.2:6635", "+net_admin", "666", "--port", "CAP_NET_BIND_SERVICE", "below 1024"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			cmd := l.A.Command(ctx, asUser(t, test.node, test.caps, name, "--tap", test.device, "--vc", "0/100", "--port", test.port)...)
			line := refused(t, cmd)
			for _, word := range []string{test.flag, test.want, test.remedy} {
				if !strings.Contains(line, word) {
					t.Errorf("%q does not say %q", line, word)
				}
			}
			if after := interfaces(t, l.A); after != before {
				t.Errorf("interfaces were\n%sand are\n%s", before, after)
			}
		})
	}
}

var largestMTU = regexp.MustCompile(`set --mtu (\d+)`)

// TestLargestMTU asks for frames longer than the carrier's: the MTU that the refusal
// names works to its last octet, and one more does not.
func TestLargestMTU(t *testing.T) {
	name := programs.Path(t, "atmtap")
	udp6 := carrier{"udp6", func(l *lab.Lab, side int, mode string) string {
		ends := [2]netip.Addr{l.A.Addr6.Addr(), l.B.Addr6.Addr()}
		return fmt.Sprintf("udp:[%s]:6635,remote=[%s]:6635,label=100,mode=%s", ends[side], ends[1-side], mode)
	}}
	for _, c := range append(slices.Clone(carriers), udp6) {
		for _, kind := range []string{"--tap", "--tun"} {
			for _, encap := range []string{"llc", "vcmux"} {
				t.Run(c.name+"/"+kind[2:]+"/"+encap, func(t *testing.T) {
					t.Parallel()
					ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
					defer cancel()
					l := lab.ForTest(t, lab.Config{})
					args := []string{kind, tunnelDev, "--encap", encap, "--vc", "0/100", "--port", c.spec(l, 0, "aal5sdu"), "--mtu"}
					line := refused(t, l.A.Command(ctx, append([]string{name}, append(args, "1500")...)...))
					found := largestMTU.FindStringSubmatch(line)
					if found == nil {
						t.Fatalf("%q names no MTU", line)
					}
					var mtu int
					if _, err := fmt.Sscan(found[1], &mtu); err != nil {
						t.Fatal(err)
					}
					line = refused(t, l.A.Command(ctx, append([]string{name}, append(args, fmt.Sprint(mtu+1))...)...))
					if !strings.Contains(line, found[0]) {
						t.Errorf("%q names another MTU than %d", line, mtu)
					}
					peers := startTunnel(t, ctx, l, c, "aal5sdu", kind, tunnelDev, "--encap", encap, "--mtu", found[1])
					r, err := lab.Ping(ctx, l.A, inner4[1].Addr(), lab.PingConfig{Count: 3, Size: mtu - 28})
					if err != nil || r.Lost() != 0 {
						t.Errorf("ping of the whole MTU of %d: %v, %v", mtu, r, err)
					}
					for _, p := range peers {
						if r := p.stop(t); r.Drops != 0 {
							t.Errorf("drops %v", r.drops())
						}
					}
				})
			}
		}
	}
}

// TestGoodInput is command lines at the edges of what is allowed.
func TestGoodInput(t *testing.T) {
	tests := []struct {
		name string
		dev  string
		args []string
		vc   string
	}{
		{"VC with a dot", tunnelDev, []string{"--tap", tunnelDev, "--vc", "0.100"}, "0/100"},
		{"reserved VCI by force", tunnelDev, []string{"--tap", tunnelDev, "--vc", "0/5", "--force"}, "0/5"},
		{"largest VC", tunnelDev, []string{"--tap", tunnelDev, "--vc", "4095/65535"}, "4095/65535"},
		{"smallest VCI", tunnelDev, []string{"--tap", tunnelDev, "--vc", "0/32"}, "0/32"},
		{"name of 15 octets", "fifteen_octets_", []string{"--tap", "fifteen_octets_", "--vc", "0/100"}, "0/100"},
		{"smallest MTU", tunnelDev, []string{"--tun", tunnelDev, "--vc", "0/100", "--mtu", "68"}, "0/100"},
		{"largest MTU of a TUN", tunnelDev, []string{"--tun", tunnelDev, "--vc", "0/100", "--mtu", "65527"}, "0/100"},
		{"flags with equals signs", tunnelDev, []string{"--tap=" + tunnelDev, "--vc=0/100", "--encap=vcmux"}, "0/100"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			l := lab.ForTest(t, lab.Config{})
			p := startPeer(t, ctx, l.A, append(test.args, "--port", "eth:eth0,label=100")...)
			p.waitUp(t, ctx, test.dev)
			if r := p.stop(t); r.VC != test.vc || r.Device != test.dev || r.Drops != 0 {
				t.Errorf("summary of %s, VC %s, drops %v", r.Device, r.VC, r.drops())
			}
		})
	}
}
