package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cellhub/cellhub/cmd/internal/lab"
	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/dataplane/control/controltest"
)

// startTap runs atmtap in a host until the test ends, and waits until it is set up.
func startTap(t *testing.T, h *lab.Host, args ...string) {
	t.Helper()
	var log controltest.Log
	cmd := h.Command(context.Background(), append([]string{programs.Path(t, "atmtap")}, args...)...)
	cmd.Stdout, cmd.Stderr = &log, &log
	log.Start(t, cmd, ", MTU ")
}

// switchLab is a host on either side and a cellhubd between them, with ports 1 and 2:
//
//	host a  atm0 ═ eth0 ──── eth0  host b: cellhubd  eth1 ──── eth0 ═ atm0  host c
type switchLab struct {
	*lab.Lab
	far *lab.Host
	*controltest.Client
}

func newSwitchLab(t *testing.T, modes [2]string) *switchLab {
	t.Helper()
	l := lab.ForTest(t, lab.Config{MTU: 1600})
	far, err := l.Beyond(1600)
	if err != nil {
		t.Fatal(err)
	}
	c := controltest.Dial(t, startDaemon(t, l.B, filepath.Join(t.TempDir(), "control")).path, control.RoleAdmin)
	c.Must(c.Hub(control.HubOpen, 0, 1, "port", fmt.Sprintf("near eth:%s,label=100,mode=%s", lab.Dev, modes[0]), ""))
	c.Must(c.Hub(control.HubOpen, 0, 2, "port", fmt.Sprintf("far eth:%s,label=200,mode=%s", lab.Uplink, modes[1]), ""))
	return &switchLab{l, far, c}
}

// cross makes a message with SECOND_END, and perhaps a text and a leaf.
func (l *switchLab) cross(typ control.Type, b control.ATM, end control.SecondEnd, text string, leaf uint32) *control.Packet {
	l.T.Helper()
	p := l.ATM(typ, b)
	var errs [3]error
	p.Trailer, errs[0] = end.Append(p.Trailer)
	if leaf != 0 {
		p.Trailer, errs[1] = (&control.Leaf{ID: leaf}).Append(p.Trailer)
	}
	if text != "" {
		p.Trailer, errs[2] = control.AppendTLV(p.Trailer, control.TLVText, []byte(text))
	}
	if err := errors.Join(errs[:]...); err != nil {
		l.T.Fatal(err)
	}
	return p
}

// Two hosts and a switch between them: the VC of one is cross-connected, by one control
// message, to that of the other, which has another number; a whole path does as well.
func TestSwitch(t *testing.T) {
	for name, ends := range map[string]struct {
		modes     [2]string
		vcs       [2]string
		near, far control.SecondEnd
	}{
		"channel": {[2]string{"n1", "n1cw"}, [2]string{"0/100", "3/200"}, control.SecondEnd{Port: 1, VCI: 100}, control.SecondEnd{Port: 2, VPI: 3, VCI: 200}},
		"sdus":    {[2]string{"n1", "aal5sdu"}, [2]string{"0/100", "3/200"}, control.SecondEnd{Port: 1, VCI: 100}, control.SecondEnd{Port: 2, VPI: 3, VCI: 200}},
		"path":    {[2]string{"n1", "n1"}, [2]string{"2/100", "9/100"}, control.SecondEnd{Port: 1, VPI: 2}, control.SecondEnd{Port: 2, VPI: 9}},
	} {
		t.Run(name, func(t *testing.T) {
			l := newSwitchLab(t, ends.modes)
			startTap(t, l.A, "--tap", "atm0", "--vc", ends.vcs[0], "--port", "eth:"+lab.Dev+",label=100,mode="+ends.modes[0])
			startTap(t, l.far, "--tap", "atm0", "--vc", ends.vcs[1], "--port", "eth:"+lab.Dev+",label=200,mode="+ends.modes[1])
			x := l.Must(l.cross(control.ATMXConnect, control.ATM{Port: ends.near.Port, VPI: ends.near.VPI, VCI: ends.near.VCI}, ends.far, "", 0))
			if x.Conn == 0 {
				t.Error("a cross-connect without id")
			}
			for i, h := range []*lab.Host{l.A, l.far} {
				if err := h.AddAddr("atm0", inner[i]); err != nil {
					t.Fatal(err)
				}
			}
			ping(t, l.Lab)
			n := l.Counters(l.Must(l.ATM(control.ATMStats, control.ATM{Port: ends.far.Port, VPI: ends.far.VPI, VCI: ends.far.VCI})))
			if n["rx_cells"] < 600 {
				t.Errorf("the way back has counted %v", n)
			}
			l.Must(l.ATM(control.ATMDel, control.ATM{Port: ends.far.Port, VPI: ends.far.VPI, VCI: ends.far.VCI}))
			ctx, cancel := context.WithTimeout(context.Background(), controltest.Patience)
			defer cancel()
			if r, err := lab.Ping(ctx, l.A, inner[1].Addr(), lab.PingConfig{Count: 1, Wait: 100 * time.Millisecond}); err == nil && r.Lost() == 0 {
				t.Error("answered without the cross-connect")
			}
			p := l.ATM(control.ATMQuery, control.ATM{})
			p.Conn = x.Conn
			if _, err := l.Call(p); control.Status(err) != -int32(syscall.ESTALE) {
				t.Errorf("the VC that has gone: %v", err)
			}
		})
	}
}

// What is refused, and that it leaves nothing behind.
func TestSwitchRefuses(t *testing.T) {
	l := newSwitchLab(t, [2]string{"n1", "n1"})
	l.Must(l.cross(control.ATMXConnect, control.ATM{Port: 1, VPI: 1, VCI: 100, Direction: control.DirectionIn}, control.SecondEnd{Port: 2, VCI: 200}, "", 0))
	l.Must(l.cross(control.ATMAddLeaf, control.ATM{Port: 1, VPI: 1, VCI: 100}, control.SecondEnd{Port: 2, VCI: 201}, "", 7))
	l.Must(l.cross(control.ATMXConnect, control.ATM{Port: 1, VPI: 2}, control.SecondEnd{Port: 2, VPI: 2}, "", 0))
	l.Must(l.ATM(control.ATMAdd, control.ATM{Port: 1, VPI: 3, VCI: 100, AAL: control.AAL5}))
	before := len(l.Dump(l.Hub(control.HubResync, 0, 0, "", "", "")))
	for name, refused := range map[string]struct {
		typ   control.Type
		b     control.ATM
		end   control.SecondEnd
		text  string
		leaf  uint32
		errno syscall.Errno
	}{
		"the VC again":            {control.ATMXConnect, control.ATM{Port: 1, VPI: 1, VCI: 100}, control.SecondEnd{Port: 2, VCI: 300}, "", 0, syscall.EEXIST},
		"another's end":           {control.ATMXConnect, control.ATM{Port: 1, VPI: 1, VCI: 101}, control.SecondEnd{Port: 2, VCI: 200}, "", 0, syscall.EEXIST},
		"a channel of a path":     {control.ATMXConnect, control.ATM{Port: 1, VPI: 2, VCI: 101}, control.SecondEnd{Port: 2, VCI: 300}, "", 0, syscall.EEXIST},
		"a path with a PVC":       {control.ATMXConnect, control.ATM{Port: 1, VPI: 3}, control.SecondEnd{Port: 2, VPI: 7}, "", 0, syscall.EEXIST},
		"a path to a channel":     {control.ATMXConnect, control.ATM{Port: 1, VPI: 4}, control.SecondEnd{Port: 2, VCI: 300}, "", 0, syscall.EINVAL},
		"a reserved VCI":          {control.ATMXConnect, control.ATM{Port: 1, VCI: 5}, control.SecondEnd{Port: 2, VCI: 300}, "", 0, syscall.EPERM},
		"no port":                 {control.ATMXConnect, control.ATM{Port: 9, VCI: 50}, control.SecondEnd{Port: 2, VCI: 300}, "", 0, syscall.ENODEV},
		"itself":                  {control.ATMXConnect, control.ATM{Port: 1, VCI: 50}, control.SecondEnd{Port: 1, VCI: 50}, "", 0, syscall.EINVAL},
		"CBR without a peak":      {control.ATMXConnect, control.ATM{Port: 1, VCI: 50, Service: control.ServiceCBR}, control.SecondEnd{Port: 2, VCI: 300}, "", 0, syscall.EINVAL},
		"words that mean nothing": {control.ATMXConnect, control.ATM{Port: 1, VCI: 50}, control.SecondEnd{Port: 2, VCI: 300}, "fast", 0, syscall.EINVAL},
		"the leaf again":          {control.ATMAddLeaf, control.ATM{Port: 1, VPI: 1, VCI: 100}, control.SecondEnd{Port: 2, VCI: 301}, "", 7, syscall.EEXIST},
		"no such root":            {control.ATMAddLeaf, control.ATM{Port: 1, VPI: 3, VCI: 100}, control.SecondEnd{Port: 2, VCI: 301}, "", 8, syscall.EINVAL},
		"no such leaf":            {control.ATMDelLeaf, control.ATM{Port: 1, VPI: 1, VCI: 100}, control.SecondEnd{}, "", 8, syscall.ENOENT},
	} {
		p, err := l.Call(l.cross(refused.typ, refused.b, refused.end, refused.text, refused.leaf))
		if control.Status(err) != -int32(refused.errno) {
			text, _ := control.FindTLV(p.Trailer, control.TLVText)
			t.Errorf("%s: %v %s, want %v", name, err, text, refused.errno)
		}
	}
	if now := len(l.Dump(l.Hub(control.HubResync, 0, 0, "", "", ""))); now != before {
		t.Errorf("%d entries of state, and %d before", now, before)
	}
	l.Must(l.cross(control.ATMDelLeaf, control.ATM{Port: 1, VPI: 1, VCI: 100}, control.SecondEnd{}, "", 7))
	l.Must(l.cross(control.ATMXConnect, control.ATM{Port: 1, VCI: 50}, control.SecondEnd{Port: 2, VCI: 201}, "police shape cdvt=1ms", 0))
	l.Must(l.Hub(control.HubClose, 0, 2, "port", "", ""))
	if now := l.Dump(l.Hub(control.HubResync, 0, 0, "", "", "")); len(now) != 2 { // port 1 and its PVC
		t.Errorf("%d entries of state are left", len(now))
	}
}

// connOf is the id of a cross-connect's first VC.
func (l *switchLab) connOf(port, vci uint16) control.ConnID {
	return l.Must(l.ATM(control.ATMQuery, control.ATM{Port: port, VCI: vci})).Conn
}

// A switch by configuration: it carries at once, and a reload that changes one cross-connect
// does not touch the other, which carries meanwhile.
func TestSwitchByConfiguration(t *testing.T) {
	l := lab.ForTest(t, lab.Config{MTU: 1600})
	far, err := l.Beyond(1600)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	text := "ports:\n" +
		"  near: {spec: \"eth:" + lab.Dev + ",label=100\", number: 1}\n" +
		"  far: {spec: \"eth:" + lab.Uplink + ",label=200,rate=100000\", number: 2}\n" +
		"xconnects:\n" +
		"  - {from: near 0/100, to: far 0/200, service: cbr, pcr: 60000, police: yes, options: frames cdvt=100ms}\n" +
		"  - {from: near 0/101, to: far 0/201}\n"
	file := write(t, filepath.Join(dir, "x.yaml"), text)
	d := startDaemon(t, l.B, filepath.Join(dir, "control"), "--config", file)
	d.has(t, file)
	s := &switchLab{l, far, controltest.Dial(t, d.path, control.RoleAdmin)}
	startTap(t, l.A, "--tap", "atm0", "--vc", "0/100", "--port", "eth:"+lab.Dev+",label=100")
	startTap(t, far, "--tap", "atm0", "--vc", "0/200", "--port", "eth:"+lab.Dev+",label=200")
	for i, h := range []*lab.Host{l.A, far} {
		if err := h.AddAddr("atm0", inner[i]); err != nil {
			t.Fatal(err)
		}
	}
	ping(t, l)
	first, second := s.connOf(1, 100), s.connOf(1, 101)
	write(t, file, strings.Replace(text, "0/201}", "0/202, shape: yes}", 1))
	if err := d.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	controltest.Until(t, "the other one has changed", func() bool {
		_, err := s.Call(s.ATM(control.ATMQuery, control.ATM{Port: 2, VCI: 202}))
		return err == nil
	})
	ping(t, l)
	d.has(t, file)
	if now := s.connOf(1, 100); now != first {
		t.Errorf("the one that has not changed is %v, and was %v", now, first)
	}
	if now := s.connOf(1, 101); now == second {
		t.Errorf("the one that has changed is still %v", now)
	}
}

// OAM across the switch: loopback cells that it sends along a VC are answered by the atmtap at
// either end, cells and SDUs; a segment's end that the other side does not have is not there.
func TestSwitchOAM(t *testing.T) {
	l := newSwitchLab(t, [2]string{"n1", "aal5sdu"})
	startTap(t, l.A, "--tap", "atm0", "--vc", "0/100", "--port", "eth:"+lab.Dev+",label=100,mode=n1")
	startTap(t, l.far, "--tap", "atm0", "--vc", "3/200", "--port", "eth:"+lab.Dev+",label=200,mode=aal5sdu")
	near, far := control.ATM{Port: 1, VCI: 100}, control.ATM{Port: 2, VPI: 3, VCI: 200}
	l.Must(l.cross(control.ATMXConnect, near, control.SecondEnd{Port: 2, VPI: 3, VCI: 200}, "", 0))
	say := func(typ control.Type, b control.ATM, words string) *control.Packet {
		p := l.ATM(typ, b)
		p.Trailer, _ = control.AppendTLV(nil, control.TLVText, []byte(words))
		return p
	}
	for i, end := range []control.ATM{near, far} {
		controltest.Until(t, fmt.Sprintf("a loopback of port %d returns", end.Port), func() bool { // once it is set up
			_ = l.Errno(say(control.ATMLoopback, end, "end"))
			return l.Counters(l.Must(l.ATM(control.ATMStats, end)))["oam_returned"] > 0
		})
		n := l.Counters(l.Must(l.ATM(control.ATMStats, end)))
		if n["oam_sent"] == 0 || n["oam_rtt_ns"] == 0 {
			t.Errorf("end %d: %v", i, n)
		}
	}
	for _, refused := range []struct {
		b     control.ATM
		words string
		errno syscall.Errno
	}{
		{near, "nowhere", syscall.EINVAL}, {near, "end id=12", syscall.EINVAL}, {control.ATM{Port: 1, VCI: 101}, "end", syscall.ENOENT},
	} {
		if _, err := l.Call(say(control.ATMLoopback, refused.b, refused.words)); control.Status(err) != -int32(refused.errno) {
			t.Errorf("%q: %v, want %v", refused.words, err, refused.errno)
		}
	}
	l.Must(say(control.ATMOAM, near, "segment source sink"))
	l.Must(say(control.ATMOAM, near, "off"))
}

// What tshark sees on both sides of the switch: as many cells, in the same order, under the
// VC of either side.
func TestSwitchInTshark(t *testing.T) {
	if _, err := exec.LookPath("tshark"); err != nil {
		t.Skip("needs tshark")
	}
	l := newSwitchLab(t, [2]string{"n1", "n1"})
	dir := t.TempDir()
	files := [2]string{filepath.Join(dir, "near.pcap"), filepath.Join(dir, "far.pcap")}
	var captures [2]*lab.Capture
	for i, h := range []*lab.Host{l.A, l.far} {
		var err error
		if captures[i], err = lab.CaptureEth(h, lab.Dev, files[i]); err != nil {
			t.Fatal(err)
		}
	}
	l.Must(l.cross(control.ATMXConnect, control.ATM{Port: 1, VCI: 100}, control.SecondEnd{Port: 2, VPI: 4095, VCI: 65535}, "", 0))
	startTap(t, l.A, "--tap", "atm0", "--vc", "0/100", "--port", "eth:"+lab.Dev+",label=100,mode=n1")
	startTap(t, l.far, "--tap", "atm0", "--vc", "4095/65535", "--port", "eth:"+lab.Dev+",label=200,mode=n1")
	for i, h := range []*lab.Host{l.A, l.far} {
		if err := h.AddAddr("atm0", inner[i]); err != nil {
			t.Fatal(err)
		}
	}
	ping(t, l.Lab)
	// by direction: the payload types of the cells of a side, which end PDUs
	var cells [2]map[string]string
	for i, h := range []*lab.Host{l.A, l.far} {
		if _, err := captures[i].Stop(); err != nil {
			t.Fatal(err)
		}
		link, err := h.Link(lab.Dev)
		if err != nil {
			t.Fatal(err)
		}
		label, vpi, vci := "100", "0", "100"
		if i == 1 {
			label, vpi, vci = "200", "4095", "65535"
		}
		rows, err := lab.Tshark(t.Context(), files[i], "mpls", []string{"mpls.label==" + label + ",mplspwatmn1nocw"},
			[]string{"eth.src", "mpls.label", "atm.vpi", "atm.vci", "atm.pti"})
		if err != nil {
			t.Fatal(err)
		}
		cells[i] = map[string]string{}
		for _, r := range rows {
			out := (r[0] == link.HardwareAddr.String()) == (i == 0) // from near to far
			n := len(strings.Split(r[4], ","))
			for _, field := range [][2]string{{r[2], vpi}, {r[3], vci}} {
				if want := strings.TrimSuffix(strings.Repeat(field[1]+",", n), ","); r[1] != label || field[0] != want {
					t.Fatalf("side %d: label %s, %s, want %s", i, r[1], field[0], want)
				}
			}
			cells[i][fmt.Sprint(out)] += r[4] + ","
		}
	}
	for _, way := range []string{"true", "false"} {
		near, far := cells[0][way], cells[1][way]
		if len(near) > len(far) { // the capture that was stopped first has the fewer
			near, far = far, near
		}
		if len(near) < 1000 || !strings.Contains(far, near) {
			t.Errorf("near to far %s: payload types of %d and of %d octets are not the same cells", way, len(cells[0][way]), len(cells[1][way]))
		}
	}
}
