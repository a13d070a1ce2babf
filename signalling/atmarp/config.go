package atmarp

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/cellhub/cellhub/signalling/address"
)

// Config is a host of a logical IP subnet.
type Config struct {
	Prefix netip.Prefix    // the host's own IPv4 address, and its subnet
	ATM    address.Address // its own
	// Servers are the ATMARP servers of the subnet, in the order in which they are tried. None:
	// the host is the server.
	Servers []address.Address
	Idle    time.Duration // after which a switched VC without traffic is released; 0: DefaultIdle
}

// Times of RFC 2225, and where it names none, ours.
const (
	ClientAge   = 15 * time.Minute // what a client has learnt is valid for (8.5.1)
	ServerAge   = 20 * time.Minute // likewise of a server (8.4)
	Registering = 14 * time.Minute // after which a client registers again: it has 15 (8.5)
	DefaultIdle = 20 * time.Minute // RFC 1755, 3.4
	Retry       = time.Second      // between two questions for the same
	Tries       = 5                // questions without an answer, until it is given up
	HoldDown    = 5 * time.Second  // for which what was refused, or has no answer, is not asked again
	Inquiring   = 30 * time.Second // after which a permanent VC's far end that is silent is asked again
	Redial      = 5 * time.Second  // after which a server is called again
)

// Limits.
const (
	MaxEntries = 1 << 16 // IP addresses that a host knows or asks for
	MaxLinks   = 1 << 16 // VCs that it has
)

// Errors of NewHost.
var (
	ErrIP  = errors.New("atmarp: not an IPv4 address of a host in its subnet")
	ErrATM = errors.New("atmarp: no ATM address")
)

func (c *Config) check() error {
	ip := c.Prefix.Addr()
	switch {
	case !ip.Is4() || !c.Prefix.IsValid() || c.Prefix.Bits() < 31 && ip == c.Prefix.Masked().Addr() || c.isBroadcast(ip):
		return fmt.Errorf("%w: %v", ErrIP, c.Prefix)
	case c.ATM.IsZero():
		return ErrATM
	}
	for _, s := range c.Servers {
		if s.IsZero() || s == c.ATM {
			return fmt.Errorf("%w: of a server, which is another host", ErrATM)
		}
	}
	if c.Idle == 0 {
		c.Idle = DefaultIdle
	}
	return nil
}

// isBroadcast tells whether an address is the subnet's own or everybody's.
func (c *Config) isBroadcast(ip netip.Addr) bool {
	if ip == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		return true
	}
	if c.Prefix.Bits() > 30 || !c.Prefix.Contains(ip) {
		return false
	}
	next := ip.Next()
	return !next.IsValid() || !c.Prefix.Contains(next)
}
