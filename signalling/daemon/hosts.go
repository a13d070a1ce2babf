package daemon

import (
	"errors"
	"fmt"
	"net/netip"
	"syscall"

	"github.com/cellhub/cellhub/signalling/address"
	"github.com/cellhub/cellhub/signalling/clip"
)

// Hosts are the Classical IP hosts that run beside the daemon. Its methods may be called at
// any time.
type Hosts interface {
	// All gives those that run, in the order of their names.
	All() []*clip.Host
	// Host gives one by its name; nil: there is none, or it does not run.
	Host(name string) *clip.Host
}

// onHosts carries out a command about Classical IP hosts.
func (d *Daemon) onHosts(command uint16, words []string) (any, error) {
	hosts := d.config.Hosts
	if hosts == nil {
		hosts = none{}
	}
	if command == CommandHosts {
		views := []clip.View{}
		for _, h := range hosts.All() {
			views = append(views, h.Show())
		}
		return views, nil
	}
	if len(words) == 0 {
		return nil, syscall.EINVAL
	}
	h := hosts.Host(words[0])
	if h == nil {
		return nil, syscall.ENODEV
	}
	var ip netip.Addr
	if len(words) > 1 {
		var err error
		if ip, err = netip.ParseAddr(words[1]); err != nil {
			return nil, syscall.EINVAL
		}
	}
	switch {
	case command == CommandNeighbours:
		list, next := h.Entries(ip, neighboursAtOnce)
		page := Neighbours{Neighbours: list}
		if next.IsValid() {
			page.Next = next.String()
		}
		return page, nil
	case !ip.IsValid():
		return nil, syscall.EINVAL
	}
	return nil, d.neighbour(h, words[0], ip, words[2:])
}

// neighbour enters or removes an entry of a host's, and keeps that.
func (d *Daemon) neighbour(h *clip.Host, name string, ip netip.Addr, atm []string) error {
	var to address.Address
	var err error
	switch len(atm) {
	case 0:
		if !h.Delete(ip) {
			return syscall.ENOENT
		}
	case 1:
		if to, err = address.Parse(atm[0]); err == nil {
			err = h.Add(ip, to)
		}
		if err != nil {
			return errors.Join(syscall.EINVAL, err)
		}
	default:
		return syscall.EINVAL
	}
	if err := d.config.Store.SaveNeighbour(name, ip, to); err != nil {
		return fmt.Errorf("%w: %w", syscall.EIO, err)
	}
	return nil
}

// none is a daemon's hosts where it has none.
type none struct{}

func (none) All() []*clip.Host      { return nil }
func (none) Host(string) *clip.Host { return nil }
