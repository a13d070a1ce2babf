package q2931

import (
	"fmt"
	"strings"

	"github.com/cellhub/cellhub/signalling/ie"
)

// String is the message in one line: type, call reference, and of its elements
// what names the call.
func (m *Message) String() string {
	var s strings.Builder
	fmt.Fprintf(&s, "%v call %v", m.Type, m.Reference)
	for i := range m.Elements {
		if text := short(&m.Elements[i]); text != "" {
			s.WriteString(" " + text)
		}
	}
	return s.String()
}

// short is what the line of a message says about an element.
func short(e *ie.Element) string {
	switch v := e.Value.(type) {
	case *ie.CalledNumber:
		return "to " + v.Number.String()
	case *ie.CallingNumber:
		return "from " + v.Number.String()
	case *ie.Connection:
		return fmt.Sprintf("VPCI %d VCI %d", v.VPCI, v.VCI)
	case *ie.Cause:
		return fmt.Sprintf("cause %d %q", v.Value, ie.CauseName(v.Value))
	case *ie.EndpointReference:
		return fmt.Sprintf("party %d", v.Value)
	case *ie.CallState:
		return fmt.Sprintf("state %d", v.State)
	case *ie.EndpointState:
		return fmt.Sprintf("party state %d", v.State)
	case *ie.Restart:
		return fmt.Sprintf("restart class %d", v.Class)
	case *ie.LeafSequence:
		return fmt.Sprintf("leaf %d", v.Number)
	}
	if e.Err != nil {
		return fmt.Sprintf("[%v]", e.Err)
	}
	return ""
}

// Text is the message in full: a line for itself, one for each element and one
// for each field.
func (m *Message) Text() string {
	var s strings.Builder
	fmt.Fprintf(&s, "%v, call reference %d, flag %d", m.Type, m.Reference.Value, bit(m.Reference.Flag))
	if m.Flag {
		fmt.Fprintf(&s, ", %v", m.Action)
	}
	s.WriteByte('\n')
	for i := range m.Elements {
		e := &m.Elements[i]
		fmt.Fprintf(&s, "  %s (%s)\n", e.Name(), e.Instruction())
		for _, f := range e.Fields() {
			fmt.Fprintf(&s, "    %s: %s\n", f.Name, f.Text())
		}
		if e.Err != nil {
			fmt.Fprintf(&s, "    [%v]\n", e.Err)
		}
	}
	return s.String()
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}
