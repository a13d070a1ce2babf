package layers

import (
	"encoding/binary"
	"fmt"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/cellhub/cellhub/aal"
)

// AAL5 is a whole CPCS-PDU (I.363.5, 9.2.1). Its contents are pad and trailer,
// its payload the SDU; of an aborted or a damaged PDU, whose Length is not that
// of an SDU, all before the trailer.
type AAL5 struct {
	layers.BaseLayer
	UU, CPI     uint8
	Length      uint16 // of the SDU; 0 aborts
	CRC         uint32
	LengthError bool // Length does not fit the number of cells
	CRCError    bool // CRC is not that of the PDU

	// Under is the layer that was decoded before this one: its channel is what
	// [RegisterVC] knows. nil guesses. In packets it is there by itself; who
	// uses a DecodingLayerParser sets it once.
	Under *PDU
}

// wholePDU tells whether a CPCS-PDU can have n octets.
func wholePDU(n int) bool { return n > 0 && n%aal.PayloadSize == 0 }

// LayerType gives LayerTypeAAL5.
func (*AAL5) LayerType() gopacket.LayerType { return LayerTypeAAL5 }

// CanDecode gives LayerTypeAAL5.
func (*AAL5) CanDecode() gopacket.LayerClass { return LayerTypeAAL5 }

// DecodeFromBytes takes a whole PDU, cells full of octets. A Length of 0 fits
// any number of them.
func (a *AAL5) DecodeFromBytes(data []byte, df gopacket.DecodeFeedback) error {
	if !wholePDU(len(data)) {
		df.SetTruncated()
		return ErrLength
	}
	t := data[len(data)-aal.TrailerSize:]
	a.UU, a.CPI = t[0], t[1]
	a.Length = binary.BigEndian.Uint16(t[2:])
	a.CRC = binary.BigEndian.Uint32(t[4:])
	a.CRCError = aal.CRC32(data[:len(data)-4]) != a.CRC
	n := int(a.Length)
	if a.LengthError = n != 0 && aal.AAL5PDUSize(n) != len(data); a.LengthError || n == 0 {
		n = len(data) - aal.TrailerSize
	}
	a.BaseLayer = layers.BaseLayer{Contents: data[n:], Payload: data[:n:n]}
	return nil
}

// NextLayerType is what the channel under it carries, else a guess; after a
// wrong CRC too.
func (a *AAL5) NextLayerType() gopacket.LayerType { return a.Under.carries(a.Payload) }

// SerializeTo appends pad and trailer to the SDU. Length is set with
// FixLengths, CRC with ComputeChecksums.
func (a *AAL5) SerializeTo(b gopacket.SerializeBuffer, opts gopacket.SerializeOptions) error {
	n := len(b.Bytes())
	if n > aal.MaxSDU {
		return aal.ErrSDULong
	}
	if _, err := b.AppendBytes(aal.AAL5PDUSize(n) - n); err != nil {
		return err
	}
	pdu := b.Bytes()
	if _, err := aal.PutAAL5Trailer(pdu, n, a.UU, a.CPI); err != nil {
		return err
	}
	t := pdu[len(pdu)-aal.TrailerSize:]
	if opts.FixLengths {
		a.Length = uint16(n)
	}
	binary.BigEndian.PutUint16(t[2:], a.Length)
	if opts.ComputeChecksums {
		a.CRC = aal.CRC32(pdu[:len(pdu)-4])
	}
	binary.BigEndian.PutUint32(t[4:], a.CRC)
	return nil
}

// String gives the trailer.
func (a *AAL5) String() string {
	note := wrong(a.LengthError)
	if a.Length == 0 {
		note = " (abort)"
	}
	return fmt.Sprintf("AAL5, length %d%s, UU 0x%02x, CPI 0x%02x, CRC 0x%08x %s",
		a.Length, note, a.UU, a.CPI, a.CRC, verdict(a.CRCError))
}

// guessSDU tells what an SDU is by its first octets. LLC is certain; of what
// goes without, PPP is known by its LCP packets, bridged frames by their pad
// and IP by its version.
func guessSDU(sdu []byte) gopacket.LayerType {
	const leastBridged, leastIP = 16, 20
	e, ppp := aal.DetectPPP(sdu)
	switch {
	case len(sdu) > 3 && (string(sdu[:3]) == "\xAA\xAA\x03" || string(sdu[:3]) == "\xFE\xFE\x03"):
		return LayerTypeLLC
	case ppp && e == aal.VCMux:
		return layers.LayerTypePPP
	case len(sdu) >= leastBridged && sdu[0] == 0 && sdu[1] == 0:
		return LayerTypeBridged
	case len(sdu) >= leastIP && sdu[0]>>4 == 4:
		return layers.LayerTypeIPv4
	case len(sdu) >= leastIP && sdu[0]>>4 == 6:
		return layers.LayerTypeIPv6
	}
	return gopacket.LayerTypePayload
}
