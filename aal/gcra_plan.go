package aal

import "time"

// Bucket is what a [GCRA] remembers, apart from its parameters: many connections with one
// contract have the parameters in common. The zero value is a fresh one.
type Bucket struct {
	tat     time.Duration
	frac    uint32
	started bool
}

// with gives the algorithm with these parameters and another's memory.
func (g GCRA) with(b Bucket) GCRA {
	g.tat, g.frac, g.started = b.tat, b.frac, b.started
	return g
}

func (g *GCRA) bucket() Bucket { return Bucket{g.tat, g.frac, g.started} }

// Buckets is the memory of one connection under a plan: 32 octets. The zero value is at the
// start.
type Buckets struct{ peak, second Bucket }

// PolicePlan is what the [Policer]s of one contract have in common. Use [MakePolicePlan].
type PolicePlan struct{ p Policer }

// MakePolicePlan gives the plan of a contract.
func MakePolicePlan(c Contract) (PolicePlan, error) {
	p, err := MakePolicer(c)
	return PolicePlan{p}, err
}

// Police judges a cell of the connection whose memory is b, as [Policer.Police] does.
func (p *PolicePlan) Police(b *Buckets, now time.Duration, clp bool) Verdict {
	w := Policer{peak: p.p.peak.with(b.peak), second: p.p.second.with(b.second), rule: p.p.rule}
	v := w.judge(now, clp)
	b.peak, b.second = w.peak.bucket(), w.second.bucket()
	return v
}

// ShapePlan is what the [Shaper]s of one contract have in common. Use [MakeShapePlan].
type ShapePlan struct{ s Shaper }

// MakeShapePlan gives the plan of a contract; slack is as for [MakeShaper].
func MakeShapePlan(c Contract, slack time.Duration) (ShapePlan, error) {
	s, err := MakeShaper(c, slack)
	return ShapePlan{s}, err
}

// Next gives the first time, now or later, at which the connection whose memory is b may send
// a cell, as [Shaper.Next] does.
func (p *ShapePlan) Next(b *Buckets, now time.Duration) time.Duration {
	w := p.shaper(b)
	return w.Next(now)
}

// Take counts a cell as sent when one may be sent now, as [Shaper.Take] does.
func (p *ShapePlan) Take(b *Buckets, now time.Duration) bool {
	w := p.shaper(b)
	ok := w.Take(now, 1) == 1
	b.peak, b.second = w.peak.bucket(), w.second.bucket()
	return ok
}

func (p *ShapePlan) shaper(b *Buckets) Shaper {
	s := p.s
	s.peak, s.second = s.peak.with(b.peak), s.second.with(b.second)
	return s
}
