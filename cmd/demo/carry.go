package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/cellhub/cellhub/cmd/internal/lab"
)

// What both ends agree on.
const (
	dev        = "atm0"
	vc         = "0/100"
	carrierMTU = 1600 // holds an Ethernet frame of 1514 octets as one AAL5 SDU, with its headers
	startTime  = 5 * time.Second
)

// The addresses of the TAPs.
var (
	inner4 = [2]netip.Prefix{netip.MustParsePrefix("198.51.100.1/24"), netip.MustParsePrefix("198.51.100.2/24")}
	inner6 = [2]netip.Prefix{netip.MustParsePrefix("2001:db8:1::1/64"), netip.MustParsePrefix("2001:db8:1::2/64")}
)

// A carrier is what the channel runs over.
type carrier struct {
	name  string
	title string
	port  func(own, other *lab.Host) string
}

var carriers = []carrier{
	{
		name:  "eth",
		title: "over Ethernet: ATM cells (RFC 4717, N-to-one) in MPLS",
		port:  func(_, _ *lab.Host) string { return "eth:" + lab.Dev + ",label=100,mode=n1" },
	},
	{
		name:  "udp",
		title: "over UDP: AAL5 SDUs (RFC 4717) in MPLS-in-UDP (RFC 7510)",
		port: func(own, other *lab.Host) string {
			return fmt.Sprintf("udp:%v:6635,remote=%v:6635,label=100,mode=aal5sdu", own.Addr4.Addr(), other.Addr4.Addr())
		},
	},
}

// An end is one atmtap.
type end struct {
	host   *lab.Host
	cmd    *lab.Cmd
	stdout bytes.Buffer // read when the process has ended
	stderr bytes.Buffer
}

// start runs atmtap in a host.
func (e *end) start(atmtap, port string) error {
	// The process outlives any context: it is stopped, or the lab ends it.
	e.cmd = e.host.Command(context.Background(), atmtap, "--tap", dev, "--vc", vc, "--port", port, "--json")
	e.cmd.Stdout, e.cmd.Stderr = &e.stdout, &e.stderr
	return e.cmd.Start()
}

// died explains why atmtap ended on its own, with its last line.
func (e *end) died() error {
	how := "ended on its own"
	if err := e.cmd.Wait(); err != nil {
		how = err.Error()
	}
	text := strings.TrimSpace(e.stderr.String())
	return fmt.Errorf("%s: atmtap: %s: %s", e.host.Name, how, text[strings.LastIndexByte(text, '\n')+1:])
}

// stop ends atmtap and reads its summary.
func (e *end) stop() (summary, error) {
	var s summary
	if err := e.cmd.Stop(syscall.SIGTERM); err != nil {
		return s, e.died()
	}
	events := bytes.TrimSpace(e.stdout.Bytes()) // one a line, the summary last
	if err := json.Unmarshal(events[bytes.LastIndexByte(events, '\n')+1:], &s); err != nil {
		return s, fmt.Errorf("%s: atmtap's summary: %w", e.host.Name, err)
	}
	return s, nil
}

// carry shows one carrier from start to summary.
func (c config) carry(ctx context.Context, stdout io.Writer, l *lab.Lab, carrier carrier) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ends := [2]*end{{host: l.A}, {host: l.B}}
	var watchers sync.WaitGroup
	defer watchers.Wait()
	stopping := make(chan struct{})
	stop := sync.OnceFunc(func() { close(stopping) })
	defer stop()
	for i, e := range ends {
		if err := e.start(c.atmtap, carrier.port(e.host, ends[1-i].host)); err != nil {
			return err
		}
		watchers.Go(func() {
			select {
			case <-e.cmd.Done():
				cancel(e.died())
			case <-stopping:
			}
		})
	}
	fmt.Fprintf(stdout, "\n%s\n  host a: %s\n", carrier.title, strings.Join(ends[0].cmd.Args, " "))
	if err := c.traffic(ctx, stdout, l); err != nil {
		return err
	}
	stop()
	watchers.Wait()
	var summaries [2]summary
	for i, e := range ends {
		var err error
		if summaries[i], err = e.stop(); err != nil {
			return err
		}
	}
	return writeCounters(stdout, summaries)
}

// traffic addresses the TAPs, then pings and transfers from host a to host b.
func (c config) traffic(ctx context.Context, stdout io.Writer, l *lab.Lab) error {
	if err := setAddresses(ctx, l); err != nil {
		return err
	}
	for _, to := range []netip.Addr{inner4[1].Addr(), inner6[1].Addr()} {
		res, err := lab.Ping(ctx, l.A, to, lab.PingConfig{Count: c.pings, Interval: c.interval})
		if err != nil {
			return err
		}
		fmt.Fprintf(stdout, "  ping  %-14v %d sent, %d received, %d lost; %v\n", to, res.Sent, res.Received, res.Lost(), res.RTT)
		if res.Lost() > 0 || res.Damaged > 0 || res.Duplicates > 0 {
			return fmt.Errorf("ping %v: %d lost, %d damaged, %d duplicates", to, res.Lost(), res.Damaged, res.Duplicates)
		}
	}
	to := inner4[1].Addr()
	res, err := lab.TCPTransfer(ctx, l.A, l.B, to, lab.TCPConfig{Duration: c.transfer})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, "  TCP   %-14v %v\n", to, res)
	return err
}

// setAddresses waits for both TAPs and gives them their addresses.
func setAddresses(ctx context.Context, l *lab.Lab) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startTime, fmt.Errorf("not there within %v", startTime))
	defer cancel()
	hosts := [2]*lab.Host{l.A, l.B}
	for _, host := range hosts {
		if err := host.WaitLink(ctx, dev); err != nil {
			return err
		}
	}
	for i, host := range hosts {
		for _, addr := range []netip.Prefix{inner4[i], inner6[i]} {
			if err := host.AddAddr(dev, addr); err != nil {
				return err
			}
		}
	}
	return nil
}
