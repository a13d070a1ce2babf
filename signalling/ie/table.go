package ie

// description is the entry of an element in the table.
type description struct {
	id      ID
	name    string
	clause  string // where the coding is defined
	max     int    // octets of contents
	codings uint8  // coding standards it is known in, 1<<Coding or'ed
	coding  Coding // the one New gives it
	access  bool   // access information, Q.2931, 5.6.8.2
	make    func() Value
	layout  layout
}

const (
	itu     uint8 = 1 << ITU
	network uint8 = 1 << Network
)

// spare bits are sent as 0 and not looked at when received: with nothing to
// fill in, the field ignores them.
var spare = field{
	get: func(Value) (uint32, bool) { return 0, false },
	set: func(Value, uint32) {},
}

// table has the elements of codeset 0 by identifier. It is filled once and
// only read after that.
var table [256]*description

func init() {
	for _, list := range [][]description{callElements, addressElements, trafficElements, serviceElements, extraElements} {
		for i := range list {
			table[list[i].id] = &list[i]
		}
	}
}

// IDs are the identifiers of all elements of the table, in order.
func IDs() []ID {
	var ids []ID
	for i, d := range table {
		if d != nil {
			ids = append(ids, ID(i))
		}
	}
	return ids
}

// Make is an empty value of the element, or nil when the table has none.
func Make(id ID) Value {
	if table[id] == nil {
		return nil
	}
	return table[id].make()
}

// Clause is where the coding of the element is defined.
func (id ID) Clause() string {
	if table[id] == nil {
		return ""
	}
	return table[id].clause
}
