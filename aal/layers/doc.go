// Package layers dissects ATM with gopacket: for dumps, captures and tests,
// never for traffic. Beside github.com/google/gopacket/layers it is best
// imported under another name, as atm.
//
// # What to do
//
// Importing the package registers its layer types, 1640 to 1662, and the link
// types [LinkTypeERF], [LinkTypeSunATM], [LinkTypeRFC1483] and [LinkTypeCLIP]
// with gopacket, so that a packet source over a capture file needs no more:
//
//	r, err := pcapgo.NewReader(file)
//	source := gopacket.NewPacketSource(r, r.LinkType())
//	for packet := range source.Packets() {
//		fmt.Println(packet)
//	}
//
// OAM and RM cells are known by their headers. What the other cells of a
// channel carry is not in the cells: [RegisterVC] tells. Without it their
// payloads are given as they are, and what an AAL5 SDU carries is guessed from
// its first octets. Likewise a label does not tell what a pseudowire carries:
// call [RegisterMPLS] once, and [RegisterLabel] for each. All this holds for a
// DecodingLayerParser too, whose AAL5 layer is shown the PDU layer under it.
//
// The tables that these functions fill are gopacket's and this package's
// globals: fill them before decoding begins.
//
// # Layers
//
//	ERF, SunATM                     the records of captures
//	Cell, WireCell, PDU             headers: of a cell of 52 or 53 octets, of an AAL5 CPCS-PDU
//	AAL1, AAL2, AAL34, AAL5         what cells and PDUs carry
//	OAM, RM
//	LLC, Bridged, ATMARP            what AAL5 SDUs carry
//	PWN1, PW11, PWCell, PWAAL5PDU, PWAAL5SDU
//	                                pseudowires of RFC 4717
//	PWACH                           their associated channel, which VCCV comes in
//
// An AAL0 SDU is a cell of 52 octets: [LayerTypeCell]. Every layer is a
// DecodingLayer and a SerializableLayer, and prints on one line as tcpdump
// would, where tcpdump knows it: in ASCII without control characters, whatever
// came from the wire. Layers hold slices of the packet's data.
//
// # Damage
//
// Dumps are for finding what is wrong. A wrong CRC, length, offset, nibble or
// operation is a field and not an error: it is there, prints as "(incorrect)",
// and what follows is decoded as far as that goes. Errors are for data that is
// no such layer: too short for its header, or for the layers of one size, as
// cells and their payloads are, of another.
//
// # Reassembly
//
// Nothing is reassembled here. aal.Reassembler does it, and after EvPDU, EvCRC
// and EvLength the whole CPCS-PDU lies at the start of the memory that its Start
// was given: aal.AAL5PDUSize octets of the SDU's number. gopacket.NewPacket takes
// it with [LayerTypeAAL5]; or, with the four octets of a header before it, with
// [LayerTypePDU], which knows the channel.
package layers
