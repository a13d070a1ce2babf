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

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// Limits and defaults of Ping.
const (
	maxPings        = 65535 // the sequence number has 16 bits
	maxPingSize     = 65507 // what fits in an IPv4 packet
	defaultPingWait = time.Second
	defaultPingSize = 56
)

// PingConfig says what Ping sends.
type PingConfig struct {
	Count    int           // echo requests, at most 65535; 0 means 1
	Interval time.Duration // from one request to the next; 0 sends each on the reply to the last, or Wait later
	Size     int           // octets after the ICMP header; 0 means 56
	Wait     time.Duration // how long a reply may take after the last request; 0 means 1 s
}

// PingResult is what came of it.
type PingResult struct {
	Sent, Received int // requests, and requests answered with the same octets
	Duplicates     int // further answers to the same request
	Damaged        int // answers whose octets differ
	RTT            Latency
}

// Lost is the number of requests without a good answer.
func (r PingResult) Lost() int { return r.Sent - r.Received }

// String reads like the summary of ping(8).
func (r PingResult) String() string {
	return fmt.Sprintf("%d sent, %d received, rtt %v", r.Sent, r.Received, r.RTT)
}

// pingID tells the pings of one process apart.
var pingID atomic.Uint32

// pinger is one run of Ping.
type pinger struct {
	conn    *icmp.PacketConn
	to      net.Addr
	request icmp.Type
	reply   byte // its type
	echo    icmp.Echo

	sentAt   []time.Time // by sequence number
	answered []bool
	rtt      []time.Duration
	result   PingResult
}

// Ping sends ICMP or ICMPv6 echo requests from a host, as to says, and counts
// the answers. Loss is no error: see the result. An error means that nothing
// could be sent, or that ctx ended first.
func Ping(ctx context.Context, from *Host, to netip.Addr, cfg PingConfig) (PingResult, error) {
	if cfg.Count == 0 {
		cfg.Count = 1
	}
	if cfg.Size == 0 {
		cfg.Size = defaultPingSize
	}
	if cfg.Wait == 0 {
		cfg.Wait = defaultPingWait
	}
	if cfg.Count < 0 || cfg.Count > maxPings || cfg.Size < 0 || cfg.Size > maxPingSize {
		return PingResult{}, fmt.Errorf("lab: ping: count %d or size %d out of range", cfg.Count, cfg.Size)
	}
	p := newPinger(to, cfg)
	network, local := "ip4:icmp", "0.0.0.0"
	if to.Is6() {
		network, local = "ip6:ipv6-icmp", "::"
	}
	err := from.Do(func() (err error) {
		p.conn, err = icmp.ListenPacket(network, local)
		return err
	})
	if err != nil {
		return PingResult{}, fmt.Errorf("lab: ping: %w", err)
	}
	defer p.conn.Close()
	defer context.AfterFunc(ctx, func() { p.conn.Close() })()

	if err = p.run(cfg); ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	p.result.RTT = NewLatency(p.rtt)
	if err != nil {
		return p.result, fmt.Errorf("lab: ping %v: %w", to, err)
	}
	return p.result, nil
}

func newPinger(to netip.Addr, cfg PingConfig) *pinger {
	p := &pinger{
		to:       &net.IPAddr{IP: to.AsSlice(), Zone: to.Zone()},
		request:  ipv4.ICMPTypeEcho,
		reply:    byte(ipv4.ICMPTypeEchoReply),
		sentAt:   make([]time.Time, cfg.Count),
		answered: make([]bool, cfg.Count),
	}
	if to.Is6() {
		p.request, p.reply = ipv6.ICMPTypeEchoRequest, byte(ipv6.ICMPTypeEchoReply)
	}
	p.echo = icmp.Echo{ID: int(pingID.Add(1)+uint32(os.Getpid())) & 0xffff, Data: pattern(0, cfg.Size)}
	return p
}

// run sends all requests, listening between them.
func (p *pinger) run(cfg PingConfig) error {
	var refused error
	buf := make([]byte, maxPingSize+8)
	for i := range cfg.Count {
		if err := p.send(i); errors.Is(err, net.ErrClosed) {
			return err
		} else if err != nil {
			refused = err // a route that is not there yet: a lost request
		}
		wait, enough := cfg.Interval, func() bool { return false }
		if i == cfg.Count-1 {
			wait, enough = cfg.Wait, func() bool { return p.result.Lost() == 0 }
		} else if wait == 0 {
			wait, enough = cfg.Wait, func() bool { return p.answered[i] }
		}
		if err := p.listen(buf, time.Now().Add(wait), enough); err != nil {
			return err
		}
	}
	if p.result.Received == 0 {
		return refused
	}
	return nil
}

func (p *pinger) send(seq int) error {
	p.echo.Seq = seq
	message := icmp.Message{Type: p.request, Body: &p.echo}
	data, err := message.Marshal(nil)
	if err != nil {
		return err
	}
	p.result.Sent++
	p.sentAt[seq] = time.Now()
	_, err = p.conn.WriteTo(data, p.to)
	return err
}

// listen takes answers until there are enough, or the deadline.
func (p *pinger) listen(buf []byte, deadline time.Time, enough func() bool) error {
	if err := p.conn.SetReadDeadline(deadline); err != nil {
		return err
	}
	for !enough() {
		n, _, err := p.conn.ReadFrom(buf)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		}
		if err != nil {
			return err
		}
		p.take(buf[:n], time.Now())
	}
	return nil
}

// take judges one ICMP message: type, code, checksum, identifier and sequence
// number (RFC 792, RFC 4443), then the data.
func (p *pinger) take(b []byte, at time.Time) {
	if len(b) < 8 || b[0] != p.reply || int(binary.BigEndian.Uint16(b[4:])) != p.echo.ID {
		return
	}
	seq := int(binary.BigEndian.Uint16(b[6:]))
	switch {
	case seq >= len(p.sentAt) || p.sentAt[seq].IsZero():
		p.result.Damaged++
	case !bytes.Equal(b[8:], p.echo.Data):
		p.result.Damaged++
	case p.answered[seq]:
		p.result.Duplicates++
	default:
		p.answered[seq] = true
		p.result.Received++
		p.rtt = append(p.rtt, at.Sub(p.sentAt[seq]))
	}
}
