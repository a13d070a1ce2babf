package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cellhub/cellhub/cmd/internal/lab"
)

// The MTUs at which tunnels are compared; small packets and round trips only at
// the first.
const (
	smallMTU = 1500
	largeMTU = 9000
)

// pacedInterval is from one request to the next where a round trip finds
// everybody asleep.
const pacedInterval = 10 * time.Millisecond

// turnLimit bounds what is measured in one turn.
const turnLimit = 2 * time.Minute

// tunnelContest is all peers at one inner MTU.
func tunnelContest(list []peer, mtu int, window time.Duration) *contest {
	c := &contest{name: fmt.Sprintf("tunnel, MTU %d", mtu), mtu: mtu}
	for _, column := range []string{"1 stream a→b", "1 stream b→a", "4 streams a→b", "4 streams b→a"} {
		c.figures = append(c.figures, figure{
			table: fmt.Sprintf("TCP, inner MTU %d", mtu), column: column, unit: "Gb/s",
			work: "s a gigabit", cpu: column == "1 stream a→b" || column == "4 streams a→b",
		})
	}
	if mtu == smallMTU {
		udp := figure{table: "UDP, 64 octets of payload, a→b", unit: "thousand packets a second", work: "µs a packet", cpu: true}
		for _, udp.column = range []string{"overload", "no loss"} {
			c.figures = append(c.figures, udp)
		}
		rtt := figure{table: "Round trip, 64 octets of payload", unit: "µs", lower: true}
		for _, rtt.column = range []string{"back to back p50", "p99", "every 10 ms p50"} {
			c.figures = append(c.figures, rtt)
		}
	}
	for _, p := range list {
		c.entrants = append(c.entrants, &entrant{name: p.name, optional: !p.needed, turn: func(ctx context.Context) ([]sample, error) {
			return tunnelTurn(ctx, p, mtu, window)
		}})
	}
	return c
}

// tunnelTurn sets a tunnel up, measures it and takes it down.
func tunnelTurn(ctx context.Context, p peer, mtu int, window time.Duration) ([]sample, error) {
	t, err := start(ctx, p, mtu)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, turnLimit)
	defer cancel()
	samples, err := t.measure(ctx, mtu, window)
	t.lab.Close()
	if err != nil {
		return nil, t.explain(err)
	}
	return samples, nil
}

// measure takes all figures of a running tunnel, in the order of the contest's.
func (t *tunnel) measure(ctx context.Context, mtu int, window time.Duration) ([]sample, error) {
	var all []sample
	for _, streams := range []int{1, 4} {
		for _, backwards := range []bool{false, true} {
			s, err := t.tcp(ctx, streams, backwards, window)
			if err != nil {
				return nil, err
			}
			all = append(all, s)
		}
	}
	if mtu != smallMTU {
		return all, nil
	}
	for _, take := range []func(context.Context, time.Duration) ([]sample, error){t.udp, t.roundTrips} {
		some, err := take(ctx, window)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

// metered runs a measurement that tells how much work it did, and divides the
// processor time that went into it by that.
func (t *tunnel) metered(measure func() (value, work float64, err error)) (sample, error) {
	machine, ends := lab.MachineCPU(), t.endsCPU()
	value, work, err := measure()
	if err != nil {
		return sample{}, err
	}
	used, s := lab.MachineCPU().Sub(machine), sample{value: value}
	if work > 0 {
		s.cpu = cpu{
			Ends:    (t.endsCPU() - ends).Seconds() / work,
			System:  used.System.Seconds() / work,
			SoftIRQ: used.SoftIRQ.Seconds() / work,
			Machine: used.Busy().Seconds() / work,
		}
	}
	return s, nil
}

// endsCPU is what the processes of both ends have used.
func (t *tunnel) endsCPU() (total time.Duration) {
	for _, e := range t.ends {
		if e != nil {
			total += e.CPU()
		}
	}
	return total
}

// tcp sends some streams at once through the tunnel, from a to b or backwards:
// gigabits a second, and CPU by gigabit.
func (t *tunnel) tcp(ctx context.Context, streams int, backwards bool, window time.Duration) (sample, error) {
	from, to := 0, 1
	if backwards {
		from, to = 1, 0
	}
	return t.metered(func() (value, work float64, err error) {
		type done struct {
			res lab.TCPResult
			err error
		}
		results := make(chan done, streams)
		for range streams {
			go func() {
				res, err := lab.TCPTransfer(ctx, t.hosts[from], t.hosts[to], inner[to].Addr(), lab.TCPConfig{Duration: window})
				results <- done{res, err}
			}()
		}
		for range streams {
			d := <-results
			err = errors.Join(err, d.err)
			value += d.res.Rate() / 1e9
			work += float64(d.res.Octets) * 8 / 1e9
		}
		return value, work, err
	})
}

// udp sends small packets: as many as the host can, and then as many as pass
// without loss; thousands a second, and CPU in µs a packet.
func (t *tunnel) udp(ctx context.Context, window time.Duration) ([]sample, error) {
	blast := func(cfg lab.UDPConfig) (lab.UDPResult, error) {
		res, err := lab.UDPBlast(ctx, t.lab.A, t.lab.B, inner[1].Addr(), cfg)
		if err == nil && res.Damaged > 0 {
			err = fmt.Errorf("%d packets damaged", res.Damaged)
		}
		return res, err
	}
	var most float64
	overload, err := t.metered(func() (float64, float64, error) {
		res, err := blast(lab.UDPConfig{Duration: window})
		most = min(res.SentRate(), 2*res.ReceivedRate())
		return res.ReceivedRate() / 1e3, float64(res.Received) / 1e6, err
	})
	if err != nil {
		return nil, err
	}
	var last sample
	rate, err := noLoss(most, holding*window.Seconds(), func(rate float64) (sent, lost int, achieved float64, err error) {
		last, err = t.metered(func() (float64, float64, error) {
			res, err := blast(lab.UDPConfig{Rate: int(rate), Duration: window / 2})
			sent, lost, achieved = res.Sent, res.Lost(), res.SentRate()
			return 0, float64(res.Received) / 1e6, err
		})
		return sent, lost, achieved, err
	})
	return []sample{overload, {value: rate / 1e3, cpu: last.cpu}}, err
}

// roundTrips are one packet after the other, and one every pacedInterval, in µs;
// missing when nothing came back.
func (t *tunnel) roundTrips(ctx context.Context, window time.Duration) ([]sample, error) {
	us := func(d time.Duration) sample {
		if d == 0 {
			return sample{value: missing}
		}
		return sample{value: float64(d) / float64(time.Microsecond)}
	}
	trip := func(cfg lab.RoundTripConfig) (lab.Latency, error) {
		res, err := lab.RoundTrip(ctx, t.lab.A, t.lab.B, inner[1].Addr(), cfg)
		return res.RTT, err
	}
	busy, err := trip(lab.RoundTripConfig{Duration: window})
	if err != nil {
		return nil, err
	}
	paced, err := trip(lab.RoundTripConfig{Duration: 2 * window, Interval: pacedInterval})
	return []sample{us(busy.P50), us(busy.P99), us(paced.P50)}, err
}
