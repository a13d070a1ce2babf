package q2931

import (
	"encoding/binary"
	"encoding/xml"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cellhub/cellhub/signalling/ie"
	"github.com/cellhub/cellhub/signalling/internal/proof"
)

// node is a field of tshark's PDML.
type node struct {
	Name     string `xml:"name,attr"`
	Show     string `xml:"show,attr"`
	Value    string `xml:"value,attr"`
	Children []node `xml:"field"`
	Protos   []node `xml:"proto"`
}

// dissect lets tshark decode messages: each as the information field of an
// SSCOP SD PDU on VCI 5.
func dissect(t *testing.T, messages [][]byte) []node {
	t.Helper()
	pdus := make([][]byte, len(messages))
	for i, m := range messages {
		pad := -len(m) & 3
		pdu := append(slices.Clone(m), make([]byte, pad)...)
		pdus[i] = binary.BigEndian.AppendUint32(pdu, uint32(pad<<30|8<<24))
	}
	out := proof.Tshark(t, proof.ChannelSignalling, pdus, "-T", "pdml", "-J", "q2931")
	var pdml struct {
		Packets []node `xml:"packet"`
	}
	if err := xml.Unmarshal(out, &pdml); err != nil {
		t.Fatal(err)
	}
	if len(pdml.Packets) != len(messages) {
		t.Fatalf("tshark saw %d of %d messages", len(pdml.Packets), len(messages))
	}
	found := make([]node, len(messages))
	for i, p := range pdml.Packets {
		for _, proto := range p.Protos {
			if proto.Name == "q2931" {
				found[i] = proto
			}
		}
	}
	return found
}

// flat lists name and value of fields, numbers as decimal.
func flat(nodes []node, to []string) []string {
	for _, n := range nodes {
		if n.Name == "_ws.expert" {
			continue
		}
		if strings.HasPrefix(n.Name, "q2931.") {
			show := n.Show
			if x, err := strconv.ParseUint(show, 0, 64); err == nil && !textual(n.Name) {
				show = strconv.FormatUint(x, 10)
			}
			to = append(to, strings.TrimPrefix(n.Name, "q2931.")+"="+show)
		}
		to = flat(n.Children, to)
	}
	return to
}

// textual are the fields whose value is text or octets.
func textual(name string) bool {
	for _, end := range []string{".string", ".timer", ".network_identification", ".data", ".bytes", ".subaddress",
		".number_short", ".diagnostic", ".user_specific_diagnostic", ".user_defined_aal_information"} {
		if strings.HasSuffix(name, end) {
			return true
		}
	}
	return false
}

// header are the fields of the message that tshark shows before the elements.
func header(m *Message, length int) []string {
	first := []byte{byte(m.Reference.Value >> 16), byte(m.Reference.Value >> 8), byte(m.Reference.Value)}
	extension := 0x80 | bit(m.Flag)<<4 | int(m.Action)
	s := []string{
		"disc=9", "call_ref_len=3", fmt.Sprintf("call_ref_flag=%d", bit(m.Reference.Flag)),
		fmt.Sprintf("call_ref=%02x:%02x:%02x", first[0], first[1], first[2]),
		fmt.Sprintf("message_type=%d", m.Type), fmt.Sprintf("message_type_ext=%d", extension),
		fmt.Sprintf("message_flag=%d", bit(m.Flag)),
	}
	if m.Flag {
		s = append(s, fmt.Sprintf("message_action_indicator=%d", m.Action))
	}
	return append(s, fmt.Sprintf("message_len=%d", length-HeaderSize))
}

func colons(b []byte) string {
	s := make([]string, len(b))
	for i, o := range b {
		s[i] = fmt.Sprintf("%02x", o)
	}
	return strings.Join(s, ":")
}

// anything is a value that is not compared.
const anything = "(any)"

// lines collects what tshark should say.
type lines []string

func (l *lines) add(name string, v any) { *l = append(*l, fmt.Sprintf("%s=%v", name, v)) }

func (l *lines) some(name string, v uint32, present bool) {
	if present {
		l.add(name, v)
	}
}

// tag is a parameter identifier and its value.
func (l *lines) tag(identifier string, id int, name string, v uint32, present bool) {
	if present {
		l.add(identifier, id)
		l.add(name, v)
	}
}

func (l *lines) octets(name string, b []byte) {
	if len(b) > 0 {
		l.add(name, colons(b))
	}
}

// element is what tshark should say of an element: the header, then the
// contents when it knows them.
func element(e *ie.Element, length int) lines {
	var l lines
	l.add("information_element", int(e.ID))
	l.add("information_element.extension", 0x80|int(e.Coding)<<5|bit(e.Flag)<<4|int(e.Action))
	l.add("ie_coding_standard", int(e.Coding))
	l.add("ie_handling_instructions", bit(e.Flag))
	if e.Flag {
		l.add("ie_action_indicator", int(e.Action))
	}
	l.add("information_element.length", length-ie.HeaderSize)
	if e.Coding != ie.ITU {
		b, _ := ie.Append(nil, *e)
		l.add("information_element.data", colons(b[ie.HeaderSize:]))
		return l
	}
	contents(&l, e.Value)
	return l
}

func contents(l *lines, value ie.Value) {
	switch v := value.(type) {
	case *ie.Cause:
		causeLines(l, v)
	case *ie.CallState:
		l.add("call_state", v.State)
	case *ie.EndpointReference:
		l.add("endpoint_reference.type", v.Type)
		l.add("endpoint_reference.flag", bit(v.Flag))
		l.add("endpoint_reference.identifier_value", v.Value)
	case *ie.EndpointState:
		l.add("endpoint_state", v.State)
	case *ie.Connection:
		l.add("conn_id.vp_associated_signalling", v.Associated)
		l.add("conn_id.preferred_exclusive", v.Exclusive)
		l.add("conn_id.vpci", v.VPCI)
		l.add("conn_id.vci", v.VCI)
	case *ie.Restart:
		l.add("restart_indicator", v.Class)
	case *ie.Repeat:
		l.add("broadband_repeat_indicator", v.Indication)
	case *ie.LockingShift:
		l.add("locking_codeset", v.Codeset)
	case *ie.NonLockingShift:
		l.add("locking_codeset", v.Codeset)
	case *ie.SendingComplete:
		l.add("bband_sending_complete.id", 0xa1)
		l.add("bband_sending_complete", "")
	case *ie.CalledNumber:
		number(l, &v.Number, ie.Screening{})
	case *ie.CallingNumber:
		number(l, &v.Number, v.Screening)
	case *ie.CalledSubaddress:
		subaddress(l, &v.Subaddress)
	case *ie.CallingSubaddress:
		subaddress(l, &v.Subaddress)
	case *ie.TransitNetwork:
		l.add("transit_network_sel.type", v.Type)
		l.add("transit_network_sel.plan", v.Plan)
		l.add("transit_network_sel.network_identification", string(v.Network))
	case *ie.AALParameters:
		aal(l, v)
	case *ie.TrafficDescriptor:
		traffic(l, &v.Traffic)
	case *ie.OAMTraffic:
		l.add("oam_traffic_descriptor.shaping_indicator", v.Shaping)
		l.add("oam_end_to_end_f5_flow", bit(v.Mandatory))
		l.add("oam_traffic_descriptor.management_indicator", v.Faults)
		l.add("oam_traffic_descriptor.forward_f5_flow_indicator", v.Forward)
		l.add("oam_traffic_descriptor.backward_f5_flow_indicator", v.Backward)
	case *ie.QoSParameter:
		l.add("qos_class_forward", v.Forward)
		l.add("qos_class_backward", v.Backward)
	case *ie.TransitDelay:
		l.tag("transit_delay.identifier", 1, "e2e_transit_delay.cumulative", uint32(v.Cumulative.Value), v.Cumulative.Present)
		if v.Cumulative.Present {
			return // tshark 4.0 looks for the second parameter in the value of the first
		}
		l.tag("transit_delay.identifier", 3, "e2e_transit_delay.maximum_end_to_end", uint32(v.Maximum.Value), v.Maximum.Present)
	default:
		service(l, value)
	}
}

// service are contents about what the connection is to carry.
func service(l *lines, value ie.Value) {
	switch v := value.(type) {
	case *ie.HighLayer:
		l.add("high_layer_information_type", v.Type)
	case *ie.BearerCapability:
		l.add("bearer_class", v.Class)
		l.some("atm_transfer_capability", uint32(v.Transfer.Value&0x1f), // tshark shows 5 of 7 bits
			v.Transfer.Present)
		l.add("susceptibility_to_clipping", v.Clipping)
		l.add("user_plane_connection_configuration", v.Multipoint)
	case *ie.LowLayer:
		lowLayer(l, v)
	}
}

func causeLines(l *lines, v *ie.Cause) {
	l.add("cause.location", v.Location)
	l.add("cause.value", v.Value)
	d := v.Diagnostics
	if len(d) == 0 {
		return
	}
	switch v.Value {
	case ie.CauseNoRoute, ie.CauseUnallocatedNumber, ie.CauseQoSNotAvailable:
		l.add("cause.network_service", d[0]>>7)
		l.add("cause.network_behavior", d[0]>>6&1)
		k, _ := v.Condition()
		l.add("cause.rejection.condition", k)
	case ie.CauseRejected:
		l.add("cause.rejection.reason", d[0]>>2&0x1f)
		l.add("cause.rejection.condition", d[0]&3)
		switch {
		case len(d) == 1:
		case d[0]>>2&0x1f == 0:
			l.octets("cause.rejection.user_specific_diagnostic", d[1:])
		case d[0]>>2&0x1f == 1:
			l.add("cause.rejection.missing_information_element", d[1])
		case d[0]>>2&0x1f == 2:
			l.add("cause.rejection.insufficient_information_element", d[1])
		default:
			l.octets("cause.rejection.diagnostic", d[1:])
		}
	case ie.CauseMandatoryMissing, ie.CauseElementUnknown, ie.CauseElementInvalid, ie.CauseAccessDiscarded, ie.CauseIncompatible:
		for _, id := range v.Elements() {
			l.add("cause.information_element", int(id))
		}
	case ie.CauseRateNotAvailable:
		for _, o := range d {
			l.add("cause.cell_rate_subfield_identifier", o)
		}
	case ie.CauseVCDoesNotExist:
		vpci, vci, _ := v.Channel()
		l.add("cause.vpci", vpci)
		l.add("cause.vci", vci)
	case ie.CauseMessageUnknown, ie.CauseMessageIncompatible:
		m, _ := v.Message()
		l.add("cause.message_type", m)
	case ie.CauseTimerExpired:
		l.add("cause.timer", v.Timer())
	default:
		l.octets("cause.rejection.diagnostic", d)
	}
}

func number(l *lines, n *ie.Number, s ie.Screening) {
	l.add("number.type", n.Type)
	l.add("number.plan", n.Plan)
	if s.Presentation.Present || s.Screening.Present {
		l.add("number.presentation_indicator", s.Presentation.Value)
		l.add("number.screening_indicator", s.Screening.Value)
	}
	switch {
	case len(n.Digits) == 0:
	case n.Plan == ie.PlanE164:
		l.add("number.string", string(n.Digits))
	case n.Plan == ie.PlanATM && len(n.Digits) < 20:
		l.octets("nsap_address.number_short", n.Digits)
	case n.Plan == ie.PlanATM: // shown in fields of another dissector
	default:
		l.octets("number.bytes", n.Digits)
	}
}

func subaddress(l *lines, s *ie.Subaddress) {
	l.add("party_subaddr.type_of_subaddress", s.Type)
	l.add("party_subaddr.odd_even_indicator", s.Type&1) // tshark 4.0 takes bit 5, which is of the type
	l.octets("party_subaddr.subaddress", s.Address)
}

func aal(l *lines, v *ie.AALParameters) {
	const id = "aal.parameter_identifier"
	l.add("aal_type", v.Type)
	l.tag(id, 0x85, "aal1.subtype", uint32(v.Subtype.Value), v.Subtype.Present)
	l.tag(id, 0x86, "aal1.cbr_rate", uint32(v.CBRRate.Value), v.CBRRate.Present)
	l.tag(id, 0x87, "aal1.multiplier", uint32(v.Multiplier.Value), v.Multiplier.Present)
	l.tag(id, 0x88, "aal1.source_clock_frequency_recovery_method", uint32(v.ClockRecovery.Value), v.ClockRecovery.Present)
	l.tag(id, 0x89, "aal1.error_correction_method", uint32(v.ErrorCorrection.Value), v.ErrorCorrection.Present)
	l.tag(id, 0x8a, "aal1.structured_data_transfer_block_size", uint32(v.BlockSize.Value), v.BlockSize.Present)
	l.tag(id, 0x8b, "aal1.partially_filled_cells_method", uint32(v.PartialFill.Value), v.PartialFill.Present)
	l.tag(id, 0x8c, "aal1.forward_max_cpcs_sdu_size", uint32(v.ForwardMaxSDU.Value), v.ForwardMaxSDU.Present)
	l.tag(id, 0x81, "aal1.backward_max_cpcs_sdu_size", uint32(v.BackwardMaxSDU.Value), v.BackwardMaxSDU.Present)
	l.tag(id, 0x82, "midrange", v.MID.Value, v.MID.Present)
	l.tag(id, 0x83, "aal1.mode", uint32(v.Mode.Value), v.Mode.Present)
	l.tag(id, 0x84, "aal1.sscs_type", uint32(v.SSCS.Value), v.SSCS.Present)
}

func traffic(l *lines, v *ie.Traffic) {
	for _, p := range []struct {
		id int
		v  ie.Opt[uint32]
	}{
		{0x82, v.ForwardPeak0}, {0x83, v.BackwardPeak0}, {0x84, v.ForwardPeak01}, {0x85, v.BackwardPeak01},
		{0x88, v.ForwardSust0}, {0x89, v.BackwardSust0}, {0x90, v.ForwardSust01}, {0x91, v.BackwardSust01},
		{0x92, v.ForwardMin01}, {0x93, v.BackwardMin01}, // tshark 4.0 stops here: UNI 4.0's
		{0xa0, v.ForwardBurst0}, {0xa1, v.BackwardBurst0}, {0xb0, v.ForwardBurst01}, {0xb1, v.BackwardBurst01},
	} {
		if p.v.Present && (p.id == 0x92 || p.id == 0x93) {
			l.add("atm_identifier", p.id)
			return
		}
		l.tag("atm_identifier", p.id, "atm_identifier_value", p.v.Value, p.v.Present)
	}
	if v.BestEffort {
		l.add("atm_identifier", 0xbe)
	}
	if o := v.Options; o.Present {
		l.add("atm_identifier", 0xbf)
		l.add("frame_discard_forward_dir", bit(o.Value&ie.FrameDiscardForward != 0))
		l.add("frame_discard_backward_dir", bit(o.Value&ie.FrameDiscardBackward != 0))
		l.add("tagging_backward_dir", bit(o.Value&ie.TaggingBackward != 0))
		l.add("tagging_forward_dir", bit(o.Value&ie.TaggingForward != 0))
	}
}

func lowLayer(l *lines, v *ie.LowLayer) {
	const p = "bband_low_layer_info."
	some := func(name string, o ie.Opt[uint8]) { l.some(p+name, uint32(o.Value), o.Present) }
	some("user_info_l1_proto", v.Layer1)
	some("user_info_l2_proto", v.Layer2)
	some("mode", v.Layer2Mode)
	some("user_specified_l2_proto", v.Layer2User)
	some("window_size", v.Layer2Window)
	some("user_info_l3_proto", v.Layer3)
	some("mode", v.Layer3Mode)
	some("default_packet_size", v.Layer3Packet)
	some("packet_window_size", v.Layer3Window)
	if v.Layer3User.Present {
		l.add(p+"default_packet_size", anything) // tshark takes the user's octet for a size
	}
	some("additional_l3_proto", v.IPI)
	if v.OUI.Present {
		oui := v.OUI.Value
		l.add(p+"organization_code", oui)
		switch oui {
		case 0:
			l.add(p+"ethernet_type", v.PID.Value)
		case 0x00a03e:
			l.add(p+"lane_protocol_id", v.PID.Value)
		default:
			l.add(p+"protocol_id", v.PID.Value)
		}
	}
}

// agree compares what tshark says about one message with what we say.
func agree(t *testing.T, m *Message, octets []byte, said node) {
	t.Helper()
	want := header(m, len(octets))
	at, elements := 0, 0
	for _, n := range said.Children {
		if n.Name != "" {
			got := flat([]node{n}, nil)
			for _, g := range got {
				if at >= len(want) || want[at] != g {
					t.Errorf("%v: header: tshark says %s, we %v", m.Type, g, want[at:])
					return
				}
				at++
			}
			continue
		}
		if elements >= len(m.Elements) {
			t.Errorf("%v: tshark sees more than %d elements: % x", m.Type, len(m.Elements), octets)
			return
		}
		e := &m.Elements[elements]
		elements++
		one, _ := ie.Append(nil, *e)
		if err := compare(element(e, len(one)), flat(n.Children, nil)); err != nil {
			t.Errorf("%v: %v\n% x\n%v", m.Type, *e, one, err)
		}
	}
	if at != len(want) || elements != len(m.Elements) {
		t.Errorf("%v: tshark sees %d of %d elements", m.Type, elements, len(m.Elements))
	}
}

// compare compares field by field. tshark 4.0 reads one octet too many at the
// end of lists of parameters; the one field that comes of it is let pass.
func compare(want lines, said []string) error {
	for i, s := range said {
		if i < len(want) && (oui(want[i]) == oui(s) || strings.HasSuffix(want[i], anything) && strings.HasPrefix(s, strings.TrimSuffix(want[i], anything))) {
			continue
		}
		over := i == len(want) && i == len(said)-1
		if i == len(want) && strings.HasPrefix(s, "transit_delay.identifier=") {
			return nil // see contents
		}
		for _, name := range []string{"atm_identifier=", "aal.parameter_identifier=", "cause.information_element=", "cause.cell_rate_subfield_identifier=", "bband_sending_complete.id="} {
			if over && strings.HasPrefix(s, name) {
				return nil
			}
		}
		return fmt.Errorf("tshark: %v\nwe:     %v", said, []string(want))
	}
	if len(said) < len(want) {
		return fmt.Errorf("tshark: %v\nwe:     %v", said, []string(want))
	}
	return nil
}

// oui makes 00:a0:3e of organization codes a number.
func oui(s string) string {
	name, v, _ := strings.Cut(s, "=")
	if strings.HasSuffix(name, "organization_code") && strings.Contains(v, ":") {
		x, _ := strconv.ParseUint(strings.ReplaceAll(v, ":", ""), 16, 32)
		return fmt.Sprintf("%s=%d", name, x)
	}
	return s
}
