package port

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/cmd/internal/follow"
	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/modules"
	"github.com/cellhub/cellhub/nic"
	"github.com/cellhub/cellhub/nic/link"
)

// passedPrefix marks the name of a descriptor where that of an interface may be.
const passedPrefix = "fd:"

// Octets of the frames on a TAP beyond its MTU, and the limits of that.
const (
	macHeader  = 14
	vlanTag    = 4
	defaultMTU = 1500
	minMTU     = 68 // RFC 791, and the kernel's own lower limit
)

// Register names the drivers of the host's devices:
//
//	tap  NAME [mtu=OCTETS] [mac=ADDRESS] [gso=auto|on|off]
//	tun  NAME [mtu=OCTETS] [gso=auto|on|off]
//	ether NAME
//
// An Ethernet interface is there and stays as it is. A TAP or TUN is made, or taken when it is there
// and nobody has it, configured and brought up. Its NAME may be fd: and the name of one of the
// descriptors that were passed, which is attached to the device already.
func Register(r *dataplane.Registry, hosts *Hosts) error {
	return errors.Join(
		r.Add("tap", func(arg string) (dataplane.Module, error) { return openHost(arg, false, hosts) }),
		r.Add("tun", func(arg string) (dataplane.Module, error) { return openHost(arg, true, hosts) }),
		r.Add("ether", openEther))
}

// openEther opens an interface for the users of service interfaces.
func openEther(name string) (dataplane.Module, error) {
	state, err := link.Get(name)
	if err == nil && len(state.HardwareAddr) != 6 {
		err = errors.New("no Ethernet address")
	}
	if err != nil {
		return dataplane.Module{}, fmt.Errorf("%s: %w", name, err)
	}
	dev, err := nic.OpenPacket(nic.PacketConfig{Interface: name, All: true, GSO: nic.GSOOff})
	if err != nil {
		return dataplane.Module{}, err
	}
	return modules.NewEther(dev, [6]byte(state.HardwareAddr)).Module(), nil
}

// host is the argument of a TAP or TUN.
type host struct {
	name string // empty: as passed
	fd   string // the name of a descriptor; empty: none
	tun  bool
	mtu  int              // 0: as it is
	mac  net.HardwareAddr // nil: as it is
	gso  nic.GSO
}

func parseHost(arg string, tun bool) (h host, err error) {
	f := strings.Fields(arg)
	var passed bool
	if len(f) > 0 {
		h.fd, passed = strings.CutPrefix(f[0], passedPrefix)
	}
	switch {
	case passed && h.fd != "":
	case len(f) == 0 || passed || len(f[0]) > maxInterfaceName:
		return h, fmt.Errorf("%q: a name of 1 to %d octets, or %sNAME of a descriptor", arg, maxInterfaceName, passedPrefix)
	default:
		h.name, h.fd = f[0], ""
	}
	h.tun = tun
	for _, option := range f[1:] {
		key, value, _ := strings.Cut(option, "=")
		switch {
		case key == "mtu":
			h.mtu, err = strconv.Atoi(value)
			if err != nil || h.mtu < minMTU || h.mtu > h.maxMTU() {
				err = fmt.Errorf("%d to %d octets", minMTU, h.maxMTU())
			}
		case key == "mac" && !tun:
			h.mac, err = net.ParseMAC(value)
			if err != nil || len(h.mac) != 6 || h.mac[0]&1 != 0 {
				err = errors.New("a station's address such as 02:00:00:00:00:01")
			}
		case key == "gso":
			err = h.gso.Set(value)
		default:
			err = errors.New("mtu=, mac= (of a tap) and gso= are known")
		}
		if err != nil {
			return h, fmt.Errorf("%s: %w", option, err)
		}
	}
	return h, nil
}

// maxMTU is the longest whose frames an AAL5 SDU holds, with the longest headers of RFC 2684.
func (h *host) maxMTU() int {
	if h.tun {
		return aal.MaxSDU - aal.LLC.HeaderSize(aal.Routed)
	}
	return aal.MaxSDU - macHeader - vlanTag - aal.LLC.HeaderSize(aal.Bridged)
}

func (h *host) frame() int {
	if h.tun {
		return h.mtu
	}
	return h.mtu + macHeader + vlanTag
}

func openHost(arg string, tun bool, hosts *Hosts) (dataplane.Module, error) {
	h, err := parseHost(arg, tun)
	if err != nil {
		return dataplane.Module{}, err
	}
	d := &hosted{host: h, hosts: hosts}
	if h.fd != "" {
		return d.openPassed()
	}
	role := follow.Made
	if _, err := link.Get(h.name); err == nil {
		role = follow.Taken
	}
	dev, err := d.takeKept()
	if dev != nil {
		role = follow.Made
	} else if err == nil {
		dev, err = d.open()
	}
	if err != nil {
		return dataplane.Module{}, fmt.Errorf("%s: %w", h.name, err)
	}
	return d.module(dev, role), nil
}

// open makes or takes the device, and configures its interface.
func (h *host) open() (nic.Device, error) {
	state, err := link.Get(h.name)
	existed := err == nil
	switch {
	case existed && h.mtu == 0:
		h.mtu = state.MTU
	case h.mtu == 0:
		h.mtu = defaultMTU
	}
	if !existed && !h.tun && h.mac == nil {
		h.mac = StableMAC(h.name)
	}
	dev, err := nic.OpenTAP(nic.TAPConfig{Name: h.name, TUN: h.tun, MaxFrame: h.frame(), GSO: h.gso})
	if err != nil {
		return nil, err
	}
	if err := h.configure(h.name); err != nil {
		return nil, errors.Join(err, dev.Close())
	}
	return dev, nil
}

// takeKept goes on with the device that the process before had, if a Store has held it: its number
// and addresses have stayed. None and no error: there is none, or it was deleted meanwhile.
func (d *hosted) takeKept() (nic.Device, error) {
	fd := d.hosts.passed.takeKept(keptPrefix + d.name)
	if fd < 0 {
		return nil, nil
	}
	d.stored = true // of this file, or of one that is to give way
	dev, err := d.attached(fd)
	if errors.Is(err, nic.ErrGiven) || errors.Is(err, nic.ErrOtherKind) {
		d.hosts.replaced(d)
		return nil, nil
	}
	return dev, err
}

// attached makes the device of a descriptor that is attached to it.
func (h *host) attached(fd int) (nic.Device, error) {
	name, err := nic.TAPOf(fd)
	if err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	if state, err := link.Get(name); err == nil && h.mtu == 0 {
		h.mtu = state.MTU
	}
	dev, err := nic.OpenTAP(nic.TAPConfig{Descriptor: fd, TUN: h.tun, MaxFrame: h.frame(), GSO: h.gso})
	if err != nil {
		return nil, err
	}
	if err := h.configure(name); err != nil && !errors.Is(err, link.ErrNotFound) { // it may be in another namespace
		return nil, errors.Join(err, dev.Close())
	}
	return dev, nil
}

// openPassed takes a descriptor that an administrator has passed.
func (d *hosted) openPassed() (m dataplane.Module, err error) {
	fd, release, err := d.hosts.passed.take(d.fd)
	if err != nil {
		return m, err
	}
	dev, err := d.attached(fd)
	if err != nil {
		release()
		return m, fmt.Errorf("%s%s: %w", passedPrefix, d.fd, err)
	}
	d.name = dev.Info().Name
	m = d.module(dev, follow.Made)
	closed, discarded := m.Close, m.Discard
	m.Close = func(q *dataplane.Queue) { closed(q); release() }
	m.Discard = func() { discarded(); release() }
	return m, nil
}

// hostRemedy adds what to do about a refusal.
func hostRemedy(err error) error {
	switch {
	case errors.Is(err, nic.ErrInUse), errors.Is(err, nic.ErrNotTAP):
		return fmt.Errorf("%w: take another name", err)
	case errors.Is(err, nic.ErrNeedNetAdmin):
		return fmt.Errorf("%w: run as root, or give the capability", err)
	}
	return err
}

func (h *host) configure(name string) error {
	state, err := link.Get(name)
	if err != nil {
		return err
	}
	if state.MTU != h.mtu {
		if err := link.SetMTU(name, h.mtu); err != nil {
			return err
		}
	}
	if h.mac != nil && h.mac.String() != state.HardwareAddr.String() {
		if err := link.SetHardwareAddr(name, h.mac); err != nil {
			return err
		}
	}
	if state.Up {
		return nil // who may use it may not be who may set it up
	}
	return link.Up(name)
}

// StableMAC is the address of a TAP that we make: the same at each start, or the hosts
// beyond the far end would send to the one before until their neighbour tables expire. What
// it is made of beside the machine keeps two ends on one machine apart.
func StableMAC(of ...any) net.HardwareAddr {
	machine, _ := os.ReadFile("/etc/machine-id") // without one the rest has to do
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %v", machine, of))
	sum[0] = sum[0]&^1 | 2 // a station's, locally administered
	return sum[:6]
}
