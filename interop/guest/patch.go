package guest

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
)

// Two fixes in Debian's 6.1 kernels took more than they meant to:
//
//   - atmtcp's atmtcp_c_pre_send refuses the daemon's own messages, by which it says that a
//     VC is open, so that none ever is (EUNATCH). Here it refuses nothing.
//   - atm's find_get_vcc, by which signalling finds the socket that a message is about, looks
//     in a table where a socket is only once it is connected, so that bind, listen and
//     connect hang. Here the pointer is taken at its word, as it was before, and none stands
//     for the daemon's own socket.
//
// A module whose code is another is left as it is: the calls of the tests then fail, and this
// is the place to look.

var errOtherCode = errors.New("the module's code is not the one known here")

// patch undoes them in a module.
func patch(module []byte) ([]byte, error) {
	m, err := newObject(module)
	if err != nil {
		return nil, err
	}
	switch {
	case m.symbol("atmtcp_c_pre_send") != nil: // cmpl $7,0x70(%rsi) becomes xor %eax,%eax; ret; nop
		err = m.replace("atmtcp_c_pre_send", 5, []byte{0x83, 0x7e, 0x70, 0x07}, []byte{0x31, 0xc0, 0xc3, 0x90})
	case m.symbol("find_get_vcc") != nil:
		// The look at the hash chain becomes: test %rbx,%rbx; jne found; mov (%rax),%rbx;
		// jmp found; where %rax is made the address of sigd instead of that of the table.
		err = m.replace("find_get_vcc", 0x1c,
			[]byte{0x48, 0x8b, 0x10, 0x48, 0x85, 0xd2, 0x74, 0x17, 0x48, 0x83, 0xea, 0x68},
			[]byte{0x48, 0x85, 0xdb, 0x75, 0x3a, 0x48, 0x8b, 0x18, 0xeb, 0x35, 0x90, 0x90})
		if err == nil {
			err = m.redirect("find_get_vcc", 0x18, "vcc_hash", "sigd")
		}
	default:
		return module, nil
	}
	if err != nil {
		return nil, err
	}
	return unsigned(m.data), nil
}

// object is a relocatable file that is changed in place.
type object struct {
	data    []byte
	file    *elf.File
	symbols []elf.Symbol // the first of the file, which has no name, left out
}

func newObject(data []byte) (*object, error) {
	data = bytes.Clone(data)
	f, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	symbols, err := f.Symbols()
	return &object{data, f, symbols}, err
}

func (o *object) symbol(name string) *elf.Symbol {
	for i := range o.symbols {
		if o.symbols[i].Name == name {
			return &o.symbols[i]
		}
	}
	return nil
}

// replace puts octets in the place of those that must be there.
func (o *object) replace(function string, offset uint64, old, with []byte) error {
	s := o.symbol(function)
	at := o.file.Sections[s.Section].Offset + s.Value + offset
	if at+uint64(len(old)) > uint64(len(o.data)) || !bytes.Equal(o.data[at:at+uint64(len(old))], old) {
		return fmt.Errorf("%s: %w", function, errOtherCode)
	}
	copy(o.data[at:], with)
	return nil
}

const relaBytes = 24 // of an Elf64_Rela: offset, info, addend

// redirect makes the relocation at a place of a function one to another symbol.
func (o *object) redirect(function string, offset uint64, from, to string) error {
	s := o.symbol(function)
	index := func(name string) uint64 {
		for i := range o.symbols {
			if o.symbols[i].Name == name {
				return uint64(i + 1)
			}
		}
		return 0
	}
	for _, section := range o.file.Sections {
		if section.Type != elf.SHT_RELA || section.Info != uint32(s.Section) {
			continue
		}
		for at := section.Offset; at+relaBytes <= section.Offset+section.Size; at += relaBytes {
			place, info := binary.LittleEndian.Uint64(o.data[at:]), binary.LittleEndian.Uint64(o.data[at+8:])
			if place == s.Value+offset && info>>32 == index(from) {
				binary.LittleEndian.PutUint64(o.data[at+8:], index(to)<<32|info&(1<<32-1))
				return nil
			}
		}
	}
	return fmt.Errorf("%s: no relocation to %s: %w", function, from, errOtherCode)
}

// unsigned cuts a module's signature off, which would be wrong now; without one it is taken.
func unsigned(module []byte) []byte {
	const mark = "~Module signature appended~\n"
	const info = 12 // octets of struct module_signature, whose last four are the signature's length
	at := bytes.LastIndex(module, []byte(mark))
	if at < info {
		return module
	}
	n := int(binary.BigEndian.Uint32(module[at-4:]))
	return module[:max(0, at-info-n)]
}
