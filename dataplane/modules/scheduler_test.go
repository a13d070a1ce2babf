package modules

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/nic"
)

// congested is a switch in virtual time: one port in, one of a known rate out, and sources that
// send cells of VCs 0/100 and up, each of which leaves with the same number.
type congested struct {
	*switchRig
	t    *testing.T
	sent []uint64 // cells offered, by source
	got  [][]arrival
}

// arrival is a cell that has left.
type arrival struct {
	at     int64 // ns
	number uint32
	header aal.Header
}

func newCongested(t *testing.T, rate uint32, legs ...Leg) *congested {
	t.Helper()
	out := label(16)
	out.Rate = rate
	c := &congested{t: t, switchRig: newSwitchRigOf(t, 1, nic.WireConfig{MaxFrame: 1500, Depth: 4096},
		CarrierConfig{Ports: []PortConfig{label(16)}}, CarrierConfig{Ports: []PortConfig{out}})}
	c.now = 1e9
	c.sent, c.got = make([]uint64, len(legs)), make([][]arrival, len(legs))
	for i, l := range legs {
		l.Connection = Connection{VC: sourceVC(i)}
		if err := c.carriers[1].Reserve(l); err != nil {
			t.Fatal(err)
		}
		if err := c.carriers[0].Connect(l.Connection, c.to(1, 0, l.VC)); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func sourceVC(i int) aal.VC { return aal.VC{VCI: uint16(100 + i)} }

// offer sends n cells of a source now; end tells of each whether it ends a PDU.
func (c *congested) offer(i, n int, clp bool, end func(number uint64) bool) {
	c.t.Helper()
	for n > 0 {
		k := min(n, 28)
		cells := make([]byte, k*aal.CellSize)
		for j := range k {
			h := aal.MakeHeader(sourceVC(i), aal.PTIUser, clp).WithAUU(end != nil && end(c.sent[i]))
			h.Put(cells[j*aal.CellSize:])
			binary.BigEndian.PutUint32(cells[j*aal.CellSize+aal.HeaderSize:], uint32(c.sent[i]))
			c.sent[i]++
		}
		c.send(0, 0, cells)
		n -= k
	}
	c.take()
}

// step lets time pass and takes what has left.
func (c *congested) step(d time.Duration) {
	c.t.Helper()
	c.now += int64(d)
	c.pass()
	c.take()
}

func (c *congested) take() {
	cells := c.sentCells()
	for ; len(cells) > 0; cells = cells[aal.CellSize:] {
		h := aal.ReadHeader(cells)
		i := int(h.VC().VCI) - 100
		c.got[i] = append(c.got[i], arrival{c.now, binary.BigEndian.Uint32(cells[aal.HeaderSize:]), h})
	}
}

func (c *congested) sentCells() []byte { return c.switchRig.sent(1)[0] }

func (c *congested) count(i int, name string) uint64 {
	c.t.Helper()
	counts, err := c.carriers[1].ConnectionCounts(Connection{VC: sourceVC(i)})
	if err != nil && len(counts) == 0 {
		c.t.Fatal(err)
	}
	for _, n := range counts {
		if n.Name == name {
			return n.N
		}
	}
	c.t.Fatalf("no counter %q", name)
	return 0
}

// last is the counter of what a connection has lost last, and how long ago.
func (c *congested) last(i int) (name string, ago time.Duration) {
	c.t.Helper()
	counts, err := c.carriers[1].ConnectionCounts(Connection{VC: sourceVC(i)})
	if err != nil && len(counts) == 0 {
		c.t.Fatal(err)
	}
	for _, n := range counts {
		if n.Ago > 0 {
			return n.Name, time.Duration(n.Ago)
		}
	}
	return "", 0
}

// conforms is GCRA(T, tau) as I.371 draws it, computed apart from package aal, in picoseconds.
func conforms(cells []arrival, rate uint32, tau time.Duration) (worst time.Duration, ok bool) {
	interval := int64(1e12) / int64(rate)
	tat := int64(-1 << 62)
	ok = true
	for _, c := range cells {
		at := c.at * 1000
		early := max(0, tat-at)
		worst = max(worst, time.Duration(early/1000))
		if early > tau.Nanoseconds()*1000 {
			ok = false
		}
		tat = max(tat, at) + interval
	}
	return worst, ok
}

var flood = aal.Contract{}

// A connection that keeps its contract does not feel one that floods the port with ten times
// its rate: it loses nothing, and its cells conform as they leave, with a delay variation of
// what the hub's own clock costs (TM 4.1, 5.1: strict priority of CBR).
func TestFloodDoesNotHurtCBR(t *testing.T) {
	const (
		rate = 10_000
		step = 100 * time.Microsecond
		cbr  = 2000 // a cell every fifth step
	)
	var worst, slowest [2]time.Duration
	for flooding := range 2 {
		c := newCongested(t, rate,
			Leg{Contract: aal.Contract{Category: aal.CBR, PCR: cbr, CDVT: 2 * time.Millisecond}},
			Leg{Contract: flood}, Leg{Contract: flood})
		for i := range 20_000 { // two seconds
			if flooding == 1 { // before it
				c.offer(1, 5, false, nil)
				c.offer(2, 5, false, nil)
			}
			if i%5 == 0 {
				c.offer(0, 1, false, nil)
			}
			c.step(step)
		}
		if n := uint64(len(c.got[0])); n != c.sent[0] {
			t.Errorf("flood %d: %d of %d cells of CBR have left", flooding, n, c.sent[0])
		}
		for _, a := range c.got[0] {
			slowest[flooding] = max(slowest[flooding], time.Duration(a.at-1e9-int64(a.number)*int64(5*step)))
		}
		var ok bool
		if worst[flooding], ok = conforms(c.got[0], cbr, 2*time.Millisecond); !ok {
			t.Errorf("flood %d: CBR does not conform any more: %v early", flooding, worst[flooding])
		}
		if flooding == 0 {
			continue
		}
		total := len(c.got[0]) + len(c.got[1]) + len(c.got[2])
		if want := 2 * rate; total < want*98/100 || total > want*102/100 {
			t.Errorf("%d cells have left in two seconds, and the port carries %d", total, want)
		}
		if a, b := len(c.got[1]), len(c.got[2]); a*100 < b*95 || b*100 < a*95 {
			t.Errorf("UBR of equal weight has sent %d and %d", a, b)
		}
		for i := 1; i < 3; i++ {
			if lost, waits := c.count(i, "tx_drop_full"), c.count(i, "tx_queued"); lost == 0 || lost+waits+uint64(len(c.got[i])) != c.sent[i] {
				t.Errorf("UBR %d: %d sent, %d left, %d lost, %d wait", i, c.sent[i], len(c.got[i]), lost, waits)
			}
			if cause, ago := c.last(i); cause != "tx_drop_full" || ago > 100*time.Millisecond {
				t.Errorf("UBR %d: last lost something %v ago by %q", i, ago, cause)
			}
		}
	}
	t.Logf("CBR: early by %v and %v with the flood, delayed by %v and %v at most", worst[0], worst[1], slowest[0], slowest[1])
}

// Classes go strictly one before the other; UBR shares what is left by weight.
func TestPriorityAndWeights(t *testing.T) {
	c := newCongested(t, 10_000,
		Leg{Contract: aal.Contract{Category: aal.VBR, PCR: 9000, SCR: 3000, MBS: 100}},
		Leg{Contract: aal.Contract{Category: aal.RealTimeVBR, PCR: 9000, SCR: 3000, MBS: 100}},
		Leg{Contract: aal.Contract{Category: aal.CBR, PCR: 3000}},
		Leg{Contract: flood, Weight: 1}, Leg{Contract: flood, Weight: 3})
	for i := range 5 {
		c.offer(i, 1000, false, nil)
	}
	for range 3000 {
		c.step(200 * time.Microsecond)
	}
	last := func(i int) int64 { return c.got[i][len(c.got[i])-1].at }
	if order := []int{2, 1, 0}; last(order[0]) > c.got[order[1]][500].at || last(order[1]) > c.got[order[2]][500].at {
		t.Errorf("CBR until %d, rt-VBR until %d, nrt-VBR until %d", last(2), last(1), last(0))
	}
	if first := c.got[3][200].at; first < last(0) {
		t.Errorf("UBR at %d, nrt-VBR until %d", first, last(0))
	}
	third := 0
	for _, a := range c.got[3] {
		if a.at <= last(4) {
			third++
		}
	}
	if n := len(c.got[4]); third*3 < n*95/100 || third*3 > n*105/100 {
		t.Errorf("weights 1 and 3 have sent %d and %d", third, n)
	}
}

// A shaped connection leaves conforming to both buckets of its contract, however it comes, and
// not slower than it may.
func TestShaping(t *testing.T) {
	vbr := aal.Contract{Category: aal.VBR, PCR: 4000, SCR: 1000, MBS: 50, CDVT: 500 * time.Microsecond}
	c := newCongested(t, 0, Leg{Contract: vbr, Shape: true}, Leg{Contract: aal.Contract{Category: aal.UBR, PCR: 2000, CDVT: 500 * time.Microsecond}, Shape: true})
	c.offer(0, 1000, false, nil)
	c.offer(1, 1000, false, nil)
	for range 15_000 {
		c.step(100 * time.Microsecond)
	}
	if n := len(c.got[0]); n != 1000 {
		t.Fatalf("%d cells of VBR have left", n)
	}
	if worst, ok := conforms(c.got[0], vbr.PCR, vbr.CDVT); !ok {
		t.Errorf("over the peak: %v early", worst)
	}
	burst := time.Duration(vbr.MBS-1) * (time.Second/time.Duration(vbr.SCR) - time.Second/time.Duration(vbr.PCR))
	if worst, ok := conforms(c.got[0], vbr.SCR, burst+vbr.CDVT+time.Microsecond); !ok {
		t.Errorf("over the sustained rate: %v early", worst)
	}
	if took := c.got[0][999].at - 1e9; took > 980e6 || took < 940e6 { // 1000 cells at SCR, less the burst
		t.Errorf("1000 cells took %v", time.Duration(took))
	}
	if worst, ok := conforms(c.got[1], 2000, 500*time.Microsecond); !ok || len(c.got[1]) != 1000 {
		t.Errorf("%d cells of UBR, %v early", len(c.got[1]), worst)
	}
}

// Under congestion whole PDUs are dropped where a leg is told so, cells with CLP 1 before those
// without, and cells that found much waiting are marked (TM 4.1, 5.8; I.371, 5.3).
func TestDiscardUnderCongestion(t *testing.T) {
	const pdu = 10
	end := func(n uint64) bool { return n%pdu == pdu-1 }
	c := newCongested(t, 1000, Leg{Contract: flood, Frames: true}, Leg{Contract: flood})
	for range 1500 {
		c.offer(0, 10, false, end)
		c.offer(1, 5, false, nil)
		c.offer(1, 5, true, nil)
		c.step(time.Millisecond)
	}
	for range 12_000 {
		c.step(time.Millisecond)
	}
	whole, broken := 0, 0
	for i := 0; i < len(c.got[0]); {
		n := uint64(c.got[0][i].number)
		j := i
		for j < len(c.got[0]) && !c.got[0][j].header.AUU() {
			j++
		}
		if j++; n%pdu == 0 && j-i == pdu {
			whole++
		} else {
			broken++
		}
		i = j
	}
	if dropped := c.count(0, "tx_drop_frames"); broken != 0 || whole < 250 || dropped == 0 || dropped+uint64(len(c.got[0])) != c.sent[0] {
		t.Errorf("%d whole PDUs, %d broken, %d cells dropped of %d", whole, broken, dropped, c.sent[0])
	}
	if cause, ago := c.last(0); cause != "tx_drop_frames" || ago <= 0 {
		t.Errorf("whole PDUs: last lost %v ago by %q", ago, cause)
	}
	byCLP, marked := [2]int{}, 0
	for _, a := range c.got[1] {
		if a.header.EFCI() {
			marked++
		}
		byCLP[a.header&1]++
	}
	if full, clp1 := c.count(1, "tx_drop_full"), c.count(1, "tx_drop_clp1"); clp1 == 0 || byCLP[1] >= byCLP[0] || marked == 0 || marked == len(c.got[1]) ||
		full+clp1+uint64(len(c.got[1])) != c.sent[1] {
		t.Errorf("%v left by CLP, %d marked, %d dropped for CLP 1, %d at the limit", byCLP, marked, clp1, full)
	}
}

// Whatever is offered, to whatever legs, which come and go: nothing is reordered within a
// connection, and every cell has left, waits or is counted. With a device that stops, too.
func TestSchedulerLosesNothingUncounted(t *testing.T) {
	rnd := rand.New(rand.NewPCG(seed(t), 11))
	for _, rate := range []uint32{0, 20_000} {
		legs := []Leg{
			{Contract: aal.Contract{Category: aal.CBR, PCR: 3000, CDVT: time.Millisecond}, Shape: true},
			{Contract: aal.Contract{Category: aal.VBR, PCR: 3000, SCR: 1000, MBS: 10}},
			{Contract: flood, Weight: 5}, {Contract: flood, Frames: true}, {Contract: aal.Contract{PCR: 500}, Shape: true},
		}
		c := newCongested(t, rate, legs...)
		for range 1500 {
			c.offer(rnd.IntN(len(legs)), rnd.IntN(40), rnd.IntN(2) == 0, func(n uint64) bool { return n%7 == 0 })
			if rnd.IntN(3) > 0 {
				c.step(time.Duration(rnd.IntN(3_000_000)))
			}
		}
		for range 3000 {
			c.step(time.Millisecond)
		}
		for i := range legs {
			for j := 1; j < len(c.got[i]); j++ {
				if c.got[i][j].number <= c.got[i][j-1].number {
					t.Fatalf("source %d: %d after %d", i, c.got[i][j].number, c.got[i][j-1].number)
				}
			}
			n := uint64(len(c.got[i])) + c.count(i, "tx_queued")
			for _, cause := range []string{"full", "clp1", "frames"} {
				n += c.count(i, "tx_drop_"+cause)
			}
			if n != c.sent[i] {
				t.Errorf("rate %d, source %d: %d of %d cells accounted for", rate, i, n, c.sent[i])
			}
		}
	}
}

// A device that takes nothing fills the queues; what waits leaves when it does, or is counted
// when the leg, or the device, goes.
func TestDeviceThatStops(t *testing.T) {
	r := newSwitchRig(t, 1, nic.WireConfig{MaxFrame: 1500, Depth: 2}, 1, 1)
	from := Connection{VC: sourceVC(0)}
	for _, err := range []error{r.carriers[1].Reserve(Leg{Connection: from}), r.carriers[0].Connect(from, r.to(1, 0, from.VC))} {
		if err != nil {
			t.Fatal(err)
		}
	}
	sent := 0
	for range 200 { // the device takes 2, the batch 64
		f := frameOf(LinkBare, label(16), [6]byte{}, userCells(from.VC, 28))
		if n, err := r.far[0].Transmit([][]byte{f}); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		for range 3 {
			r.hubs[0].Pass()
		}
		sent += 28
	}
	waits, err := r.carriers[1].ConnectionCounts(from)
	if err != nil && waits == nil {
		t.Fatal(err)
	}
	if waits[0].Name != "tx_queued" || waits[0].N < 3000 {
		t.Fatalf("%v", waits)
	}
	got := 0
	for range 2000 {
		for _, f := range receiveAll(t, r.far[1]) {
			got += (len(f) - LabelBytes) / aal.CellSize
		}
		r.hubs[0].Pass()
	}
	if got != sent {
		t.Errorf("%d of %d cells have left", got, sent)
	}
}

// Nothing is allocated for a cell that waits, once there was as much before.
func TestSchedulerAllocatesNothing(t *testing.T) {
	out := label(16)
	out.Rate = 100_000
	r := newSwitchRigOf(t, 1, nic.WireConfig{MaxFrame: 1500, Depth: 1024}, CarrierConfig{Ports: []PortConfig{label(16)}}, CarrierConfig{Ports: []PortConfig{out}})
	shaped := aal.Contract{Category: aal.UBR, PCR: 50_000}
	for i := range 8 {
		c := Connection{VC: sourceVC(i)}
		for _, err := range []error{
			r.carriers[1].Reserve(Leg{Connection: c, Contract: shaped, Shape: i%2 == 0}),
			r.carriers[0].Connect(c, r.to(1, 0, c.VC)), r.carriers[0].Police(c, shaped),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	var cells []byte
	for i := range 24 {
		cells = append(cells, userCells(sourceVC(i%8), 1)...)
	}
	in, bufs := [][]byte{frameOf(LinkBare, label(16), [6]byte{}, cells)}, make([][]byte, 64)
	for i := range bufs {
		bufs[i] = make([]byte, 1500)
	}
	n := 0
	burst := func() {
		if n, err := r.far[0].Transmit(in); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		r.now += 300_000
		r.pass()
		for i := range bufs {
			bufs[i] = bufs[i][:1500]
		}
		k, err := r.far[1].Receive(bufs)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range bufs[:k] {
			n += (len(f) - LabelBytes) / aal.CellSize
		}
	}
	for range 300 {
		burst()
	}
	if a := testing.AllocsPerRun(200, burst); a != 0 || n == 0 {
		t.Errorf("%v allocations a burst; %d cells have left", a, n)
	}
}

// A policed connection conforms as it leaves, by GCRA computed apart, whatever comes in; with
// tagging what is over the second bucket leaves too, with CLP 1 (TM 4.1, 4.5; VBR.1 and VBR.3).
func TestPolicingAtTheSwitch(t *testing.T) {
	rnd := rand.New(rand.NewPCG(seed(t), 12))
	for _, tagging := range []bool{false, true} {
		contract := aal.Contract{Category: aal.VBR, PCR: 5000, SCR: 1000, MBS: 20, CDVT: 400 * time.Microsecond, CLP0: tagging, Tagging: tagging}
		c := newCongested(t, 0, Leg{})
		if err := c.carriers[0].Police(Connection{VC: sourceVC(0)}, contract); err != nil {
			t.Fatal(err)
		}
		for range 20_000 {
			if rnd.IntN(3) == 0 {
				c.offer(0, 1+rnd.IntN(3), false, nil)
			}
			c.step(time.Duration(20+rnd.IntN(200)) * time.Microsecond)
		}
		var low, high []arrival
		for _, a := range c.got[0] {
			if a.header.CLP() {
				low = append(low, a)
			} else {
				high = append(high, a)
			}
		}
		burst := time.Duration(contract.MBS-1) * (time.Second/time.Duration(contract.SCR) - time.Second/time.Duration(contract.PCR))
		if worst, ok := conforms(c.got[0], contract.PCR, contract.CDVT); !ok {
			t.Errorf("tagging %v: over the peak: %v early", tagging, worst)
		}
		if worst, ok := conforms(high, contract.SCR, burst+contract.CDVT+time.Microsecond); !ok {
			t.Errorf("tagging %v: over the sustained rate: %v early", tagging, worst)
		}
		counts, err := c.carriers[0].ConnectionCounts(Connection{VC: sourceVC(0)})
		if err != nil {
			t.Fatal(err)
		}
		tagged, dropped := counts[2].N, counts[3].N
		seconds := float64(c.now-1e9) / 1e9
		if rate := float64(len(high)) / seconds; rate < 0.97*float64(contract.SCR) {
			t.Errorf("tagging %v: %.0f cells/s pass with CLP 0 of %d that may", tagging, rate, contract.SCR)
		}
		if tagged != uint64(len(low)) || (tagged > 0) != tagging || dropped == 0 || dropped+uint64(len(c.got[0])) != c.sent[0] {
			t.Errorf("tagging %v: %d sent, %d and %d left by CLP, %d tagged, %d dropped", tagging, c.sent[0], len(high), len(low), tagged, dropped)
		}
	}
}
