package modules

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/nic"
)

// do sends a command to a carrier.
func (r *switchRig) do(carrier int, number control.Type, format string, a ...any) (string, error) {
	r.t.Helper()
	answer, err := r.fabric.Do(dataplane.Command{Number: number, A: r.ids[carrier], Arg: fmt.Sprintf(format, a...)})
	return string(answer.Data), err
}

// A switch by commands alone: both ways, a path, leaves, a contract; counted, and taken apart.
func TestCrossConnectCommands(t *testing.T) {
	r := newSwitchRigOf(t, 2, nic.WireConfig{},
		CarrierConfig{Ports: []PortConfig{label(16)}},
		CarrierConfig{Ports: []PortConfig{label(16), func() PortConfig { c := label(17); c.Rate = 1000; return c }()}})
	a, b := 0, 1
	for _, step := range []struct {
		carrier int
		number  control.Type
		arg     string
		errno   syscall.Errno
	}{
		{b, control.CarrierReserve, "0 0/200 cbr pcr=500 cdvt=1ms", 0},
		{b, control.CarrierReserve, "0 0/200", syscall.EADDRINUSE},
		{b, control.CarrierReserve, "1 0/200 cbr pcr=600", 0},
		{b, control.CarrierReserve, "1 0/201 cbr pcr=600", syscall.EBUSY},
		{b, control.CarrierReserve, "1 0/201 shape weight=3 ubr pcr=600", 0},
		{a, control.CarrierReserve, "0 0/100", 0},
		{a, control.CarrierConnect, fmt.Sprintf("0 0/100 %d 0 0/200", r.ids[b]), 0},
		{b, control.CarrierConnect, fmt.Sprintf("0 0/200 %d 0 0/100", r.ids[a]), 0},
		{a, control.CarrierAddLeaf, fmt.Sprintf("0 0/100 7 %d 1 0/201", r.ids[b]), 0},
		{a, control.CarrierConnect, fmt.Sprintf("0 3/* %d 1 4/*", r.ids[b]), 0},
		{a, control.CarrierConnect, fmt.Sprintf("0 3/50 %d 1 4/50", r.ids[b]), syscall.EADDRINUSE},
		{a, control.CarrierConnect, fmt.Sprintf("0 0/5 %d 0 0/5", r.ids[b]), syscall.EPERM},
		{a, control.CarrierConnect, "0 0/101", syscall.EINVAL},
		{a, control.CarrierConnect, fmt.Sprintf("0 0/101 %d 0 0/201 now", r.ids[b]), syscall.EINVAL},
		{a, control.CarrierPolice, "0 0/100 cbr pcr=1", 0},
		{a, control.CarrierPolice, "0 0/100 cbr scr=1", syscall.EINVAL},
		{a, control.CarrierConnect, fmt.Sprintf("9 0/101 %d 0 0/201", r.ids[b]), syscall.ENXIO},
	} {
		_, err := r.do(step.carrier, step.number, "%s", step.arg)
		var errno syscall.Errno
		if errors.As(err, &errno); errno != step.errno || (err == nil) != (step.errno == 0) {
			t.Errorf("%d %q: %v, want %v", step.number, step.arg, err, step.errno)
		}
	}
	r.send(a, 0, append(userCells(aal.VC{VCI: 100}, 2), userCells(aal.VC{VPI: 3, VCI: 4}, 1)...))
	sent := r.sent(b)
	wantCells(t, "port 0", sent[0], userCells(aal.VC{VCI: 200}, 1)) // one cell a second
	wantCells(t, "port 1", sent[1], append(userCells(aal.VC{VCI: 201}, 1), userCells(aal.VC{VPI: 4, VCI: 4}, 1)...))
	r.send(b, 0, userCells(aal.VC{VCI: 200}, 2))
	wantCells(t, "the way back", r.sent(a)[0], userCells(aal.VC{VCI: 100}, 2))
	text, err := r.do(a, control.CarrierCounts, "0 0/100")
	if want := "rx_cells 2\nleaves 2\npolice_tagged 0\npolice_dropped 1 1\ntx_queued 0\ntx_drop_full 0\ntx_drop_clp1 0\ntx_drop_frames 0\n"; err != nil || text != want {
		t.Errorf("counts %q, %v; want %q", text, err, want)
	}
	for _, arg := range []string{"0 0/100", "0 3/*"} {
		if _, err := r.do(a, control.CarrierDisconnect, "%s", arg); err != nil {
			t.Errorf("disconnect %s: %v", arg, err)
		}
	}
	for _, arg := range []string{"0 0/200", "1 0/200", "1 0/201"} {
		if _, err := r.do(b, control.CarrierRelease, "%s", arg); err != nil {
			t.Errorf("release %s: %v", arg, err)
		}
	}
	if _, err := r.do(b, control.CarrierRelease, "1 0/201"); !errors.Is(err, ErrNotConnected) {
		t.Errorf("released twice: %v", err)
	}
}

// Whatever a command's argument is, it is read without a fault, and what is refused changes
// nothing.
func FuzzCrossCommand(f *testing.F) {
	for _, s := range []string{
		"0 0/100 1 0 0/200", "0 3/* 1 0 4/*", "0 0/100 7", "0 0/100", "0 0/100 shape weight=255 rt-vbr pcr=10 scr=5 mbs=3 cdvt=1ms clp0 tag",
		"0 0/100 cbr pcr=4294967296", "4294967295 4095/65535 cbr", "0 */* 1 0 4/*", "", "0 0/100 weight=0 ubr",
		"0 0/100 segment source sink id=00112233445566778899aabbccddeeff", "0 0/100 off", "0 0/100 end id=ffffffffffffffffffffffffffffffff",
	} {
		for number := range uint8(10) {
			f.Add(number, s)
		}
	}
	d := newSwitchRig(f, 1, nic.WireConfig{}, 1).carriers[0]
	f.Fuzz(func(t *testing.T, number uint8, arg string) {
		for _, c := range d.commands() {
			if c.Number != control.FirstModuleCommand+number%10 {
				continue
			}
			if _, err := c.Run([]byte(arg)); err == nil && strings.Trim(arg, " \t\n\v\f\r\u0085\u00A0") == "" {
				t.Errorf("%q was taken", arg)
			}
		}
	})
}
