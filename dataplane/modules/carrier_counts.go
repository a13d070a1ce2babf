package modules

import "github.com/cellhub/cellhub/dataplane"

// Counts gives the carrier's counters, those of its device and of all its ports included,
// in a fixed order. On the hub only.
func (d *Carrier) Counts() []dataplane.Count {
	sum := d.gone
	for _, p := range d.ports {
		if p != nil {
			sum.add(&p.counts)
			sum.missing += p.pw.missing
		}
	}
	n, c := d.counters(), &d.counts
	list := append([]dataplane.Count{
		{Name: "rx_frames", N: n.RxFrames}, {Name: "rx_octets", N: n.RxOctets}, {Name: "tx_frames", N: n.TxFrames}, {Name: "tx_octets", N: n.TxOctets},
		{Name: "rx_drop_frame", N: c.badFrames}, {Name: "rx_drop_label", N: c.otherLabels},
		{Name: "rx_drop_truncated", N: n.RxTruncated}, {Name: "rx_drop_overrun", N: n.RxOverrun},
		{Name: "rx_drop_starved", N: n.RxStarved},
		{Name: "rx_drop_tagged", N: n.RxTagged}, {Name: "rx_drop_foreign", N: n.RxForeign},
		{Name: "rx_drop_checksum", N: n.RxChecksum}, {Name: "rx_drop_malformed", N: n.RxMalformed}, {Name: "rx_drop_no_block", N: d.rx.noBlocks + sum.drops[noMemory]},
		{Name: "tx_drop_no_port", N: c.noPort}, {Name: "tx_drop_down", N: d.lost + sum.down + n.TxDown},
		{Name: "rx_drop_hub", N: c.relayLost}, {Name: "rx_drop_hub_no_block", N: c.relayNoBlocks},
		{Name: "tx_drop_no_block", N: d.noBlocks + sum.noBlocks}, {Name: "tx_drop_too_long", N: sum.tooLong + n.TxTooLong},
		{Name: "tx_drop_no_buffer", N: n.TxNoBuffer}, {Name: "tx_drop_unreachable", N: n.TxUnreachable},
		{Name: "tx_drop_error", N: n.TxErrors}, {Name: "path_drop_too_long", N: n.PathTooLong},
		{Name: "peer_refused", N: n.PeerRefused}, {Name: "peer_unreachable", N: n.PeerUnreachable},
		{Name: "gso_fallbacks", N: n.GSOFallbacks}, {Name: "tx_completed", N: n.TxCompleted}, {Name: "tx_full", N: n.TxFull},
	}, sum.list()...)
	if len(d.ports) == 1 && d.ports[0] != nil {
		return d.ports[0].impairer.appendCounts(list)
	}
	return list
}

// PortCounts gives the counters of one port in a fixed order; nil when there is none of
// that number. On the hub only.
func (d *Carrier) PortCounts(number uint32) []dataplane.Count {
	p := d.port(number)
	if p == nil {
		return nil
	}
	c := p.counts
	c.missing += p.pw.missing
	return p.impairer.appendCounts(append(c.list(),
		dataplane.Count{Name: "tx_drop_too_long", N: c.tooLong}, dataplane.Count{Name: "tx_drop_no_block", N: c.noBlocks},
		dataplane.Count{Name: "tx_drop_down", N: c.down}, dataplane.Count{Name: "rx_drop_no_block", N: c.drops[noMemory]}))
}

// list is what only ports count.
func (c *portCounts) list() []dataplane.Count {
	return []dataplane.Count{
		{Name: "rx_cells", N: c.cellsIn}, {Name: "tx_cells", N: c.cellsOut}, {Name: "rx_sdus", N: c.pdusIn}, {Name: "tx_sdus", N: c.pdusOut},
		{Name: "rx_drop_station", N: c.drops[wrongStation]}, {Name: "rx_drop_control_word", N: c.drops[badControl] + c.drops[badFrame]},
		{Name: "rx_drop_vccv", N: c.drops[vccv]}, {Name: "rx_drop_length", N: c.drops[badLength]}, {Name: "rx_drop_oam", N: c.drops[adminCell]},
		{Name: "rx_drop_down", N: c.drops[portStopped]}, {Name: "rx_drop_mode", N: c.drops[wrongMode]},
		{Name: "tx_idle_cells", N: c.idle},
		{Name: "rx_fragments", N: c.fragmentsIn}, {Name: "tx_fragments", N: c.fragmentsOut},
		{Name: "rx_drop_fragment", N: c.drops[strayFragment]}, {Name: "rx_drop_incomplete", N: c.drops[incomplete]},
		{Name: "rx_drop_order", N: c.drops[outOfOrder]}, {Name: "rx_missing", N: c.missing},
		{Name: "rx_drop_no_view", N: c.noViews}, {Name: "tx_drop_other_vc", N: c.otherVC},
		{Name: "tx_drop_congested", N: c.congested}, {Name: "rx_drop_no_leaf", N: c.noLeaf}, {Name: "rx_met_congestion", N: c.metCongestion},
		{Name: "rx_drop_merge_long", N: c.merges[mergeLong]}, {Name: "rx_drop_merge_timeout", N: c.merges[mergeTimeout]},
		{Name: "rx_drop_merge_no_block", N: c.merges[mergeNoBlock]}, {Name: "rx_drop_merge_policed", N: c.merges[mergePoliced]},
		{Name: "rx_drop_merge_management", N: c.merges[mergeManagement]},
	}
}
