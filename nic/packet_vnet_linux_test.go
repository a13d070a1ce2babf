package nic

import (
	"bytes"
	"testing"

	"golang.org/x/sys/unix"
)

// vethPacket opens a packet device of an EtherType on one end of a veth, and a socket that sends super-frames on the
// other.
func vethPacket(t testing.TB, mtu int, etherType uint16, gso GSO) (Device, int) {
	t.Helper()
	a, b := vethPair(t, mtu)
	var dev Device
	in(t, b, func() (err error) {
		dev, err = OpenPacket(PacketConfig{Interface: "vb", EtherType: etherType, GSO: gso})
		return err
	})
	closing(t, dev)
	return dev, vnetSocket(t, a, "va")
}

// toAll makes a flow of a kind of IP whose frames every station takes.
func toAll(f *flowSpec, v6 bool) *flowSpec {
	f.tags, f.v6 = 0, v6
	copy(f.mac[:], []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	f.addresses = append(f.addresses, make([]byte, 32)...)[:8]
	if f.extensions = nil; v6 {
		f.addresses = append(f.addresses, make([]byte, 24)...)
	}
	return f
}

// A super-frame that a veth hands up is cut, whether its slot has held it or not, and nothing is truncated; lone frames
// whose checksums are open are finished.
func TestPacketCutsSuperFrames(t *testing.T) {
	for etherType, v6 := range map[uint16]bool{typeIPv4: false, typeIPv6: true} {
		r := random(t)
		dev, kernel := vethPacket(t, 1500, etherType, GSOAuto)
		for range 150 {
			f := toAll(newFlow(r, false), v6)
			super, v, n := randomSuper(r, f)
			sendVnet(t, kernel, super, v, etherType)
			want := cutAll(super, v, false)
			if n == 1 {
				want = [][]byte{bytes.Clone(super)}
				finishSum(want[0], &v)
			}
			equalFrames(t, receiveN(t, dev, len(want)), want)
		}
		if c := dev.Counters(); c.RxDropped() != 0 || c.TxDropped() != 0 {
			t.Errorf("counted %+v", c)
		}
	}
}

// Without super-frames, one longer than its slot is counted; with them, one that cannot be cut.
func TestPacketSuperFramesRefused(t *testing.T) {
	r := random(t)
	for gso, want := range map[GSO]Counters{GSOOff: {RxTruncated: 1}, GSOOn: {RxMalformed: 1}} {
		dev, kernel := vethPacket(t, 1500, typeIPv4, gso)
		f := toAll(newFlow(r, false), false)
		frames := f.train(r, 40, 1000, 1000)
		j := joiner{kinds: allKinds, most: 1 << 16}
		super, v := j.plan(frames)[0].super(frames, j.next[:])
		if gso == GSOOn {
			super[ethernetHeader+ip4Length]++
		}
		sendVnet(t, kernel, super, v, typeIPv4)
		waitFor(t, dev, unix.POLLIN)
		if n, err := dev.Receive(buffers(maxBatch, 1)); n != 0 || err != nil {
			t.Errorf("%v: Receive = %d, %v", gso, n, err)
		}
		if c := dev.Counters(); c != want {
			t.Errorf("%v: counted %+v, want %+v", gso, c, want)
		}
	}
}

// What is left of a super-frame waits for the next Receive, and lent frames stay until Release.
func TestPacketSuperFrameInParts(t *testing.T) {
	r := random(t)
	dev, kernel := vethPacket(t, 1500, typeIPv4, GSOOn)
	f := toAll(newFlow(r, false), false)
	var want, got [][]byte
	for range 2 {
		frames := f.train(r, 20, 900, 900)
		j := joiner{kinds: allKinds, most: 1 << 16}
		super, v := j.plan(frames)[0].super(frames, j.next[:])
		sendVnet(t, kernel, super, v, typeIPv4)
		want = append(want, cutAll(super, v, false)...)
	}
	for len(got) < len(want) {
		waitForSome(t, dev, &got, 7)
	}
	equalFrames(t, got, want)
	dev.Release()
}

// waitForSome receives at most n frames, and keeps what is lent.
func waitForSome(t *testing.T, dev Device, got *[][]byte, n int) {
	t.Helper()
	bufs := make([][]byte, n)
	n, err := dev.Receive(bufs)
	if err != nil {
		t.Fatal(err)
	}
	*got = append(*got, bufs[:n]...)
}

func TestPacketCuttingAllocatesNothing(t *testing.T) {
	r := random(t)
	dev, kernel := vethPacket(t, 1500, typeIPv4, GSOOn)
	f := toAll(newFlow(r, false), false)
	frames := f.train(r, 40, 1000, 1000)
	j := joiner{kinds: allKinds, most: 1 << 16}
	super, v := j.plan(frames)[0].super(frames, j.next[:])
	message := append(make([]byte, vnetBytes), super...)
	v.write((*[vnetBytes]byte)(message))
	bufs, sent := make([][]byte, maxBatch), make([][]byte, 1)
	sent[0] = etherFrame(100, 0)
	noAllocation(t, func() {
		if _, err := unix.Write(kernel, message); err != nil {
			t.Fatal(err)
		}
		for got := 0; got < len(frames); dev.Release() {
			n, err := dev.Receive(bufs)
			if err != nil {
				t.Fatal(err)
			}
			got += n
		}
		_, _ = dev.Transmit(sent)
	})
}
