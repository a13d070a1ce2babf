package ie

import (
	"errors"
	"fmt"
)

// HeaderSize is the octets before the contents of an element: identifier,
// instruction field, length.
const HeaderSize = 4

// MaxContents is the octets that the length of an element can count.
const MaxContents = 1<<16 - 1

// Coding is the coding standard of an element, bits 7 and 6 of octet 2.
type Coding uint8

// Coding standards (Q.2931, 4.5.1).
const (
	ITU      Coding = 0
	ISO      Coding = 1
	National Coding = 2
	Network  Coding = 3 // defined for the network present on the interface: the ATM Forum's own
)

func (c Coding) String() string {
	return [...]string{"ITU-T", "ISO/IEC", "national", "network"}[c&3]
}

// Action is the action indicator of an element, bits 3 to 1 of octet 2: what
// the receiver does when it does not know the element or finds it faulty.
type Action uint8

// Action indicators (Q.2931, 4.5.1; used by 5.7.2).
const (
	ClearCall            Action = 0
	Discard              Action = 1
	DiscardReport        Action = 2
	DiscardMessage       Action = 5
	DiscardMessageReport Action = 6
)

func (a Action) String() string {
	switch a {
	case ClearCall:
		return "clear call"
	case Discard:
		return "discard element"
	case DiscardReport:
		return "discard element, report"
	case DiscardMessage:
		return "discard message"
	case DiscardMessageReport:
		return "discard message, report"
	}
	return fmt.Sprintf("action %d", uint8(a))
}

// Value is the contents of an element that this package knows: a pointer to
// one of its structs, such as *Cause.
type Value interface {
	// ID is the identifier under which the contents are sent.
	ID() ID
}

// Element is one information element.
type Element struct {
	ID     ID
	Coding Coding
	// Flag says that the receiver is to follow Action; without it the
	// regular error handling applies (Q.2931, 4.5.1).
	Flag   bool
	Pass   bool // bit 4, the pass-along request of the PNNI; not set at a UNI
	Action Action
	// Value is the decoded contents, or nil: element unknown, contents
	// faulty, or another codeset or coding standard.
	Value Value
	// Content is the contents as received. Append uses it when Value is nil.
	// After Decode it shares memory with the message.
	Content []byte
	// Codeset is set by Decode: 0, or that of a shift element before.
	Codeset uint8
	// Err says what is wrong with Content, after Decode.
	Err error
}

// New is an element with this value, in the coding that it is sent in, without
// an explicit action.
func New(v Value) Element {
	e := Element{ID: v.ID(), Value: v}
	if d := table[e.ID]; d != nil {
		e.Coding = d.coding
	}
	return e
}

// Known says whether the element is one of this package's: of codeset 0, with
// an identifier of the table.
func (e *Element) Known() bool { return e.Codeset == 0 && table[e.ID] != nil }

// errors that Decode puts into the last element, or that Append returns.
var (
	// ErrTruncated marks an element whose length reaches beyond the message
	// (Q.2931, 5.6.5).
	ErrTruncated = errors.New("element is longer than the message")
	// ErrCoding marks an element of a coding standard that it is not known in
	// (Q.2931, 5.6.6.3).
	ErrCoding = errors.New("coding standard not supported")
	// ErrUnknown marks an element that is not known (Q.2931, 5.6.8.1).
	ErrUnknown = errors.New("unknown element")
	errSize    = errors.New("length is not allowed")
	errValue   = errors.New("value is of another element")
)

// octet 2.
const (
	extensionBit = 0x80
	flagBit      = 0x10
	passBit      = 0x08
	codingShift  = 5
	actionMask   = 0x07
)

// Decode splits octets into elements and decodes each. It never fails: a
// fault is in Err of its element. Octets at the end that are too few for an
// element become one with Err ErrTruncated.
func Decode(b []byte) []Element {
	count := 0
	for n := 0; n < len(b); count++ {
		n += HeaderSize
		if n <= len(b) {
			n += int(b[n-2])<<8 | int(b[n-1])
		}
	}
	if count == 0 {
		return nil
	}
	elements := make([]Element, 0, count)
	locked, next := uint8(0), uint8(0)
	for len(b) > 0 {
		var e Element
		e, b = split(b)
		if e.ID != LockingShiftID && e.ID != NonLockingShiftID { // these are in every codeset
			e.Codeset = next
		}
		e.decode()
		next = locked
		switch v := e.Value.(type) {
		case *LockingShift: // Q.2931, 4.5.3: to a higher codeset, until the end of the message
			if v.Codeset > locked {
				locked = v.Codeset
			}
			next = locked
		case *NonLockingShift: // Q.2931, 4.5.4: for one element
			next = v.Codeset
		}
		elements = append(elements, e)
	}
	return elements
}

// split takes the first element off.
func split(b []byte) (Element, []byte) {
	var e Element
	e.ID = ID(b[0])
	if len(b) < HeaderSize {
		e.Err = ErrTruncated
		return e, nil
	}
	e.Coding = Coding(b[1] >> codingShift & 3)
	e.Flag = b[1]&flagBit != 0
	e.Pass = b[1]&passBit != 0
	e.Action = Action(b[1] & actionMask)
	n := int(b[2])<<8 | int(b[3])
	b = b[HeaderSize:]
	if n > len(b) {
		e.Content, e.Err = b, ErrTruncated
		return e, nil
	}
	e.Content = b[:n:n]
	return e, b[n:]
}

// decode fills Value from Content.
func (e *Element) decode() {
	if e.Err != nil {
		return
	}
	d := table[e.ID]
	switch {
	case d == nil || e.Codeset != 0:
		e.Err = ErrUnknown
	case d.codings&(1<<e.Coding) == 0:
		e.Err = ErrCoding
	case len(e.Content) > d.max:
		e.Err = fmt.Errorf("%s: %w", d.name, errSize)
	default:
		v, r := d.make(), reader{e.Content}
		err := d.layout.decode(v, &r)
		if err == nil && len(r.b) > 0 {
			err = errLong
		}
		if err != nil {
			e.Err = fmt.Errorf("%s: %w", d.name, err)
			return
		}
		e.Value = v
	}
}

// Append writes elements. The error names the first element with a value that
// does not fit; what was appended is then of no use.
func Append(to []byte, elements ...Element) ([]byte, error) {
	var err error
	for i := range elements {
		if to, err = elements[i].append(to); err != nil {
			return to, err
		}
	}
	return to, nil
}

func (e *Element) append(to []byte) ([]byte, error) {
	second := byte(extensionBit) | byte(e.Coding&3)<<codingShift | byte(e.Action&actionMask)
	if e.Flag {
		second |= flagBit
	}
	if e.Pass {
		second |= passBit
	}
	to = append(to, byte(e.ID), second, 0, 0)
	start := len(to)
	to, err := e.appendContents(to)
	if err != nil {
		return to, err
	}
	n := len(to) - start
	to[start-2], to[start-1] = byte(n>>8), byte(n)
	return to, nil
}

func (e *Element) appendContents(to []byte) ([]byte, error) {
	if e.Value == nil {
		if len(e.Content) > MaxContents {
			return to, fmt.Errorf("%v: %w", e.ID, errSize)
		}
		return append(to, e.Content...), nil
	}
	d := table[e.ID]
	if d == nil || e.Value.ID() != e.ID {
		return to, fmt.Errorf("%v: %w", e.ID, errValue)
	}
	start := len(to)
	to, err := d.layout.encode(e.Value, to)
	if err == nil && len(to)-start > d.max {
		err = errSize
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", d.name, err)
	}
	return to, err
}

// Find returns the value of the first element of this kind, or nil.
func Find[T any](elements []Element) *T {
	for i := range elements {
		if v, ok := elements[i].Value.(interface{ ID() ID }); ok {
			if t, ok := any(v).(*T); ok {
				return t
			}
		}
	}
	return nil
}

// Index is the place of the first element of codeset 0 with this identifier,
// or -1.
func Index(elements []Element, id ID) int {
	for i := range elements {
		if elements[i].ID == id && elements[i].Codeset == 0 {
			return i
		}
	}
	return -1
}
