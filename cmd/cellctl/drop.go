package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cellhub/cellhub/dataplane/control"
)

// drop is a cause for which a VC has lost something.
type drop struct {
	Cause string `json:"cause"` // the counter's name
	Count uint64 `json:"count"`
	Why   string `json:"why"`
}

// whys explain causes to a person, by the counter's name without its module's.
var whys = map[string]string{
	"rx_drop_merge_long":       "of a VC that merges: of PDUs longer than AAL5 has, or it is no AAL5",
	"rx_drop_merge_timeout":    "of a VC that merges: of PDUs that were not ended",
	"rx_drop_merge_no_block":   "of a VC that merges: the daemon was out of memory for them",
	"rx_drop_merge_policed":    "of a VC that merges: with cells of their PDU above the contract",
	"rx_drop_merge_management": "of a VC that merges: cells of management, which have no place in a merged VC",
	"rx_drop_merge":            "of a VC that merges: PDUs that were not whole, and cells of management",

	policeDropped:           "above the contract of the cross-connect",
	"missed_disk_slow":      "left out of the capture, disk or reader being too slow; the traffic went on",
	"missed_too_long":       "left out of the capture, too long for a record; the traffic went on",
	"path_drop_too_long":    "longer than the path to the peer takes: lower the MTU above",
	"rx_drop_abort":         "PDUs that the far end gave up",
	"rx_drop_checksum":      "a wrong UDP checksum: damaged on the way",
	"rx_drop_congested":     "the stream above was full: who reads it is too slow",
	"rx_drop_control_word":  "a bad control word: mode= must be as the far end has it",
	"rx_drop_crc":           "a wrong CRC in the AAL5 trailer: cells were lost or damaged on the way",
	"rx_drop_down":          "the port was down: cellctl port up",
	"rx_drop_encapsulation": "an RFC 2684 header that is not expected: llc or vcmux, as the far end has it",
	"rx_drop_error":         "the stream was in an error",
	"rx_drop_foreign":       "from another host than the peer",
	"rx_drop_fragment":      "fragments of SDUs of which one before them did not come",
	"rx_drop_incomplete":    "SDUs of which a fragment did not come",
	"rx_drop_frame":         "frames that are no pseudowire's",
	"rx_drop_kind":          "bridged where routed is expected, or the other way: as the far end has it",
	"rx_drop_impair_full":   "held back by cdv=, and more waits than there is room for",
	"rx_drop_label":         "a label that no port has",
	"rx_drop_length":        "a length that mode= does not allow: it must be as the far end has it",
	"rx_drop_no_leaf":       "of a point-to-multipoint connection that has no leaf left",
	"rx_drop_starved":       "the daemon gave the interface no memory in time: the host is too slow",
	"rx_drop_hub":           "cells for a port on another hub, to which too much waited",
	"rx_drop_hub_no_block":  "the daemon was out of memory for them",
	"tx_drop_congested":     "more cross-connected cells than the port sends",
	"drop_stopped":          "the port was down: cellctl port up",
	"rx_drop_long":          "longer than the application's MaxSDU",
	"rx_drop_hec":           "a wrong HEC: cells were damaged, or the peer sets none: hec=ignore",
	"drop_no_end":           "the other end of a call within the host had gone",
	"rx_drop_shed":          "the signalling daemon was too slow for them",
	"rx_drop_unknown_sap":   "for a service access point that nobody has bound",
	"rx_drop_not_ours":      "frames of another kind than the user has bound",
	"drop_no_block":         "the daemon was out of memory for them",
	"rx_drop_device":        "lost by the interface: the host is too slow",
	"tx_drop_device":        "refused by the interface: is it up?",
	"drop_full":             "more than the user took",
	"rx_drop_malformed":     "malformed",
	"rx_drop_mode":          "cells of another kind: mode= must be as the far end has it",
	"rx_drop_no_block":      "the daemon was out of memory for them",
	"rx_drop_no_view":       "the daemon was out of memory for them",
	"rx_drop_not_ect":       "marked as congested on the way, and of a sender that does not understand that (RFC 6040)",
	"rx_drop_oam":           "OAM cells that were damaged, or of a function that is not done",
	"rx_drop_order":         "out of order on the way",
	"rx_drop_overrun":       "more than there was room for: the host is too slow, or PDUs are too long",
	"rx_drop_pdu_length":    "a wrong length in the AAL5 trailer: cells were lost on the way",
	"rx_drop_reserved":      "cells of a reserved payload type",
	"rx_drop_rm":            "resource management cells, which nobody uses",
	"rx_drop_station":       "from another station than peer=",
	"rx_drop_tagged":        "of another VLAN",
	"rx_drop_taken_back":    "PDUs under way that had to give their memory to others",
	"rx_drop_timeout":       "PDUs whose end never came",
	"rx_drop_truncated":     "longer than this end takes, cut by the kernel: raise the MTU here, or lower it there",
	"rx_drop_unknown_vc":    "a VC that nobody has: cellctl pvc add",
	"rx_drop_vccv":          "VCCV messages, which are not answered",
	"rx_drop_direction":     "the VC only sends: cellctl pvc add --direction",
	"tx_drop_direction":     "the VC only receives: cellctl pvc add --direction",
	"tx_drop_clp1":          "of low priority (CLP 1), where much waited already",
	"tx_drop_frames":        "whole PDUs, where too much waited already",
	"tx_drop_full":          "more waited than a connection may keep: it sends more than the port carries",
	"tx_drop_down":          "the device or the port was down: cellctl port up, or ip link",
	"tx_drop_error":         "the kernel refused them",
	"tx_drop_no_block":      "the daemon was out of memory for them",
	"tx_drop_no_buffer":     "the kernel's queue of the device was full: slower, or a longer txqueuelen",
	"tx_drop_no_carrier":    "the carrier below has gone",
	"tx_drop_no_port":       "the port below has gone",
	"tx_drop_no_vc":         "sent while the stream stood on no VC",
	"tx_drop_not_ip":        "neither IPv4 nor IPv6, where only those are routed",
	"tx_drop_other_vc":      "the port carries one VC alone, and this is another",
	"tx_drop_sdu":           "an SDU that AAL5 cannot carry",
	"tx_drop_short":         "shorter than an Ethernet header",
	"tx_drop_too_big":       "longer than the path takes: senders are told",
	"tx_drop_too_long":      "longer than the carrier takes: lower the MTU above, or raise the carrier's",
	"tx_drop_unreachable":   "no route to the peer",
}

// policeDropped counts what a cross-connect has refused.
const policeDropped = "police_dropped"

// drops takes those of the counters that count losses, most first.
func drops(counters []counter) []drop {
	all := []drop{}
	for _, c := range counters {
		if c.Value > 0 && (strings.Contains(c.Name, "drop_") || strings.Contains(c.Name, "missed_") || c.Name == policeDropped) {
			all = append(all, drop{c.Name, c.Value, why(c.Name)})
		}
	}
	slices.SortStableFunc(all, func(a, b drop) int {
		switch {
		case a.Count > b.Count:
			return -1
		case a.Count < b.Count:
			return 1
		}
		return 0
	})
	return all
}

// why explains a counter, which may have its module's name before it.
func why(name string) string {
	bare := name[strings.LastIndexByte(name, '.')+1:]
	if text := whys[bare]; text != "" {
		return text
	}
	return strings.ReplaceAll(bare, "_", " ")
}

// direction is which way something that was dropped went.
func (d *drop) direction() string {
	switch {
	case strings.Contains(d.Cause, "rx_"), d.Cause == policeDropped:
		return "received"
	case strings.Contains(d.Cause, "tx_"):
		return "to be sent"
	}
	return "in all"
}

func (d *drop) String() string {
	return fmt.Sprintf("%d %s: %s (%s)", d.Count, d.direction(), d.Why, d.Cause)
}

// lastLoss is what a VC has lost last.
type lastLoss struct {
	Cause string    `json:"cause"` // the counter's name
	Why   string    `json:"why"`
	Time  time.Time `json:"time"`
}

// readLoss reads TLV LOSS; nil: there is none.
func readLoss(trailer []byte) *lastLoss {
	value, ok := control.FindTLV(trailer, control.TLVLoss)
	if !ok {
		return nil
	}
	name, ns, err := control.ParseLoss(value)
	if err != nil {
		return nil
	}
	return &lastLoss{name, why(name), time.Unix(0, int64(ns))}
}

// String says it as of now.
func (l *lastLoss) String() string {
	ago := time.Since(l.Time)
	switch {
	case ago > time.Hour:
		ago = ago.Round(time.Minute)
	case ago > time.Minute:
		ago = ago.Round(time.Second)
	default:
		ago = ago.Round(10 * time.Millisecond)
	}
	return fmt.Sprintf("last %v ago, at %s: %s (%s)", ago, l.Time.Format("15:04:05.000"), l.Why, l.Cause)
}
