package node

import (
	"encoding/binary"
	"errors"
	"maps"
	"slices"

	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/signalling/address"
	"github.com/cellhub/cellhub/signalling/q2931"
)

// MaxCookie is the octets of a note that the hub keeps with a VC.
const MaxCookie = 256

// cookieVersion is that of the notes; others are not understood, and their calls not taken over.
const cookieVersion = 1

// Kinds of notes: of a call, on the VC of its Add or the first of its Cross, and of a branch of a
// call to many, on the branch's own VC.
const (
	callNote   = 1
	branchNote = 2
)

// errCookie is a note that is none of ours.
var errCookie = errors.New("node: no note of a call")

// note is what a call or a branch leaves with the hub, for a node that takes it over.
type note struct {
	kind     uint8
	multi    bool
	in, out  legNote // of a branch: out alone
	contract Contract
	calling  address.Address
	called   address.Address
	parties  []partyNote
}

// legNote is a leg of an interface; of an application's Ref is 0, and the VC the interface's.
type legNote struct {
	vc  VC
	ref q2931.Call
}

// partyNote is a party: as its root and its branch number it.
type partyNote struct {
	root uint32
	ref  uint16
}

// MaxNoted is how many parties of a branch a note has room for: a node that takes the call over
// lets go of others.
const MaxNoted = 30

// append writes a note, at most MaxCookie octets.
func (k *note) append(b []byte) []byte {
	flags := uint8(0)
	if k.multi {
		flags = 1
	}
	b = append(b, cookieVersion, k.kind, flags)
	for _, l := range []legNote{k.in, k.out} {
		for _, n := range []uint16{l.vc.Port, l.vc.VPI, l.vc.VCI} {
			b = binary.BigEndian.AppendUint16(b, n)
		}
		b = binary.BigEndian.AppendUint32(b, uint32(l.ref))
	}
	if k.kind == callNote {
		b = append(b, uint8(k.contract.Service))
		for _, n := range []uint32{k.contract.ForwardPeak, k.contract.BackwardPeak, k.contract.ForwardRate, k.contract.BackwardRate} {
			b = binary.BigEndian.AppendUint32(b, n)
		}
		b = appendAddress(appendAddress(b, k.calling), k.called)
	}
	parties := k.parties[:min(len(k.parties), MaxNoted, (MaxCookie-len(b)-1)/partyOctets)]
	b = append(b, uint8(len(parties)))
	for _, p := range parties {
		b = binary.BigEndian.AppendUint16(b, uint16(p.root))
		b = binary.BigEndian.AppendUint16(b, p.ref)
	}
	return b
}

// partyOctets is a party in a note: a root's reference has 15 bits as well.
const partyOctets = 4

func appendAddress(b []byte, a address.Address) []byte {
	digits := a.Number.Digits()
	return append(append(append(b, a.AESA[:]...), uint8(len(digits))), digits...)
}

// reader takes a note apart; what is missing is zero, and bad.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) next(n int) []byte {
	if n > len(r.b) {
		r.bad, r.b = true, nil
		return make([]byte, n)
	}
	v := r.b[:n]
	r.b = r.b[n:]
	return v
}

func (r *reader) u8() uint8   { return r.next(1)[0] }
func (r *reader) u16() uint16 { return binary.BigEndian.Uint16(r.next(2)) }
func (r *reader) u32() uint32 { return binary.BigEndian.Uint32(r.next(4)) }

func (r *reader) leg() legNote {
	return legNote{VC{r.u16(), r.u16(), r.u16()}, q2931.Call(r.u32())}
}

func (r *reader) address() (a address.Address) {
	copy(a.AESA[:], r.next(address.AESASize))
	if digits := string(r.next(int(r.u8()))); digits != "" {
		number, err := address.NewNumber(digits)
		a.Number, r.bad = number, r.bad || err != nil
	}
	return a
}

// parseNote reads a note.
func parseNote(b []byte) (k note, err error) {
	r := reader{b: b}
	version, flags := r.u8(), uint8(0)
	k.kind, flags = r.u8(), r.u8()
	k.multi = flags&1 != 0
	k.in, k.out = r.leg(), r.leg()
	if k.kind == callNote {
		k.contract = Contract{Service: control.Service(r.u8()), ForwardPeak: r.u32(), BackwardPeak: r.u32(), ForwardRate: r.u32(), BackwardRate: r.u32()}
		k.calling, k.called = r.address(), r.address()
	}
	for range r.u8() {
		k.parties = append(k.parties, partyNote{uint32(r.u16()), r.u16()})
	}
	if r.bad || len(r.b) > 0 || version != cookieVersion || flags > 1 || k.kind != callNote && k.kind != branchNote {
		return note{}, errCookie
	}
	return k, nil
}

// cookie is the note of a call whose legs both have their VCs. With an application at one end it
// has the parties too: there is one branch.
func (c *call) cookie() []byte {
	k := note{kind: callNote, multi: c.tree != nil, in: c.in.note(), contract: c.contract, calling: c.calling, called: c.called}
	if c.out != nil {
		k.out = c.out.note()
	}
	switch {
	case c.tree == nil:
	case c.in.app != nil && c.out != nil:
		k.parties = c.out.partyNotes()
	case c.out != nil && c.out.app != nil:
		for root := range c.tree.parties {
			k.parties = append(k.parties, partyNote{root: root})
		}
	}
	return k.append(nil)
}

// branchCookie is the note of a branch of a tree.
func (l *leg) branchCookie() []byte {
	return (&note{kind: branchNote, multi: true, out: l.note(), parties: l.partyNotes()}).append(nil)
}

func (l *leg) note() legNote { return legNote{l.vc, l.ref} }

// partyNotes are the parties of a branch that take part.
func (l *leg) partyNotes() (all []partyNote) {
	for _, ref := range slices.Sorted(maps.Keys(l.twig.parties)) {
		if p := l.twig.parties[ref]; p.active {
			all = append(all, partyNote{p.root, ref})
		}
	}
	return all
}
