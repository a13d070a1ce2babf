package server

import (
	"fmt"
	"strings"
	"syscall"

	"github.com/cellhub/cellhub/dataplane/control"
)

// terms are the contracts of a cross-connect as the commands of carriers have them.
type terms struct {
	forward, backward string
	police            bool
	merge             bool
	shape             string // the words that say how it leaves
	relay             RelayWish
}

// queued says why cells need the hub's policers or queues; nil: they don't.
func (t *terms) queued() error {
	switch {
	case t.merge:
		return errMerged
	case t.police:
		return errPoliced
	case strings.Contains(t.shape, " shape"):
		return errShaped
	case t.shape != "":
		return errDiscarded
	}
	return nil
}

// services are the categories that the commands know.
var services = map[control.Service]string{
	control.ServiceUBR: "ubr", control.ServiceCBR: "cbr", control.ServiceRealTimeVBR: "rt-vbr",
	control.ServiceVBR: "nrt-vbr", control.ServiceUBRMCR: "ubr+",
}

// readTerms reads a contract from the body, and from the text "police", "merge", "shape", "weight=N",
// "cdvt=DURATION", "clp0", "tag" and "relay=WISH".
func readTerms(b *control.ATM, text string) (t terms, err error) {
	category, ok := services[b.Service]
	if !ok {
		return t, fmt.Errorf("service %v: %w", b.Service, syscall.EOPNOTSUPP)
	}
	var rest []string
	for _, w := range strings.Fields(text) {
		wish, is, err := relayWord(w)
		switch {
		case err != nil:
			return t, err
		case is:
			t.relay = wish
		case w == "police":
			t.police = true
		case w == "merge":
			t.merge = true
		case w == "shape", w == "frames", strings.HasPrefix(w, "weight="):
			t.shape += " " + w
		default:
			rest = append(rest, w)
		}
	}
	contract := func(pcr, scr uint32) string {
		return strings.Join(append(contractWords(b, category, pcr, scr), rest...), " ")
	}
	t.forward, t.backward = contract(b.PCRForward, b.SCRForward), contract(b.PCRBackward, b.SCRBackward)
	return t, nil
}

// contractWords are a body's contract of one way.
func contractWords(b *control.ATM, category string, pcr, scr uint32) []string {
	words := []string{category}
	add := func(name string, n uint32) {
		if n > 0 {
			words = append(words, fmt.Sprintf("%s=%d", name, n))
		}
	}
	add("pcr", pcr)
	if b.Service == control.ServiceUBRMCR {
		add("mcr", scr)
	} else {
		add("scr", scr)
	}
	add("mbs", b.MBS)
	return words
}

// pvcTerms is the contract of what a PVC sends: empty, when none was agreed on. ABR and GFR have
// neither feedback nor a guarantee here, and are kept to their peak, as UBR is.
func pvcTerms(b *control.ATM) string {
	category, known := services[b.Service]
	switch {
	case b.PCRForward == 0 && b.SCRForward == 0, b.Direction == control.DirectionIn:
		return ""
	case !known || b.Service == control.ServiceUBR:
		return fmt.Sprintf("ubr pcr=%d", b.PCRForward)
	case b.Service == control.ServiceUBRMCR: // who shapes tags nothing, but so the category is defined
		category += " tag"
	}
	return strings.Join(contractWords(b, category, b.PCRForward, b.SCRForward), " ")
}
