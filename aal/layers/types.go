package layers

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/cellhub/cellhub/aal"
)

// The numbers of the layer types, from the range that gopacket leaves to
// applications.
const (
	numERF = 1640 + iota
	numSunATM
	numCell
	numWireCell
	numPDU
	numAAL1
	numAAL2
	numAAL34
	numAAL5
	numOAM
	numRM
	numLLC
	numBridged
	numATMARP
	numCells
	numPWN1
	numPW11
	numPWCell
	numPWAAL5PDU
	numPWAAL5SDU
	numBridgedFCS
	numPWACH
	numCLIP
)

// The layer types. Each decodes too.
var (
	LayerTypeERF      = register[ERF](numERF, "ERF")
	LayerTypeSunATM   = register[SunATM](numSunATM, "SunATM")
	LayerTypeCell     = register[Cell](numCell, "Cell")
	LayerTypeWireCell = register[WireCell](numWireCell, "WireCell")
	LayerTypePDU      = registerFunc(numPDU, "PDU", decodePDU)
	LayerTypeAAL1     = register[AAL1](numAAL1, "AAL1")
	LayerTypeAAL2     = register[AAL2](numAAL2, "AAL2")
	LayerTypeAAL34    = register[AAL34](numAAL34, "AAL34")
	LayerTypeAAL5     = register[AAL5](numAAL5, "AAL5")
	LayerTypeOAM      = register[OAM](numOAM, "OAM")
	LayerTypeRM       = register[RM](numRM, "RM")
	LayerTypeLLC      = register[LLC](numLLC, "RFC2684LLC")
	LayerTypeBridged  = register[Bridged](numBridged, "RFC2684Bridged")
	LayerTypeATMARP   = register[ATMARP](numATMARP, "ATMARP")

	// LayerTypeBridgedFCS decodes to a Bridged with FCS: frames keep their
	// check sequence.
	LayerTypeBridgedFCS = registerFunc(numBridgedFCS, "RFC2684BridgedFCS", decodeBridgedFCS)

	// LayerTypeCells decodes a run of whole cells of 52 octets, each to a
	// Cell and what it carries: RFC 4717's N-to-one cell mode without control
	// word is one. There is no layer of this type.
	LayerTypeCells = registerFunc(numCells, "Cells", decodeCells)

	// LayerTypeCLIP decodes what Linux's Classical IP over ATM captures: an LLC
	// header, or an IP packet without one, as tcpdump does. There is no layer of
	// this type.
	LayerTypeCLIP = registerFunc(numCLIP, "ClassicalIP", decodeCLIP)

	LayerTypePWN1   = registerFunc(numPWN1, "PWN1", decodePW[PWN1])
	LayerTypePW11   = registerFunc(numPW11, "PW11", decodePW11)
	LayerTypePWCell = register[PWCell](numPWCell, "PWCell")
	// LayerTypePWAAL5PDU and LayerTypePW11 decode each other's pseudowires
	// too: bit M tells which it is.
	LayerTypePWAAL5PDU = registerFunc(numPWAAL5PDU, "PWAAL5PDU", decodePW11)
	LayerTypePWAAL5SDU = registerFunc(numPWAAL5SDU, "PWAAL5SDU", decodePW[PWAAL5SDU])
	// LayerTypePWACH decodes an associated channel. The layer types of
	// pseudowires with a control word come to it by themselves.
	LayerTypePWACH = register[PWACH](numPWACH, "PWACH")
)

// Link types of capture files (tcpdump.org/linktypes.html). Importing the
// package registers them with gopacket.
const (
	LinkTypeRFC1483                 = layers.LinkTypeATM_RFC1483 // 100: SDUs with an LLC header
	LinkTypeCLIP    layers.LinkType = 106                        // SDUs of Linux's Classical IP
	LinkTypeSunATM                  = layers.LinkTypeSunATM      // 123
	LinkTypeERF     layers.LinkType = 197
)

func init() {
	for link, t := range map[layers.LinkType]gopacket.LayerType{
		LinkTypeRFC1483: LayerTypeLLC, LinkTypeCLIP: LayerTypeCLIP, LinkTypeSunATM: LayerTypeSunATM, LinkTypeERF: LayerTypeERF,
	} {
		layers.LinkTypeMetadata[link] = layers.EnumMetadata{DecodeWith: t, Name: t.String(), LayerType: t}
	}
}

// Errors of decoding, beside those of package aal.
var (
	ErrShort  = errors.New("layers: data too short")
	ErrLong   = errors.New("layers: data too long")
	ErrLength = errors.New("layers: not a whole number of cells")
)

// decoder is what all types here are, by pointer.
type decoder[T any] interface {
	*T
	gopacket.Layer
	gopacket.DecodingLayer
}

func register[T any, P decoder[T]](num int, name string) gopacket.LayerType {
	return registerFunc(num, name, decode[T, P])
}

func registerFunc(num int, name string, f gopacket.DecodeFunc) gopacket.LayerType {
	return gopacket.RegisterLayerType(num, gopacket.LayerTypeMetadata{Name: name, Decoder: f})
}

// decode makes a decoding function of a layer.
func decode[T any, P decoder[T]](data []byte, p gopacket.PacketBuilder) error {
	return decodeTo(P(new(T)), data, p)
}

// decodeTo decodes a layer and goes on with what it carries.
func decodeTo[T any, P decoder[T]](l P, data []byte, p gopacket.PacketBuilder) error {
	if err := l.DecodeFromBytes(data, p); err != nil {
		return err
	}
	p.AddLayer(l)
	return p.NextDecoder(l.NextLayerType())
}

// short tells gopacket that data ends too early.
func short(df gopacket.DecodeFeedback) error {
	df.SetTruncated()
	return ErrShort
}

// exact refuses data that is not of the one length that a layer has. What is
// longer is, as a rule, a cell where its payload is due.
func exact(data []byte, size int, df gopacket.DecodeFeedback) error {
	switch n := len(data); {
	case n < size:
		return fmt.Errorf("%w: %d octets, want %d", short(df), n, size)
	case n > size:
		return fmt.Errorf("%w: %d octets, want %d", ErrLong, n, size)
	}
	return nil
}

var (
	vcs    = map[aal.VC]gopacket.LayerType{}
	labels = map[uint32]gopacket.LayerType{}
)

// RegisterVC tells what a channel carries: for records of cells what the
// payload of a user cell is, LayerTypeAAL1 and the like; for records of whole
// AAL5 PDUs what their SDUs are: LayerTypeLLC, LayerTypeBridged,
// LayerTypeBridgedFCS, or a layer type of gopacket's for VC-multiplexed PDUs, as
// LayerTypeIPv4 or LayerTypePPP. With a DecodingLayerParser it holds for PDUs
// when AAL5.Under is set. All captures and links share the one table.
// Not to be called while packets are decoded.
func RegisterVC(vc aal.VC, t gopacket.LayerType) { vcs[vc] = t }

// RegisterLabel tells what a pseudowire carries, by the label at the bottom of
// the stack: LayerTypeCells, LayerTypePWN1, LayerTypePW11, LayerTypePWAAL5PDU
// or LayerTypePWAAL5SDU. Not to be called while packets are decoded.
func RegisterLabel(label uint32, t gopacket.LayerType) { labels[label] = t }

// next is t where it can have data, else the plain payload.
func next(t gopacket.LayerType, ok bool) gopacket.LayerType {
	if ok && t != gopacket.LayerTypeZero {
		return t
	}
	return gopacket.LayerTypePayload
}

// train decodes items that lie back to back, which gopacket's chain of
// payloads cannot: all layers of one item are added before the next begins.
type train struct {
	gopacket.PacketBuilder
	last gopacket.Layer
	next gopacket.Decoder
}

// AddLayer keeps the layer in mind for NextDecoder.
func (t *train) AddLayer(l gopacket.Layer) {
	t.last = l
	t.PacketBuilder.AddLayer(l)
}

// NextDecoder puts the next layer of the item off until this one is done.
func (t *train) NextDecoder(d gopacket.Decoder) error {
	t.next = d
	return nil
}

// item decodes one item to its end.
func (t *train) item(d gopacket.Decoder, data []byte) error {
	for d != nil && len(data) > 0 {
		t.last, t.next = nil, nil
		if err := d.Decode(data, t); err != nil {
			return err
		}
		if t.last != nil {
			data = t.last.LayerPayload()
		}
		d = t.next
	}
	return nil
}

// items decodes data as items of size octets. One that fails does not hide those
// after it: the first error comes at the end.
func items(p gopacket.PacketBuilder, d gopacket.Decoder, data []byte, size int) error {
	t := train{PacketBuilder: p}
	var failed error
	for len(data) >= size {
		if err := t.item(d, data[:size:size]); err != nil && failed == nil {
			failed = err
		}
		data = data[size:]
	}
	if len(data) > 0 {
		p.SetTruncated()
		return cmp.Or(failed, ErrLength)
	}
	return failed
}
