package loader

import (
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// QoS is a table by which ports tell the network under them what a frame holds. Later entries
// say more than earlier ones.
type QoS struct {
	Name    string
	Entries []QoSEntry
	At      Position
}

// QoSEntry is what is told of one sort of traffic: cells of a category, or packets of a DSCP.
type QoSEntry struct {
	Category    string // empty: it is of packets
	CLP0, CLP1  bool   // of a category: which of its cells
	First, Last uint8  // of packets: their DSCPs
	Copy        bool   // of packets: the network is told their own, and TC and PCP are its first three bits
	DSCP, TC    int8   // to tell; Unset: as the port has it
	PCP         int8
}

// Unset is a field of a QoSEntry that is not given.
const Unset = -1

// Limits of what a QoSEntry tells: RFC 2474, RFC 5462 and IEEE 802.1Q.
const (
	maxDSCP = 63
	maxTC   = 7
	maxPCP  = 7
)

// qosCategories are those that a table may speak of.
var qosCategories = []string{"cbr", "rt-vbr", "nrt-vbr", "ubr+", "ubr"}

func (r *reader) qos(c *Config, n ast.Node) {
	for _, e := range r.mapping(n, "qos") {
		t := QoS{Name: r.name(e, "table"), At: e.at}
		for _, e := range r.mapping(e.value, "table "+t.Name) {
			t.Entries = append(t.Entries, r.qosEntry(e))
		}
		c.QoS = append(c.QoS, t)
	}
}

// qosEntry reads "CATEGORY [clp0|clp1]: {dscp, tc, pcp}", "inner DSCP[-DSCP]: {…}" or "inner: copy".
func (r *reader) qosEntry(e entry) QoSEntry {
	q := QoSEntry{CLP0: true, CLP1: true, DSCP: Unset, TC: Unset, PCP: Unset, Last: maxDSCP}
	category, rest, _ := strings.Cut(e.key, " ")
	switch {
	case category == "inner":
		r.innerCodes(e, rest, &q)
	case slices.Contains(qosCategories, category) && (rest == "" || rest == "clp0" || rest == "clp1"):
		q.Category, q.CLP0, q.CLP1 = category, rest != "clp1", rest != "clp0"
	default:
		r.fault(e.at, "%q: %s, alone or with clp0 or clp1, or inner, alone or with a DSCP", e.key, oneOf(qosCategories))
	}
	if s, plain := text(e.value); plain {
		if q.Copy = q.Category == "" && s == "copy"; !q.Copy {
			r.fault(nodeAt(e.value), "%s: %q: {dscp: N, tc: N, pcp: N}; inner may be copy", e.key, s)
		}
		return q
	}
	r.fields(e.value, e.key, map[string]func(entry){
		"dscp": func(e entry) {
			s, at := r.text(e)
			n, ok := codePoint(s)
			if !ok && s != "" {
				r.fault(at, "dscp: %q: 0 to %d, or a name such as ef, af41 or cs1", s, maxDSCP)
			}
			q.DSCP = int8(n)
		},
		"tc":  func(e entry) { q.TC = int8(r.number(e, 0, maxTC)) },
		"exp": func(e entry) { q.TC = int8(r.number(e, 0, maxTC)) },
		"pcp": func(e entry) { q.PCP = int8(r.number(e, 0, maxPCP)) },
	})
	return q
}

// innerCodes reads the DSCPs of packets: none are all.
func (r *reader) innerCodes(e entry, text string, q *QoSEntry) {
	if text == "" {
		return
	}
	first, last, two := strings.Cut(text, "-")
	if !two {
		last = first
	}
	var ok, ok2 bool
	q.First, ok = codePoint(first)
	if q.Last, ok2 = codePoint(last); !ok || !ok2 || q.First > q.Last {
		r.fault(e.at, "%q: inner and a DSCP, 0 to %d or a name such as ef, or a range such as 8-15", e.key, maxDSCP)
	}
}

// codePoint reads a DSCP: a number, or its name (RFC 2474, 2597, 3246).
func codePoint(s string) (uint8, bool) {
	if n, err := strconv.ParseUint(s, 10, 8); err == nil {
		return uint8(n), n <= maxDSCP
	}
	digit := func(i int, most byte) (uint8, bool) { return s[i] - '0', s[i] >= '0' && s[i] <= most }
	switch {
	case s == "be":
		return 0, true
	case s == "ef":
		return 46, true
	case len(s) == 3 && strings.HasPrefix(s, "cs"):
		n, ok := digit(2, '7')
		return n << 3, ok
	case len(s) == 4 && strings.HasPrefix(s, "af"):
		class, ok := digit(2, '4')
		drop, ok2 := digit(3, '3')
		return class<<3 | drop<<1, ok && ok2 && class > 0 && drop > 0
	}
	return 0, false
}

// qosTables checks that each table that a port names is there.
func (r *reader) qosTables(c *Config) {
	for _, p := range c.Ports {
		name := r.specs[p.Name].QoS
		known := name == "" || r.rules.QoS != nil && slices.Contains(r.rules.QoS, name)
		if !known && !slices.ContainsFunc(c.QoS, func(t QoS) bool { return t.Name == name }) {
			r.fault(p.At, "port %s: no table %q in qos", p.Name, name)
		}
	}
}
