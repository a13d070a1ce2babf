package daemon

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/cellhub/cellhub/signalling/address"
	"go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"
)

// Store keeps what must outlive the process. Save has returned only when it is on disk.
// A store of one host is a file (OpenStore); a fleet's may be another.
type Store interface {
	// Sequence is the last N(SQ) of SSCOP on a port; 0 if there was none.
	Sequence(port uint16) (uint8, error)
	SaveSequence(port uint16, sq uint8) error
	// Routes are what was provisioned: prefixes in text, and the ports to try in order.
	Routes() (map[string][]uint16, error)
	// SaveRoute sets a route; without ports it is removed.
	SaveRoute(prefix string, ports []uint16) error
	// Neighbours are the ATM addresses that were entered for a Classical IP host.
	Neighbours(host string) (map[netip.Addr]address.Address, error)
	// SaveNeighbour sets one; without an ATM address it is removed.
	SaveNeighbour(host string, ip netip.Addr, atm address.Address) error
	Close() error
}

// storeTimeout is how long to wait for another process that has the file open.
const storeTimeout = time.Second

var (
	sequences  = []byte("sequences")
	routes     = []byte("routes")
	neighbours = []byte("neighbours")
)

type file struct{ db *bbolt.DB }

// OpenStore opens a store in a file, which is made if it is not there. Each change is a
// transaction of its own and synced: a kill at any moment leaves the state before or
// after it.
func OpenStore(path string) (Store, error) {
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: storeTimeout})
	if errors.Is(err, bbolterrors.ErrTimeout) {
		return nil, fmt.Errorf("%s: another process has it open", path)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		for _, name := range [][]byte{sequences, routes, neighbours} {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		db.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &file{db}, nil
}

func (f *file) Close() error { return f.db.Close() }

func portKey(port uint16) []byte { return binary.BigEndian.AppendUint16(nil, port) }

func (f *file) Sequence(port uint16) (sq uint8, err error) {
	err = f.db.View(func(tx *bbolt.Tx) error {
		if v := tx.Bucket(sequences).Get(portKey(port)); len(v) == 1 {
			sq = v[0]
		}
		return nil
	})
	return sq, err
}

func (f *file) SaveSequence(port uint16, sq uint8) error {
	return f.db.Update(func(tx *bbolt.Tx) error {
		return tx.Bucket(sequences).Put(portKey(port), []byte{sq})
	})
}

func (f *file) Routes() (map[string][]uint16, error) {
	all := map[string][]uint16{}
	err := f.db.View(func(tx *bbolt.Tx) error {
		return tx.Bucket(routes).ForEach(func(k, v []byte) error {
			var ports []uint16
			for ; len(v) >= 2; v = v[2:] {
				ports = append(ports, binary.BigEndian.Uint16(v))
			}
			all[string(k)] = ports
			return nil
		})
	})
	return all, err
}

func (f *file) SaveRoute(prefix string, ports []uint16) error {
	return f.db.Update(func(tx *bbolt.Tx) error {
		if len(ports) == 0 {
			return tx.Bucket(routes).Delete([]byte(prefix))
		}
		var v []byte
		for _, p := range ports {
			v = binary.BigEndian.AppendUint16(v, p)
		}
		return tx.Bucket(routes).Put([]byte(prefix), v)
	})
}

func neighbourKey(host string, ip netip.Addr) []byte { return []byte(host + " " + ip.String()) }

func (f *file) Neighbours(host string) (map[netip.Addr]address.Address, error) {
	all := map[netip.Addr]address.Address{}
	err := f.db.View(func(tx *bbolt.Tx) error {
		return tx.Bucket(neighbours).ForEach(func(k, v []byte) error {
			name, text, _ := strings.Cut(string(k), " ")
			if name != host {
				return nil
			}
			ip, err := netip.ParseAddr(text)
			if err != nil {
				return err
			}
			all[ip], err = address.Parse(string(v))
			return err
		})
	})
	return all, err
}

func (f *file) SaveNeighbour(host string, ip netip.Addr, atm address.Address) error {
	return f.db.Update(func(tx *bbolt.Tx) error {
		if atm.IsZero() {
			return tx.Bucket(neighbours).Delete(neighbourKey(host, ip))
		}
		return tx.Bucket(neighbours).Put(neighbourKey(host, ip), []byte(atm.String()))
	})
}
