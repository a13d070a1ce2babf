package aal

import "time"

// Verdict is what usage parameter control does to a cell.
type Verdict uint8

// The verdicts.
const (
	Pass    Verdict = iota
	Tag             // pass with CLP set to 1
	Discard         // drop
	numVerdicts
)

var verdictNames = [numVerdicts]string{"pass", "tag", "discard"}

// String gives the verdict in a word.
func (v Verdict) String() string {
	if v < numVerdicts {
		return verdictNames[v]
	}
	return "unknown"
}

// Policer is the usage parameter control of one direction of a connection
// (TM 4.1, 4.5; I.371, 7.2). Use [MakePolicer].
//
// Two buckets are coordinated: where a cell needs both and one refuses, it
// counts in neither. A cell that is tagged counts in the peak's alone.
type Policer struct {
	peak, second GCRA
	rule         policeRule
	counts       [numVerdicts]uint64
}

type policeRule uint8

const (
	policeNone policeRule = iota // UBR without a peak
	policePeak                   // CBR.1, UBR.1
	policeAll                    // VBR.1: both buckets, for all cells
	policeCLP0                   // VBR.2: both for CLP 0, the peak for CLP 1
	policeTag                    // VBR.3, UBR+MCR: the same, the second tags
	policeUBR2                   // UBR.2: what passes is tagged
)

// MakePolicer gives a policer at its start.
func MakePolicer(c Contract) (Policer, error) {
	peak, second, err := c.buckets(c.CDVT)
	if err != nil {
		return Policer{}, err
	}
	p := Policer{peak: peak, second: second}
	switch {
	case c.Category == UBR && c.Tagging:
		p.rule = policeUBR2
	case c.PCR == 0:
		p.rule = policeNone
	case c.second() == 0:
		p.rule = policePeak
	case c.Tagging:
		p.rule = policeTag
	case c.CLP0:
		p.rule = policeCLP0
	default:
		p.rule = policeAll
	}
	return p, nil
}

// Police judges a cell with the given CLP. The clock is as for [GCRA].
func (p *Policer) Police(now time.Duration, clp bool) Verdict {
	v := p.judge(now, clp)
	p.counts[v]++
	return v
}

// Count gives how many cells had a verdict.
func (p *Policer) Count(v Verdict) uint64 {
	if v < numVerdicts {
		return p.counts[v]
	}
	return 0
}

func (p *Policer) judge(now time.Duration, clp bool) Verdict {
	switch p.rule {
	case policeNone:
		return Pass
	case policeUBR2:
		if p.peak.interval.den != 0 && !p.peak.Arrive(now) {
			return Discard
		}
		if clp {
			return Pass
		}
		return Tag
	}
	if !p.peak.Conforms(now) {
		return Discard
	}
	if p.rule == policePeak || clp && p.rule != policeAll {
		p.peak.Take(now)
		return Pass
	}
	if p.second.Arrive(now) {
		p.peak.Take(now)
		return Pass
	}
	if p.rule == policeTag {
		p.peak.Take(now)
		return Tag
	}
	return Discard
}
