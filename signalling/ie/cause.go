package ie

import (
	"fmt"
	"strings"
)

// Cause says why: Q.2931, 4.5.15, and Q.2610.
type Cause struct {
	Location uint8 // who says so, Location…
	Value    uint8 // Cause…
	// Diagnostics depend on Value; see the methods.
	Diagnostics []byte
}

// ID is 0x08.
func (*Cause) ID() ID { return CauseID }

// Locations.
const (
	LocationUser          uint8 = 0
	LocationPrivateLocal  uint8 = 1
	LocationPublicLocal   uint8 = 2
	LocationTransit       uint8 = 3
	LocationPublicRemote  uint8 = 4
	LocationPrivateRemote uint8 = 5
	LocationInternational uint8 = 7
	LocationInterworking  uint8 = 10 // beyond an interworking point
)

// Cause values that the procedures use, and others that applications choose.
const (
	CauseUnallocatedNumber     uint8 = 1
	CauseNoRouteNetwork        uint8 = 2
	CauseNoRoute               uint8 = 3
	CauseVCUnacceptable        uint8 = 10
	CauseNormal                uint8 = 16
	CauseBusy                  uint8 = 17
	CauseNoResponse            uint8 = 18
	CauseNoAnswer              uint8 = 19
	CauseRejected              uint8 = 21
	CauseNumberChanged         uint8 = 22
	CauseCLIRRejected          uint8 = 23
	CauseDestinationOut        uint8 = 27
	CauseInvalidNumber         uint8 = 28
	CauseStatusResponse        uint8 = 30
	CauseUnspecified           uint8 = 31
	CauseTooManyPending        uint8 = 32
	CauseVCNotAvailable        uint8 = 35
	CauseVCAssignmentFailure   uint8 = 36
	CauseRateNotAvailable      uint8 = 37
	CauseNetworkOut            uint8 = 38
	CauseTemporaryFailure      uint8 = 41
	CauseAccessDiscarded       uint8 = 43
	CauseNoVC                  uint8 = 45
	CauseNoResource            uint8 = 47
	CauseQoSNotAvailable       uint8 = 49
	CauseRateNotAvailable30    uint8 = 51 // UNI 3.0's number of 37
	CauseBearerNotAuthorized   uint8 = 57
	CauseBearerNotAvailable    uint8 = 58
	CauseServiceNotAvailable   uint8 = 63
	CauseBearerNotImplemented  uint8 = 65
	CauseTrafficNotSupported   uint8 = 73
	CauseAALNotSupported       uint8 = 78
	CauseInvalidCallReference  uint8 = 81
	CauseVCDoesNotExist        uint8 = 82
	CauseIncompatible          uint8 = 88
	CauseInvalidEndpoint       uint8 = 89
	CauseInvalidTransitNetwork uint8 = 91
	CauseTooManyPending3x      uint8 = 92 // UNI 3.0's and 3.1's number of 32
	CauseAALNotSupported3x     uint8 = 93 // UNI 3.0's number of 78
	CauseMandatoryMissing      uint8 = 96
	CauseMessageUnknown        uint8 = 97
	CauseElementUnknown        uint8 = 99
	CauseElementInvalid        uint8 = 100
	CauseMessageIncompatible   uint8 = 101
	CauseTimerExpired          uint8 = 102
	CauseMessageLength         uint8 = 104
	CauseProtocolError         uint8 = 111
	CauseInterworking          uint8 = 127
)

// diagnostic is what follows a cause value.
type diagnostic uint8

const (
	noDiagnostic        diagnostic = iota
	conditionDiagnostic            // 1: provider or user, normal or abnormal, condition
	rejectionDiagnostic            // 1: reason and condition, more
	elementDiagnostic              // identifiers of elements
	tagDiagnostic                  // identifiers of traffic parameters
	messageDiagnostic              // 1: message type
	timerDiagnostic                // 3: IA5
	channelDiagnostic              // 4: VPCI and VCI
	nestedDiagnostic               // a whole element
)

// causes are the values of Q.2610 and of the UNI, with their diagnostics.
var causes = []struct {
	value      uint8
	name       string
	diagnostic diagnostic
}{
	{1, "unallocated (unassigned) number", conditionDiagnostic},
	{2, "no route to specified transit network", nestedDiagnostic},
	{3, "no route to destination", conditionDiagnostic},
	{10, "VPCI/VCI unacceptable", noDiagnostic},
	{16, "normal call clearing", conditionDiagnostic},
	{17, "user busy", noDiagnostic},
	{18, "no user responding", noDiagnostic},
	{19, "no answer from user (user alerted)", noDiagnostic},
	{21, "call rejected", rejectionDiagnostic},
	{22, "number changed", nestedDiagnostic},
	{23, "user rejects all calls with calling line identification restriction", noDiagnostic},
	{26, "non-selected user clearing", noDiagnostic},
	{27, "destination out of order", noDiagnostic},
	{28, "invalid number format (address incomplete)", noDiagnostic},
	{30, "response to STATUS ENQUIRY", noDiagnostic},
	{31, "normal, unspecified", noDiagnostic},
	{32, "too many pending add party requests", noDiagnostic},
	{35, "requested VPCI/VCI not available", noDiagnostic},
	{36, "VPCI/VCI assignment failure", noDiagnostic},
	{37, "user cell rate not available", tagDiagnostic},
	{38, "network out of order", noDiagnostic},
	{41, "temporary failure", noDiagnostic},
	{43, "access information discarded", elementDiagnostic},
	{45, "no VPCI/VCI available", noDiagnostic},
	{47, "resource unavailable, unspecified", noDiagnostic},
	{49, "quality of service unavailable", conditionDiagnostic},
	{51, "user cell rate not available (UNI 3.0)", tagDiagnostic},
	{57, "bearer capability not authorized", noDiagnostic},
	{58, "bearer capability not presently available", noDiagnostic},
	{63, "service or option not available, unspecified", noDiagnostic},
	{65, "bearer capability not implemented", noDiagnostic},
	{73, "unsupported combination of traffic parameters", noDiagnostic},
	{78, "AAL parameters cannot be supported", noDiagnostic},
	{81, "invalid call reference value", noDiagnostic},
	{82, "identified channel does not exist", channelDiagnostic},
	{88, "incompatible destination", elementDiagnostic},
	{89, "invalid endpoint reference", noDiagnostic},
	{91, "invalid transit network selection", noDiagnostic},
	{92, "too many pending add party requests (UNI 3.x)", noDiagnostic},
	{93, "AAL parameters cannot be supported (UNI 3.0)", noDiagnostic},
	{96, "mandatory information element is missing", elementDiagnostic},
	{97, "message type non-existent or not implemented", messageDiagnostic},
	{99, "information element non-existent or not implemented", elementDiagnostic},
	{100, "invalid information element contents", elementDiagnostic},
	{101, "message not compatible with call state", messageDiagnostic},
	{102, "recovery on timer expiry", timerDiagnostic},
	{104, "incorrect message length", noDiagnostic},
	{111, "protocol error, unspecified", noDiagnostic},
	{127, "interworking, unspecified", noDiagnostic},
}

var causeNames, causeDiagnostics = func() (n names, d [128]diagnostic) {
	for _, c := range causes {
		n = append(n, names{{uint32(c.value), c.name}}...)
		d[c.value] = c.diagnostic
	}
	return n, d
}()

// CauseName is the name of a cause value, or its number when it has none.
func CauseName(value uint8) string {
	if n := causeNames.find(uint32(value)); n != "" {
		return n
	}
	return fmt.Sprintf("cause %d", value)
}

// Elements are the elements that the diagnostics name, for causes 43, 88, 96,
// 99 and 100; nil for others.
func (c *Cause) Elements() []ID {
	if causeDiagnostics[c.Value&0x7f] != elementDiagnostic {
		return nil
	}
	ids := make([]ID, len(c.Diagnostics))
	for i, d := range c.Diagnostics {
		ids[i] = ID(d)
	}
	return ids
}

// Message is the message type that the diagnostics name, for causes 97 and
// 101.
func (c *Cause) Message() (uint8, bool) {
	if causeDiagnostics[c.Value&0x7f] != messageDiagnostic || len(c.Diagnostics) < 1 {
		return 0, false
	}
	return c.Diagnostics[0], true
}

// Timer is the timer that the diagnostics of cause 102 name, such as "303".
func (c *Cause) Timer() string {
	if causeDiagnostics[c.Value&0x7f] != timerDiagnostic {
		return ""
	}
	return string(c.Diagnostics)
}

// Channel is the VPCI and VCI in the diagnostics of cause 82.
func (c *Cause) Channel() (vpci, vci uint16, ok bool) {
	d := c.Diagnostics
	if causeDiagnostics[c.Value&0x7f] != channelDiagnostic || len(d) < 4 {
		return 0, 0, false
	}
	return uint16(d[0])<<8 | uint16(d[1]), uint16(d[2])<<8 | uint16(d[3]), true
}

// Conditions of a refusal, in the diagnostics of causes 1, 3, 16, 21 and 49.
const (
	ConditionUnknown   uint8 = 0
	ConditionPermanent uint8 = 1
	ConditionTransient uint8 = 2
)

// Condition is the condition in the diagnostics.
func (c *Cause) Condition() (condition uint8, ok bool) {
	k := causeDiagnostics[c.Value&0x7f]
	if k != conditionDiagnostic && k != rejectionDiagnostic || len(c.Diagnostics) < 1 {
		return 0, false
	}
	return c.Diagnostics[0] & 3, true
}

// Element is the element in the diagnostics of causes 2 (transit network
// selection) and 22 (the new called party number).
func (c *Cause) Element() (Element, bool) {
	if causeDiagnostics[c.Value&0x7f] != nestedDiagnostic || len(c.Diagnostics) < HeaderSize {
		return Element{}, false
	}
	e, left := split(c.Diagnostics)
	e.decode()
	return e, e.Err == nil && len(left) == 0
}

// diagnosis is the diagnostics in words.
func diagnosis(v Value) string {
	c := v.(*Cause)
	var s []string
	switch causeDiagnostics[c.Value&0x7f] {
	case elementDiagnostic:
		for _, id := range c.Elements() {
			s = append(s, id.String())
		}
	case tagDiagnostic:
		for _, d := range c.Diagnostics {
			s = append(s, trafficTagName(d))
		}
	case timerDiagnostic:
		return "T" + c.Timer()
	case messageDiagnostic:
		return fmt.Sprintf("message 0x%02x", c.Diagnostics[0])
	case channelDiagnostic:
		if vpci, vci, ok := c.Channel(); ok {
			return fmt.Sprintf("VPCI %d VCI %d", vpci, vci)
		}
	case conditionDiagnostic, rejectionDiagnostic:
		k, _ := c.Condition()
		return conditionNames.find(uint32(k))
	case nestedDiagnostic:
		if e, ok := c.Element(); ok {
			return e.String()
		}
	}
	return strings.Join(s, ", ")
}

var conditionNames = names{{0, "unknown"}, {1, "permanent"}, {2, "transient"}}

var locationNames = names{
	{0, "user"},
	{1, "private network serving the local user"},
	{2, "public network serving the local user"},
	{3, "transit network"},
	{4, "public network serving the remote user"},
	{5, "private network serving the remote user"},
	{7, "international network"},
	{10, "network beyond interworking point"},
}
