package address

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// Limits of a table of hosts.
const (
	MaxHosts    = 100000 // lines with an address
	MaxHostLine = 1024   // characters of a line
)

// Hosts gives names to addresses: what linux-atm keeps in /etc/hosts.atm. The
// zero value is empty.
type Hosts struct {
	byName    map[string]Address // names in lower case
	byAddress map[Address]string // the first name
}

// ReadHosts reads a table: on each line an address, blanks, and one or more
// names; "#" begins a comment. A name counts where it stands first, in
// capitals or not. Addresses of permanent connections (vpi.vci or
// itf.vpi.vci), which such a file may have as well, are passed over. The error
// names the line.
func ReadHosts(r io.Reader) (Hosts, error) {
	h := Hosts{byName: map[string]Address{}, byAddress: map[Address]string{}}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, MaxHostLine+1)
	for n := 1; lines.Scan(); n++ {
		text, _, _ := strings.Cut(lines.Text(), "#")
		if err := h.add(strings.Fields(text)); err != nil {
			return Hosts{}, fmt.Errorf("line %d: %w", n, err)
		}
	}
	if err := lines.Err(); err != nil {
		return Hosts{}, fmt.Errorf("address: hosts: %w", err)
	}
	return h, nil
}

func (h *Hosts) add(fields []string) error {
	if len(fields) == 0 || isPVC(fields[0]) {
		return nil
	}
	a, err := Parse(fields[0])
	if err != nil {
		return err
	}
	if len(fields) == 1 {
		return fmt.Errorf("%w: %s has no name", ErrSyntax, fields[0])
	}
	if len(h.byAddress) == MaxHosts {
		return fmt.Errorf("address: more than %d hosts", MaxHosts)
	}
	for _, name := range fields[1:] {
		key := strings.ToLower(name)
		if _, have := h.byName[key]; !have {
			h.byName[key] = a
		}
	}
	if _, have := h.byAddress[a]; !have {
		h.byAddress[a] = fields[1]
	}
	return nil
}

// isPVC says whether text is two or three decimal numbers of at most five
// digits with dots between them, or "*" or "?" in the place of a number. A
// number with dots in it is taken for the same by linux-atm.
func isPVC(text string) bool {
	parts := strings.Split(text, ".")
	if len(parts) != 2 && len(parts) != 3 {
		return false
	}
	for _, part := range parts {
		if part == "*" || part == "?" {
			continue
		}
		if part == "" || len(part) > 5 || len(part) > 1 && part[0] == '0' || strings.Trim(part, "0123456789") != "" {
			return false
		}
	}
	return true
}

// Len gives how many addresses have a name.
func (h Hosts) Len() int { return len(h.byAddress) }

// Lookup finds the address of a name.
func (h Hosts) Lookup(name string) (Address, bool) {
	a, ok := h.byName[strings.ToLower(name)]
	return a, ok
}

// Name finds the first name of an address.
func (h Hosts) Name(a Address) (string, bool) {
	name, ok := h.byAddress[a]
	return name, ok
}

// Parse reads an address or a name. What reads as an address is one, whatever
// the names are.
func (h Hosts) Parse(text string) (Address, error) {
	a, err := Parse(text)
	if err == nil {
		return a, nil
	}
	if a, ok := h.Lookup(text); ok {
		return a, nil
	}
	return Address{}, err
}

// Text gives the name of an address, or else the address as String writes it.
func (h Hosts) Text(a Address) string {
	if name, ok := h.Name(a); ok {
		return name
	}
	return a.String()
}
