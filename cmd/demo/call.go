package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/cellhub/cellhub/cmd/internal/lab"
)

// The two hosts of the third act, and the switch between them: host b, which host c is
// beyond.
const (
	hostConfig = `ports:
  net: eth:%s,label=%d
streams:
  wan: {top: tun atm0 mtu=1500, modules: [rfc2684 vcmux routed, aal5]}
pvcs:
  - {port: net, vc: 0/100, stream: wan}
`
	switchConfig = `ports:
  a: eth:%s,label=100
  c: eth:%s,label=200
xconnects:
  - {from: a 0/100, to: c 0/100}
`
	hostSignalling   = "interfaces: [{port: 1, side: user}]\nroutes: {\"*\": [1]}\n"
	switchSignalling = "interfaces: [{port: 1, side: network}, {port: 2, side: network}]\nroutes: {\"47.0005.80FFE1000000F20F2200.0020EA000EE1/152\": [2]}\n"
	hostsFile        = "47.0005.80FFE1000000F20F2200.0020EA000EE1.00 printer\n"
)

// What is called, and said.
const (
	called     = "svc://printer"
	calledText = "printed on host c"
)

// wan are the ends of the permanent VC.
var wan = [2]netip.Prefix{netip.MustParsePrefix("198.51.100.1/24"), netip.MustParsePrefix("198.51.100.2/24")}

// exchange is one host of the act, with both daemons.
type exchange struct {
	hubd
	dir    string
	config string // of cellsigd
	sigd   *lab.Cmd
	said   bytes.Buffer // of cellsigd; read when it has ended
}

func (x *exchange) path(name string) string { return filepath.Join(x.dir, name) }

// signal starts cellsigd.
func (x *exchange) signal(c *config) error {
	file := x.path("sig.yaml")
	if err := os.WriteFile(file, []byte(x.config), 0o600); err != nil {
		return err
	}
	x.said.Reset()
	x.sigd = x.host.Command(context.Background(), c.cellsigd, "--config", file, "--control", x.control,
		"--socket", x.path("sig"), "--store", x.path("store"), "--log", "warn")
	x.sigd.Stderr = &x.said
	return x.sigd.Start()
}

// ctl is cellctl at the host's daemons.
func (x *exchange) ctl(ctx context.Context, c *config, args ...string) *lab.Cmd {
	at := []string{c.cellctl, "--control", x.control, "--signalling", x.path("sig"), "--hosts", x.path("../hosts.atm")}
	return x.host.Command(ctx, append(at, args...)...)
}

// linked waits until all links of the host's cellsigd are up.
func (x *exchange) linked(ctx context.Context, c *config) error {
	up := "Established.*"
	if strings.Count(x.config, "port:") == 2 {
		up = "Established.*\n.*Established"
	}
	_, err := x.until(ctx, c, up, "address", "show")
	return err
}

// until waits until cellctl says a thing, a regular expression.
func (x *exchange) until(ctx context.Context, c *config, text string, args ...string) (string, error) {
	var out []byte
	wanted := regexp.MustCompile(text)
	for deadline := time.Now().Add(startTime); time.Now().Before(deadline); time.Sleep(startTime / 500) {
		out, _ = x.ctl(ctx, c, args...).CombinedOutput() // not there yet: its words are in out
		switch {
		case ctx.Err() != nil:
			return "", context.Cause(ctx)
		case wanted.Match(out):
			return string(out), nil
		}
	}
	return "", fmt.Errorf("%s: cellctl %s: no %q within %v: %s", x.host.Name, strings.Join(args, " "), text, startTime, out)
}

// calls shows a switched call by name through a switch, and what the end of the switch's
// signalling does to it, and to a permanent VC.
func (c config) calls(ctx context.Context, stdout io.Writer, l *lab.Lab) error {
	dir, err := os.MkdirTemp("", "cellhub-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	far, err := l.Beyond(carrierMTU)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "hosts.atm"), []byte(hostsFile), 0o600); err != nil {
		return err
	}
	hubs := [3]string{fmt.Sprintf(hostConfig, lab.Dev, 100), fmt.Sprintf(switchConfig, lab.Dev, lab.Uplink), fmt.Sprintf(hostConfig, lab.Dev, 200)}
	xs := [3]*exchange{{hubd: hubd{host: l.A}, config: hostSignalling}, {hubd: hubd{host: l.B}, config: switchSignalling}, {hubd: hubd{host: far}, config: hostSignalling}}
	for i, x := range xs {
		x.dir = filepath.Join(dir, string(rune('a'+i)))
		if err := os.Mkdir(x.dir, 0o700); err != nil {
			return err
		}
		if err := x.start(c.cellhubd, x.dir, hubs[i]); err != nil {
			return err
		}
	}
	fmt.Fprintf(stdout, "\ncellhubd and cellsigd on host a, on host c, and on host b between them, which is their switch\n"+
		"  host b: cellsigd --config sig.yaml, which is\n%s  hosts.atm, of all:\n%s", indent(switchSignalling), indent(hostsFile))
	if err := c.attach(ctx, xs); err != nil {
		return wrongly(ctx, err)
	}
	if err := c.survive(ctx, stdout, xs); err != nil {
		return wrongly(ctx, err)
	}
	for _, x := range xs {
		for _, cmd := range []*lab.Cmd{x.sigd, x.cmd} {
			if err := cmd.Stop(syscall.SIGTERM); err != nil {
				return fmt.Errorf("%s: %w: %s", x.host.Name, err, x.said.String()+x.stderr.String())
			}
		}
	}
	return nil
}

// attach waits until all daemons serve and their links are up.
func (c config) attach(ctx context.Context, xs [3]*exchange) error {
	for i, x := range xs {
		if i != 1 {
			if err := x.await(ctx, dev); err != nil {
				return err
			}
			if err := x.host.AddAddr(dev, wan[i/2]); err != nil {
				return err
			}
		}
		if _, err := x.until(ctx, &c, "PORT", "show", "ports"); err != nil {
			return err
		}
		if err := x.signal(&c); err != nil {
			return err
		}
	}
	for _, x := range xs {
		if err := x.linked(ctx, &c); err != nil {
			return err
		}
	}
	return nil
}
