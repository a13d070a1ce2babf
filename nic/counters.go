package nic

// Add adds the counts of another device, or of an earlier one in the same place.
func (c *Counters) Add(o Counters) {
	c.RxFrames += o.RxFrames
	c.RxOctets += o.RxOctets
	c.RxTruncated += o.RxTruncated
	c.RxOverrun += o.RxOverrun
	c.RxTagged += o.RxTagged
	c.RxForeign += o.RxForeign
	c.RxMalformed += o.RxMalformed
	c.RxChecksum += o.RxChecksum
	c.TxFrames += o.TxFrames
	c.TxOctets += o.TxOctets
	c.TxTooLong += o.TxTooLong
	c.TxNoBuffer += o.TxNoBuffer
	c.TxUnreachable += o.TxUnreachable
	c.TxDown += o.TxDown
	c.TxErrors += o.TxErrors
	c.RxStarved += o.RxStarved
	c.TxCompleted += o.TxCompleted
	c.TxFull += o.TxFull
	c.GSOFallbacks += o.GSOFallbacks
	c.PeerRefused += o.PeerRefused
	c.PeerUnreachable += o.PeerUnreachable
	c.PathTooLong += o.PathTooLong
}
