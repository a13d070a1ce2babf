package node

import (
	"github.com/cellhub/cellhub/signalling/ie"
	"github.com/cellhub/cellhub/signalling/q2931"
)

// leg is one end of a call: a call of an interface, or an application's connection.
type leg struct {
	call *call
	gone bool
	// of an interface
	iface    *iface
	ref      q2931.Call
	vc       VC   // Port 0: not known yet
	given    bool // from our channels
	answered bool // the network's first response, with the VC in it, has been sent
	out, in  uint64
	twig     *twig // of a branch
	// or of an application
	app *app
}

// identify is the leg's VC as an element.
func (l *leg) identify() ie.Element {
	return ie.New(&ie.Connection{Associated: ie.Explicit, Exclusive: ie.ExclusiveVCI, VPCI: l.vc.VPI, VCI: l.vc.VCI})
}

// respond sends something of an incoming leg; the first response of a network side has
// the VC in it (5.1.2.2). False: Q.2931 cannot send these elements, or not any more.
func (l *leg) respond(kind q2931.Kind, elements []ie.Element) bool {
	elements = without(elements, ie.ConnectionID)
	if l.iface.network() && !l.answered {
		elements = append([]ie.Element{l.identify()}, elements...)
	}
	if l.iface.step(&q2931.Event{Kind: kind, Call: l.ref, Elements: elements}) != nil {
		return false
	}
	l.answered = true
	return true
}

// proceeding says that the call is under way.
func (l *leg) proceeding() {
	if l.iface != nil && !l.answered {
		l.respond(q2931.ProceedingRequest, nil)
	}
}

func (l *leg) alerting(elements []ie.Element) {
	if l.app != nil {
		l.app.send(Alerting, 0, elements)
		return
	}
	if l.iface.calls.Config().Version == q2931.UNI40 {
		l.respond(q2931.AlertingRequest, elements)
	} else {
		l.proceeding()
	}
}

// connected tells the calling leg that the call works; false when it cannot be told.
func (l *leg) connected(answer []ie.Element) bool {
	if l.app != nil {
		l.app.send(Okay, 0, answer)
		return true
	}
	if !l.respond(q2931.SetupResponse, answer) {
		return false
	}
	if o := l.call.out; o != nil && o.app != nil && l.iface.network() {
		o.app.send(Okay, 0, nil) // the calling user need not acknowledge
	}
	return true
}

// complete tells the called leg that the calling one knows.
func (l *leg) complete() {
	if l.iface != nil && l.iface.network() {
		_ = l.iface.step(&q2931.Event{Kind: q2931.SetupCompleteRequest, Call: l.ref}) // refused: its peer has released
	}
}

// release ends the leg for the other's reason.
func (l *leg) release(cause uint8) {
	switch {
	case l.app != nil:
		l.app.end(cause)
		return
	case l.iface == nil: // a listener that has not answered yet: see offered
		l.call.cause = cause
		return
	}
	c := &ie.Cause{Location: l.iface.calls.Config().Location, Value: cause}
	if err := l.iface.step(&q2931.Event{Kind: q2931.ReleaseRequest, Call: l.ref, Cause: c, Elements: []ie.Element{ie.New(c)}}); err != nil {
		if _, there := l.iface.calls.Info(l.ref); !there {
			l.free() // it has ended by itself
		}
	}
}

// free gives back what the leg of an interface holds: its VC is nobody's now.
func (l *leg) free() {
	l.gone = true
	i := l.iface
	delete(i.legs, l.ref)
	if l.given {
		i.vcs.release(l.vc.VPI, l.vc.VCI)
		l.given = false
	}
	i.out, i.in = i.out-l.out, i.in-l.in
	l.out, l.in = 0, 0
}

func without(elements []ie.Element, ids ...ie.ID) []ie.Element {
	var kept []ie.Element
next:
	for _, e := range elements {
		for _, id := range ids {
			if e.ID == id && e.Codeset == 0 {
				continue next
			}
		}
		kept = append(kept, e)
	}
	return kept
}
