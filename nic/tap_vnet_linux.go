package nic

import (
	"fmt"
	"math/bits"

	"golang.org/x/sys/unix"
)

// Limits of a TAP with super-frames.
const (
	// vnetBatch leaves room for the segments of one super-frame behind a batch of frames, so that none has to wait in
	// the device, where its descriptor does not tell of it. Only segments of less than a fourth of what Ethernet
	// carries can be more.
	vnetBatch = maxBatch + maxSegments
	maxDirect = 16 << 10 // octets of a frame that are read into the caller's memory at once
)

// vnetTAP is a TAP or TUN with a header of virtio's before each frame, and super-frames both ways.
//
// System calls: one readv for a super-frame, or for a frame, and one more to see that nothing waits; one writev for a
// super-frame, or for a frame that goes with no other. What is read is copied once more than without, by the same pass
// that sums it; what is written is gathered from where it lies.
type vnetTAP struct {
	*tap
	vnet    int // octets of the header before each frame
	header  [vnetTunnelBytes]byte
	scratch []byte // a super-frame: its first maxDirect octets at most are read elsewhere
	split   splitter
	join    joiner
	gone    kinds      // given up since it was opened,
	why     unix.Errno // and what the kernel said

	out  [vnetTunnelBytes + maxHeaders]byte
	iovs [maxSegments + 2]unix.Iovec
}

// openVnet creates or attaches the interface. It is not opened by water, which knows no virtio header, and the flags
// are chosen at once, as a descriptor cannot change them later.
func (t *tap) openVnet(cfg TAPConfig) (Device, error) {
	t.now.flags |= unix.IFF_VNET_HDR
	fd, err := openTunDevice()
	if err != nil {
		return nil, err
	}
	t.fd = fd
	if err := attach(t.fd, cfg.Name, t.now.flags); err != nil {
		return nil, tunError(err)
	}
	name, flags, err := attachedTo(t.fd)
	if err != nil {
		return nil, tunError(err)
	}
	if flags&unix.IFF_VNET_HDR == 0 || flags&unix.IFF_NO_PI == 0 {
		return nil, ErrInUse // somebody attached first, and the flags are theirs
	}
	return t.makeVnet(name, cfg)
}

// makeVnet makes the device of a descriptor that is attached with virtio headers.
func (t *tap) makeVnet(name string, cfg TAPConfig) (_ Device, err error) {
	if t.before.vnet, err = vnetBytesOf(t.fd); err != nil {
		return nil, fmt.Errorf("length of the virtio header: %w", err)
	}
	if t.now.vnet = vnetBytes; t.before.vnet != vnetBytes {
		if err := setVnetBytes(t.fd, vnetBytes); err != nil {
			return nil, fmt.Errorf("length of the virtio header: %w", err)
		}
	}
	if err := t.describe(name, cfg); err != nil {
		return nil, err
	}
	t.info.Batch, t.info.Joins = vnetBatch, true
	v := newVnetTAP(t, cfg.TUN)
	if cfg.GSO == GSOOff { // the headers stay, as they were attached with
		setKinds(t.fd, noKind)
		return v, nil
	}
	v.choose(cfg.GSO)
	return v, nil
}

func newVnetTAP(t *tap, bare bool) *vnetTAP {
	v := &vnetTAP{tap: t, vnet: vnetBytes, scratch: make([]byte, maxDirect+maxSuperFrame+1)}
	v.join.bare, v.join.most = bare, t.info.MaxFrame
	return v
}

// choose switches on the kinds of super-frame that there will be.
func (t *vnetTAP) choose(gso GSO) {
	able := setKinds(t.fd, allKinds)
	good, why := able, error(nil)
	if gso == GSOAuto && able != noKind {
		good, why = probeTAP(t.join.bare, able)
	}
	t.settle(able, good, why)
	if gso == GSOOn {
		t.useTunnels()
	}
}

// useTunnels has the kernel hand over super-frames in tunnels over UDP, too, where it can. There is no self-test of them,
// so they are for those who ask.
func (t *vnetTAP) useTunnels() {
	if t.join.kinds&kindsTCP == 0 || setVnetBytes(t.fd, vnetTunnelBytes) != nil {
		return
	}
	if more := t.now.offload | tunFTunnel | tunFTunnelSum; setOffload(t.fd, more) == nil {
		t.now.offload, t.now.vnet, t.vnet = more, vnetTunnelBytes, vnetTunnelBytes
		return
	}
	_ = setVnetBytes(t.fd, vnetBytes)
	_ = setOffload(t.fd, t.now.offload)
}

// settle leaves the good ones of the kinds that the kernel is able of, and notes why others are missing.
func (t *vnetTAP) settle(able, good kinds, why error) {
	good = setKinds(t.fd, good)
	t.join.kinds, t.now.offload = good, good.offloads()
	missing := allKinds &^ good
	switch {
	case why != nil:
		t.info.Note = why.Error()
	case missing&able != 0:
		t.info.Note = "no super-frames of " + missing.String() + ", which the self-test found wrong"
		t.count.GSOFallbacks += uint64(bits.OnesCount8(uint8(able & missing)))
	case missing != 0:
		t.info.Note = "no super-frames of " + missing.String() + ", of which the kernel knows nothing"
	}
}

func vnetBytesOf(fd int) (int, error)  { return unix.IoctlGetInt(fd, unix.TUNGETVNETHDRSZ) }
func setVnetBytes(fd int, n int) error { return unix.IoctlSetPointerInt(fd, unix.TUNSETVNETHDRSZ, n) }

func (t *vnetTAP) Receive(bufs [][]byte) (int, error) {
	if t.fd < 0 {
		return 0, ErrGone
	}
	bufs = bufs[:min(len(bufs), vnetBatch)]
	n, reserve := t.cut(bufs, 0), len(bufs)-maxBatch
	for calls := 0; calls < maxBatch && n < len(bufs) && (n == 0 || len(bufs)-n >= reserve); calls++ {
		pointTo(&t.iovs[0], t.header[:t.vnet])
		direct := bufs[n][:min(len(bufs[n]), maxDirect)]
		pointTo(&t.iovs[1], direct)
		pointTo(&t.iovs[2], t.scratch[maxDirect:])
		got, errno := readv(t.fd, t.iovs[:3])
		switch {
		case errno == unix.EAGAIN:
			return n, nil
		case errno != 0 && n > 0:
			return n, nil // the next call meets it again
		case errno != 0:
			return 0, t.failure(errno)
		}
		n = t.take(bufs, n, direct, got-t.vnet)
	}
	return n, nil
}

// take makes frames of what was read: the first octets of got lie in direct, at the beginning of bufs[n], and the rest
// in the scratch. It returns the new n.
func (t *vnetTAP) take(bufs [][]byte, n int, direct []byte, got int) int {
	var v vnet
	v.read((*[vnetBytes]byte)(t.header[:]))
	frame := direct[:min(got, len(direct))]
	if got > len(direct) || v.kind != gsoNone {
		if got-len(direct) > len(t.scratch)-maxDirect-1 {
			t.count.RxTruncated++
			return n
		}
		at := maxDirect - len(direct)
		copy(t.scratch[at:], frame)
		frame = t.scratch[at:][:got]
	}
	if v.kind != gsoNone {
		if !t.split.begin(frame, &v, t.join.bare) {
			t.count.RxMalformed++
		}
		return t.cut(bufs, n)
	}
	switch {
	case v.flags&needsSum != 0 && !finishSum(frame, &v):
		t.count.RxMalformed++
		return n
	case got > len(bufs[n]):
		t.count.RxTruncated++
		return n
	case got > len(direct):
		copy(bufs[n], frame)
	}
	bufs[n] = bufs[n][:got]
	t.count.RxFrames++
	t.count.RxOctets += uint64(got)
	return n + 1
}

// cut gives out what is left of a super-frame, from bufs[n] on, and returns the new n.
func (t *vnetTAP) cut(bufs [][]byte, n int) int {
	for n < len(bufs) && t.split.more() {
		length := t.split.next(bufs[n])
		if length > len(bufs[n]) {
			t.count.RxTruncated++
			continue
		}
		bufs[n] = bufs[n][:length]
		t.count.RxFrames++
		t.count.RxOctets += uint64(length)
		n++
	}
	return n
}

func (t *vnetTAP) Transmit(frames [][]byte) (int, error) {
	if t.fd < 0 {
		t.count.TxDown += uint64(len(frames))
		return len(frames), ErrGone
	}
	taken := 0
	for taken < len(frames) {
		batch := frames[taken:min(len(frames), taken+maxBatch)]
		n, errno := t.send(batch)
		if errno != 0 {
			t.count.TxDown += uint64(len(frames) - taken - len(batch))
			return len(frames), t.failure(errno)
		}
		if taken += n; n < len(batch) {
			break
		}
	}
	return taken, nil
}

// send writes a batch, and returns how many frames were taken. An errno is the interface's failure: the rest is counted
// as lost.
func (t *vnetTAP) send(frames [][]byte) (int, unix.Errno) {
	groups := t.join.plan(frames)
	beyond := 0 // the first frame behind all that were sent
	for i := range groups {
		g := &groups[i]
		errno := t.write(g, frames)
		switch errno {
		case 0:
		case unix.EAGAIN:
			if beyond <= int(g.first) {
				return int(g.first), 0
			}
			t.count.TxNoBuffer += uint64(g.frames) // later ones have left: these cannot be kept
		case unix.EIO, unix.EBADFD:
			for _, g := range groups[i:] {
				t.count.TxDown += uint64(g.frames)
			}
			return len(frames), errno
		}
		beyond = max(beyond, int(g.last)+1)
	}
	return len(frames), 0
}

// write writes a group, and counts it but where the caller has to know: EAGAIN, EIO and EBADFD.
func (t *vnetTAP) write(g *group, frames [][]byte) unix.Errno {
	if g.frames == 1 {
		return t.writeOne(frames[g.first])
	}
	var v vnet
	length := g.header(t.out[t.vnet:], frames[g.first], &v)
	clear(t.out[vnetBytes:t.vnet])
	v.write((*[vnetBytes]byte)(t.out[:]))
	pointTo(&t.iovs[0], t.out[:t.vnet+length])
	for i, n := g.first, 1; n <= g.frames; i, n = t.join.next[i], n+1 {
		pointTo(&t.iovs[n], frames[i][g.payload:])
	}
	switch errno := writev(t.fd, t.iovs[:g.frames+1]); errno {
	case 0:
		t.count.TxFrames += uint64(g.frames)
		t.count.TxOctets += uint64(g.octets + (g.frames-1)*g.payload)
		return 0
	case unix.ENOMEM, unix.ENOBUFS:
		t.count.TxNoBuffer += uint64(g.frames)
		return 0
	case unix.EAGAIN, unix.EBADFD:
		return errno
	default:
		return t.writeApart(g, frames, errno)
	}
}

// writeApart writes the frames of a super-frame that the kernel has refused. When it takes them, it was the kind of
// super-frame that it cannot do with: there will be none of it any more.
func (t *vnetTAP) writeApart(g *group, frames [][]byte, why unix.Errno) unix.Errno {
	before := t.count.TxFrames
	for i, n := g.first, 0; n < g.frames; i, n = t.join.next[i], n+1 {
		if errno := t.writeOne(frames[i]); errno != 0 {
			if n == 0 {
				return errno
			}
			t.count.TxNoBuffer++
		}
	}
	if t.count.TxFrames != before {
		t.giveUp(g.kind, why)
	}
	return 0
}

// giveUp joins no more super-frames of a kind.
func (t *vnetTAP) giveUp(kind kinds, why unix.Errno) {
	t.join.kinds &^= kind
	t.gone, t.why = t.gone|kind, why
	t.count.GSOFallbacks++
}

// Degraded is of a Degrader.
func (t *vnetTAP) Degraded() string {
	if t.gone == noKind {
		return ""
	}
	return "no more super-frames of " + t.gone.String() + ": the kernel has refused one (" + t.why.Error() + "), and took its frames"
}

func (t *vnetTAP) writeOne(frame []byte) unix.Errno {
	if len(frame) > t.info.MaxFrame {
		t.count.TxTooLong++
		return 0
	}
	clear(t.out[:t.vnet])
	pointTo(&t.iovs[0], t.out[:t.vnet])
	pointTo(&t.iovs[1], frame)
	switch errno := writev(t.fd, t.iovs[:2]); errno {
	case 0:
		t.count.TxFrames++
		t.count.TxOctets += uint64(len(frame))
		return 0
	case unix.ENOMEM, unix.ENOBUFS:
		t.count.TxNoBuffer++
		return 0
	case unix.EAGAIN, unix.EIO, unix.EBADFD:
		return errno
	default:
		t.count.TxErrors++
		return 0
	}
}
