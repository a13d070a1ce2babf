package modules

import (
	"encoding/binary"
	"errors"
	"io"
	"syscall"

	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/block"
)

// Errors of a stream head beyond those the stream sends up.
var (
	ErrWouldBlock = errors.New("stream would block")         // EAGAIN: Notify tells when to try again
	ErrNotData    = errors.New("next message is no data")    // EBADMSG: take it with GetMsg
	ErrIoctlBusy  = errors.New("an ioctl is under way")      // one at a time, as on a STREAMS file
	ErrTimeout    = errors.New("ioctl was not acknowledged") // ETIME
)

// IoctlTimeout is how long a module may take to acknowledge; SVR4's 15 s.
const IoctlTimeout = 15 * 1000 * 1000 * 1000 // ns

// Events a head tells of.
type Events uint8

// The events. Each says that something may have become possible, not that it is.
const (
	Readable Events = 1 << iota
	Writable
	HungUp
)

// Head is the top of a stream, where an application's calls become messages and
// messages become what it reads. Its methods do not block; they belong to the hub.
type Head struct {
	hub      *dataplane.Hub
	rq, wq   *dataplane.Queue
	notify   func(Events)
	err      error // from an Error message; sticky
	hungup   bool
	part     dataplane.Msg // ordinary data of which some was read
	ioctl    headIoctl
	timer    dataplane.Timer
	deadline int64  // of the ioctl under way
	dead     uint64 // messages freed: the stream has failed
}

// headIoctl is the ioctl under way: its argument and result stay here, modules ask
// for pieces of them.
type headIoctl struct {
	id     uint64
	arg    []byte
	done   func(result []byte, status error)
	result []byte
}

// NewHead makes a stream head. notify is called on the hub when reading
// or writing may go on; it may be nil and must not block.
func NewHead(notify func(Events)) *Head {
	if notify == nil {
		notify = func(Events) {}
	}
	s := &Head{notify: notify}
	s.timer.Fire = func() { s.finish(nil, ErrTimeout) }
	return s
}

// Module is the head's code.
func (s *Head) Module() dataplane.Module {
	return dataplane.Module{
		Name:    "head",
		ReadPut: s.readPut, ReadService: func(*dataplane.Queue) {},
		WriteService: func(*dataplane.Queue) { s.notify(Writable) },
		Open: func(q *dataplane.Queue) error {
			s.hub, s.rq, s.wq = q.Hub(), q, q.Mate()
			s.ioctl.id = uint64(q.ID()) << 32 // of no other head
			q.NoEnable()                      // the application is the service
			return nil
		},
		Close: func(*dataplane.Queue) { s.close() },
		Leave: s.leave, Arrive: s.arrive,
		Counters: s.counters,
	}
}

// leave takes what was read in part along, in blocks of its own.
func (s *Head) leave() error {
	if s.part.Block != 0 && s.hub.Pool.Shared(s.part.Block) {
		b := s.hub.Pool.CopyMsg(s.part.Block)
		if b == 0 {
			return dataplane.ErrNoRoom
		}
		s.freePart()
		s.part = dataplane.Msg{Type: dataplane.Data, Block: b}
	}
	s.hub.StopTimer(&s.timer)
	return nil
}

func (s *Head) arrive(q *dataplane.Queue) {
	if s.hub = q.Hub(); s.ioctl.done != nil {
		s.hub.StartTimer(&s.timer, s.deadline)
	}
}

func (s *Head) counters() []dataplane.Count {
	return []dataplane.Count{{Name: "rx_drop_error", N: s.dead}}
}

func (s *Head) close() {
	s.freePart()
	s.finish(nil, io.EOF)
}

func (s *Head) freePart() {
	s.hub.Free(s.part)
	s.part = dataplane.Msg{}
}

// down sends a message as the head's process: what comes back at once is taken when
// the application's call has returned.
func (s *Head) down(m dataplane.Msg) { s.wq.Enter(func() { s.wq.PutNext(m) }) }

// readPut takes what comes up the stream.
func (s *Head) readPut(q *dataplane.Queue, m dataplane.Msg) {
	switch m.Type {
	case dataplane.Flush:
		if m.Info&dataplane.FlushRead != 0 {
			s.freePart()
		}
		q.TurnFlush(m)
	case dataplane.Hangup:
		s.hungup = true
		s.hub.Free(m)
		s.finish(nil, syscall.ENXIO)
		s.notify(HungUp | Readable)
	case dataplane.Error:
		if s.err == nil {
			s.err = syscall.Errno(m.Info)
		}
		s.hub.Free(m)
		s.freePart()
		q.FlushQ(true)
		s.finish(nil, s.err)
		s.notify(HungUp | Readable)
	case dataplane.IocAck, dataplane.IocNak, dataplane.CopyIn, dataplane.CopyOut:
		s.ioctlPut(m)
	case dataplane.Data, dataplane.Proto, dataplane.PCProto:
		if s.err != nil { // nobody will read it
			s.dead++
			s.hub.Free(m)
			return
		}
		q.PutQ(m)
		s.notify(Readable)
	default:
		s.hub.Refuse(m)
	}
}

// state is what a call meets before it does anything.
func (s *Head) state() error {
	if s.err != nil {
		return s.err
	}
	if s.hungup {
		return syscall.ENXIO
	}
	return nil
}

// Write sends p down as one data message per block; it returns how many octets were
// taken. ErrWouldBlock with fewer than asked: the stream or the pool is full.
func (s *Head) Write(p []byte) (n int, err error) {
	if err := s.state(); err != nil {
		return 0, err
	}
	for n < len(p) {
		if !s.wq.CanPutNext() {
			return n, ErrWouldBlock
		}
		b, k := s.block(p[n:], false)
		if b == 0 {
			return n, ErrWouldBlock
		}
		s.down(dataplane.Msg{Type: dataplane.Data, Block: b, Len: uint32(k)})
		n += k
	}
	return n, nil
}

// block copies as much of p as one block holds; control may take the reserve.
func (s *Head) block(p []byte, control bool) (block.ID, int) {
	alloc := s.hub.Pool.Alloc
	if control {
		alloc = s.hub.Pool.AllocControl
	}
	n := min(len(p), s.hub.Pool.MaxAlloc())
	b := alloc(n)
	if b == 0 {
		return 0, 0
	}
	copy(s.hub.Pool.Extend(b, n), p)
	return b, n
}

// PutMsg sends one message with a control part, in a band, or ahead of all as high
// priority; putmsg and putpmsg. The parts must fit a block each. A message without
// control part is data.
func (s *Head) PutMsg(control, data []byte, band uint8, high bool) error {
	if err := s.state(); err != nil {
		return err
	}
	switch {
	case high && len(control) == 0 || high && band != 0:
		return syscall.EINVAL
	case max(len(control), len(data)) > s.hub.Pool.MaxAlloc():
		return syscall.ERANGE
	case !high && !s.wq.CanPutNextBand(band):
		return ErrWouldBlock
	}
	m := dataplane.Msg{Type: dataplane.Data, Band: band}
	if len(control) > 0 {
		m.Type = dataplane.Proto
		if high {
			m.Type = dataplane.PCProto
		}
		if m.Block, _ = s.block(control, high); m.Block == 0 {
			return ErrWouldBlock
		}
	}
	if len(data) > 0 || len(control) == 0 {
		b, _ := s.block(data, high)
		switch {
		case b == 0:
			s.hub.Free(m)
			return ErrWouldBlock
		case m.Block == 0:
			m.Block = b
		default:
			s.hub.Pool.Append(m.Block, b)
		}
	}
	m.Len = uint32(s.hub.Pool.Size(m.Block))
	s.down(m)
	return nil
}

// Read takes data, as an octet stream: a message that p does not hold is read on by
// the next call. It stops before a message with a control part; when that is the
// first, ErrNotData. After a hangup it gives what is left and then io.EOF, after an
// error that error.
func (s *Head) Read(p []byte) (n int, err error) {
	if s.err != nil {
		return 0, s.err
	}
	for n < len(p) {
		if s.part.Block == 0 && !s.nextData(&err) {
			break
		}
		if s.part.Block == 0 {
			continue // a message without data
		}
		data := s.hub.Pool.Bytes(s.part.Block)
		k := copy(p[n:], data)
		n += k
		s.hub.Pool.Trim(s.part.Block, k)
		if k == len(data) {
			next := s.hub.Pool.Next(s.part.Block)
			s.hub.Pool.FreeOne(s.part.Block)
			s.part.Block = next
		}
	}
	if n > 0 || len(p) == 0 {
		return n, nil
	}
	return 0, err
}

// nextData takes the next message if it is data; else err says why not.
func (s *Head) nextData(err *error) bool {
	st := s.rq.Stat(0)
	switch {
	case st.First.Type == dataplane.Data:
		s.part, _ = s.rq.GetQ()
		return true
	case st.Messages > 0:
		*err = ErrNotData
	case s.hungup:
		*err = io.EOF
	default:
		*err = ErrWouldBlock
	}
	return false
}

// GetMsg takes the first message whole: its control part, if it has one, is the
// first block, the rest is data; getmsg. The caller owns the message.
func (s *Head) GetMsg() (dataplane.Msg, error) {
	if s.part.Block != 0 {
		m := s.part
		s.part = dataplane.Msg{}
		m.Len = uint32(s.hub.Pool.Size(m.Block))
		return m, nil
	}
	if s.err != nil {
		return dataplane.Msg{}, s.err
	}
	m, ok := s.rq.GetQ()
	switch {
	case ok:
		return m, nil
	case s.hungup:
		return dataplane.Msg{}, io.EOF
	}
	return dataplane.Msg{}, ErrWouldBlock
}

// Flush empties the stream's queues: FlushRead, FlushWrite, or both.
func (s *Head) Flush(bits uint32) error {
	if err := s.state(); err != nil {
		return err
	}
	if bits&dataplane.FlushRead != 0 {
		s.freePart()
		s.rq.FlushQ(false)
	}
	s.down(dataplane.Msg{Type: dataplane.Flush, Info: bits & (dataplane.FlushRead | dataplane.FlushWrite)})
	return nil
}

// An ioctl message's block begins with the command and the argument's size, 32 bits
// each, big-endian; as much of the argument as fits follows. A module that wants
// more sends CopyIn with offset and size in the same form and gets IocData; one with
// a long result sends CopyOut with an offset and the octets, and gets IocData.
const ioctlHeader = 8

// Ioctl sends a request down: command and argument, of any length, which must stay
// as it is until done. done is called on the hub, once, with the result or the
// module's refusal, ENXIO after a hangup, a stream's error, or ErrTimeout.
func (s *Head) Ioctl(command uint32, arg []byte, done func(result []byte, status error)) error {
	if err := s.state(); err != nil {
		return err
	}
	if s.ioctl.done != nil {
		return ErrIoctlBusy
	}
	n := min(len(arg), block.SmallBytes-block.Headroom-ioctlHeader)
	b := s.hub.Pool.AllocControl(ioctlHeader + n)
	if b == 0 {
		return ErrWouldBlock
	}
	head := s.hub.Pool.Extend(b, ioctlHeader)
	binary.BigEndian.PutUint32(head, command)
	binary.BigEndian.PutUint32(head[4:], uint32(len(arg)))
	copy(s.hub.Pool.Extend(b, n), arg)
	s.ioctl = headIoctl{id: s.ioctl.id + 1, arg: arg, done: done}
	s.deadline = s.hub.Now() + IoctlTimeout
	s.hub.StartTimer(&s.timer, s.deadline)
	s.down(dataplane.Msg{Type: dataplane.Ioctl, Block: b, Len: uint32(ioctlHeader + n), Conn: s.ioctl.id})
	return nil
}

// ioctlPut takes an answer. One to an ioctl that has ended already is freed.
func (s *Head) ioctlPut(m dataplane.Msg) {
	if s.ioctl.done == nil || m.Conn != s.ioctl.id {
		s.hub.Refuse(m)
		return
	}
	switch m.Type {
	case dataplane.CopyIn:
		s.copyIn(m)
	case dataplane.CopyOut:
		s.copyOut(m)
	case dataplane.IocNak:
		s.hub.Free(m)
		if m.Info == 0 {
			m.Info = uint32(syscall.EINVAL)
		}
		s.finish(nil, syscall.Errno(m.Info))
	default:
		var data []byte
		if m.Block != 0 {
			data = s.hub.Pool.Bytes(m.Block)
		}
		result, err := append(s.ioctl.result, data...), error(nil)
		if len(result) > MaxIoctlResult {
			result, err = nil, syscall.EFAULT
		}
		s.hub.Free(m)
		s.finish(result, err)
	}
}

// copyRequest reads offset and size of a CopyIn or CopyOut.
func (s *Head) copyRequest(m dataplane.Msg) (offset, size int, rest []byte) {
	if m.Block == 0 || s.hub.Pool.Len(m.Block) < ioctlHeader {
		return -1, 0, nil
	}
	p := s.hub.Pool.Bytes(m.Block)
	return int(binary.BigEndian.Uint32(p)), int(binary.BigEndian.Uint32(p[4:])), p[ioctlHeader:]
}

// copyIn answers with the piece of the argument that was asked for, or with an errno.
func (s *Head) copyIn(m dataplane.Msg) {
	offset, size, _ := s.copyRequest(m)
	reply := dataplane.Msg{Type: dataplane.IocData, Conn: m.Conn}
	if offset < 0 || size > s.hub.Pool.MaxAlloc() || offset+size > len(s.ioctl.arg) {
		reply.Info = uint32(syscall.EFAULT)
	} else if b := s.hub.Pool.AllocControl(size); b == 0 {
		reply.Info = uint32(syscall.EAGAIN)
	} else {
		copy(s.hub.Pool.Extend(b, size), s.ioctl.arg[offset:])
		reply.Block, reply.Len = b, uint32(size)
	}
	s.hub.Free(m)
	s.down(reply)
}

// MaxIoctlResult is the longest result of an ioctl, in octets.
const MaxIoctlResult = 1 << 20

func (s *Head) copyOut(m dataplane.Msg) {
	offset, size, data := s.copyRequest(m)
	reply := dataplane.Msg{Type: dataplane.IocData, Conn: m.Conn}
	if offset < 0 || size != len(data) || offset != len(s.ioctl.result) || offset+size > MaxIoctlResult {
		reply.Info = uint32(syscall.EFAULT)
	} else {
		s.ioctl.result = append(s.ioctl.result, data...)
	}
	s.hub.Free(m)
	s.down(reply)
}

// finish ends the ioctl under way, if there is one.
func (s *Head) finish(result []byte, status error) {
	done := s.ioctl.done
	if done == nil {
		return
	}
	s.hub.StopTimer(&s.timer)
	s.ioctl = headIoctl{id: s.ioctl.id}
	done(result, status)
}
