package control

import (
	"errors"
	"io"
	"sync"
	"syscall"
)

// maxPassed is how many descriptors the kernel lets through with one message
// (SCM_MAX_FD): room for all of them, so that all can be closed.
const maxPassed = 253

// buffer is the memory of one system call.
type buffer struct {
	data [MaxDatagram]byte
	oob  [64 + 4*maxPassed]byte
}

var buffers = sync.Pool{New: func() any { return new(buffer) }}

// write sends one datagram; without wait it gives EAGAIN instead of waiting.
func (c *Conn) write(p *Packet, wait bool) error {
	buf := buffers.Get().(*buffer)
	defer buffers.Put(buf)
	octets, err := p.seal(buf.data[:])
	if err != nil {
		return err
	}
	var rights []byte
	if len(p.Files) > 0 {
		rights = syscall.UnixRights(p.Files...)
	}
	var failed error
	err = c.raw.Write(func(fd uintptr) bool {
		for {
			_, failed = syscall.SendmsgN(int(fd), octets, rights, nil, syscall.MSG_DONTWAIT|syscall.MSG_NOSIGNAL)
			if failed != syscall.EINTR {
				return failed != syscall.EAGAIN || !wait
			}
		}
	})
	if err != nil || failed != nil {
		return first(err, failed)
	}
	c.count.sent.Add(1)
	return nil
}

// read takes one datagram apart; without wait it gives EAGAIN instead of waiting.
func (c *Conn) read(p *Packet, wait bool) error {
	var (
		fault  error
		failed error
	)
	*p = Packet{}
	err := c.raw.Read(func(fd uintptr) bool {
		buf := buffers.Get().(*buffer)
		defer buffers.Put(buf)
		var n, oobn, flags int
		for {
			n, oobn, flags, _, failed = syscall.Recvmsg(int(fd), buf.data[:], buf.oob[:], syscall.MSG_DONTWAIT|syscall.MSG_CMSG_CLOEXEC)
			if failed != syscall.EINTR {
				break
			}
		}
		switch {
		case failed != nil:
			return failed != syscall.EAGAIN || !wait
		case n == 0: // the end, or an empty datagram, which ends it too
			c.closeRights(buf.oob[:oobn])
			failed = io.EOF
			return true
		}
		fault = c.unpack(p, buf.data[:n], buf.oob[:oobn], flags)
		return true
	})
	if err != nil || failed != nil {
		return first(err, failed)
	}
	var f Fault
	if errors.As(fault, &f) {
		c.count.faults[f].Add(1)
		return f
	}
	c.count.received.Add(1)
	return nil
}

// first gives the poller's error, such as a deadline, before that of the system call.
func first(err, failed error) error {
	if err != nil {
		return err
	}
	return failed
}

// unpack reads a datagram into p, whose trailer becomes a copy. Descriptors that do not
// belong to the message, or belong to a malformed one, are closed.
func (c *Conn) unpack(p *Packet, data, oob []byte, flags int) error {
	files, err := parseRights(oob)
	trailer, fault := p.DecodeDatagram(data)
	if fault == nil {
		fault = err
	}
	if flags&(syscall.MSG_TRUNC|syscall.MSG_CTRUNC) != 0 {
		fault = ErrTruncated
	}
	allowed := p.Descriptors()
	if fault != nil {
		*p = Packet{Message: Message{Header: p.Header}}
		allowed = 0
	}
	if len(files) > allowed {
		c.closeFiles(files[allowed:])
		files = files[:allowed]
	}
	if fault != nil {
		return fault
	}
	if len(files) > 0 {
		p.Files = files
	}
	if len(trailer) > 0 {
		p.Trailer = append([]byte(nil), trailer...)
	}
	return nil
}

// parseRights gives all descriptors in ancillary data. ErrAncillary: there was something
// else as well.
func parseRights(oob []byte) (files []int, fault error) {
	messages, err := syscall.ParseSocketControlMessage(oob)
	if err != nil {
		fault = ErrAncillary
	}
	for i := range messages {
		rights, err := syscall.ParseUnixRights(&messages[i]) // checks level and type
		if err != nil || len(messages[i].Data)%4 != 0 {
			fault = ErrAncillary
		}
		files = append(files, rights...)
	}
	return files, fault
}

func (c *Conn) closeRights(oob []byte) {
	files, _ := parseRights(oob)
	c.closeFiles(files)
}

func (c *Conn) closeFiles(files []int) {
	for _, fd := range files {
		syscall.Close(fd)
	}
	c.count.descriptors.Add(uint64(len(files)))
}
