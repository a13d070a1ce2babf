package main

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/cmd/internal/offload"
	"github.com/cellhub/cellhub/cmd/internal/port"
	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/dataplane/pace"
	"github.com/cellhub/cellhub/loader/bpffs"
	"github.com/cellhub/cellhub/nic"
)

// Limits of the device, in octets.
const (
	maxName    = 15
	minMTU     = 68 // RFC 791, and the kernel's own lower limit
	defaultMTU = 1500
)

// defaultLatency is what a burst may wait for more, under load.
const defaultLatency = 20 * time.Microsecond

// config is a checked command line.
type config struct {
	name    string // of the device
	tun     bool
	vc      aal.VC
	spec    port.Spec
	encap   aal.Encap
	mtu     int // 0: not given
	mac     net.HardwareAddr
	capture string
	gso     nic.GSO
	offload offload.Choice
	bpffs   string // where the kernel's tunnel is pinned
	pace    pace.Config
	proof   proof         // that the VC carries
	silence time.Duration // of the peer, after which it is dead; 0: it may be silent for ever
	json    bool

	hub      string // the control socket of the daemon that carries it; empty: this process does
	portText string // as given, and the VC where the mode wants to be told
}

var (
	errHelp    = errors.New("help asked for")
	errVersion = errors.New("version asked for")
)

// once is a flag that names one thing of the tunnel.
type once struct {
	value string
	times int
}

func (o *once) String() string { return o.value }
func (o *once) Type() string   { return "string" }

func (o *once) Set(v string) error {
	o.value = v
	if o.times++; o.times > 1 {
		return errors.New("given twice: one atmtap is one VC on one port; start another for the other, or the daemon, cellhubd, for many")
	}
	return nil
}

// parse reads the command line. Its errors are one line that names the flag.
func parse(args []string) (config, error) {
	var c config
	var encap, mac, continuity string
	var tap, tun, vc, spec once
	var force, help, version bool
	f := pflag.NewFlagSet("atmtap", pflag.ContinueOnError)
	f.Usage = func() {}
	f.Var(&tap, "tap", "")
	f.Var(&tun, "tun", "")
	f.Var(&vc, "vc", "")
	f.Var(&spec, "port", "")
	f.StringVar(&encap, "encap", "llc", "")
	f.IntVar(&c.mtu, "mtu", 0, "")
	f.StringVar(&mac, "mac", "", "")
	f.StringVar(&c.capture, "capture", "", "")
	f.Var(&c.gso, "gso", "")
	f.Var(&c.offload, "offload", "")
	f.StringVar(&c.bpffs, "bpffs", bpffs.Default, "")
	f.BoolVar(&c.pace.Spin, "spin", false, "")
	f.DurationVar(&c.pace.Latency, "latency", defaultLatency, "")
	f.DurationVar(&c.silence, "silence", 0, "")
	f.StringVar(&continuity, "continuity", "off", "")
	f.BoolVar(&c.json, "json", false, "")
	f.StringVar(&c.hub, "hub", "", "")
	f.Lookup("hub").NoOptDefVal = control.Path()
	f.BoolVar(&force, "force", false, "")
	f.BoolVarP(&help, "help", "h", false, "")
	f.BoolVar(&version, "version", false, "")
	if err := f.Parse(args); err != nil {
		return c, fmt.Errorf("%w: see atmtap --help", err)
	}
	switch {
	case help:
		return c, errHelp
	case version:
		return c, errVersion
	case f.NArg() > 0:
		return c, fmt.Errorf("%q is not a flag: see atmtap --help", f.Arg(0))
	}
	for _, check := range []func() error{
		func() error { return c.setDevice(tap.value, tun.value) },
		func() error { return c.setVC(vc.value, force) },
		func() error { return c.setPort(spec.value) },
		func() error { return c.setEncap(encap) },
		func() error { return c.checkMTU(f.Changed("mtu")) },
		func() error { return c.setMAC(mac) },
		func() error { return c.checkPace(f.Changed("latency")) },
		func() error { return c.checkSilence(f.Changed("silence")) },
		func() error { return c.setProof(continuity) },
		c.checkOffload,
	} {
		if err := check(); err != nil {
			return c, err
		}
	}
	c.spec.GSO = c.gso
	return c, nil
}

func (c *config) setDevice(tap, tun string) error {
	switch {
	case tap == "" && tun == "":
		return errors.New("--tap or --tun is missing: name the device, as in --tap atm0")
	case tap != "" && tun != "":
		return errors.New("--tap and --tun: one of the two")
	}
	c.name, c.tun = tap+tun, tun != ""
	if len(c.name) > maxName {
		return fmt.Errorf("--%s %s: %d octets; an interface name has at most %d", c.kind(), c.name, len(c.name), maxName)
	}
	// The kernel would refuse the others, and take % for a number that it is to choose.
	if c.name == "." || c.name == ".." || strings.ContainsFunc(c.name, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("/:%", r) }) {
		return fmt.Errorf("--%s %q: take letters, digits, - and _, as in atm0", c.kind(), c.name)
	}
	return nil
}

func (c *config) checkSilence(given bool) error {
	if given && c.silence < leastSilence {
		return fmt.Errorf("--silence %v: %v or more, as in --silence 30s", c.silence, leastSilence)
	}
	return nil
}

func (c *config) setProof(v string) error {
	var known bool
	if c.proof, known = proofNames[v]; !known {
		return fmt.Errorf("--continuity %q: check, loopback or off", v)
	}
	if c.proof != proofNone && c.hub != "" {
		return errors.New("--continuity with --hub: the daemon looks after OAM: cellctl oam set")
	}
	return nil
}

// checkOffload refuses what the kernel cannot carry, where it must.
func (c *config) checkOffload() error {
	if c.offload != offload.On {
		return nil
	}
	if err := c.whyNotOffload(); err != nil {
		return fmt.Errorf("--offload on: %w", err)
	}
	return nil
}

// whyNotOffload says why the kernel cannot carry it; nil: it can.
func (c *config) whyNotOffload() error {
	switch {
	case c.capture != "":
		return errors.New("--capture sees what the hub carries: take tcpdump, on either interface")
	case c.hub != "" && c.spec.Entropy == "on":
		return errors.New("entropy=on: the daemon chooses among ports that the programs don't know: leave it out")
	case c.proof != proofNone:
		return errors.New("--continuity: the hub sends and sees the cells that prove it")
	}
	return offload.Refuse(c.name, c.spec, c.payload())
}

// kind is the flag that named the device.
func (c *config) kind() string {
	if c.tun {
		return "tun"
	}
	return "tap"
}

func (c *config) setVC(s string, force bool) (err error) {
	if s == "" {
		return errors.New("--vc is missing: give VPI/VCI, as in --vc 0/100")
	}
	if c.vc, err = aal.ParseVC(s); err != nil {
		return fmt.Errorf("--vc %s: %w", s, err)
	}
	if c.vc.Reserved() && !force {
		return fmt.Errorf("--vc %s: VCIs below %d are reserved for signalling and OAM: take another, or add --force", c.vc, aal.FirstUserVCI)
	}
	if c.vc == (aal.VC{}) {
		return fmt.Errorf("--vc %s: cells of 0/0 are idle and unassigned ones: take another", c.vc)
	}
	return nil
}

func (c *config) setPort(s string) (err error) {
	if s == "" {
		return errors.New("--port is missing: eth:IFNAME,label=N or udp:LOCAL:PORT,remote=HOST:PORT")
	}
	if c.spec, err = port.Parse(s); err != nil {
		return fmt.Errorf("--port %s: %w", s, err)
	}
	if c.spec.Relaying != 0 && c.hub == "" {
		return fmt.Errorf("--port %s: relay= is of a daemon's ports: a tunnel relays nothing", s)
	}
	named := c.spec.HasVC
	if c.spec, err = c.spec.For(c.vc); err != nil {
		return fmt.Errorf("--port %s, --vc %s: %w", s, c.vc, err)
	}
	c.portText = s
	if c.spec.HasVC && !named {
		c.portText += "," + c.spec.Only()
	}
	return nil
}

func (c *config) setEncap(s string) (err error) {
	if c.encap, err = aal.ParseEncap(s); err != nil {
		return fmt.Errorf("--encap %s: llc or vcmux", s)
	}
	return nil
}

func (c *config) checkMTU(given bool) error {
	if most := c.maxMTU(); given && (c.mtu < minMTU || c.mtu > most) {
		return fmt.Errorf("--mtu %d: %d to %d octets", c.mtu, minMTU, most)
	}
	return nil
}

// maxMTU is the longest MTU whose frames an AAL5 SDU holds.
func (c *config) maxMTU() int {
	if c.tun {
		return aal.MaxSDU - c.encap.HeaderSize(aal.Routed)
	}
	return aal.MaxSDU - macHeader - vlanTag - c.encap.HeaderSize(aal.Bridged)
}

func (c *config) setMAC(s string) (err error) {
	if s == "" {
		return nil
	}
	if c.tun {
		return errors.New("--mac: a TUN has no MAC address; it is for --tap")
	}
	c.mac, err = net.ParseMAC(s)
	if err != nil || len(c.mac) != 6 || c.mac[0]&1 != 0 {
		return fmt.Errorf("--mac %s: a station's address such as 02:00:00:00:00:01", s)
	}
	return nil
}

func (c *config) checkPace(given bool) error {
	if c.hub != "" && (given || c.pace.Spin) {
		return errors.New("--latency and --spin are not for --hub: the daemon's hubs wait as it was told")
	}
	if l := c.pace.Latency; l < 0 || l > pace.MaxLatency {
		return fmt.Errorf("--latency %v: 0s to %v", l, pace.MaxLatency)
	}
	return nil
}

// payload is what RFC 2684 carries on the VC.
func (c *config) payload() aal.Kind {
	if c.tun {
		return aal.Routed
	}
	return aal.Bridged
}
