package dataplane

// QueueStat is what strqget tells of one band of a queue, in octets and messages.
type QueueStat struct {
	HiWat, LoWat int
	Count        int // octets and message costs that count against the marks
	Full         bool
	Messages     int // of the whole queue, all bands and high priority
	First        Msg // the message that GetQ would give; Type 0 when there is none
	Enabled      bool
	NoEnable     bool
	Refused      int // callers that wait for the low mark, all bands
}

// Stat gives the numbers of one band; strqget.
func (q *Queue) Stat(number uint8) QueueStat {
	s := QueueStat{
		HiWat: int(q.hi), LoWat: int(q.lo), Count: q.count, Full: q.flags&qFull != 0, Messages: int(q.msgs),
		Enabled: q.flags&qEnabled != 0, NoEnable: q.flags&qNoEnable != 0,
	}
	if number > 0 {
		s.Count, s.Full = 0, false
		if b := q.findBand(number); b != nil {
			s.HiWat, s.LoWat, s.Count, s.Full = int(b.hi), int(b.lo), b.count, b.full
		}
	}
	if q.waiting.First != 0 {
		s.First = q.hub.nodes.At(q.waiting.First).Value
	}
	for i := q.refused.First; i != 0; i = q.hub.refusals.At(i).Next {
		s.Refused++
	}
	return s
}

// Each visits the queued messages in order, without taking them.
func (q *Queue) Each(visit func(Msg)) {
	for n := q.waiting.First; n != 0; n = q.hub.nodes.At(n).Next {
		visit(q.hub.nodes.At(n).Value)
	}
}
