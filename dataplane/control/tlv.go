package control

import "encoding/binary"

// TLVType is the type of a trailer's TLV.
type TLVType uint16

// CriticalTLV is the first of the types that must be understood: an unknown one from
// here on is refused, an unknown one below is passed on.
const CriticalTLV TLVType = 0x8000

// tlvHeader is the octets of type and length.
const tlvHeader = 4

// tlvRow is what the declaration says of a TLV.
type tlvRow struct {
	name     string
	exact    int // octets; 0: not fixed
	limit    int // most octets; 0: what fits
	multiple int // the length is a multiple
}

// Element tells whether the TLV is an information element of Q.2931, which the hub
// never interprets.
func (t TLVType) Element() bool { return t < firstTLV }

// TLVReader reads the TLVs of a trailer in order, without allocation:
//
//	r := control.ReadTLVs(trailer)
//	for r.Next() {
//		switch r.Type() { … r.Value() … }
//	}
//	err := r.Err()
type TLVReader struct {
	rest  []byte
	value []byte
	typ   TLVType
	err   error
}

// ReadTLVs begins to read a trailer. Values alias it.
func ReadTLVs(trailer []byte) TLVReader { return TLVReader{rest: trailer} }

// Next goes to the next TLV; false at the end or at a fault.
func (r *TLVReader) Next() bool {
	if r.err != nil || len(r.rest) == 0 {
		return false
	}
	t, value, rest, err := readTLV(r.rest)
	if err != nil {
		r.typ, r.value, r.err = 0, nil, err
		return false
	}
	r.typ, r.value, r.rest = t, value, rest
	return true
}

// Type is the type of the TLV.
func (r *TLVReader) Type() TLVType { return r.typ }

// Value is the value of the TLV, without padding. A type that has a Parse function has
// a value which that function takes.
func (r *TLVReader) Value() []byte { return r.value }

// Err is the fault at which Next stopped, or nil.
func (r *TLVReader) Err() error { return r.err }

func readTLV(b []byte) (t TLVType, value, rest []byte, err error) {
	if len(b) < tlvHeader {
		return 0, nil, nil, ErrTLVShort
	}
	t = TLVType(binary.BigEndian.Uint16(b))
	n := int(binary.BigEndian.Uint16(b[2:]))
	b = b[tlvHeader:]
	padded := (n + 3) &^ 3
	if padded > len(b) {
		return 0, nil, nil, ErrTLVShort
	}
	value, rest = b[:n:n], b[padded:]
	if !isZero(b[n:padded]) {
		return 0, nil, nil, ErrTLVPadding
	}
	if err := checkTLV(t, value); err != nil {
		return 0, nil, nil, err
	}
	return t, value, rest, nil
}

// checkTLV checks a value against its type.
func checkTLV(t TLVType, value []byte) error {
	switch {
	case t >= CriticalTLV:
		return ErrTLVUnknown
	case t < firstTLV || int(t-firstTLV) >= len(tlvTable):
		return nil
	}
	row := &tlvTable[t-firstTLV]
	n := len(value)
	if row.exact > 0 && n != row.exact || row.limit > 0 && n > row.limit || n%row.multiple != 0 {
		return ErrTLVLength
	}
	return checkLayout(t, value)
}

// CheckTLVs tells what is wrong with a trailer of TLVs: one fault, or nil.
func CheckTLVs(trailer []byte) error {
	if len(trailer) > MaxTrailer {
		return ErrTrailerLong
	}
	r := ReadTLVs(trailer)
	for r.Next() {
	}
	return r.Err()
}

// FindTLV gives the value of the first TLV of a type in a trailer that has been checked.
func FindTLV(trailer []byte, t TLVType) (value []byte, ok bool) {
	r := ReadTLVs(trailer)
	for r.Next() {
		if r.Type() == t {
			return r.Value(), true
		}
	}
	return nil, false
}

// AppendTLV appends a TLV with its padding to a trailer. ErrTrailerLong: it does not fit
// into MaxTrailer octets. ErrTLVUnknown, ErrTLVLength, ErrReserved, ErrValue: a receiver
// would refuse it. On error the trailer is unchanged.
func AppendTLV(trailer []byte, t TLVType, value []byte) ([]byte, error) {
	padded := (len(value) + 3) &^ 3
	if padded > MaxTrailer-tlvHeader-len(trailer) {
		return trailer, ErrTrailerLong
	}
	if err := checkTLV(t, value); err != nil {
		return trailer, err
	}
	trailer = binary.BigEndian.AppendUint16(trailer, uint16(t))
	trailer = binary.BigEndian.AppendUint16(trailer, uint16(len(value)))
	trailer = append(trailer, value...)
	for range padded - len(value) {
		trailer = append(trailer, 0)
	}
	return trailer, nil
}

// AppendPorts appends the TLV PORTS. ErrTrailerLong: it does not fit.
func AppendPorts(trailer []byte, ports []uint16) ([]byte, error) {
	value := make([]byte, 0, 2*len(ports))
	for _, p := range ports {
		value = binary.BigEndian.AppendUint16(value, p)
	}
	return AppendTLV(trailer, TLVPorts, value)
}

// ParsePorts reads the value of a TLV PORTS. ErrTLVLength: half a port is in it.
func ParsePorts(value []byte) ([]uint16, error) {
	if len(value)%2 != 0 {
		return nil, ErrTLVLength
	}
	ports := make([]uint16, 0, len(value)/2)
	for ; len(value) > 0; value = value[2:] {
		ports = append(ports, binary.BigEndian.Uint16(value))
	}
	return ports, nil
}

// AppendCounter appends a TLV COUNTER. ErrTrailerLong: it does not fit.
func AppendCounter(trailer []byte, name string, n uint64) ([]byte, error) {
	value := binary.BigEndian.AppendUint64(make([]byte, 0, 8+len(name)), n)
	return AppendTLV(trailer, TLVCounter, append(value, name...))
}

// AppendLoss appends a TLV LOSS: when the counter of that name rose, nanoseconds since 1970.
// ErrTrailerLong: it does not fit.
func AppendLoss(trailer []byte, name string, ns uint64) ([]byte, error) {
	value := binary.BigEndian.AppendUint64(make([]byte, 0, 8+len(name)), ns)
	return AppendTLV(trailer, TLVLoss, append(value, name...))
}

// ParseLoss reads the value of a TLV LOSS, whose parts are those of a COUNTER.
func ParseLoss(value []byte) (name string, ns uint64, err error) { return ParseCounter(value) }

// ParseCounter reads the value of a TLV COUNTER. ErrTLVLength: it has no room for a number.
func ParseCounter(value []byte) (name string, n uint64, err error) {
	if len(value) < 8 {
		return "", 0, ErrTLVLength
	}
	return string(value[8:]), binary.BigEndian.Uint64(value), nil
}
