package nic

// keeperEnd is an end of a wire that keeps frames. The wire's own memory stands for what the network interface does:
// a frame is read from the sender's region and written into a piece that was posted at the other end.
type keeperEnd struct {
	*wireEnd
	posted [][]byte // to be received into
	sent   [][]byte // frames that have left, or were lost
	depth  int
	one    [1][]byte
}

// wirePosts is how many pieces an end of a wire wants posted.
const wirePosts = 64

func newKeeperEnd(w *wireEnd, depth int) *keeperEnd {
	w.info.Posts = wirePosts
	return &keeperEnd{wireEnd: w, depth: depth}
}

// Post takes pieces to receive into, up to twice as many as it wants.
func (k *keeperEnd) Post(pieces [][]byte) int {
	n := min(len(pieces), 2*wirePosts-len(k.posted))
	k.posted = append(k.posted, pieces[:n]...)
	return n
}

// Receive gives out posted pieces, the oldest first, as long as there are any.
func (k *keeperEnd) Receive(bufs [][]byte) (int, error) {
	limit, n := min(len(bufs), k.info.Batch), 0
	for n < limit && len(k.posted) > 0 {
		piece := k.posted[0]
		const offset = 32 // a frame begins where the device has it
		k.one[0] = piece[min(offset, len(piece)):]
		got, err := k.wireEnd.Receive(k.one[:])
		if got == 0 {
			if n > 0 {
				err = nil
			}
			return n, err
		}
		bufs[n] = k.one[0]
		k.posted = k.posted[:copy(k.posted, k.posted[1:])]
		n++
	}
	return n, nil
}

// Transmit keeps what it takes, as long as not too much waits to be given back.
func (k *keeperEnd) Transmit(frames [][]byte) (int, error) {
	room := k.depth - len(k.sent)
	n, err := k.wireEnd.Transmit(frames[:min(len(frames), max(room, 0))])
	if err != nil { // all were taken, and lost
		k.count.TxDown += uint64(len(frames) - n)
		n = len(frames)
	}
	k.sent = append(k.sent, frames[:n]...)
	return n, err
}

// Complete gives back what has left, and after Close what was posted.
func (k *keeperEnd) Complete(bufs [][]byte) int {
	n := copy(bufs, k.sent)
	k.sent = k.sent[:copy(k.sent, k.sent[n:])]
	if k.ended {
		more := copy(bufs[n:], k.posted)
		k.posted = k.posted[:copy(k.posted, k.posted[more:])]
		n += more
	}
	return n
}
