package modules

import (
	"encoding/binary"
	"fmt"

	"github.com/cellhub/cellhub/nic"
)

// Link is what a carrier's frames begin with, before the label stack.
type Link uint8

// The links.
const (
	LinkBare     Link = iota // nothing: the device has one peer
	LinkEthernet             // an Ethernet header, perhaps with a VLAN tag
	LinkPeers                // a nic.Peer: MPLS-in-UDP, RFC 7510, with many peers
)

const (
	ethernetHeader = 14
	tagBytes       = 4
)

// MaxVLAN is the highest VLAN of a tag (IEEE 802.1Q: 0 is none, 4,095 reserved).
const MaxVLAN = 4094

// RFC7213Address is where a port sends on a point-to-point Ethernet when it is told
// no peer: the multicast address that RFC 7213 reserves for it.
var RFC7213Address = [6]byte{0x01, 0x00, 0x5E, 0x90, 0x00, 0x00}

// Far is where a pseudowire's other end is on its carrier; what of it counts depends on
// the link.
type Far struct {
	Station [6]byte  // Ethernet: where frames go
	Check   bool     // Ethernet: frames are taken from Station alone
	VLAN    uint16   // Ethernet: of the tag; 0: none
	Peer    nic.Peer // many peers: where datagrams go; they come from any port of that host
}

// header appends what frames to far begin with.
func (l Link) header(p []byte, own [6]byte, far *Far) []byte {
	switch l {
	case LinkEthernet:
		p = append(append(p, far.Station[:]...), own[:]...)
		if far.VLAN != 0 {
			p = binary.BigEndian.AppendUint16(p, etherTypeVLAN)
			p = binary.BigEndian.AppendUint16(p, far.VLAN)
		}
		p = binary.BigEndian.AppendUint16(p, EtherTypeMPLS)
	case LinkPeers:
		p = append(p, far.Peer[:]...)
	}
	return p
}

// check refuses a far end that the link cannot have.
func (l Link) check(far *Far) error {
	switch {
	case l != LinkEthernet && far.VLAN != 0:
		return fmt.Errorf("a VLAN is for Ethernet")
	case far.VLAN > MaxVLAN:
		return fmt.Errorf("VLAN %d: 1 to %d", far.VLAN, MaxVLAN)
	case l == LinkPeers && far.Peer == nic.Peer{}:
		return fmt.Errorf("no peer")
	}
	return nil
}

// scope is what tells pseudowires of one label apart: the VLAN, or the peer's host.
func (l Link) scope(far *Far) uint64 {
	if l == LinkPeers {
		return far.Peer.Hash()
	}
	return uint64(far.VLAN)
}

// strip reads the header of a frame: its size and scope.
func (l Link) strip(f []byte) (n int, scope uint64, ok bool) {
	switch l {
	case LinkPeers:
		if len(f) < nic.PeerBytes {
			return 0, 0, false
		}
		return nic.PeerBytes, (*nic.Peer)(f).Hash(), true
	case LinkEthernet:
		return stripEthernet(f)
	}
	return 0, 0, true
}

func stripEthernet(f []byte) (n int, vlan uint64, ok bool) {
	n = ethernetHeader
	if len(f) < n {
		return 0, 0, false
	}
	kind := binary.BigEndian.Uint16(f[n-2:])
	if kind == etherTypeVLAN && len(f) >= n+tagBytes {
		vlan = uint64(binary.BigEndian.Uint16(f[n:]) & 0x0FFF)
		n += tagBytes
		kind = binary.BigEndian.Uint16(f[n-2:])
	}
	return n, vlan, kind == EtherTypeMPLS
}

// checks tells whether it matters who sent a frame.
func (l Link) checks(far *Far) bool { return l == LinkPeers || l == LinkEthernet && far.Check }

// from tells whether a frame may have been sent by far, where that matters.
func (l Link) from(f []byte, far *Far) bool {
	switch l {
	case LinkPeers:
		return (*nic.Peer)(f).Host() == far.Peer.Host()
	case LinkEthernet:
		return [6]byte(f[6:12]) == far.Station
	}
	return true
}

// wireKey names a pseudowire of a carrier by its scope and label, in a table of its own.
func wireKey(scope uint64, label uint32) uint64 {
	const prime = 0x9E3779B97F4A7C15
	return scope*prime ^ uint64(label)
}
