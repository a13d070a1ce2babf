package lab

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"
)

// Limits and defaults of the UDP measurements.
const (
	udpBatch       = 64                     // messages in one sendmmsg or recvmmsg
	udpBuffer      = 8 << 20                // octets of a socket's receive buffer
	udpQuiet       = 200 * time.Millisecond // without arrivals: nothing more comes
	minUDPSize     = 8                      // the sequence number
	maxUDPSize     = 65507
	defaultUDPSize = 64
)

// UDPConfig says what UDPBlast sends.
type UDPConfig struct {
	Size     int           // octets of UDP payload, 8 to 65507; 0 means 64
	Count    int           // packets; 0 means as many as pass in Duration
	Duration time.Duration // used when Count is 0
	Rate     int           // packets a second offered; 0 means as many as the host can
}

// UDPResult is what came of it.
type UDPResult struct {
	Sent, Received int           // packets; Received includes what arrives shortly after the end
	Damaged        int           // packets whose octets differ
	Duration       time.Duration // of the sending

	during int // received while the sender was sending
}

// Lost is the number of packets that did not arrive whole.
func (r UDPResult) Lost() int { return r.Sent - r.Received }

// SentRate is packets sent a second.
func (r UDPResult) SentRate() float64 { return perSecond(r.Sent, r.Duration) }

// ReceivedRate is packets received a second while the sender was sending, so
// that what lay in queues at its end does not count.
func (r UDPResult) ReceivedRate() float64 { return perSecond(r.during, r.Duration) }

// String gives both counts and rates.
func (r UDPResult) String() string {
	return fmt.Sprintf("%d sent (%.0f/s), %d received (%.0f/s)", r.Sent, r.SentRate(), r.Received, r.ReceivedRate())
}

func perSecond(n int, d time.Duration) float64 {
	if d <= 0 {
		return 0
	}
	return float64(n) / d.Seconds()
}

// batchConn is what ipv4.PacketConn and ipv6.PacketConn have in common.
type batchConn interface {
	ReadBatch([]ipv4.Message, int) (int, error)
	WriteBatch([]ipv4.Message, int) (int, error)
}

func newBatchConn(conn *net.UDPConn, addr netip.Addr) batchConn {
	if addr.Is6() {
		return ipv6.NewPacketConn(conn)
	}
	return ipv4.NewPacketConn(conn)
}

// UDPBlast sends UDP packets from one host to an address of the other, by
// sendmmsg in batches, and counts those that arrive with the right octets.
func UDPBlast(ctx context.Context, from, to *Host, addr netip.Addr, cfg UDPConfig) (UDPResult, error) {
	if cfg.Size == 0 {
		cfg.Size = defaultUDPSize
	}
	if cfg.Size < minUDPSize || cfg.Size > maxUDPSize || cfg.Count < 0 || cfg.Rate < 0 {
		return UDPResult{}, fmt.Errorf("lab: udp: size %d, count %d or rate %d out of range", cfg.Size, cfg.Count, cfg.Rate)
	}
	in, out, err := udpPair(from, to, addr)
	if err != nil {
		return UDPResult{}, fmt.Errorf("lab: udp to %v: %w", addr, err)
	}
	defer in.Close()
	defer out.Close()
	defer context.AfterFunc(ctx, func() { in.Close(); out.Close() })()

	sink := &udpSink{conn: newBatchConn(in, addr), want: pattern(0, cfg.Size), size: cfg.Size}
	done := make(chan struct{})
	go func() {
		sink.run()
		close(done)
	}()
	res, err := blast(ctx, newBatchConn(out, addr), cfg)
	res.during = int(sink.received.Load())
	sink.drain(res.Sent, done)
	in.Close()
	<-done
	res.Received, res.Damaged = int(sink.received.Load()), sink.damaged
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return res, fmt.Errorf("lab: udp to %v: %w", addr, err)
	}
	return res, nil
}

// udpPair opens a socket in one host and one connected to it in the other.
func udpPair(from, to *Host, addr netip.Addr) (in, out *net.UDPConn, err error) {
	err = to.Do(func() (err error) {
		in, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(addr, 0)))
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	if err := forceReadBuffer(in); err != nil {
		in.Close()
		return nil, nil, err
	}
	err = from.Do(func() (err error) {
		out, err = net.DialUDP("udp", nil, in.LocalAddr().(*net.UDPAddr))
		return err
	})
	if err != nil {
		in.Close()
		return nil, nil, err
	}
	return in, out, nil
}

// forceReadBuffer gives a socket udpBuffer whatever net.core.rmem_max says.
func forceReadBuffer(conn *net.UDPConn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var set error
	err = raw.Control(func(fd uintptr) {
		set = os.NewSyscallError("setsockopt SO_RCVBUFFORCE",
			unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, udpBuffer))
	})
	return errors.Join(err, set)
}

// blast sends until the count or the time is reached.
func blast(ctx context.Context, conn batchConn, cfg UDPConfig) (UDPResult, error) {
	batch := udpBatch
	if cfg.Rate > 0 {
		batch = max(1, min(batch, cfg.Rate/1000)) // smooth within a millisecond
	}
	messages := make([]ipv4.Message, batch)
	for i := range messages {
		messages[i].Buffers = [][]byte{bytes.Clone(pattern(0, cfg.Size))}
	}
	var res UDPResult
	start := time.Now()
	for {
		res.Duration = time.Since(start)
		n := len(messages)
		if cfg.Count > 0 {
			n = min(n, cfg.Count-res.Sent)
		} else if res.Duration >= cfg.Duration {
			n = 0
		}
		if n == 0 || ctx.Err() != nil {
			return res, nil
		}
		if cfg.Rate > 0 {
			due := start.Add(time.Duration(res.Sent) * time.Second / time.Duration(cfg.Rate))
			time.Sleep(time.Until(due))
		}
		for i := range n {
			binary.BigEndian.PutUint64(messages[i].Buffers[0], uint64(res.Sent+i))
		}
		sent, err := conn.WriteBatch(messages[:n], 0)
		res.Sent += max(sent, 0)
		// A full queue on the way refuses a packet: it was not sent.
		if err != nil && !errors.Is(err, unix.ENOBUFS) {
			return res, err
		}
	}
}

// udpSink counts what arrives. Its run has the only hand on damaged.
type udpSink struct {
	conn     batchConn
	want     []byte
	size     int
	received atomic.Int64
	damaged  int
}

// drain waits until as many have arrived as were sent, or nothing came for
// udpQuiet.
func (s *udpSink) drain(sent int, done <-chan struct{}) {
	last, since := s.received.Load(), time.Now()
	for last < int64(sent) && time.Since(since) < udpQuiet {
		select {
		case <-done:
			return
		case <-time.After(time.Millisecond):
		}
		if now := s.received.Load(); now != last {
			last, since = now, time.Now()
		}
	}
}

// run receives until the socket is closed.
func (s *udpSink) run() {
	messages := make([]ipv4.Message, udpBatch)
	for i := range messages {
		messages[i].Buffers = [][]byte{make([]byte, s.size+1)}
	}
	for {
		n, err := s.conn.ReadBatch(messages, 0)
		if err != nil {
			return
		}
		good := 0
		for _, m := range messages[:n] {
			if m.N == s.size && bytes.Equal(m.Buffers[0][minUDPSize:m.N], s.want[minUDPSize:]) {
				good++
			} else {
				s.damaged++
			}
		}
		s.received.Add(int64(good))
	}
}
