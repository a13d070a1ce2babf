package aal

// MaxAAL1Output is the most octets that one cell leads to: itself after six
// lost ones.
const MaxAAL1Output = 7 * AAL1Payload

// AAL1Event is a set of things that a cell led to.
type AAL1Event uint8

// The events of an [AAL1Receiver].
const (
	AAL1RTS     AAL1Event = 1 << iota // Output.RTS is a time stamp
	AAL1Dummies                       // lost cells were made up for with dummy octets
	AAL1Resync                        // octets from Fresh on do not go on where those before ended
)

// AAL1Output is what one received cell led to.
type AAL1Output struct {
	N     int // octets written to dst
	Start int // index in dst of the first octet that starts a block, or -1
	Fresh int // with AAL1Resync, index in dst of the first octet after the gap
	RTS   uint8
	Event AAL1Event
}

// AAL1Stats counts what an [AAL1Receiver] met.
type AAL1Stats struct {
	Cells         uint64 // received
	Corrected     uint64 // headers with one bit corrected
	Invalid       uint64 // headers that could not be read
	Lost          uint64 // cells made up for
	Misinserted   uint64 // cells dropped for it
	Dropped       uint64 // cells dropped while counting was not in step
	Unframed      uint64 // cells delivered to nobody: no block start known
	PointerErrors uint64 // pointers with wrong parity or out of range
	Reframes      uint64 // pointers that moved the start of a block
}

// AAL1Config says how a circuit is carried.
type AAL1Config struct {
	Block     int   // octets of a structure block, 0 for unstructured
	Fast      bool  // the fast algorithm, see [AAL1Sequence]
	OldParity bool  // take pointers by I.363 of 1993, see [ParseAAL1Pointer]
	Dummy     uint8 // octet for lost cells: I.363.1 proposes all ones
}

// AAL1Receiver makes the octets of one circuit of its cells. Use
// [MakeAAL1Receiver].
type AAL1Receiver struct {
	cfg     AAL1Config
	decoder AAL1Decoder
	seq     AAL1Sequence
	held    [PayloadSize]byte // the cell under judgement, robust only
	heldSN  AAL1SN
	broken  bool // octets were skipped since the last delivery
	framed  bool // pos is known
	pos     int  // place in its block of the next octet
	skip    int  // octets to drop before the block that a pointer named
	used    bool // this cycle has had its pointer
	rts     uint8
	rtsSeen uint8 // which of its four bits came
	stats   AAL1Stats
}

// MakeAAL1Receiver gives a receiver that waits for cells.
func MakeAAL1Receiver(cfg AAL1Config) (AAL1Receiver, error) {
	if cfg.Block < 0 || cfg.Block > MaxAAL1Block {
		return AAL1Receiver{}, ErrAAL1Block
	}
	return AAL1Receiver{
		cfg: cfg, seq: AAL1Sequence{Fast: cfg.Fast}, framed: cfg.Block <= 1, broken: true,
	}, nil
}

// Stats gives the counts so far.
func (r *AAL1Receiver) Stats() AAL1Stats { return r.stats }

// Synced tells whether cells are in step and, with structure, framed.
func (r *AAL1Receiver) Synced() bool { return r.seq.Synced() && r.framed }

// Receive takes the payload of the next cell and writes user octets to dst,
// which holds at least [MaxAAL1Output]. Structured octets begin with the
// start of a block, at first and after every AAL1Resync.
func (r *AAL1Receiver) Receive(dst, payload []byte) (AAL1Output, error) {
	if len(payload) != PayloadSize {
		return AAL1Output{Start: -1}, ErrPayloadSize
	}
	if len(dst) < MaxAAL1Output {
		return AAL1Output{Start: -1}, ErrAAL1User
	}
	h := r.decoder.Decode(payload[0])
	r.stats.Cells++
	if h.Corrected {
		r.stats.Corrected++
	}
	if !h.Valid {
		r.stats.Invalid++
	}
	v := r.seq.Step(h.SN.Count(), h.Valid)
	out := AAL1Output{Start: -1}
	if r.cfg.Fast {
		r.judge(&out, dst, v, h.SN, payload)
	} else {
		r.judge(&out, dst, v, r.heldSN, r.held[:])
		r.held = [PayloadSize]byte(payload)
		r.heldSN = h.SN
	}
	return out, nil
}

// judge carries out a verdict on a cell.
func (r *AAL1Receiver) judge(out *AAL1Output, dst []byte, v AAL1Verdict, sn AAL1SN, payload []byte) {
	switch {
	case v.Break:
		r.lose()
		return
	case v.Stray:
		r.stats.Misinserted++
		return
	}
	for i := range v.Dummies {
		r.dummy(out, dst, aal1Next(v.Count, aal1Cycle-v.Dummies+i))
	}
	r.deliver(out, dst, v, sn, payload)
}

// lose gives up the count of octets, and with it the framing.
func (r *AAL1Receiver) lose() {
	r.stats.Dropped++
	r.broken = true
	r.framed = r.cfg.Block <= 1
	r.pos, r.skip, r.rtsSeen = 0, 0, 0
}

// cycle notes that the cell with this count is next.
func (r *AAL1Receiver) cycle(count uint8) {
	if count == 0 {
		r.used, r.rtsSeen = false, 0
	}
}

// dummy makes up for a lost cell.
func (r *AAL1Receiver) dummy(out *AAL1Output, dst []byte, count uint8) {
	r.stats.Lost++
	r.cycle(count)
	n := AAL1Payload
	if _, p := aal1Pointer(r.cfg.Block, r.pos, count, r.used); p {
		n, r.used = AAL1PPayload, true
	}
	if !r.framed {
		return
	}
	from := out.N
	r.mark(out, n)
	for i := from; i < out.N; i++ {
		dst[i] = r.cfg.Dummy
	}
	out.Event |= AAL1Dummies
}

// deliver takes a cell that is in sequence.
func (r *AAL1Receiver) deliver(out *AAL1Output, dst []byte, v AAL1Verdict, sn AAL1SN, payload []byte) {
	r.cycle(v.Count)
	if v.Count&1 == 1 {
		r.stamp(out, v, sn)
	}
	user := payload[1:PayloadSize]
	if r.pointed(v, sn) {
		r.used = true
		if !v.Assumed {
			r.frame(out, payload[1])
		}
		user = user[1:]
	}
	if !r.framed {
		r.stats.Unframed++
		r.broken = true
		return
	}
	drop := min(r.skip, len(user))
	from := out.N
	r.mark(out, len(user))
	copy(dst[from:out.N], user[drop:])
}

// pointed tells whether the cell has the P format. Only the first CSI of a
// cycle counts; where the cell's own SN is not to be believed, the sender's
// rule tells.
func (r *AAL1Receiver) pointed(v AAL1Verdict, sn AAL1SN) bool {
	if v.Assumed {
		_, p := aal1Pointer(r.cfg.Block, r.pos, v.Count, r.used)
		return p && r.framed
	}
	return r.cfg.Block > 0 && v.Count&1 == 0 && sn.CSI() && !r.used
}

// frame takes a pointer.
func (r *AAL1Receiver) frame(out *AAL1Output, octet uint8) {
	offset, err := ParseAAL1Pointer(octet, r.cfg.OldParity)
	if err != nil {
		r.stats.PointerErrors++
		return
	}
	if offset == AAL1PointerDummy {
		return
	}
	if r.framed && r.ahead() == int(offset) {
		return
	}
	if r.framed {
		r.stats.Reframes++
	}
	r.broken = true
	r.framed, r.pos, r.skip = true, 0, int(offset)
}

// ahead gives the octets, as they come, before the next start of a block.
func (r *AAL1Receiver) ahead() int {
	if r.pos == 0 {
		return r.skip
	}
	return r.cfg.Block - r.pos
}

// mark counts n octets that come, of which those to skip are not delivered,
// and notes where a block starts.
func (r *AAL1Receiver) mark(out *AAL1Output, n int) {
	drop := min(r.skip, n)
	r.skip -= drop
	n -= drop
	if n == 0 {
		return
	}
	if r.broken {
		r.broken = false
		out.Fresh = out.N
		out.Event |= AAL1Resync
	}
	if r.cfg.Block > 0 {
		start := 0
		if r.pos != 0 {
			start = r.cfg.Block - r.pos
		}
		if out.Start < 0 && start < n {
			out.Start = out.N + start
		}
		r.pos = (r.pos + n) % r.cfg.Block
	}
	out.N += n
}

// stamp takes a bit of the residual time stamp, most significant first.
func (r *AAL1Receiver) stamp(out *AAL1Output, v AAL1Verdict, sn AAL1SN) {
	if v.Assumed {
		return
	}
	bit := uint8(8) >> (v.Count / 2)
	r.rts &^= bit
	if sn.CSI() {
		r.rts |= bit
	}
	r.rtsSeen |= bit
	if v.Count == aal1Cycle-1 && r.rtsSeen == 15 {
		out.RTS = r.rts
		out.Event |= AAL1RTS
	}
}
