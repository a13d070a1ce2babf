package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"time"
)

// TCPConfig says how much TCPTransfer sends: Octets, or as much as passes in
// Duration when Octets is 0.
type TCPConfig struct {
	Octets   int64
	Duration time.Duration
}

// TCPResult is what arrived, all of it verified.
type TCPResult struct {
	Octets   int64
	Duration time.Duration // from the first octet sent to the last received
}

// Rate is the goodput in bits a second.
func (r TCPResult) Rate() float64 {
	if r.Duration <= 0 {
		return 0
	}
	return float64(r.Octets) * 8 / r.Duration.Seconds()
}

// String gives the amount, the time and the rate.
func (r TCPResult) String() string {
	return fmt.Sprintf("%.1f MB in %.2f s, %.2f Gb/s, every octet verified",
		float64(r.Octets)/1e6, r.Duration.Seconds(), r.Rate()/1e9)
}

// tcpFinish is how long the receiver may take for what is under way when a
// timed transfer ends.
const tcpFinish = 10 * time.Second

// TCPTransfer sends a known stream by TCP from one host to an address of the
// other, and compares every octet and the length on arrival. What differs or is
// missing is an error.
func TCPTransfer(ctx context.Context, from, to *Host, addr netip.Addr, cfg TCPConfig) (TCPResult, error) {
	res, err := tcpTransfer(ctx, from, to, addr, cfg)
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return res, fmt.Errorf("lab: tcp to %v: %w", addr, err)
	}
	return res, nil
}

func tcpTransfer(ctx context.Context, from, to *Host, addr netip.Addr, cfg TCPConfig) (TCPResult, error) {
	in, out, err := tcpPair(ctx, from, to, addr)
	if err != nil {
		return TCPResult{}, err
	}
	defer in.Close()
	defer out.Close()
	defer context.AfterFunc(ctx, func() { in.Close(); out.Close() })()

	start := time.Now()
	type sent struct {
		octets int64
		err    error
	}
	sending := make(chan sent, 1)
	go func() {
		n, err := sendPattern(out, cfg)
		if err == nil {
			err = out.CloseWrite()
		}
		if err != nil {
			in.Close()
		} else if cfg.Octets == 0 {
			in.SetReadDeadline(time.Now().Add(tcpFinish))
		}
		sending <- sent{n, err}
	}()
	n, err := receivePattern(in)
	res := TCPResult{Octets: n, Duration: time.Since(start)}
	if err != nil {
		out.Close()
	}
	s := <-sending
	switch {
	case s.err != nil && !errors.Is(s.err, net.ErrClosed):
		return res, s.err
	case err != nil:
		return res, err
	case n != s.octets:
		return res, fmt.Errorf("%d octets sent, %d received", s.octets, n)
	}
	return res, nil
}

// tcpPair listens in one host and connects from the other.
func tcpPair(ctx context.Context, from, to *Host, addr netip.Addr) (in, out *net.TCPConn, err error) {
	var config net.ListenConfig
	config.SetMultipathTCP(false)
	var listener net.Listener
	err = to.Do(func() (err error) {
		listener, err = config.Listen(ctx, "tcp", netip.AddrPortFrom(addr, 0).String())
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	defer listener.Close()
	err = from.Do(func() error {
		var dialer net.Dialer
		conn, err := dialer.DialContext(ctx, "tcp", listener.Addr().String())
		if err == nil {
			out = conn.(*net.TCPConn)
		}
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	conn, err := listener.Accept()
	if err != nil {
		out.Close()
		return nil, nil, err
	}
	return conn.(*net.TCPConn), out, nil
}

// sendPattern writes the stream and returns its length.
func sendPattern(w io.Writer, cfg TCPConfig) (int64, error) {
	var total int64
	end := time.Now().Add(cfg.Duration)
	for {
		n := int64(patternPeriod)
		if cfg.Octets > 0 {
			n = min(n, cfg.Octets-total)
		} else if time.Now().After(end) {
			n = 0
		}
		if n == 0 {
			return total, nil
		}
		written, err := w.Write(pattern(total, int(n)))
		total += int64(written)
		if err != nil {
			return total, err
		}
	}
}

// receivePattern reads the stream to its end and compares it.
func receivePattern(r io.Reader) (int64, error) {
	var total int64
	buf := make([]byte, patternPeriod)
	for {
		n, err := r.Read(buf)
		if !bytes.Equal(buf[:n], pattern(total, n)) {
			return total, fmt.Errorf("octets differ between %d and %d", total, total+int64(n))
		}
		total += int64(n)
		if err == io.EOF {
			return total, nil
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return total, fmt.Errorf("stalled after %d octets", total)
		}
		if err != nil {
			return total, err
		}
	}
}
