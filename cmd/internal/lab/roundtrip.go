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
	"time"

	"golang.org/x/sys/unix"
)

// Limits of RoundTrip.
const (
	roundTripWait  = time.Second // an answer later than this is lost: on a busy machine 100 ms are not enough
	maxRoundTrips  = 10_000_000
	roundTripGuess = 1 << 16 // samples there is room for before the first growth
)

// RoundTripConfig says how RoundTrip measures.
type RoundTripConfig struct {
	Size     int           // octets of UDP payload, 8 to 65507; 0 means 64
	Count    int           // requests; 0 means as many as pass in Duration
	Duration time.Duration // used when Count is 0
	Interval time.Duration // from one request to the next; 0 sends each on the echo of the last
}

// RoundTripResult is what came of it.
type RoundTripResult struct {
	Sent, Lost int
	RTT        Latency
}

// RoundTrip sends a UDP packet from one host to an address of the other, waits
// for its echo, and goes on with the next. Both ends block in the kernel, as a
// simple application does, so the scheduler of Go has little part in the figure.
func RoundTrip(ctx context.Context, from, to *Host, addr netip.Addr, cfg RoundTripConfig) (RoundTripResult, error) {
	if cfg.Size == 0 {
		cfg.Size = defaultUDPSize
	}
	if cfg.Size < minUDPSize || cfg.Size > maxUDPSize || cfg.Count < 0 || cfg.Count > maxRoundTrips {
		return RoundTripResult{}, fmt.Errorf("lab: round trip: size %d or count %d out of range", cfg.Size, cfg.Count)
	}
	res, err := roundTrip(ctx, from, to, addr, cfg)
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return res, fmt.Errorf("lab: round trip to %v: %w", addr, err)
	}
	return res, nil
}

func roundTrip(ctx context.Context, from, to *Host, addr netip.Addr, cfg RoundTripConfig) (RoundTripResult, error) {
	in, out, err := udpPair(from, to, addr)
	if err != nil {
		return RoundTripResult{}, err
	}
	server, err := blocking(in)
	if err != nil {
		out.Close()
		return RoundTripResult{}, err
	}
	client, err := blocking(out)
	if err != nil {
		server.Close()
		return RoundTripResult{}, err
	}
	defer client.Close()

	echoing, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		echo(echoing, int(server.Fd()))
		server.Close()
		close(done)
	}()
	res, err := ask(ctx, int(client.Fd()), cfg)
	stop()
	<-done
	return res, err
}

// blocking turns a UDP socket into one whose system calls block, for
// roundTripWait at most, and closes the original.
func blocking(conn *net.UDPConn) (*os.File, error) {
	defer conn.Close()
	f, err := conn.File()
	if err != nil {
		return nil, err
	}
	wait := unix.NsecToTimeval(int64(roundTripWait))
	// Fd makes the descriptor blocking.
	if err := unix.SetsockoptTimeval(int(f.Fd()), unix.SOL_SOCKET, unix.SO_RCVTIMEO, &wait); err != nil {
		f.Close()
		return nil, os.NewSyscallError("setsockopt SO_RCVTIMEO", err)
	}
	return f, nil
}

// timedOut tells that nothing came within SO_RCVTIMEO, or a signal came instead.
func timedOut(err error) bool {
	return errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR)
}

// echo returns every packet to its sender until ctx ends. The first one fixes
// who that is: the socket is connected to it.
func echo(ctx context.Context, fd int) {
	buf := make([]byte, maxUDPSize)
	connected := false
	for ctx.Err() == nil {
		if connected {
			if n, err := unix.Read(fd, buf); err == nil {
				_, _ = unix.Write(fd, buf[:n])
			} else if !timedOut(err) {
				return
			}
			continue
		}
		n, peer, err := unix.Recvfrom(fd, buf, 0)
		if timedOut(err) {
			continue
		}
		if err != nil || unix.Connect(fd, peer) != nil {
			return
		}
		connected = true
		_, _ = unix.Write(fd, buf[:n])
	}
}

// ask sends requests one after the other and times their echoes.
func ask(ctx context.Context, fd int, cfg RoundTripConfig) (RoundTripResult, error) {
	request := bytes.Clone(pattern(0, cfg.Size))
	answer := make([]byte, cfg.Size+1)
	samples := make([]time.Duration, 0, roundTripGuess)
	var res RoundTripResult
	end := time.Now().Add(cfg.Duration)
	for seq := uint64(0); ctx.Err() == nil && seq < maxRoundTrips; seq++ {
		start := time.Now()
		if cfg.Count > 0 && res.Sent == cfg.Count || cfg.Count == 0 && start.After(end) {
			break
		}
		binary.BigEndian.PutUint64(request, seq)
		if _, err := unix.Write(fd, request); err != nil {
			return res, os.NewSyscallError("write", err)
		}
		res.Sent++
		ok, err := awaitEcho(fd, request, answer)
		if err != nil {
			return res, err
		}
		if !ok {
			res.Lost++
			continue
		}
		samples = append(samples, time.Since(start))
		if cfg.Interval > 0 {
			time.Sleep(time.Until(start.Add(cfg.Interval)))
		}
	}
	res.RTT = NewLatency(samples)
	return res, nil
}

// awaitEcho reads until the echo of request is there; echoes of earlier requests
// that were given up are passed over.
func awaitEcho(fd int, request, answer []byte) (bool, error) {
	for {
		n, err := unix.Read(fd, answer)
		if timedOut(err) {
			return false, nil
		}
		if err != nil {
			return false, os.NewSyscallError("read", err)
		}
		if bytes.Equal(answer[:n], request) {
			return true, nil
		}
	}
}
