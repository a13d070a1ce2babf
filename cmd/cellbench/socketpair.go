package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cellhub/cellhub/dataplane/client"
)

// Sizes of the contest of sockets.
const (
	bulkSDU    = 1500 // octets
	bulkBatch  = 4000 // SDUs before the clock is looked at
	tripSDU    = 48   // octets
	tripBatch  = 200
	queueDepth = 128 // SDUs between two goroutines by a channel
)

// A socketEnd is one of two parties: put hands an SDU over, get waits for one and fills p.
type socketEnd struct{ put, get func(p []byte) error }

// socketContest moves SDUs between two goroutines, and one there and back. The sockets are of two
// applications of one daemon, another process, and each SDU passes through it.
func socketContest(hubd string, window time.Duration) *contest {
	c := &contest{name: "sockets", figures: []figure{
		{table: "SDUs of 1,500 octets, one way", column: "rate", unit: "a second"},
		{table: "An SDU of 48 octets, there and back", column: "time", unit: "µs", lower: true},
	}}
	add := func(name string, spins bool, open func(ctx context.Context) (ends [2]socketEnd, done func(), err error)) {
		c.entrants = append(c.entrants, &entrant{name: name, turn: func(ctx context.Context) ([]sample, error) {
			ends, done, err := open(ctx)
			if err != nil {
				return nil, err
			}
			defer done()
			return measureEnds(ctx, ends, spins, window)
		}})
	}
	add("SEQPACKET", false, seqpacketEnds)
	add("TCP over loopback", false, tcpEnds)
	add("Go channel", false, channelEnds)
	add("socket", false, func(ctx context.Context) ([2]socketEnd, func(), error) { return socketEnds(ctx, hubd, false) })
	add("socket, spinning, one goroutine at both ends", true, func(ctx context.Context) ([2]socketEnd, func(), error) { return socketEnds(ctx, hubd, true) })
	return c
}

// measureEnds gives both figures; of those who spin the second: two of them and the hub want more
// processors than there may be.
func measureEnds(ctx context.Context, ends [2]socketEnd, spins bool, window time.Duration) ([]sample, error) {
	var bulk, trips int
	rate := missing
	if begin := time.Now(); !spins {
		for time.Since(begin) < window && ctx.Err() == nil {
			if err := oneWay(ends, bulkBatch); err != nil {
				return nil, err
			}
			bulk += bulkBatch
		}
		rate = float64(bulk) / time.Since(begin).Seconds()
	}
	there := byTwo
	if spins {
		there = byOne
	}
	begin := time.Now()
	for time.Since(begin) < window && ctx.Err() == nil {
		if err := there(ends, tripBatch); err != nil {
			return nil, err
		}
		trips += tripBatch
	}
	trip := float64(time.Since(begin).Microseconds()) / float64(trips)
	return []sample{{value: rate}, {value: trip}}, ctx.Err()
}

// oneWay sends SDUs from the first end to the second.
func oneWay(ends [2]socketEnd, sdus int) error {
	sent := make(chan error, 1)
	go func() {
		p := make([]byte, bulkSDU)
		for range sdus {
			if err := ends[0].put(p); err != nil {
				sent <- err
				return
			}
		}
		sent <- nil
	}()
	p := make([]byte, bulkSDU)
	for range sdus {
		if err := ends[1].get(p); err != nil {
			return err
		}
	}
	return <-sent
}

// byTwo is a trip of two goroutines: the second one sends back what comes.
func byTwo(ends [2]socketEnd, times int) error {
	echoed := make(chan error, 1)
	go func() {
		p := make([]byte, tripSDU)
		for range times {
			if err := errors.Join(ends[1].get(p), ends[1].put(p)); err != nil {
				echoed <- err
				return
			}
		}
		echoed <- nil
	}()
	p := make([]byte, tripSDU)
	for range times {
		if err := errors.Join(ends[0].put(p), ends[0].get(p)); err != nil {
			return err
		}
	}
	return <-echoed
}

// byOne is a trip of one goroutine, which has both ends: what spins is the application and the
// hub, and two processors are enough.
func byOne(ends [2]socketEnd, times int) error {
	p := make([]byte, tripSDU)
	for range times {
		if err := errors.Join(ends[0].put(p), ends[1].get(p), ends[1].put(p), ends[0].get(p)); err != nil {
			return err
		}
	}
	return nil
}

// connEnd is an end that is a net.Conn: of a stream, all of p is read.
func connEnd(c net.Conn, stream bool) socketEnd {
	e := socketEnd{put: func(p []byte) error { _, err := c.Write(p); return err }}
	if e.get = func(p []byte) error { _, err := c.Read(p); return err }; stream {
		e.get = func(p []byte) error { _, err := io.ReadFull(c, p); return err }
	}
	return e
}

func seqpacketEnds(context.Context) (ends [2]socketEnd, done func(), err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return ends, nil, err
	}
	var conns [2]net.Conn
	for i, fd := range fds {
		f := os.NewFile(uintptr(fd), "seqpacket")
		conn, failed := net.FileConn(f)
		f.Close()
		if err = errors.Join(err, failed); failed == nil {
			conns[i], ends[i] = conn, connEnd(conn, false)
		}
	}
	done = func() { closeConns(conns) }
	if err != nil {
		done()
	}
	return ends, done, err
}

func closeConns(conns [2]net.Conn) {
	for _, c := range conns {
		if c != nil {
			c.Close()
		}
	}
}

func tcpEnds(ctx context.Context) (ends [2]socketEnd, done func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return ends, nil, err
	}
	defer l.Close()
	var conns [2]net.Conn
	if conns[0], err = (&net.Dialer{}).DialContext(ctx, "tcp", l.Addr().String()); err == nil {
		conns[1], err = l.Accept()
	}
	if err != nil {
		closeConns(conns)
		return ends, nil, err
	}
	return [2]socketEnd{connEnd(conns[0], true), connEnd(conns[1], true)}, func() { closeConns(conns) }, nil
}

// channelEnds are two goroutines' without a kernel: octets are copied in and out, as by sockets.
func channelEnds(context.Context) (ends [2]socketEnd, done func(), err error) {
	way := func() (put, get func(p []byte) error) {
		free, full := make(chan []byte, queueDepth), make(chan []byte, queueDepth)
		for range queueDepth {
			free <- make([]byte, bulkSDU)
		}
		put = func(p []byte) error { b := <-free; full <- b[:copy(b, p)]; return nil }
		get = func(p []byte) error { b := <-full; copy(p, b); free <- b[:bulkSDU]; return nil }
		return put, get
	}
	ends[0].put, ends[1].get = way()
	ends[1].put, ends[0].get = way()
	return ends, func() {}, nil
}

// calledAddress is where one application listens, and the other calls.
const calledAddress = "svc://47000580ffe1000000f20f220000000000bbcc00"

// socketEnds are a call between two applications of a daemon.
func socketEnds(ctx context.Context, hubd string, spin bool) (ends [2]socketEnd, done func(), err error) {
	var args []string
	config := &client.Config{MaxSDU: bulkSDU}
	if spin {
		args, config.Spin = []string{"--spin"}, time.Second
	}
	h, err := startSocketHub(ctx, hubd, "", args...)
	if err != nil {
		return ends, nil, err
	}
	if err = h.answerListens(); err == nil {
		var conns [2]net.Conn
		if conns, err = h.call(ctx, config); err == nil {
			ends = [2]socketEnd{connEnd(conns[0], false), connEnd(conns[1], false)}
		}
	}
	if err != nil {
		err = fmt.Errorf("a call between two applications: %w", h.explain(err))
		h.close()
		return ends, nil, err
	}
	return ends, h.close, nil
}

// call connects two applications.
func (h *socketHub) call(ctx context.Context, config *client.Config) (conns [2]net.Conn, err error) {
	var apps [2]*client.Client
	for i := range apps {
		if apps[i], err = h.open(); err != nil {
			return conns, err
		}
	}
	l, err := apps[1].Listen(ctx, calledAddress, config)
	if err != nil {
		return conns, err
	}
	accepted := make(chan error, 1)
	go func() {
		var err error
		conns[1], err = l.Accept()
		accepted <- err
	}()
	conn, err := apps[0].Dial(ctx, calledAddress, config)
	if err != nil {
		return conns, err
	}
	conns[0] = conn
	return conns, <-accepted
}
