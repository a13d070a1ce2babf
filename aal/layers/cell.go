package layers

import (
	"fmt"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/cellhub/cellhub/aal"
)

// Cell is a cell of 52 octets, without HEC, as ERF and RFC 4717 have it. Its
// payload is the information field. The header is read in the NNI form, of 12
// bits of VPI; Header.UNI gives that of a link with a GFC.
type Cell struct {
	layers.BaseLayer
	Header aal.Header
}

// LayerType gives LayerTypeCell.
func (*Cell) LayerType() gopacket.LayerType { return LayerTypeCell }

// CanDecode gives LayerTypeCell.
func (*Cell) CanDecode() gopacket.LayerClass { return LayerTypeCell }

// DecodeFromBytes takes one cell, 52 octets.
func (c *Cell) DecodeFromBytes(data []byte, df gopacket.DecodeFeedback) error {
	if err := exact(data, aal.CellSize, df); err != nil {
		return err
	}
	c.Header = aal.ReadHeader(data)
	c.BaseLayer = layers.BaseLayer{Contents: data[:aal.HeaderSize], Payload: data[aal.HeaderSize:]}
	return nil
}

// NextLayerType tells OAM and RM cells by the header, user cells by
// [RegisterVC].
func (c *Cell) NextLayerType() gopacket.LayerType { return carried(c.Header) }

// SerializeTo puts the header before a payload of 48 octets.
func (c *Cell) SerializeTo(b gopacket.SerializeBuffer, _ gopacket.SerializeOptions) error {
	if len(b.Bytes()) != aal.PayloadSize {
		return aal.ErrPayloadSize
	}
	return prependHeader(b, c.Header, aal.HeaderSize)
}

// String gives flow, VC, payload type and CLP.
func (c *Cell) String() string { return headerString(c.Header) }

// WireCell is a cell of 53 octets, as on a line.
type WireCell struct {
	layers.BaseLayer
	Header aal.Header // as received, errors and all
	HEC    uint8
}

// LayerType gives LayerTypeWireCell.
func (*WireCell) LayerType() gopacket.LayerType { return LayerTypeWireCell }

// CanDecode gives LayerTypeWireCell.
func (*WireCell) CanDecode() gopacket.LayerClass { return LayerTypeWireCell }

// DecodeFromBytes takes one cell, 53 octets. The HEC is not checked: see
// HECGood.
func (c *WireCell) DecodeFromBytes(data []byte, df gopacket.DecodeFeedback) error {
	if err := exact(data, aal.WireCellSize, df); err != nil {
		return err
	}
	c.Header, c.HEC = aal.ReadHeader(data), data[aal.HeaderSize]
	c.BaseLayer = layers.BaseLayer{Contents: data[:aal.HeaderSize+1], Payload: data[aal.HeaderSize+1:]}
	return nil
}

// HECGood tells whether the HEC is right (I.432.1, 4.3.2).
func (c *WireCell) HECGood() bool { return c.Header.HEC() == c.HEC }

// NextLayerType is as for [Cell]; what follows a wrong HEC is plain payload.
func (c *WireCell) NextLayerType() gopacket.LayerType {
	if !c.HECGood() {
		return gopacket.LayerTypePayload
	}
	return carried(c.Header)
}

// SerializeTo puts header and HEC before a payload of 48 octets. The HEC is
// computed with ComputeChecksums.
func (c *WireCell) SerializeTo(b gopacket.SerializeBuffer, opts gopacket.SerializeOptions) error {
	if len(b.Bytes()) != aal.PayloadSize {
		return aal.ErrPayloadSize
	}
	if opts.ComputeChecksums {
		c.HEC = c.Header.HEC()
	}
	if err := prependHeader(b, c.Header, aal.HeaderSize+1); err != nil {
		return err
	}
	b.Bytes()[aal.HeaderSize] = c.HEC
	return nil
}

// String gives flow, VC, payload type, CLP and HEC.
func (c *WireCell) String() string {
	return fmt.Sprintf("%s, HEC 0x%02x %s", headerString(c.Header), c.HEC, verdict(!c.HECGood()))
}

// PDU is the header of a cell before a whole AAL5 CPCS-PDU, as in ERF records
// of type 4. It is that of the last cell.
type PDU struct {
	layers.BaseLayer
	Header aal.Header
}

// LayerType gives LayerTypePDU.
func (*PDU) LayerType() gopacket.LayerType { return LayerTypePDU }

// CanDecode gives LayerTypePDU.
func (*PDU) CanDecode() gopacket.LayerClass { return LayerTypePDU }

// DecodeFromBytes takes the header; all that follows is the PDU.
func (h *PDU) DecodeFromBytes(data []byte, df gopacket.DecodeFeedback) error {
	if len(data) < aal.HeaderSize {
		return short(df)
	}
	h.Header = aal.ReadHeader(data)
	h.BaseLayer = layers.BaseLayer{Contents: data[:aal.HeaderSize], Payload: data[aal.HeaderSize:]}
	if !wholePDU(len(h.Payload)) {
		df.SetTruncated()
	}
	return nil
}

// NextLayerType gives LayerTypeAAL5. What is no whole number of cells, as in a
// capture that was cut, has no trailer: what the channel carries follows then.
func (h *PDU) NextLayerType() gopacket.LayerType {
	if wholePDU(len(h.Payload)) {
		return LayerTypeAAL5
	}
	return h.carries(h.Payload)
}

// carries tells what an SDU of the channel is.
func (h *PDU) carries(sdu []byte) gopacket.LayerType {
	if h == nil {
		return guessSDU(sdu)
	}
	return carriedSDU(h.Header.VC(), sdu)
}

// carriedSDU tells what an SDU is by its channel, else by its first octets.
func carriedSDU(vc aal.VC, sdu []byte) gopacket.LayerType {
	if t, ok := vcs[vc]; ok {
		return next(t, true)
	}
	return guessSDU(sdu)
}

// SerializeTo puts the header before the PDU.
func (h *PDU) SerializeTo(b gopacket.SerializeBuffer, _ gopacket.SerializeOptions) error {
	return prependHeader(b, h.Header, aal.HeaderSize)
}

// String gives VC, payload type and CLP, and the octets that are no whole PDU.
func (h *PDU) String() string {
	if n := len(h.Payload); !wholePDU(n) && h.Contents != nil {
		return fmt.Sprintf("%s, PDU of %d octets (incorrect)", headerString(h.Header), n)
	}
	return headerString(h.Header)
}

// decodePDU shows the AAL5 layer its channel.
func decodePDU(data []byte, p gopacket.PacketBuilder) error {
	h := new(PDU)
	if err := h.DecodeFromBytes(data, p); err != nil {
		return err
	}
	p.AddLayer(h)
	if t := h.NextLayerType(); t != LayerTypeAAL5 {
		return p.NextDecoder(t)
	}
	return p.NextDecoder(gopacket.DecodeFunc(func(data []byte, p gopacket.PacketBuilder) error {
		return decodeTo(&AAL5{Under: h}, data, p)
	}))
}

func decodeCells(data []byte, p gopacket.PacketBuilder) error {
	return items(p, LayerTypeCell, data, aal.CellSize)
}

// carried tells what is in the payload of a cell with header h.
func carried(h aal.Header) gopacket.LayerType {
	if _, oam := h.OAMFlow(); oam {
		return LayerTypeOAM
	}
	if h.PTI() == aal.PTIResourceMgmt {
		return LayerTypeRM
	}
	t, ok := vcs[h.VC()]
	return next(t, ok && h.User())
}

func prependHeader(b gopacket.SerializeBuffer, h aal.Header, n int) error {
	dst, err := b.PrependBytes(n)
	if err == nil {
		h.Put(dst)
	}
	return err
}

// payloadTypes are tcpdump's words for I.361, 2.2.4.
var payloadTypes = [8]string{
	"user data, uncongested, SDU 0", "user data, uncongested, SDU 1",
	"user data, congested, SDU 0", "user data, congested, SDU 1",
	"VCC OAM F5 flow segment", "VCC OAM F5 flow end-to-end",
	"Traffic Control and resource Mgmt", "Unknown",
}

// headerString is tcpdump's line on an OAM cell, and the like for others.
func headerString(h aal.Header) string {
	name := "ATM"
	if f, ok := h.OAMFlow(); ok {
		name = f.String()
		if h.PTI() >= aal.PTISegmentOAM {
			name = "OAM F5"
		}
	}
	vc, clp := h.VC(), 0
	if h.CLP() {
		clp = 1
	}
	return fmt.Sprintf("%s, vpi %d, vci %d, payload [ %s ], clp %d", name, vc.VPI, vc.VCI, payloadTypes[h.PTI()], clp)
}

// verdict is tcpdump's word on a checksum.
func verdict(wrong bool) string {
	if wrong {
		return "(incorrect)"
	}
	return "(correct)"
}

// wrong marks a field that does not fit, and only such a one.
func wrong(yes bool) string {
	if yes {
		return " (incorrect)"
	}
	return ""
}
