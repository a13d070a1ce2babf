package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/cellhub/cellhub/cmd/internal/lab"
)

// configuration is what each host's daemon reads: a VC on each of two carriers.
const configuration = `ports:
  dslam: eth:%[1]s,label=100
  hq: udp:%[2]v:6635,remote=%[3]v:6635,label=200
streams:
  bridged: {top: tap atm0, modules: [rfc2684 llc bridged, aal5]}
  routed: {top: tun atm1 mtu=1500, modules: [rfc2684 vcmux routed, aal5]}
pvcs:
  - {port: dslam, vc: 0/100, stream: bridged, pcr: 4000}
  - {port: hq, vc: 0/33, stream: routed}
  - {port: dslam, vc: 0/32, aal: 5}
`

// devices are the ends of the two VCs, and their addresses on each host.
var devices = []struct {
	name  string
	addrs [2]netip.Prefix
}{
	{"atm0", [2]netip.Prefix{netip.MustParsePrefix("198.51.100.1/24"), netip.MustParsePrefix("198.51.100.2/24")}},
	{"atm1", [2]netip.Prefix{netip.MustParsePrefix("203.0.113.1/24"), netip.MustParsePrefix("203.0.113.2/24")}},
}

// hubd is the daemon of one host.
type hubd struct {
	host    *lab.Host
	control string
	cmd     *lab.Cmd
	stderr  bytes.Buffer // read when the process has ended
}

// start runs cellhubd with a configuration of its own.
func (d *hubd) start(program, dir, text string) error {
	d.control = filepath.Join(dir, "control")
	file := filepath.Join(dir, "cellhub.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return err
	}
	d.cmd = d.host.Command(context.Background(), program, "--config", file, "--control", d.control, "--log", "warn")
	d.cmd.Stderr = &d.stderr
	return d.cmd.Start()
}

// await waits until the daemon has made its devices.
func (d *hubd) await(ctx context.Context, devices ...string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startTime, fmt.Errorf("%s: cellhubd does not serve within %v", d.host.Name, startTime))
	defer cancel()
	for _, dev := range devices {
		if err := d.host.WaitLink(ctx, dev); err != nil {
			select {
			case <-d.cmd.Done():
				return d.died()
			default:
				return err
			}
		}
	}
	return nil
}

func (d *hubd) died() error {
	how := "ended on its own"
	if err := d.cmd.Wait(); err != nil {
		how = err.Error()
	}
	return fmt.Errorf("%s: cellhubd: %s: %s", d.host.Name, how, strings.TrimSpace(d.stderr.String()))
}

// daemons shows a daemon on each host: two carriers, a VC on each, and what cellctl sees.
func (c config) daemons(ctx context.Context, stdout io.Writer, l *lab.Lab) error {
	dir, err := os.MkdirTemp("", "cellhub-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	ends := [2]*hubd{{host: l.A}, {host: l.B}}
	for i, d := range ends {
		own := filepath.Join(dir, string(rune('a'+i)))
		if err := os.Mkdir(own, 0o700); err != nil {
			return err
		}
		text := fmt.Sprintf(configuration, lab.Dev, d.host.Addr4.Addr(), ends[1-i].host.Addr4.Addr())
		if err := d.start(c.cellhubd, own, text); err != nil {
			return err
		}
	}
	text := fmt.Sprintf(configuration, lab.Dev, l.A.Addr4.Addr(), l.B.Addr4.Addr())
	fmt.Fprintf(stdout, "\ncellhubd on both hosts: two carriers, a VC on each\n  host a: cellhubd --config cellhub.yaml, which is\n%s", indent(text))
	for i, d := range ends {
		if err := d.await(ctx, devices[0].name, devices[1].name); ctx.Err() != nil {
			return context.Cause(ctx)
		} else if err != nil {
			return err
		}
		for _, dev := range devices {
			if err := d.host.AddAddr(dev.name, dev.addrs[i]); err != nil {
				return err
			}
		}
	}
	if err := c.across(ctx, stdout, l); err != nil {
		return err
	}
	if err := c.typed(ctx, stdout, ends); err != nil {
		return err
	}
	for _, args := range [][]string{{"show", "ports"}, {"show", "streams"}, {"show", "pvcs"}} {
		if err := c.ctl(ctx, stdout, ends[0], args...); err != nil {
			return err
		}
	}
	for _, d := range ends {
		if err := d.cmd.Stop(syscall.SIGTERM); err != nil {
			return d.died()
		}
	}
	return nil
}

// across pings over both VCs, each as soon as it carries.
func (c config) across(ctx context.Context, stdout io.Writer, l *lab.Lab) error {
	for _, dev := range devices {
		to := dev.addrs[1].Addr()
		for deadline := time.Now().Add(startTime); ; { // the first frames resolve addresses
			r, err := lab.Ping(ctx, l.A, to, lab.PingConfig{Count: 1, Wait: startTime / 10})
			if err == nil && r.Lost() == 0 {
				break
			}
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if time.Now().After(deadline) {
				return fmt.Errorf("ping %v: no answer within %v", to, startTime)
			}
		}
		r, err := lab.Ping(ctx, l.A, to, lab.PingConfig{Count: c.pings, Interval: c.interval})
		if err != nil {
			return err
		}
		fmt.Fprintf(stdout, "  ping  %-14v %d sent, %d received, %d lost; %v\n", to, r.Sent, r.Received, r.Lost(), r.RTT)
		if r.Lost() > 0 || r.Damaged > 0 || r.Duplicates > 0 {
			return fmt.Errorf("ping %v: %d lost, %d damaged, %d duplicates", to, r.Lost(), r.Damaged, r.Duplicates)
		}
	}
	return nil
}

// ctl shows a command of cellctl with what it prints.
func (c config) ctl(ctx context.Context, stdout io.Writer, d *hubd, args ...string) error {
	out, err := d.host.Command(ctx, append([]string{c.cellctl, "--control", d.control}, args...)...).CombinedOutput()
	fmt.Fprintf(stdout, "  %s: cellctl %s\n%s", d.host.Name, strings.Join(args, " "), indent(string(out)))
	if err != nil {
		return wrongly(ctx, fmt.Errorf("cellctl %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(out))))
	}
	return nil
}

func indent(text string) string {
	return "    " + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n    ") + "\n"
}
