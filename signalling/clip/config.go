package clip

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"slices"
	"time"

	"github.com/cellhub/cellhub/dataplane/client"
	"github.com/cellhub/cellhub/signalling/address"
	"github.com/cellhub/cellhub/signalling/atmarp"
)

// MTU is the octets of the longest IP packet (RFC 2225, 7): with the header of LLC and SNAP
// an SDU of 9,188.
const MTU = 9180

// Limits.
const (
	MaxWaiting    = 5   // packets that wait for one neighbour
	MaxNeighbours = 256 // neighbours that packets wait for
	MaxRoutes     = 1024
)

// retry is how long to wait before a hub, a PVC or a listener that could not be had is tried
// again.
const retry = time.Second

// Tunnel is the TUN device: one whole IP packet a call. Reads and writes may be at the same
// time, writes by several. Close ends a Read that waits, with an error.
type Tunnel interface {
	io.ReadWriteCloser
}

// Route sends what is for a prefix to a neighbour, which is a router: a TUN does not tell
// whom the host's own table has chosen.
type Route struct {
	To  netip.Prefix
	Via netip.Addr
}

// Config is a host.
type Config struct {
	Name  string // by which it is asked for
	Host  atmarp.Config
	PVCs  []string // permanent VCs, pvc://…, whose far ends tell their IP addresses
	Route []Route
	ARP   map[netip.Addr]address.Address // static entries
	Log   *slog.Logger
}

// Errors of Check.
var (
	// ErrATM: an application's address has 20 octets.
	ErrATM = errors.New("clip: an ATM address that is no end system address of 20 octets")
	// ErrRoute is a route that leads nowhere.
	ErrRoute = errors.New("clip: a route by no neighbour")
)

// Check tells what is wrong with a configuration.
func (c *Config) Check() error {
	machine, err := atmarp.NewHost(c.Host)
	if err != nil {
		return err
	}
	for _, a := range append([]address.Address{c.Host.ATM}, c.Host.Servers...) {
		if err := callable(a); err != nil {
			return err
		}
	}
	for ip, atm := range c.ARP {
		if err := errors.Join(callable(atm), machine.Add(0, ip, atm)); err != nil {
			return fmt.Errorf("%v: %w", ip, err)
		}
	}
	for _, p := range c.PVCs {
		if a, err := client.ParseAddr(p); err != nil || !a.PVC {
			return fmt.Errorf("%q: pvc://PORT/VPI/VCI", p)
		}
	}
	if len(c.Route) > MaxRoutes {
		return fmt.Errorf("%d routes: at most %d", len(c.Route), MaxRoutes)
	}
	for _, r := range c.Route {
		if !r.To.Addr().Is4() || !machine.IsNeighbour(r.Via) {
			return fmt.Errorf("%w: %v by %v", ErrRoute, r.To, r.Via)
		}
	}
	return nil
}

// callable tells whether an application can call an address.
func callable(a address.Address) error {
	if !a.HasAESA() || !a.Number.IsZero() {
		return fmt.Errorf("%w: %v", ErrATM, a)
	}
	return nil
}

// sorted gives routes, the longest prefix first.
func sorted(routes []Route) []Route {
	routes = slices.Clone(routes)
	slices.SortStableFunc(routes, func(a, b Route) int { return b.To.Bits() - a.To.Bits() })
	return routes
}
