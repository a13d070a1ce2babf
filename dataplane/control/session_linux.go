package control

import (
	"errors"
	"time"
)

// Session is a client's connection after HELLO: each message that it sends carries the
// hub's epoch. One goroutine uses it at a time, but for Close.
type Session struct {
	*Conn
	Epoch   uint32        // incarnation of the hub
	Number  uint32        // the client's own, as a process
	Timeout time.Duration // of each Call and of each message of Each; 0: none
}

// Hello declares a role, under a name for the hub's listings, and takes the answer. The
// descriptors that come with it are closed: a session uses no shared memory. An error
// other than *Error is the connection's.
func Hello(c *Conn, role Role, name string) (*Session, error) {
	n, err := MakeName(name)
	if err != nil {
		return nil, err
	}
	var p Packet
	p.Type = HubHello
	p.SetHub(&Hub{A: uint32(role), B: DefinitionHash, Name: n})
	err = c.Call(&p)
	p.CloseFiles()
	if err != nil {
		return nil, err
	}
	return &Session{Conn: c, Epoch: p.Epoch, Number: p.Hub().A}, nil
}

// Call is Conn.Call in the session: the epoch is set, and what takes longer than Timeout
// is os.ErrDeadlineExceeded.
func (s *Session) Call(p *Packet) error {
	p.Epoch = s.Epoch
	s.limit()
	return s.Conn.Call(p)
}

func (s *Session) limit() {
	if s.Timeout > 0 {
		s.SetReadDeadline(time.Now().Add(s.Timeout))
	}
}

// Each sends a request that several messages answer, such as LIST or RESYNC, and hands
// each of them to do, but for the DONE that ends them. What else arrives meanwhile goes to
// other, or is dropped when that is nil. An error of do's ends it, once all have come.
func (s *Session) Each(p *Packet, do func(*Packet) error, other func(*Packet)) error {
	p.Epoch = s.Epoch
	p.Flags &^= FlagNoReply
	if err := s.Send(p); err != nil {
		return err
	}
	request := p.Header
	var failed error
	for {
		s.limit()
		var in Packet
		var fault Fault
		if err := s.Recv(&in); errors.As(err, &fault) && !in.IsAnswer(&request) {
			continue // it is counted
		} else if err != nil {
			s.Forget(request.Seq)
			return err
		}
		if !in.IsAnswer(&request) {
			if other != nil {
				other(&in)
			}
			continue
		}
		switch err := in.Err(); {
		case err != nil:
			return errors.Join(failed, err)
		case in.Flags&FlagMore == 0:
			return failed
		case failed == nil:
			failed = do(&in)
		}
	}
}

// Listed is one item of a LIST.
type Listed struct {
	A, B uint32 // as the reference has them for each listing
	Name string
	Own  string // the TLV NAME
	Text string // the TLV TEXT
}

// List gives a whole listing.
func (s *Session) List(what Listing) (all []Listed, err error) {
	var p Packet
	p.Type = HubList
	p.SetHub(&Hub{B: uint32(what)})
	err = s.Each(&p, func(in *Packet) error {
		b := in.Hub()
		own, _ := FindTLV(in.Trailer, TLVName)
		text, _ := FindTLV(in.Trailer, TLVText)
		all = append(all, Listed{A: b.A, B: b.B, Name: b.Name.String(), Own: string(own), Text: string(text)})
		return nil
	}, nil)
	return all, err
}
