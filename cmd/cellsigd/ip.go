package main

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/cellhub/cellhub/signalling/address"
	"github.com/cellhub/cellhub/signalling/clip"
	"github.com/cellhub/cellhub/signalling/daemon"
)

// host is a Classical IP host of the configuration file.
type host struct {
	TUN     string            `yaml:"tun"`     // the device
	Address string            `yaml:"address"` // IPv4, with the length of the subnet's prefix
	ATM     string            `yaml:"atm"`     // its own
	Servers []string          `yaml:"servers"` // ATMARP servers; none: it is the server
	PVCs    []string          `yaml:"pvcs"`    // PORT/VPI/VCI
	Routes  map[string]string `yaml:"routes"`  // neighbours by prefixes
	ARP     map[string]string `yaml:"arp"`     // ATM addresses by IP addresses
	Idle    string            `yaml:"idle"`    // after which a VC is released
}

// maxName is how long a host's name may be, and that of an interface.
const maxName = 15

func (f *host) read(name string) (c clip.Config, err error) {
	if len(name) == 0 || len(name) > maxName || len(f.TUN) == 0 || len(f.TUN) > maxName {
		return c, fmt.Errorf("a name and a tun: 1 to %d characters each", maxName)
	}
	c.Name = name
	if c.Host.Prefix, err = netip.ParsePrefix(f.Address); err != nil {
		return c, fmt.Errorf("address %q: as in 192.0.2.1/24", f.Address)
	}
	if c.Host.ATM, err = address.Parse(f.ATM); err != nil {
		return c, fmt.Errorf("atm: %w", err)
	}
	for _, text := range f.Servers {
		a, err := address.Parse(text)
		if err != nil {
			return c, fmt.Errorf("servers: %w", err)
		}
		c.Host.Servers = append(c.Host.Servers, a)
	}
	for _, p := range f.PVCs {
		c.PVCs = append(c.PVCs, "pvc://"+p)
	}
	if f.Idle != "" {
		if c.Host.Idle, err = time.ParseDuration(f.Idle); err != nil || c.Host.Idle < time.Second {
			return c, fmt.Errorf("idle %q: a time of a second or more, as in 20m", f.Idle)
		}
	}
	if err := f.readTables(&c); err != nil {
		return c, err
	}
	return c, c.Check()
}

// readTables reads routes and static entries.
func (f *host) readTables(c *clip.Config) error {
	for _, to := range slices.Sorted(maps.Keys(f.Routes)) {
		prefix, err := netip.ParsePrefix(to)
		if err != nil {
			return fmt.Errorf("route %q: as in 198.51.100.0/24", to)
		}
		via, err := netip.ParseAddr(f.Routes[to])
		if err != nil {
			return fmt.Errorf("route %q: by %q, which is no IP address", to, f.Routes[to])
		}
		c.Route = append(c.Route, clip.Route{To: prefix.Masked(), Via: via})
	}
	c.ARP = map[netip.Addr]address.Address{}
	for text, atm := range f.ARP {
		ip, err := netip.ParseAddr(text)
		if err == nil {
			c.ARP[ip], err = address.Parse(atm)
		}
		if err != nil {
			return fmt.Errorf("arp %q: %w", text, err)
		}
	}
	return nil
}

// ipHost is what is to run.
type ipHost struct {
	tun    string
	config clip.Config
}

// hosts are the Classical IP hosts.
type hosts struct {
	want  []ipHost
	store daemon.Store
	log   *slog.Logger

	mu  sync.Mutex
	run map[string]*clip.Host
}

// All implements daemon.Hosts.
func (h *hosts) All() (all []*clip.Host) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(h.run)) {
		all = append(all, h.run[name])
	}
	return all
}

// Host implements daemon.Hosts.
func (h *hosts) Host(name string) *clip.Host {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.run[name]
}

// start joins the hosts to the hub. One that cannot run is logged, and the others do.
func (h *hosts) start(control string) {
	for _, w := range h.want {
		host, err := h.startOne(control, w)
		if err != nil {
			h.log.Error("Classical IP", "host", w.config.Name, "tun", w.tun, "err", err)
			continue
		}
		h.mu.Lock()
		h.run[w.config.Name] = host
		h.mu.Unlock()
	}
}

func (h *hosts) startOne(control string, w ipHost) (*clip.Host, error) {
	c := w.config
	kept, err := h.store.Neighbours(c.Name)
	if err != nil {
		return nil, err
	}
	c.ARP = maps.Clone(c.ARP)
	maps.Copy(c.ARP, kept)
	c.Log = h.log
	t, err := openTunnel(w.tun, c.Host.Prefix)
	if err != nil {
		return nil, err
	}
	return clip.Start(control, t, c)
}

// stop ends the hosts.
func (h *hosts) stop() {
	h.mu.Lock()
	run := h.run
	h.run = map[string]*clip.Host{}
	h.mu.Unlock()
	for _, x := range run {
		_ = x.Close()
	}
}

// checkHosts reads the hosts of the file.
func (f *file) checkHosts(d *document) (all []ipHost, err error) {
	devices := map[string]bool{}
	addresses := map[address.Address]bool{}
	for _, name := range slices.Sorted(maps.Keys(f.IP)) {
		x := f.IP[name]
		c, err := x.read(name)
		switch {
		case err == nil && devices[x.TUN]:
			err = fmt.Errorf("tun %s: another host has it", x.TUN)
		case err == nil && addresses[c.Host.ATM]:
			err = errors.New("another host has its ATM address")
		}
		if err != nil {
			return nil, d.fault(d.key("ip", name), fmt.Errorf("ip %q: %w", name, err))
		}
		devices[x.TUN], addresses[c.Host.ATM] = true, true
		all = append(all, ipHost{x.TUN, c})
	}
	return all, nil
}

var _ daemon.Hosts = (*hosts)(nil)
