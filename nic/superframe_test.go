package nic

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
)

// checkPlan checks what must hold for any batch: every frame leaves once, each super-frame gives its frames again, each
// flow keeps its order, and a frame of no flow its place. flows says which flow a frame is of; -1: none.
func checkPlan(t *testing.T, frames [][]byte, flows []int, bare bool) (groups int) {
	t.Helper()
	j := joiner{bare: bare, kinds: allKinds, most: 1 << 16}
	plan := j.plan(frames)
	var order []int
	for i := range plan {
		g := &plan[i]
		list := g.members(j.next[:])
		order = append(order, list...)
		if len(list) == 1 {
			continue
		}
		super, v := g.super(frames, j.next[:])
		if len(super)-g.ip > maxPacket {
			t.Fatalf("a super-frame of %d octets", len(super))
		}
		var want [][]byte
		for _, i := range list {
			want = append(want, frames[i])
		}
		equalFrames(t, cutAll(super, v, bare), want)
	}
	sorted := slices.Sorted(slices.Values(order))
	for i := range frames {
		if i >= len(sorted) || sorted[i] != i {
			t.Fatalf("frames %v of %d leave", order, len(frames))
		}
	}
	for i, a := range order {
		for _, b := range order[i+1:] {
			if b < a && (flows[a] == flows[b] || flows[a] < 0 || flows[b] < 0) {
				t.Fatalf("frame %d of flow %d leaves before %d of %d", a, flows[a], b, flows[b])
			}
		}
	}
	return len(plan)
}

// randomBatch mixes flows, and now and then does something to a flow or a frame that ends a train.
func randomBatch(r *rand.Rand, bare bool) (frames [][]byte, flows []int) {
	list := make([]*flowSpec, 1+r.IntN(5))
	sizes := make([]int, len(list))
	for i := range list {
		list[i], sizes[i] = newFlow(r, bare), 1+r.IntN(1400)
	}
	for len(frames) < maxBatch {
		n := r.IntN(len(list))
		f := list[n]
		if r.IntN(8) == 0 {
			disturb(r, f)
		}
		last := sizes[n]
		if r.IntN(4) == 0 {
			last = r.IntN(sizes[n] + 1)
		}
		for _, frame := range f.train(r, 1+r.IntN(6), sizes[n], last) {
			flow := n
			if f.fragment&0x3fff != 0 && !f.v6 {
				flow = -1
			}
			switch r.IntN(40) {
			case 0: // damage: perhaps no part of the flow any more
				frame[r.IntN(len(frame))] ^= 1 << r.IntN(8)
				flow = -2
			case 1: // no IP at all
				frame, flow = etherFrame(60, n), -1
			case 2: // padding
				frame, flow = append(frame, make([]byte, 5)...), -1
			}
			if len(frames) < maxBatch {
				frames, flows = append(frames, frame), append(flows, flow)
			}
		}
	}
	for i := range flows {
		if flows[i] == -2 { // it may be in any flow, or none
			flows[i] = flowOf(frames[i], frames, flows, bare)
		}
	}
	return frames, flows
}

// flowOf finds the flow whose addresses and ports a damaged frame still has.
func flowOf(frame []byte, frames [][]byte, flows []int, bare bool) int {
	var s, o segment
	if !s.parse(frame, bare) {
		return -1
	}
	for i := range frames {
		if flows[i] >= 0 && o.parse(frames[i], bare) && o.kind == s.kind &&
			bytes.Equal(o.addresses(frames[i]), s.addresses(frame)) && bytes.Equal(frames[i][o.tp:o.tp+4], frame[s.tp:s.tp+4]) {
			return flows[i]
		}
	}
	return 1000 // one of its own
}

// disturb changes something that a super-frame has only once.
func disturb(r *rand.Rand, f *flowSpec) {
	switch r.IntN(12) {
	case 0:
		f.ack++
	case 1:
		f.window++
	case 2:
		f.tos ^= 1
	case 3:
		f.ttl = f.ttl%255 + 1
	case 4:
		f.id += 3
	case 5:
		f.seq += 100
	case 6:
		f.flags ^= 0x40
	case 7:
		f.urg++
	case 8:
		f.label++
	case 9:
		f.fragment ^= 0x2000
	case 10:
		f.reserved ^= 1
	case 11:
		f.options = [][]byte{nil, timestamps, sack}[r.IntN(3)]
	}
}

func TestJoinAndSplitAreInverse(t *testing.T) {
	r := random(t)
	joined := 0
	for range 400 {
		bare := r.IntN(3) == 0
		frames, flows := randomBatch(r, bare)
		joined += len(frames) - checkPlan(t, frames, flows, bare)
	}
	if joined < 400*10 {
		t.Errorf("only %d frames were joined to others", joined)
	}
}

// A train that nothing disturbs is one super-frame, whatever its headers.
func TestJoinWholeTrains(t *testing.T) {
	r := random(t)
	for range 200 {
		bare := r.IntN(3) == 0
		f := newFlow(r, bare)
		n, size := 2+r.IntN(maxSegments-1), 1+r.IntN(1000)
		frames := f.train(r, n, size, 1+r.IntN(size))
		if groups := checkPlan(t, frames, make([]int, n), bare); groups != 1 {
			t.Fatalf("%d groups of a train of %d segments of %d octets: %+v", groups, n, size, f)
		}
	}
}

// A packet has 65,535 octets at most.
func TestJoinToTheLongestPacket(t *testing.T) {
	r := random(t)
	for range 20 {
		f := newFlow(r, false)
		frames := f.train(r, maxSegments, 1400, 1400)
		if groups := checkPlan(t, frames, make([]int, len(frames)), false); groups != 2 {
			t.Errorf("%d groups, want 2", groups)
		}
	}
}

// Two flows whose frames alternate are two super-frames.
func TestJoinInterleaved(t *testing.T) {
	r := random(t)
	a, b := newFlow(r, false), newFlow(r, false)
	x, y := a.train(r, 20, 500, 500), b.train(r, 20, 700, 700)
	var frames [][]byte
	var flows []int
	for i := range x {
		frames, flows = append(frames, x[i], y[i]), append(flows, 0, 1)
	}
	if groups := checkPlan(t, frames, flows, false); groups != 2 {
		t.Errorf("%d groups, want 2", groups)
	}
}

// What must not be joined: one thing differs in the second of two frames, and all checksums are right.
func TestJoinRefuses(t *testing.T) {
	for name, change := range map[string]func(f *flowSpec){
		"acknowledgement":   func(f *flowSpec) { f.ack++ },
		"window":            func(f *flowSpec) { f.window++ },
		"urgent pointer":    func(f *flowSpec) { f.urg++ },
		"urgent":            func(f *flowSpec) { f.flags |= tcpURG },
		"SYN":               func(f *flowSpec) { f.flags |= tcpSYN },
		"RST":               func(f *flowSpec) { f.flags |= tcpRST },
		"ECE":               func(f *flowSpec) { f.flags ^= 0x40 },
		"CWR":               func(f *flowSpec) { f.flags |= tcpCWR },
		"reserved bits":     func(f *flowSpec) { f.reserved = 1 },
		"options":           func(f *flowSpec) { f.options = sack },
		"option's length":   func(f *flowSpec) { f.options = nil },
		"gap":               func(f *flowSpec) { f.seq++ },
		"again":             func(f *flowSpec) { f.seq -= 100 },
		"ECN":               func(f *flowSpec) { f.tos ^= 1 },
		"DSCP":              func(f *flowSpec) { f.tos ^= 0x80 },
		"time to live":      func(f *flowSpec) { f.ttl-- },
		"same ID":           func(f *flowSpec) { f.id-- },
		"don't fragment":    func(f *flowSpec) { f.fragment ^= 0x4000 },
		"fragment":          func(f *flowSpec) { f.fragment = 0x2000 },
		"station":           func(f *flowSpec) { f.mac[3]++ },
		"VLAN":              func(f *flowSpec) { f.tags = 0 },
		"source port":       func(f *flowSpec) { f.ports[1]++ },
		"address":           func(f *flowSpec) { f.addresses[2]++ },
		"flow label":        func(f *flowSpec) { f.v6, f.addresses, f.label = true, make([]byte, 32), 4 },
		"UDP in the middle": func(f *flowSpec) { f.udp = true },
	} {
		t.Run(name, func(t *testing.T) {
			f := &flowSpec{tags: 1, options: timestamps, addresses: []byte{192, 0, 2, 1, 192, 0, 2, 2}, ttl: 64, flags: 0x10, seq: 1000, window: 500, fragment: 0x4000}
			frames := [][]byte{f.frame(make([]byte, 100))}
			change(f)
			frames = append(frames, f.frame(make([]byte, 100)))
			j := joiner{kinds: allKinds, most: 1 << 16}
			if groups := j.plan(frames); len(groups) != 2 {
				t.Error("joined")
			}
		})
	}
}

// A checksum's other zero passes a receiver, but a cut never writes it: such frames are not joined.
func TestJoinRefusesOtherZero(t *testing.T) {
	f := &flowSpec{addresses: make([]byte, 8), ttl: 64, flags: 0x10}
	var frames [][]byte
	for i := 0; len(frames) < 2; i++ { // until a payload's checksum is 0
		g := *f
		payload := []byte{byte(i >> 8), byte(i), 0, 0}
		if frame := g.frame(payload); get16(frame[ethernetHeader+ip4Header+tcpSum:]) == 0 {
			frames = append(frames, frame)
			*f, i = g, -1
		}
	}
	j := joiner{kinds: allKinds, most: 1 << 16}
	if groups := j.plan(frames); len(groups) != 1 {
		t.Fatal("not joined though all is right")
	}
	put16(frames[1][ethernetHeader+ip4Header+tcpSum:], 0xffff)
	if groups := j.plan(frames); len(groups) != 2 {
		t.Error("joined with a checksum of ffff")
	}
	for *f = (flowSpec{addresses: make([]byte, 8), ttl: 64, flags: 0x10}); ; f.id++ {
		g := *f
		frames[0] = g.frame([]byte{1})
		if frames[1] = g.frame([]byte{2}); get16(frames[1][ethernetHeader+ip4Sum:]) == 0 {
			break
		}
	}
	if groups := j.plan(frames); len(groups) != 1 {
		t.Fatal("not joined though all is right")
	}
	put16(frames[1][ethernetHeader+ip4Sum:], 0xffff)
	if groups := j.plan(frames); len(groups) != 2 {
		t.Error("joined with an IP checksum of ffff")
	}
}

func TestSplitRefuses(t *testing.T) {
	r := random(t)
	for name, change := range map[string]func(p []byte, v *vnet){
		"no checksum":       func(_ []byte, v *vnet) { v.flags = 0 },
		"no size":           func(_ []byte, v *vnet) { v.size = 0 },
		"another kind":      func(_ []byte, v *vnet) { v.kind = 3 },
		"another version":   func(_ []byte, v *vnet) { v.kind = gsoTCP6 },
		"start elsewhere":   func(_ []byte, v *vnet) { v.sumStart++ },
		"start beyond":      func(_ []byte, v *vnet) { v.sumStart = 60000 },
		"sum elsewhere":     func(_ []byte, v *vnet) { v.sumOffset++ },
		"packet's length":   func(p []byte, _ *vnet) { p[ethernetHeader+ip4Length]++ },
		"header too long":   func(p []byte, v *vnet) { p[v.sumStart+tcpOffset] = 0xf0; *v = vnet{} },
		"header too short":  func(p []byte, v *vnet) { p[v.sumStart+tcpOffset] = 0x40 },
		"another protocol":  func(p []byte, _ *vnet) { p[ethernetHeader+ip4Protocol] = 1 },
		"another EtherType": func(p []byte, _ *vnet) { p[12], p[ethernetHeader] = 1, 0 },
	} {
		f := &flowSpec{addresses: make([]byte, 8), ttl: 64, flags: 0x10}
		frames := f.train(r, 5, 100, 50)
		j := joiner{kinds: allKinds, most: 1 << 16}
		super, v := j.plan(frames)[0].super(frames, j.next[:])
		if got := cutAll(super, v, false); len(got) != 5 {
			t.Fatalf("%d frames before anything was changed", len(got))
		}
		change(super, &v)
		if got := cutAll(super, v, false); got != nil {
			t.Errorf("%s: cut into %d frames", name, len(got))
		}
	}
}

// An encapsulation that is not known goes before every segment.
func TestSplitBehindAnything(t *testing.T) {
	r := random(t)
	for range 200 {
		f := newFlow(r, true)
		f.extensions = nil
		frames := f.train(r, 7, 300, 120)
		j := joiner{bare: true, kinds: allKinds, most: 1 << 16}
		super, v := j.plan(frames)[0].super(frames, j.next[:])
		head := append(etherFrame(ethernetHeader, 0), 0, 0x10, 1, 64, 0xaa, 0xaa)[:ethernetHeader+2*r.IntN(4)]
		v.sumStart += uint16(len(head))
		var want [][]byte
		for _, frame := range frames {
			want = append(want, append(bytes.Clone(head), frame...))
		}
		equalFrames(t, cutAll(append(bytes.Clone(head), super...), v, false), want)
	}
}

// What the buffer has no room for is lost, and the others come.
func TestSplitIntoLittleRoom(t *testing.T) {
	r := random(t)
	f := &flowSpec{addresses: make([]byte, 8), ttl: 64, flags: 0x10}
	frames := f.train(r, 3, 100, 50)
	j := joiner{kinds: allKinds, most: 1 << 16}
	super, v := j.plan(frames)[0].super(frames, j.next[:])
	var s splitter
	if !s.begin(super, &v, false) {
		t.Fatal("refused")
	}
	room := make([]byte, len(frames[0])-1)
	for range 2 {
		if n := s.next(room); n != len(frames[0]) {
			t.Errorf("next = %d, want %d and nothing written", n, len(frames[0]))
		}
	}
	equalFrames(t, [][]byte{room[:s.next(room)]}, frames[2:])
	if s.more() {
		t.Error("there is more")
	}
}

func TestSuperFramesAllocateNothing(t *testing.T) {
	r := random(t)
	f := newFlow(r, false)
	frames := f.train(r, 40, 1000, 500)
	j := joiner{kinds: allKinds, most: 1 << 16}
	super, v := j.plan(frames)[0].super(frames, j.next[:])
	var s splitter
	room := make([]byte, 2048)
	noAllocation(t, func() {
		j.plan(frames)
		for s.begin(super, &v, false); s.more(); {
			s.next(room)
		}
	})
}

// FuzzSplit: whatever the kernel said, nothing outside the frame is read and every octet of payload comes out.
func FuzzSplit(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 8 {
		flow := newFlow(r, r.IntN(2) == 0)
		frames := flow.train(r, 5, 40, 20)
		j := joiner{bare: flow.bare, kinds: allKinds, most: 1 << 16}
		super, v := j.plan(frames)[0].super(frames, j.next[:])
		var head [vnetBytes]byte
		v.write(&head)
		f.Add(append(head[:], super...), flow.bare)

		// The same in a tunnel, over an IPv4 packet of UDP.
		tunnel := *flow
		tunnel.bare, tunnel.v6, tunnel.udp, tunnel.addresses, tunnel.fragment = true, false, true, make([]byte, 8), 0
		outer := tunnel.frame(super)
		v.kind |= 0x20
		v.flags |= tunnelSum
		v.sumStart += uint16(len(outer) - len(super))
		v.write(&head)
		f.Add(append(head[:], outer...), true)
	}
	f.Fuzz(func(t *testing.T, p []byte, bare bool) {
		if len(p) < vnetBytes || len(p) > maxSuperFrame {
			return
		}
		var v vnet
		v.read((*[vnetBytes]byte)(p))
		frame := slices.Clip(p[vnetBytes:])
		finishSum(bytes.Clone(frame), &v)
		var s splitter
		if !s.begin(frame, &v, bare) {
			if s.more() {
				t.Fatal("refused, and there is more")
			}
			return
		}
		payload := 0
		for s.more() {
			room := make([]byte, 1<<17)
			payload += s.next(room) - s.payload
		}
		if payload != len(frame)-s.payload {
			t.Fatalf("%d octets of payload, want %d", payload, len(frame)-s.payload)
		}
	})
}

// FuzzJoin changes octets of a train of segments, and makes checksums right again or not: whatever is joined must come
// out as it was.
func FuzzJoin(f *testing.F) {
	f.Add(uint64(1), []byte{})
	f.Add(uint64(2), []byte{1, 20, 1, 0, 2, 40, 4, 1})
	f.Add(uint64(3), []byte{3, 14, 1, 1, 3, 34, 255, 1})
	f.Fuzz(func(t *testing.T, seed uint64, changes []byte) {
		r := rand.New(rand.NewPCG(seed, 0))
		flow := newFlow(r, r.IntN(3) == 0)
		frames := flow.train(r, 6, 60, 30)
		for ; len(changes) >= 4; changes = changes[4:] {
			frame := frames[int(changes[0])%len(frames)]
			frame[int(changes[1])%len(frame)] ^= changes[2]
			if changes[3]&1 != 0 {
				mendSums(frame, flow.bare)
			}
		}
		flows := make([]int, len(frames))
		for i := range frames {
			flows[i] = -1
			var s segment
			if s.parse(frames[i], flow.bare) {
				flows[i] = int(s.flow)
			}
		}
		checkPlan(t, frames, flows, flow.bare)
	})
}

// mendSums makes the checksums of a frame right, where it has some.
func mendSums(frame []byte, bare bool) {
	var s segment
	if !s.parse(frame, bare) {
		return
	}
	if s.ipv4() {
		ip := frame[s.ip:s.tp]
		put16(ip[ip4Sum:], 0)
		put16(ip[ip4Sum:], ^uint16(plainSum(ip)))
	}
	at := frame[s.sumAt():]
	put16(at, 0)
	sum := plainSum(frame[s.tp:]) + uint32(pseudoSum(s.addresses(frame), s.protocol(), len(frame)-s.tp))
	check := ^fold32(sum)
	if check == 0 && !s.tcp() {
		check = 0xffff
	}
	put16(at, check)
}
