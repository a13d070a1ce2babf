package nic

import (
	"encoding/binary"
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cellhub/cellhub/loader/classifier"
	"github.com/cellhub/cellhub/nic/link"
)

// xdpLabel is what the tests' frames carry, and what the classifier gives to the socket.
const (
	xdpLabel    = 100
	mplsType    = 0x8847
	labelledMin = ethernetHeader + 4
)

// labelled makes frames of the lengths: broadcast, MPLS, with a pattern that differs by seed.
func labelled(seed int, lengths ...int) (frames [][]byte) {
	for i, n := range lengths {
		f := etherFrame(n, seed+i)
		binary.BigEndian.PutUint16(f[12:], mplsType)
		binary.BigEndian.PutUint32(f[ethernetHeader:], xdpLabel<<12|1<<8|255)
		frames = append(frames, f)
	}
	return frames
}

// steering is the classifier, which gives frames of wires to the sockets.
type steering struct {
	*classifier.Classifier
	index int
	wires []classifier.Wire
}

func (s steering) Start() (err error) {
	for _, w := range s.wires {
		w.Interface = s.index
		err = errors.Join(err, s.Bind(w, classifier.Port{Verdict: classifier.Hub}))
	}
	return err
}

func steer(wires ...classifier.Wire) func(int, []int) (Steering, string, error) {
	return func(index int, sockets []int) (Steering, string, error) {
		c, err := classifier.New(classifier.Config{Sockets: sockets})
		if err == nil {
			err = c.Attach(index)
		}
		if err != nil {
			return nil, "", errors.Join(err, c.Close())
		}
		return steering{c, index, wires}, c.Mode(index).String(), nil
	}
}

// keeping is an AF_XDP device with memory, used as any other device is: received frames are its own until Release, and
// frames to be sent are copied into free pieces.
type keeping struct {
	*xdp
	free  [][]byte
	taken [][]byte // frames received and not released
	long  [][]byte // to be received into
}

// xdpRegion is whole pages, gone with the test.
func xdpRegion(t testing.TB, octets int) []byte {
	t.Helper()
	region, err := unix.Mmap(-1, 0, octets, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Munmap(region) })
	return region
}

// xdpPieces are what a test's region holds; fewer than any ring's slots would do as well.
const xdpPieces = 1 << 13

// openKeeping opens a device in a namespace and posts what it wants.
func openKeeping(t testing.TB, ns *link.Namespace, cfg XDPConfig) *keeping {
	t.Helper()
	k := &keeping{}
	cfg.Region = xdpRegion(t, xdpPieces*XDPPiece)
	if cfg.Steer == nil {
		cfg.Steer = steer(classifier.Wire{Label: xdpLabel})
	}
	in(t, ns, func() error {
		dev, err := OpenXDP(cfg)
		if err == nil {
			k.xdp = dev.(*xdp)
		}
		return err
	})
	closing(t, k.xdp)
	for r := cfg.Region; len(r) > 0; r = r[XDPPiece:] {
		k.free = append(k.free, r[:XDPPiece:XDPPiece])
	}
	k.post(k.info.Posts)
	if k.info.MaxFrame > k.info.Piece {
		k.long = buffers(maxBatch, k.info.MaxFrame)
	}
	return k
}

func (k *keeping) post(n int) {
	n = min(n, len(k.free))
	posted := k.Post(k.free[len(k.free)-n:])
	rest := k.free[len(k.free)-n+posted:]
	k.free = append(k.free[:len(k.free)-n], rest...)
}

func (k *keeping) Receive(bufs [][]byte) (int, error) {
	copy(bufs, k.long)
	n, err := k.xdp.Receive(bufs)
	for _, f := range bufs[:n] {
		if _, ok := offsetIn(k.region, f); ok {
			k.taken = append(k.taken, f)
		}
	}
	return n, err
}

func (k *keeping) Release() {
	for _, f := range k.taken {
		k.giveBack(f)
	}
	k.post(len(k.taken))
	k.taken = k.taken[:0]
}

func (k *keeping) giveBack(frame []byte) {
	if offset, ok := offsetIn(k.region, frame); ok {
		k.free = append(k.free, k.piece(uint32(offset/XDPPiece)))
	}
}

// complete takes back what has left.
func (k *keeping) complete() {
	var bufs [maxBatch][]byte
	for n := k.Complete(bufs[:]); n > 0; n = k.Complete(bufs[:]) {
		for _, f := range bufs[:n] {
			k.giveBack(f)
		}
	}
}

func (k *keeping) Transmit(frames [][]byte) (int, error) {
	k.complete()
	var own [maxBatch][]byte
	n := min(len(frames), maxBatch, len(k.free))
	for i, f := range frames[:n] {
		own[i] = f
		const offset = 64 // as a block's headroom
		if offset+len(f) <= XDPPiece {
			piece := k.free[len(k.free)-1]
			k.free = k.free[:len(k.free)-1]
			own[i] = piece[offset : offset+copy(piece[offset:], f)]
		}
	}
	taken, err := k.xdp.Transmit(own[:n])
	for _, f := range own[taken:n] {
		k.giveBack(f)
	}
	return taken, err
}

// sendKeeping is transmitAll, where FD does not tell of room.
func sendKeeping(t testing.TB, dev Device, frames [][]byte) {
	t.Helper()
	for len(frames) > 0 {
		n, err := dev.Transmit(frames)
		if err != nil {
			t.Fatalf("%s: transmit: %v", dev.Info().Name, err)
		}
		frames = frames[n:]
	}
}

// xdpPair opens an AF_XDP device at each end of a veth.
func xdpPair(t testing.TB, cfg XDPConfig, mtu int) (a, b *keeping, nsA, nsB *link.Namespace) {
	t.Helper()
	nsA, nsB = vethPair(t, mtu)
	cfg.Interface = "va"
	a = openKeeping(t, nsA, cfg)
	cfg.Interface = "vb"
	return a, openKeeping(t, nsB, cfg), nsA, nsB
}
