package nic

import (
	"golang.org/x/sys/unix"
)

// Limits of the kernel's segmentation of datagrams (net/ipv4/udp.c).
const (
	maxTrain    = maxSegments // datagrams of one call: newer kernels take 128
	maxTrainLen = maxDatagram // octets of all of them
	maxCopied   = 768         // octets of frames that are copied together: longer ones are gathered sooner than copied
)

// trains sends frames by sendmmsg, those of equal length in one message, which the kernel or the interface cuts again
// (UDP_SEGMENT). The last of a train may be shorter.
type trains struct {
	*mmsg
	on       bool
	why      unix.Errno           // it was given up for; 0: it was not
	lengths  [maxBatch]uint8      // frames of each message
	controls [maxBatch]control    // of trains
	vectors  [maxBatch]unix.Iovec // of trains that are gathered
	memory   []byte               // trains that are copied, one after the other
}

func newTrains(m *mmsg) *trains {
	return &trains{mmsg: m, memory: make([]byte, maxBatch*maxCopied)}
}

// train counts the frames at the head of a batch that can leave together.
func train(frames [][]byte) int {
	size := len(frames[0])
	octets, n := size, 1
	for n < len(frames) && n < maxTrain && size > 0 {
		next := len(frames[n])
		if octets += next; next > size || next == 0 || octets > maxTrainLen {
			break
		}
		if n++; next < size {
			break
		}
	}
	return n
}

// fill makes messages of a batch, and returns how many.
func (t *trains) fill(frames [][]byte) int {
	n, at, gathered := 0, 0, 0
	for ; len(frames) > 0; n++ {
		length := train(frames)
		header := &t.messages[n].Hdr
		header.Iov = &t.mmsg.vectors[n]
		header.SetIovlen(1)
		header.Control, header.Controllen = nil, 0
		t.lengths[n] = uint8(length)
		c := &t.controls[n]
		if c.used = 0; t.differs != 0 {
			t.mark(c, header)
		}
		if length == 1 {
			pointTo(header.Iov, frames[0])
			frames = frames[1:]
			continue
		}
		size := len(frames[0])
		c.segment(header, size)
		if size > maxCopied {
			header.Iov = &t.vectors[gathered]
			header.SetIovlen(length)
			for _, frame := range frames[:length] {
				pointTo(&t.vectors[gathered], frame)
				gathered++
			}
		} else {
			begin := at
			for _, frame := range frames[:length] {
				at += copy(t.memory[at:], frame)
			}
			pointTo(header.Iov, t.memory[begin:at])
		}
		frames = frames[length:]
	}
	return n
}

// transmit is mmsg's with trains. What the kernel refuses of a train is sent apart, so that each frame is judged by
// itself; when that succeeds, there are no trains any more.
func (t *trains) transmit(fd int, frames [][]byte, count *Counters) (int, unix.Errno) {
	if !t.on {
		return t.mmsg.transmit(fd, frames, count)
	}
	taken, tries := 0, retries{at: -1}
	for taken < len(frames) {
		batch := frames[taken:min(len(frames), taken+maxBatch)]
		sent, errno := sendmmsg(fd, t.messages[:t.fill(batch)])
		first := int(t.lengths[0])
		switch {
		case errno == 0:
			n := 0
			for _, length := range t.lengths[:sent] {
				n += int(length)
			}
			for _, frame := range batch[:n] {
				count.TxOctets += uint64(len(frame))
			}
			count.TxFrames += uint64(n)
			taken += n
		case errno == unix.EAGAIN:
			return taken, 0
		case errno == unix.ENOBUFS || errno == unix.ENOMEM:
			count.TxNoBuffer += uint64(first)
			taken += first
		case tries.again(t.mmsg, taken, errno):
		case errno == unix.ENETDOWN || errno == unix.ENXIO || errno == unix.ENODEV:
			return taken, errno
		case errno == unix.ENETUNREACH || errno == unix.EHOSTUNREACH: // nor will the others be sent
			count.TxUnreachable += uint64(len(frames) - taken)
			return len(frames), 0
		case first == 1:
			countRefusal(errno, count)
			taken++
		default:
			n, errno := t.apart(fd, batch[:first], count, errno)
			if taken += n; errno != 0 || n < first {
				return taken, errno
			}
			if !t.on {
				n, errno := t.mmsg.transmit(fd, frames[taken:], count)
				return taken + n, errno
			}
		}
	}
	return taken, 0
}

// apart sends the frames of a train that was refused.
func (t *trains) apart(fd int, frames [][]byte, count *Counters, why unix.Errno) (int, unix.Errno) {
	t.reset()
	before := count.TxFrames
	n, errno := t.mmsg.transmit(fd, frames[:1], count)
	if n == 0 || errno != 0 {
		return n, errno
	}
	if count.TxFrames != before { // the longest has left alone: the train was not too long, but a train
		t.on, t.why = false, why
		count.GSOFallbacks++
	}
	more, errno := t.mmsg.transmit(fd, frames[1:], count)
	return n + more, errno
}

// reset leaves the messages as mmsg has them.
func (t *trains) reset() {
	for i := range t.messages {
		header := &t.messages[i].Hdr
		header.Iov = &t.mmsg.vectors[i]
		header.SetIovlen(1)
		header.Control, header.Controllen = nil, 0
	}
}
