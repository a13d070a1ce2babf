package nic

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"
)

// Filterer is a device whose filter may be changed while it receives: what has passed the one
// before stays. An empty filter lets all pass.
type Filterer interface {
	SetFilter(filter []unix.SockFilter) error
}

// filter has the kernel look at frames before they take a slot; a held device takes none.
func (p *packet) filter(cfg PacketConfig) error {
	p.tagged, p.etherType = cfg.Tagged, cfg.EtherType
	if err := p.compose(cfg.Filter); err != nil {
		return err
	}
	switch {
	case cfg.Held:
		return p.Hold()
	case len(p.program) == 0:
		return nil
	}
	return p.Admit()
}

// SetFilter puts another filter in the place of the present one; a device that is held is
// admitted by it.
func (p *packet) SetFilter(filter []unix.SockFilter) error {
	if err := p.compose(filter); err != nil {
		return err
	}
	return p.Admit()
}

// compose makes the program of a filter.
func (p *packet) compose(filter []unix.SockFilter) error {
	if len(filter) > MaxFilter {
		return fmt.Errorf("%d instructions: at most %d", len(filter), MaxFilter)
	}
	var program []unix.SockFilter
	if p.tagged { // the socket is bound to all types, for those of a tagged frame are the tag's until it is off
		program = append(program,
			unix.SockFilter{Code: unix.BPF_LD | unix.BPF_H | unix.BPF_ABS, K: filterProtocol},
			unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jt: 1, K: uint32(p.etherType)},
			unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: 0})
	}
	switch {
	case len(filter) > 0:
		program = append(program, filter...)
	case p.tagged:
		program = append(program, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: maxMTU + ethernetHeader})
	}
	p.program = program
	return nil
}

// filterProtocol is where a filter finds the EtherType behind all tags: SKF_AD_OFF + SKF_AD_PROTOCOL of linux/filter.h.
const filterProtocol = 1<<32 - 0x1000

const (
	addressBytes = 12 // both addresses of an Ethernet header
	tagBytes     = 4
)

// putTag puts the VLAN tag that the kernel has taken off back behind the addresses, which move into the room before
// them: there are 14 octets between a slot's sockaddr_ll and its frame.
func putTag(slot []byte, start, end int, header *unix.Tpacket2Hdr) []byte {
	frame := slot[start-tagBytes : end]
	copy(frame, slot[start:start+addressBytes])
	binary.BigEndian.PutUint16(frame[addressBytes:], header.Vlan_tpid)
	binary.BigEndian.PutUint16(frame[addressBytes+2:], header.Vlan_tci)
	return frame
}
