package q2931

import "github.com/cellhub/cellhub/signalling/ie"

// verdict is what the checks of 5.6.6 to 5.6.8 and 5.7.2 say about a message.
// What is wrong and may be left out has been left out of its elements.
type verdict struct {
	clear   bool // 5.7.2: clear the call, by cause report
	discard bool // 5.7.2: the message is not looked at
	// mandatory is cause 96 or 100, for an element that must be right.
	mandatory *ie.Cause
	report    *ie.Cause // cause 99, 100 or 43, for the peer
}

// maxDiagnostics is how many elements the diagnostics of a cause name.
const maxDiagnostics = 28

// note adds an element to a cause of the verdict; a graver cause replaces one
// that is there, because STATUS has one.
func (m *Machine) note(c **ie.Cause, value uint8, id ie.ID) {
	switch {
	case *c == nil || grave(value) > grave((*c).Value):
		*c = m.cause(value, byte(id))
	case (*c).Value == value && len((*c).Diagnostics) < maxDiagnostics:
		(*c).Diagnostics = append((*c).Diagnostics, byte(id))
	}
}

func grave(cause uint8) int {
	switch cause {
	case ie.CauseMandatoryMissing:
		return 4
	case ie.CauseElementInvalid:
		return 3
	case ie.CauseElementUnknown:
		return 2
	}
	return 1
}

// check looks at the elements of a message that the version has.
func (m *Machine) check(msg *Message, d *description) verdict {
	var v verdict
	var counts [256]uint8
	kept := msg.Elements[:0]
	for i := range msg.Elements {
		e := &msg.Elements[i]
		if e.ID == ie.LockingShiftID || e.ID == ie.NonLockingShiftID {
			continue // they have done their work in Decode
		}
		u := d.use(e.ID)
		switch {
		case e.Codeset != 0 || u == nil || !u.allowed(m.config.Version, m.inward()):
			m.fault(&v, e, ie.CauseElementUnknown, false) // 5.6.8.1, 5.6.8.3
			continue
		case int(counts[e.ID]) >= most(u, &counts):
			continue // 5.6.6.2: the first ones count
		}
		counts[e.ID]++
		if e.Err != nil { // 5.6.6.3, 5.6.7.2, 5.6.8.2
			m.fault(&v, e, ie.CauseElementInvalid, u.mandatory(m.config.Version, m.inward()))
			continue
		}
		kept = append(kept, *e)
	}
	msg.Elements = kept
	for i := range d.uses {
		if u := &d.uses[i]; u.mandatory(m.config.Version, m.inward()) && counts[u.id] == 0 {
			m.note(&v.mandatory, ie.CauseMandatoryMissing, u.id) // 5.6.7.1
		}
	}
	return v
}

// most is how often an element counts: low layer information more than once
// only behind a repeat indicator (4.5.19).
func most(u *use, counts *[256]uint8) int {
	if u.id == ie.LowLayerID && u.most > 1 && counts[ie.RepeatIndicatorID] == 0 {
		return 1
	}
	return u.most
}

// fault enters a faulty element into the verdict: by its action indicator
// when the flag says so (5.7.2), by 5.6.7 and 5.6.8 otherwise.
func (m *Machine) fault(v *verdict, e *ie.Element, cause uint8, mandatory bool) {
	if e.Flag {
		switch e.Action {
		case ie.ClearCall:
			v.clear = true
			m.note(&v.report, cause, e.ID)
			return
		case ie.DiscardMessage:
			v.discard = true
			return
		case ie.DiscardMessageReport:
			v.discard = true
			m.note(&v.report, cause, e.ID)
			return
		case ie.Discard:
			if !mandatory {
				return
			}
		case ie.DiscardReport:
			if !mandatory {
				m.note(&v.report, cause, e.ID)
				return
			}
		}
	}
	switch {
	case mandatory:
		m.note(&v.mandatory, cause, e.ID)
	case cause == ie.CauseElementInvalid && e.ID.Access():
		m.note(&v.report, ie.CauseAccessDiscarded, e.ID)
	default:
		m.note(&v.report, cause, e.ID)
	}
}
