package aal

// The counts of cell delineation (I.432.1, 4.3.4.2). Alpha is for all
// systems; Delta is 6 on SDH and PDH frames and 8 on a bare stream of cells.
const (
	DelineationAlpha    = 7
	DelineationDelta    = 6
	DelineationDeltaRaw = 8
)

// DelineationState is a state of cell delineation.
type DelineationState uint8

// The states of I.432.1, figure 5.
const (
	Hunt    DelineationState = iota // looking for an HEC, octet by octet
	Presync                         // looking at every 53rd octet whether it lasts
	Sync                            // cells are given
)

// String gives "HUNT", "PRESYNC" or "SYNC".
func (s DelineationState) String() string {
	switch s {
	case Hunt:
		return "HUNT"
	case Presync:
		return "PRESYNC"
	case Sync:
		return "SYNC"
	}
	return "unknown"
}

// LineEvent is what octets from a line led to.
type LineEvent uint8

// The events. At LineLost the cell whose header was the last wrong one is
// gone too.
const (
	LineNone      LineEvent = iota
	LineCell                // a cell
	LineCorrected           // a cell whose header was corrected
	LineBad                 // a cell discarded for its header
	LineSync                // PRESYNC to SYNC: the payload that follows counts
	LineLost                // SYNC to HUNT
	numLineEvents
)

var lineEventNames = [numLineEvents]string{"none", "cell", "corrected", "bad header", "sync", "lost"}

// String gives the event's name in a word or two.
func (e LineEvent) String() string {
	if e < numLineEvents {
		return lineEventNames[e]
	}
	return "unknown"
}

// Delineator finds the cells in a stream of octets by their HEC, checks and
// corrects their headers, and descrambles their payloads. Set the fields
// before the first octet. The zero value is for a scrambled SDH or PDH line.
type Delineator struct {
	Delta      int  // 0 means DelineationDelta
	Alpha      int  // 0 means DelineationAlpha
	Plain      bool // payloads are not scrambled
	DetectOnly bool // headers are never corrected

	state   DelineationState
	run     int // good headers of PRESYNC, wrong ones of SYNC, in a row
	held    int // octets of cell
	verdict LineEvent
	hec     HECReceiver
	descr   Scrambler
	cell    [WireCellSize]byte
}

// State gives the state of delineation.
func (d *Delineator) State() DelineationState { return d.state }

// Cell gives the cell of the last LineCell or LineCorrected, until the next
// call of Push. The memory is the machine's.
func (d *Delineator) Cell() *[WireCellSize]byte { return &d.cell }

// Push takes octets of the line up to the one that makes an event; n is the
// octets consumed. With LineNone all are.
func (d *Delineator) Push(line []byte) (n int, ev LineEvent) {
	for n < len(line) {
		switch {
		case d.state == Hunt:
			n += d.hunt(line[n:])
		case d.held < HeaderSize+1:
			k := copy(d.cell[d.held:HeaderSize+1], line[n:])
			d.held += k
			n += k
			if d.held == HeaderSize+1 {
				ev = d.header()
			}
		default:
			k := copy(d.cell[d.held:], line[n:])
			d.held += k
			n += k
			if d.held == WireCellSize {
				ev = d.payload()
			}
		}
		if ev != LineNone {
			return n, ev
		}
	}
	return n, LineNone
}

// hunt slides over the octets until five of them are a header with its HEC,
// and gives those consumed.
func (d *Delineator) hunt(line []byte) (n int) {
	for n < len(line) {
		if d.held == HeaderSize+1 {
			copy(d.cell[:HeaderSize], d.cell[1:HeaderSize+1])
			d.held = HeaderSize
		}
		d.cell[d.held] = line[n]
		d.held++
		n++
		if d.held == HeaderSize+1 && d.goodHeader() {
			d.state, d.run = Presync, 0
			break
		}
	}
	return n
}

func (d *Delineator) goodHeader() bool {
	return ReadHeader(d.cell[:]).HEC() == d.cell[HeaderSize]
}

// header judges a header where one should be.
func (d *Delineator) header() LineEvent {
	if d.state == Presync {
		if !d.goodHeader() {
			d.state = Hunt
			return LineNone
		}
		if d.run++; d.run < d.delta() {
			return LineNone
		}
		d.state, d.run = Sync, 0
		d.hec = HECReceiver{DetectOnly: d.DetectOnly}
		d.verdict = LineCell
		return LineSync
	}
	switch d.hec.Check(d.cell[:]) {
	case HECGood:
		d.run = 0
		d.verdict = LineCell
		return LineNone
	case HECCorrected:
		d.verdict = LineCorrected
	case HECBad:
		d.verdict = LineBad
	}
	if d.run++; d.run < d.alpha() {
		return LineNone
	}
	d.state, d.run = Hunt, 0
	return LineLost
}

// payload ends a cell.
func (d *Delineator) payload() LineEvent {
	d.held = 0
	if !d.Plain {
		d.descr.Descramble(d.cell[HeaderSize+1:])
	}
	if d.state == Presync {
		return LineNone
	}
	return d.verdict
}

func (d *Delineator) delta() int {
	if d.Delta == 0 {
		return DelineationDelta
	}
	return d.Delta
}

func (d *Delineator) alpha() int {
	if d.Alpha == 0 {
		return DelineationAlpha
	}
	return d.Alpha
}
