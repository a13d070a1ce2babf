package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"time"

	"github.com/cellhub/cellhub/cmd/internal/lab"
)

// Limits of one tunnel's turn.
const (
	setupTime = 10 * time.Second // to start both ends and pass the first ping
	slackTime = 15 * time.Second // over the three windows
	pollTime  = 5 * time.Millisecond
	maxOutput = 400 // octets of a failed program's output in an error
)

// The addresses of the inner devices.
var inner = [2]netip.Prefix{
	netip.MustParsePrefix("198.51.100.1/24"),
	netip.MustParsePrefix("198.51.100.2/24"),
}

// A sample is one figure of one tunnel in one round.
type sample struct {
	value   float64
	cpu     [2]float64 // cores that the process in each host used
	machine float64    // cores of the machine that were busy, softirq and measurement included
}

// A tunnel is a peer that runs in a lab.
type tunnel struct {
	lab  *lab.Lab
	ends [2]*lab.Cmd
	out  [2]bytes.Buffer
}

// start runs both ends of a peer and waits until a ping passes.
func start(ctx context.Context, p peer, program string, mtu int) (*tunnel, error) {
	ctx, cancel := context.WithTimeout(ctx, setupTime)
	defer cancel()
	l, err := lab.New(lab.Config{MTU: mtu})
	if err != nil {
		return nil, err
	}
	t := &tunnel{lab: l}
	if err := t.start(ctx, p, program); err != nil {
		l.Close()
		return nil, t.explain(err)
	}
	return t, nil
}

func (t *tunnel) start(ctx context.Context, p peer, program string) error {
	dir, err := os.MkdirTemp("", "cellbench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	hosts := [2]*lab.Host{t.lab.A, t.lab.B}
	for _, host := range hosts {
		if err := host.Do(quiet); err != nil {
			return err
		}
	}
	for i := range hosts {
		line, err := p.command(program, hosts[i], hosts[1-i], i == 0, dir)
		if err != nil {
			return err
		}
		// The process outlives ctx; closing the lab ends it.
		t.ends[i] = hosts[i].Command(context.Background(), line...)
		t.ends[i].Stdout, t.ends[i].Stderr = &t.out[i], &t.out[i]
		if err := t.ends[i].Start(); err != nil {
			return err
		}
		if i == 0 && p.listens != 0 {
			if err := awaitListener(ctx, hosts[i], p.listens); err != nil {
				return err
			}
		}
	}
	for i, host := range hosts {
		if err := t.prepare(ctx, host, t.ends[i], inner[i]); err != nil {
			return err
		}
	}
	return t.firstPing(ctx)
}

// quiet switches IPv6 off on later devices of the calling thread's host: what it
// sends on its own disturbs small figures, and vtun ends when a packet comes
// before the TAP is up.
func quiet() error {
	return os.WriteFile("/proc/sys/net/ipv6/conf/default/disable_ipv6", []byte("1"), 0)
}

// awaitListener waits until somebody listens on a TCP port in a host. It looks
// for state 0A at the port in proc_net_tcp, so that no connection disturbs the
// listener.
func awaitListener(ctx context.Context, host *lab.Host, port uint16) error {
	for ctx.Err() == nil {
		var table []byte
		err := host.Do(func() (err error) {
			table, err = os.ReadFile("/proc/thread-self/net/tcp")
			return err
		})
		if err != nil {
			return err
		}
		if bytes.Contains(table, fmt.Appendf(nil, ":%04X 00000000:0000 0A", port)) {
			return nil
		}
		time.Sleep(pollTime)
	}
	return fmt.Errorf("nobody listens on port %d in %s", port, host.Name)
}

// prepare waits for the inner device, sets it up where the program left that to
// an administrator, and gives it its address.
func (t *tunnel) prepare(ctx context.Context, host *lab.Host, end *lab.Cmd, addr netip.Prefix) error {
	for {
		if _, err := host.Link(dev); err == nil {
			break
		}
		select {
		case <-end.Done():
			return fmt.Errorf("ended early: %w", end.Wait())
		case <-ctx.Done():
			return fmt.Errorf("no %s in %s", dev, host.Name)
		case <-time.After(pollTime):
		}
	}
	if err := host.SetUp(dev, true); err != nil {
		return err
	}
	if err := host.WaitLink(ctx, dev); err != nil {
		return err
	}
	return host.AddAddr(dev, addr)
}

// firstPing pings until an answer comes.
func (t *tunnel) firstPing(ctx context.Context) error {
	for ctx.Err() == nil {
		res, err := lab.Ping(ctx, t.lab.A, inner[1].Addr(), lab.PingConfig{Wait: 100 * time.Millisecond})
		if err == nil && res.Received > 0 {
			return nil
		}
	}
	return errors.New("no ping passes")
}

// explain adds what the programs wrote to an error. The lab is closed.
func (t *tunnel) explain(err error) error {
	for i := range t.out {
		text := bytes.TrimSpace(t.out[i].Bytes())
		if len(text) > 0 {
			err = fmt.Errorf("%w; %c wrote: %s", err, 'a'+i, bytes.ReplaceAll(text[max(0, len(text)-maxOutput):], []byte("\n"), []byte(" | ")))
		}
	}
	return err
}

// timed runs one measurement and adds what processors it used to its values.
func (t *tunnel) timed(measure func() ([]float64, error)) ([]sample, error) {
	began, busy := time.Now(), lab.MachineCPU()
	cpu := [2]time.Duration{t.ends[0].CPU(), t.ends[1].CPU()}
	values, err := measure()
	if err != nil {
		return nil, err
	}
	elapsed := time.Since(began)
	cores := func(d time.Duration) float64 { return d.Seconds() / elapsed.Seconds() }
	used := [2]float64{cores(t.ends[0].CPU() - cpu[0]), cores(t.ends[1].CPU() - cpu[1])}
	var samples []sample
	for _, v := range values {
		samples = append(samples, sample{value: v, cpu: used, machine: cores(lab.MachineCPU() - busy)})
	}
	return samples, nil
}

// measure takes all figures of a running tunnel, in the order of figures.
func (t *tunnel) measure(ctx context.Context, window time.Duration) ([]sample, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*window+slackTime)
	defer cancel()
	a, b, to := t.lab.A, t.lab.B, inner[1].Addr()
	var all []sample
	for _, figure := range []func() ([]float64, error){
		func() ([]float64, error) {
			res, err := lab.TCPTransfer(ctx, a, b, to, lab.TCPConfig{Duration: window})
			return []float64{res.Rate() / 1e9}, err
		},
		func() ([]float64, error) {
			res, err := lab.UDPBlast(ctx, a, b, to, lab.UDPConfig{Duration: window})
			if err == nil && res.Damaged > 0 {
				err = fmt.Errorf("%d packets damaged", res.Damaged)
			}
			return []float64{res.ReceivedRate() / 1e3}, err
		},
		func() ([]float64, error) {
			res, err := lab.RoundTrip(ctx, a, b, to, lab.RoundTripConfig{Duration: window})
			us := func(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
			return []float64{us(res.RTT.P50), us(res.RTT.P99)}, err
		},
	} {
		samples, err := t.timed(figure)
		if err != nil {
			return nil, err
		}
		all = append(all, samples...)
	}
	return all, nil
}
