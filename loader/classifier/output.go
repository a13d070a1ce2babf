package classifier

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"github.com/cilium/ebpf"

	"github.com/cellhub/cellhub/bpf"
)

// Output is how relayed frames leave by a port.
type Output struct {
	Device      int     // the interface's number
	Own, To     [6]byte // stations
	VLAN        uint16  // 0: none
	Local       netip.AddrPort
	Remote      netip.AddrPort // of datagrams
	DSCP        uint8
	Labels      []byte // the label stack, as it stands in a frame
	Payload     Payload
	ControlWord bool
	Numbered    bool
	Specific    bool // behind the control word's number stands the first octet of what follows
	Frame       int  // octets of the longest frame, with all headers
	Cells       int  // octets of cells in one
}

// Places in the headers that maps.h gives room for.
const (
	linkBytes = 18 // Ethernet, with a tag
	noTag     = 4
	ipv4Bytes = 20
	ipv6Bytes = 40
	udpBytes  = 8

	relayTTL = 64 // of datagrams
)

func (o *Output) value() (v bpf.ClassifierOutput, err error) {
	v = bpf.ClassifierOutput{
		Device: uint32(o.Device), Payload: bpf.ClassifierPayload(o.Payload), Frame: uint32(o.Frame), Cells: uint32(o.Cells), Skip: noTag,
		Flags: bit(o.ControlWord, bpf.ClassifierFlagFLAG_CONTROL_WORD) | bit(o.Numbered, bpf.ClassifierFlagFLAG_NUMBERED) |
			bit(o.Specific, bpf.ClassifierFlagFLAG_SPECIFIC),
	}
	kind := uint16(0x8847)
	if o.Local.IsValid() {
		kind = 0x0800
		if v.Ip = 4; o.Remote.Addr().Is6() {
			kind, v.Ip = 0x86DD, 6
		}
	}
	h := append(append(make([]byte, 0, len(v.Headers)), o.To[:]...), o.Own[:]...)
	if o.VLAN != 0 {
		h = binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(h, 0x8100), o.VLAN)
		v.Skip = 0
	}
	h = binary.BigEndian.AppendUint16(h, kind)
	if v.Ip != 0 {
		h = o.datagram(h)
	}
	if v.Ip == 4 {
		v.Sum = wordSum(h[len(h)-ipv4Bytes-udpBytes : len(h)-udpBytes])
	}
	h = append(h, o.Labels...)
	if o.ControlWord {
		h = binary.BigEndian.AppendUint32(h, 0)
	}
	if v.Length = uint32(len(h)); int(v.Skip)+len(h) > len(v.Headers) {
		return v, fmt.Errorf("headers of %d octets: the classifier has room for %d", len(h), len(v.Headers)-noTag)
	}
	copy(v.Headers[v.Skip:], h)
	return v, nil
}

// datagram appends the headers of a datagram without lengths and checksums.
func (o *Output) datagram(h []byte) []byte {
	class := o.DSCP << 2
	if o.Remote.Addr().Is4() {
		h = append(h, 0x45, class, 0, 0, 0, 0, 0x40, 0, relayTTL, 17, 0, 0) // it is not to be fragmented
	} else {
		h = append(h, 0x60|class>>4, class<<4, 0, 0, 0, 0, 17, relayTTL)
	}
	h = append(append(h, o.Local.Addr().AsSlice()...), o.Remote.Addr().AsSlice()...)
	h = binary.BigEndian.AppendUint16(h, o.Local.Port())
	h = binary.BigEndian.AppendUint16(h, o.Remote.Port())
	return append(h, 0, 0, 0, 0)
}

// wordSum adds up 16-bit words, as the checksum of an IPv4 header begins.
func wordSum(b []byte) (sum uint32) {
	for ; len(b) > 1; b = b[2:] {
		sum += uint32(binary.BigEndian.Uint16(b))
	}
	return sum
}

// SetOutput says how relayed frames leave by the port of a number; until then, and after RemoveOutput, the hub gets them.
func (c *Classifier) SetOutput(number uint32, o Output) error {
	v, err := o.value()
	if err != nil {
		return err
	}
	if err := c.objects.Devices.Put(v.Device, v.Device); err != nil {
		return fmt.Errorf("interface %d: %w", o.Device, noRoom(err, MaxDevices))
	}
	c.adopted.asked(number)
	var has bpf.ClassifierOutput
	if c.objects.Outputs.Lookup(number, &has) == nil && has == v {
		return nil
	}
	return noRoom(c.objects.Outputs.Put(number, v), MaxRelayPorts)
}

// RemoveOutput has the hub get what would leave by the port of that number.
func (c *Classifier) RemoveOutput(number uint32) error {
	if err := c.objects.Outputs.Delete(number); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
		return err
	}
	return nil
}

// sequences is how many numbers a control word has; 0 is none of them.
const sequences = 65535

// StartNumbers has numbered frames that leave by the port of a number begin after last, unless they have begun: then they
// go on.
func (c *Classifier) StartNumbers(number uint32, last uint16) error {
	var n uint64
	if err := c.objects.Sequences.Lookup(number, &n); err != nil || n != 0 {
		return err
	}
	return c.objects.Sequences.Put(number, uint64(last))
}

// LastNumber is the last number that a frame left with; 0: none did. Afterwards they have not begun.
func (c *Classifier) LastNumber(number uint32) (uint16, error) {
	var n uint64
	if err := c.objects.Sequences.Lookup(number, &n); err != nil {
		return 0, err
	}
	return uint16(n % sequences), c.objects.Sequences.Put(number, uint64(0))
}
