package aal

import "errors"

// AAL0Size is the length of an AAL0 SDU in octets: one cell without HEC, the
// header in network order. Applications see raw cells so.
const AAL0Size = CellSize

// ErrAAL0Size is returned for an AAL0 SDU that is not [AAL0Size] octets long.
var ErrAAL0Size = errors.New("aal0: SDU is not 52 octets")

// ParseAAL0 takes an SDU apart. payload is a slice of sdu, [PayloadSize]
// octets long.
func ParseAAL0(sdu []byte) (h Header, payload []byte, err error) {
	if len(sdu) != AAL0Size {
		return 0, nil, ErrAAL0Size
	}
	return ReadHeader(sdu), sdu[HeaderSize:AAL0Size:AAL0Size], nil
}

// PutAAL0 writes a header and a payload of 48 octets as an SDU at
// the start of dst, which holds at least [AAL0Size] octets. payload may be
// dst[HeaderSize:] itself.
func PutAAL0(dst []byte, h Header, payload []byte) error {
	switch {
	case len(dst) < AAL0Size:
		return ErrAAL0Size
	case len(payload) != PayloadSize:
		return ErrPayloadSize
	}
	copy(dst[HeaderSize:AAL0Size], payload)
	h.Put(dst)
	return nil
}

// AAL0Owned tells whether sdu is a cell of vc. A socket without privilege may
// send only such cells: the header comes from the application, and could name
// somebody else's channel.
func AAL0Owned(sdu []byte, vc VC) bool {
	return len(sdu) == AAL0Size && ReadHeader(sdu).VC() == vc
}
