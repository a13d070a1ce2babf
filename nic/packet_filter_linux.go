package nic

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"
)

// filter has the kernel look at frames before they take a slot; a held device takes none.
func (p *packet) filter(cfg PacketConfig) error {
	if len(cfg.Filter) > MaxFilter {
		return fmt.Errorf("%d instructions: at most %d", len(cfg.Filter), MaxFilter)
	}
	var program []unix.SockFilter
	if cfg.Tagged { // the socket is bound to all types, for those of a tagged frame are the tag's until it is off
		program = append(program,
			unix.SockFilter{Code: unix.BPF_LD | unix.BPF_H | unix.BPF_ABS, K: filterProtocol},
			unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jt: 1, K: uint32(cfg.EtherType)},
			unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: 0})
	}
	switch {
	case len(cfg.Filter) > 0:
		program = append(program, cfg.Filter...)
	case cfg.Tagged:
		program = append(program, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: maxMTU + ethernetHeader})
	}
	p.program = program
	switch {
	case cfg.Held:
		return p.Hold()
	case len(program) == 0:
		return nil
	}
	return p.Admit()
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
