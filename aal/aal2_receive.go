package aal

// AAL2Packet is a CPS-packet received.
type AAL2Packet struct {
	CID  uint8
	UUI  uint8
	Info []byte // 1 to 64 octets; good until the next Load
}

// AAL2Stats counts what an [AAL2Receiver] met. The numbers in the comments
// are those of the errors that I.363.2, 10.3, reports to layer management,
// where known.
type AAL2Stats struct {
	Cells       uint64
	Packets     uint64 // delivered
	Parity      uint64 // 0: start field with even parity; the cell is dropped
	Sequence    uint64 // 1: sequence number wrong: a cell is lost
	Mismatch    uint64 // 2: offset and the packet under way disagree
	Offset      uint64 // 3: offset of 48 or more; the cell is dropped
	HEC         uint64 // 4: packet header wrong; the rest of the cell is dropped
	Oversize    uint64 // 5: packet longer than the limit; it is dropped
	StraddleHEC uint64 // 7: wrong header that began in the cell before
	UnknownCID  uint64 // packet of a channel that is not in the set; it is dropped
	Partial     uint64 // packets lost because their rest did not come
}

// AAL2Receiver takes the packets out of the cells of one VC (I.363.2, 10.2).
// Use [MakeAAL2Receiver].
//
// Load a cell, then call Next until it says no.
type AAL2Receiver struct {
	cids  AAL2CIDs
	limit int
	stats AAL2Stats

	cell  []byte     // the rest of the loaded cell
	whole AAL2Packet // a straddling packet now complete
	have  bool

	parts  [2]aal2Part // the packet under way, and the one before it in whole
	now    uint8       // which
	held   int         // octets of it so far, 0 when there is none
	total  int         // and at its end, 0 while the header is not whole
	inStep bool        // the cell before was read to its end
	snSeen bool
	sn     uint8 // wanted next
}

type aal2Part [AAL2HeaderSize + MaxAAL2Info]byte

// MakeAAL2Receiver gives a receiver of packets of at most limit octets, 1 to
// [AAL2Info45] or [MaxAAL2Info], on the channels of a set.
func MakeAAL2Receiver(limit int, cids AAL2CIDs) (AAL2Receiver, error) {
	if !aal2Limit(limit) {
		return AAL2Receiver{}, ErrAAL2Limit
	}
	return AAL2Receiver{limit: limit, cids: cids}, nil
}

// CIDs gives the set of channels, to be changed at any time.
func (r *AAL2Receiver) CIDs() *AAL2CIDs { return &r.cids }

// Stats gives the counts so far.
func (r *AAL2Receiver) Stats() AAL2Stats { return r.stats }

// Load takes the payload of the next cell. It is not copied: packets that
// lie in it are slices of it. What Next has not yet told of the cell before
// is dropped.
func (r *AAL2Receiver) Load(payload []byte) error {
	if len(payload) != PayloadSize {
		return ErrPayloadSize
	}
	for len(r.cell) > 0 {
		if _, ok := r.Next(); !ok {
			break
		}
	}
	r.stats.Cells++
	r.have = false
	r.cell = nil
	start := AAL2Start(payload[0])
	p := payload[1:PayloadSize:PayloadSize]
	inStep := r.inStep
	r.inStep = false
	if !start.ParityOK() {
		r.stats.Parity++
		r.abandon()
		r.snSeen = false
		return nil
	}
	inSequence := !r.snSeen || start.SN() == r.sn
	r.snSeen, r.sn = true, start.SN()^1
	offset := start.Offset()
	switch {
	case offset > AAL2Payload:
		r.stats.Offset++
		r.abandon()
		return nil
	case !inSequence:
		r.stats.Sequence++
		r.abandon()
	case r.held > 0:
		r.straddle(p[:offset])
	case offset != 0 && inStep:
		r.stats.Mismatch++
	}
	r.cell = p[offset:]
	r.inStep = true
	return nil
}

// abandon drops the packet under way.
func (r *AAL2Receiver) abandon() {
	if r.held > 0 {
		r.stats.Partial++
	}
	r.held, r.total = 0, 0
}

// straddle takes the octets before the offset, which belong to the packet
// under way: as many as it lacks, or the whole cell when it goes on after it.
func (r *AAL2Receiver) straddle(p []byte) {
	part := &r.parts[r.now]
	rest := p
	if r.total == 0 { // the header straddles as well
		n := copy(part[r.held:AAL2HeaderSize], p)
		r.held += n
		rest = p[n:]
		if r.held < AAL2HeaderSize {
			r.stats.Mismatch++
			r.abandon()
			return
		}
		if aal2Syndrome(part[0], part[1], part[2]) != 0 {
			r.stats.StraddleHEC++
			r.abandon()
			return
		}
		r.total = AAL2HeaderSize + aal2Header(part[0], part[1], part[2]).Size
	}
	lacks := len(p) - len(rest) + r.total - r.held
	if len(p) != min(lacks, AAL2Payload) {
		r.stats.Mismatch++
		r.abandon()
		return
	}
	r.held += copy(part[r.held:], rest)
	if r.held < r.total {
		return
	}
	h := aal2Header(part[0], part[1], part[2])
	if r.have = r.wanted(h); r.have {
		r.whole = AAL2Packet{CID: h.CID, UUI: h.UUI, Info: part[AAL2HeaderSize:r.total:r.total]}
	}
	r.held, r.total = 0, 0
	r.now ^= 1 // Info stays good while this cell's last packet is held
}

// wanted tells whether a packet is to be delivered, and counts it.
func (r *AAL2Receiver) wanted(h AAL2Header) bool {
	switch {
	case h.Size > r.limit:
		r.stats.Oversize++
		return false
	case !r.cids.Has(h.CID):
		r.stats.UnknownCID++
		return false
	}
	r.stats.Packets++
	return true
}

// Next gives the next packet of the cell; ok is false when there are no more.
func (r *AAL2Receiver) Next() (pkt AAL2Packet, ok bool) {
	if r.have {
		r.have = false
		return r.whole, true
	}
	for len(r.cell) > 0 && r.cell[0] != AAL2CIDPad {
		p := r.cell
		if len(p) < AAL2HeaderSize {
			r.hold(0)
			break
		}
		if aal2Syndrome(p[0], p[1], p[2]) != 0 {
			r.stats.HEC++
			r.inStep = false
			break
		}
		h := aal2Header(p[0], p[1], p[2])
		end := AAL2HeaderSize + h.Size
		if end > len(p) {
			r.hold(end)
			break
		}
		r.cell = p[end:]
		if r.wanted(h) {
			return AAL2Packet{CID: h.CID, UUI: h.UUI, Info: p[AAL2HeaderSize:end:end]}, true
		}
	}
	r.cell = nil
	return AAL2Packet{}, false
}

// hold keeps the rest of the cell, the beginning of a packet of total octets.
func (r *AAL2Receiver) hold(total int) {
	r.held = copy(r.parts[r.now][:], r.cell)
	r.total = total
}
