package control

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// pair is two ends of one connection over a socketpair.
func pair(t *testing.T) (a, b *Conn) {
	t.Helper()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_SEQPACKET|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	return connOf(t, fds[0]), connOf(t, fds[1])
}

func connOf(t *testing.T, fd int) *Conn {
	t.Helper()
	f := os.NewFile(uintptr(fd), "socket")
	defer f.Close()
	n, err := net.FileConn(f)
	if err != nil {
		t.Fatal(err)
	}
	c, err := newConn(n.(*net.UnixConn))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// raw writes octets and ancillary data past the checks of Conn.
func raw(t *testing.T, c *Conn, data, oob []byte) {
	t.Helper()
	if len(data) == 0 && len(oob) > 0 { // package net would add an octet
		h := syscall.Msghdr{Control: &oob[0]}
		h.SetControllen(len(oob))
		var errno syscall.Errno
		err := c.raw.Control(func(fd uintptr) {
			_, _, errno = syscall.Syscall(syscall.SYS_SENDMSG, fd, uintptr(unsafe.Pointer(&h)), 0)
		})
		if err != nil || errno != 0 {
			t.Fatal(err, errno)
		}
		return
	}
	if _, _, err := c.socket.WriteMsgUnix(data, oob, nil); err != nil {
		t.Fatal(err)
	}
}

func ping() Packet {
	var p Packet
	p.Type = HubPing
	p.SetHub(&Hub{})
	return p
}

// Messages of every class and length of trailer pass as they are.
func TestConnMessages(t *testing.T) {
	a, b := pair(t)
	for name, m := range golden() {
		m.Flags &^= FlagReply
		p := Packet{Message: m, Trailer: readGolden(t, name)[Size:]}
		if err := a.Send(&p); err != nil {
			t.Fatal(name, err)
		}
		var got Packet
		if err := b.Recv(&got); err != nil || got.Message != p.Message || !bytes.Equal(got.Trailer, p.Trailer) || got.Files != nil {
			t.Errorf("%s: %v, %v", name, &got.Message, err)
		}
	}
	for _, n := range []int{1, 4095, MaxTrailer - 1, MaxTrailer} {
		p := Packet{Trailer: bytes.Repeat([]byte{byte(n)}, n)}
		p.Type = SigTX
		p.SetSig(&Sig{Kind: SigKindSAAL})
		if err := a.Send(&p); err != nil {
			t.Fatal(n, err)
		}
		var got Packet
		if err := b.Recv(&got); err != nil || !bytes.Equal(got.Trailer, p.Trailer) || got.Len != uint32(n) {
			t.Errorf("%d: %v, %v", n, &got.Message, err)
		}
	}
	if s := b.Stats(); s.Received != 11 || a.Stats().Sent != 11 || s.Faults != [NumFaults]uint64{} {
		t.Error(s)
	}
}

// What no receiver would take is not sent, and takes no number.
func TestConnRefusesToSend(t *testing.T) {
	a, b := pair(t)
	short := ping()
	short.Trailer = []byte{1, 2, 3}
	long := ping()
	long.Trailer = make([]byte, MaxTrailer+1)
	files := ping()
	files.Files = []int{0}
	class := ping()
	class.Class = 9
	for want, p := range map[Fault]*Packet{ErrTLVShort: &short, ErrTrailerLong: &long, ErrDescriptors: &files, ErrClass: &class} {
		if err := a.Send(p); err != want {
			t.Errorf("%v, not %v", err, want)
		}
	}
	p := ping()
	if err := a.Send(&p); err != nil || p.Seq != 1 {
		t.Error(p.Seq, err)
	}
	var got Packet
	if err := b.Recv(&got); err != nil || got.Seq != 1 || a.Stats().Sent != 1 {
		t.Error(&got.Message, err)
	}
}

// Malformed datagrams are refused one by one, counted by cause, and the connection goes
// on.
func TestConnFaults(t *testing.T) {
	a, b := pair(t)
	for _, c := range []struct {
		data []byte
		want Fault
	}{
		{damaged(t, "atm", 0, 'x'), ErrMagic},
		{[]byte{1}, ErrSize},
		{damaged(t, "atm", 120, 1), ErrReserved},
		{damaged(t, "atm", 120, 1), ErrReserved},
		{append(readGolden(t, "atm"), 0), ErrLength},
		{make([]byte, MaxDatagram+1), ErrTruncated},
	} {
		raw(t, a, c.data, nil)
		var p Packet
		err := b.Recv(&p)
		if err != c.want {
			t.Errorf("%v, not %v", err, c.want)
		}
		if err == ErrReserved && (p.Seq != 0xFFFFFFFF || p.Type != ATMAdd) {
			t.Error("header for the answer", &p.Message)
		}
	}
	p := ping()
	if a.Send(&p) != nil || b.Recv(&p) != nil {
		t.Error("the connection has ended")
	}
	if s := b.Stats(); s.Faults[ErrReserved] != 2 || s.Faults[ErrMagic] != 1 || s.Faults[ErrTruncated] != 1 || s.Received != 1 {
		t.Error(s)
	}
}

// SYNC: the reply comes back in the same block; what arrives meanwhile waits for Recv.
func TestConnCall(t *testing.T) {
	a, b := pair(t)
	serve := make(chan error, 1)
	go func() {
		serve <- func() error {
			var request Packet
			if err := b.Recv(&request); err != nil {
				return err
			}
			own := ping() // the hub's own message, under the same number
			own.Flags = FlagNoReply
			if err := b.Send(&own); err != nil {
				return err
			}
			raw(t, b, []byte("no message"), nil) // counted, and no matter to the call
			stray := ping()
			stray.Flags, stray.Seq = FlagReply, 77
			var octets [Size]byte
			stray.Encode(&octets)
			raw(t, b, octets[:], nil)
			if request.Flags&FlagSync == 0 || own.Seq != request.Seq {
				return errors.New("no SYNC, or other numbers than the test wants")
			}
			reply := Packet{Message: request.Message, Trailer: []byte{0, 1, 0, 0}}
			body := request.ATM()
			body.VCI++
			reply.SetATM(&body)
			return b.Reply(&request.Header, &reply)
		}()
	}()
	p := Packet{Message: golden()["atm"]}
	p.Flags = FlagHiPri | FlagNoReply // Call knows better
	if err := a.Call(&p); err != nil {
		t.Fatal(err)
	}
	if err := <-serve; err != nil {
		t.Fatal(err)
	}
	if p.ATM().VCI != 4661 || p.Flags&(FlagReply|FlagSync) != FlagReply || p.Seq != 1 || p.Ack != 1 || len(p.Trailer) != 4 {
		t.Error(&p.Message)
	}
	var own Packet
	if err := a.TryRecv(&own); err != nil || own.Type != HubPing || own.Flags != FlagNoReply {
		t.Error(&own.Message, err)
	}
	if s := a.Stats(); s.Strays != 1 || s.Faults[ErrSize] != 1 {
		t.Error(s)
	}
	if err := a.TryRecv(&own); err != syscall.EAGAIN {
		t.Error("more than that", err)
	}
}

// A refusal is an error that errors.Is finds.
func TestConnRefusal(t *testing.T) {
	a, b := pair(t)
	go func() {
		var request Packet
		if b.Recv(&request) == nil {
			reply := Packet{Message: request.Message}
			reply.Status = Status(syscall.ENXIO)
			_ = b.Reply(&request.Header, &reply)
		}
	}()
	p := ping()
	if err := a.Call(&p); !errors.Is(err, syscall.ENXIO) || p.Status != -int32(syscall.ENXIO) {
		t.Error(err)
	}
}

// A reply of several messages: the first from Call, the others from Recv.
func TestConnMore(t *testing.T) {
	a, b := pair(t)
	go func() {
		var request Packet
		if b.Recv(&request) != nil {
			return
		}
		for i := range uint32(3) {
			var reply Packet
			if i < 2 {
				reply.Flags = FlagMore
			}
			reply.SetHub(&Hub{A: i})
			_ = b.Reply(&request.Header, &reply)
		}
	}()
	p := ping()
	if err := a.Call(&p); err != nil || p.Hub().A != 0 || p.Flags&FlagMore == 0 {
		t.Fatal(&p.Message, err)
	}
	for i := uint32(1); i < 3; i++ {
		var next Packet
		if err := a.Recv(&next); err != nil || next.Hub().A != i || next.Seq != p.Seq || (next.Flags&FlagMore != 0) != (i == 1) {
			t.Error(&next.Message, err)
		}
	}
	if a.seq.Outstanding() != 0 {
		t.Error("still awaited")
	}
}

// A reply after its deadline is a stray.
func TestConnDeadline(t *testing.T) {
	a, b := pair(t)
	a.SetReadDeadline(time.Unix(1, 0))
	p := ping()
	if err := a.Call(&p); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal(err)
	}
	a.SetReadDeadline(time.Time{})
	var request Packet
	if err := b.Recv(&request); err != nil {
		t.Fatal(err)
	}
	late, next := ping(), ping()
	if b.Reply(&request.Header, &late) != nil || b.Send(&next) != nil {
		t.Fatal("server")
	}
	if err := a.Recv(&p); err != nil || p.Flags&FlagReply != 0 || a.Stats().Strays != 1 {
		t.Error(&p.Message, err)
	}
}

// A full socket is EAGAIN for those who do not wait, takes no number, and loses nothing.
func TestConnFull(t *testing.T) {
	a, b := pair(t)
	p := ping()
	p.Flags = FlagNoReply
	var err error
	sent := uint32(0)
	for ; err == nil; sent++ {
		err = a.TrySend(&p)
	}
	sent--
	if err != syscall.EAGAIN || sent == 0 {
		t.Fatal(sent, err)
	}
	for i := range sent {
		if err := b.TryRecv(&p); err != nil || p.Seq != i+1 {
			t.Fatal(i, &p.Message, err)
		}
	}
	if err := b.TryRecv(&p); err != syscall.EAGAIN {
		t.Error(err)
	}
	p = ping()
	if err := a.TrySend(&p); err != nil || p.Seq != sent+1 {
		t.Error(p.Seq, err)
	}
}

// What arrives during a Call is bounded.
func TestConnHeld(t *testing.T) {
	a, b := pair(t)
	go func() {
		for range MaxHeld + 1 {
			p := ping()
			p.Flags = FlagNoReply
			if b.Send(&p) != nil {
				return
			}
		}
	}()
	p := ping()
	if err := a.Call(&p); err != ErrHeld {
		t.Fatal(err)
	}
	for i := range uint32(MaxHeld) {
		if err := a.TryRecv(&p); err != nil || p.Seq != i+1 {
			t.Fatal(i, err)
		}
	}
	if s := a.Stats(); s.Faults[ErrHeld] != 1 || a.TryRecv(&p) != syscall.EAGAIN {
		t.Error(s)
	}
}

// Closing ends the other side's wait with EOF, and one's own with net.ErrClosed.
func TestConnEnd(t *testing.T) {
	a, b := pair(t)
	a.Close()
	var p Packet
	if err := b.Recv(&p); err != io.EOF {
		t.Error(err)
	}
	p = ping()
	if err := b.Send(&p); !errors.Is(err, syscall.EPIPE) {
		t.Error(err)
	}
	_, b = pair(t)
	done := make(chan error)
	go func() { var p Packet; done <- b.Recv(&p) }()
	b.Close()
	if err := <-done; !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
	a, b = pair(t)
	raw(t, a, nil, nil)
	if err := b.Recv(&p); err != io.EOF {
		t.Error("an empty datagram", err)
	}
}

// Many goroutines send; the numbers rise by one in the order of arrival.
func TestConnConcurrentSend(t *testing.T) {
	a, b := pair(t)
	var senders sync.WaitGroup
	for range 8 {
		senders.Go(func() {
			for range 100 {
				p := ping()
				p.Flags = FlagNoReply
				if err := a.Send(&p); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range uint32(800) {
		var p Packet
		if err := b.Recv(&p); err != nil || p.Seq != i+1 {
			t.Fatal(i, p.Seq, err)
		}
	}
	senders.Wait()
}

// openFiles counts this process's descriptors.
func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// Descriptors come with HELLO's reply; wherever else they are sent they are closed.
func TestConnDescriptors(t *testing.T) {
	a, b := pair(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	go func() {
		var request Packet
		if b.Recv(&request) == nil {
			reply := Packet{Message: request.Message, Files: []int{int(r.Fd()), int(w.Fd())}}
			_ = b.Reply(&request.Header, &reply)
		}
	}()
	hello := ping()
	hello.Type = HubHello
	if err := a.Call(&hello); err != nil || len(hello.Files) != 2 {
		t.Fatal(hello.Files, err)
	}
	syscall.Write(hello.Files[1], []byte("x"))
	var octet [1]byte
	if n, err := r.Read(octet[:]); n != 1 || err != nil || octet[0] != 'x' {
		t.Error("another descriptor than was sent", err)
	}
	flags, _, _ := syscall.Syscall(syscall.SYS_FCNTL, uintptr(hello.Files[0]), syscall.F_GETFD, 0)
	if flags&syscall.FD_CLOEXEC == 0 {
		t.Error("no close-on-exec")
	}
	hello.CloseFiles()
	before := openFiles(t)
	many := make([]int, maxPassed)
	for i := range many {
		many[i] = int(r.Fd())
	}
	closed := uint64(0)
	for _, c := range []struct {
		data  []byte
		files []int
		want  error
	}{
		{readGolden(t, "atm"), many[:1], nil},                 // another type
		{readGolden(t, "hub"), many[:3], nil},                 // HELLO, but no reply
		{damaged(t, "atm", 120, 1), many[:2], ErrReserved},    // malformed
		{readGolden(t, "atm"), many, nil},                     // as many as the kernel takes
		{nil, many[:5], nil},                                  // nothing but descriptors: no message at all
		{damaged(t, "hub", 8, 0, 0x11), many[:5], nil},        // HELLO's reply, five: stray and surplus
		{damaged(t, "hub", 8, 0, 0x91), many[:1], ErrFlags},   // refused before its type counts
		{make([]byte, MaxDatagram+1), many[:4], ErrTruncated}, // too long
	} {
		closed += uint64(len(c.files))
		raw(t, b, c.data, syscall.UnixRights(c.files...))
		var p Packet
		err := a.TryRecv(&p)
		switch {
		case c.data == nil:
			c.want = io.EOF
		case len(c.files) == 5: // a stray brings nothing to the reader
			c.want = syscall.EAGAIN
			closed -= 3 // these were HELLO's to have, and are closed with the stray
		}
		if err != c.want || p.Files != nil {
			t.Errorf("%d descriptors with %d octets: %v, %v", len(c.files), len(c.data), p.Files, err)
		}
	}
	if s := a.Stats(); s.Descriptors != closed || openFiles(t) != before {
		t.Errorf("%d counted, %d sent, %d open instead of %d", s.Descriptors, closed, openFiles(t), before)
	}
}

// Ancillary data other than descriptors is refused.
func TestConnAncillary(t *testing.T) {
	a, b := pair(t)
	var failed error
	err := b.raw.Control(func(fd uintptr) {
		failed = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_PASSCRED, 1)
	})
	if err != nil || failed != nil {
		t.Fatal(err, failed)
	}
	p := ping()
	if err := a.Send(&p); err != nil {
		t.Fatal(err)
	}
	if err := b.Recv(&p); err != ErrAncillary || b.Stats().Faults[ErrAncillary] != 1 {
		t.Error(err)
	}
}

// A listener's socket has its mode, tells who has connected, follows a dead one and
// never a living one.
func TestListen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control")
	l, err := Listen(path, 0o660)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != os.ModeSocket|0o660 {
		t.Error(info.Mode(), err)
	}
	if _, err := Listen(path, 0o660); !errors.Is(err, syscall.EADDRINUSE) {
		t.Error("a second listener", err)
	}
	client, err := Dial(path)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	for _, c := range []*Conn{client, server} {
		if p := c.Peer(); int(p.Pid) != os.Getpid() || int(p.Uid) != os.Getuid() || int(p.Gid) != os.Getgid() {
			t.Error(p)
		}
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Error("the socket stays", err)
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
	p := ping()
	if client.Send(&p) != nil || server.Recv(&p) != nil {
		t.Error("connections end with the listener")
	}
	if _, err := Dial(path); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

func TestListenAfterDeath(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control")
	dead, err := net.ListenUnix("unixpacket", &net.UnixAddr{Name: path, Net: "unixpacket"})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	dead.Close()
	l, err := Listen(path, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(path, 0o600); !errors.Is(err, syscall.EEXIST) {
		t.Error(err)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "mine" {
		t.Error("a file that is no socket", err)
	}
}

// A stream socket keeps no boundaries: it is refused.
func TestConnKind(t *testing.T) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fds[1])
	f := os.NewFile(uintptr(fds[0]), "socket")
	defer f.Close()
	n, err := net.FileConn(f)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	if _, err := newConn(n.(*net.UnixConn)); !errors.Is(err, syscall.EPROTOTYPE) {
		t.Error(err)
	}
}

// TestReadsWhileSending: a side whose socket is full goes on reading, or two sides that both send
// would wait for each other for ever.
func TestReadsWhileSending(t *testing.T) {
	a, b := pair(t)
	sent := make(chan error)
	go func() {
		for {
			p := ping()
			p.Flags = FlagNoReply
			if err := a.Send(&p); err != nil {
				sent <- err
				return
			}
		}
	}()
	full := func() bool { // the sender holds its lock, and nothing goes
		before := a.Stats().Sent
		time.Sleep(10 * time.Millisecond)
		if a.sending.TryLock() {
			a.sending.Unlock()
			return false
		}
		return before > 0 && a.Stats().Sent == before
	}
	for !full() {
	}
	p := ping()
	if err := b.Send(&p); err != nil {
		t.Fatal(err)
	}
	_ = a.SetReadDeadline(time.Now().Add(time.Minute))
	var in Packet
	if err := a.Recv(&in); err != nil || in.Type != HubPing {
		t.Errorf("%v: %v", &in.Message, err)
	}
	a.Close()
	if err := <-sent; !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
}
