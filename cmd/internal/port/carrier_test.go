package port

import (
	"fmt"
	"slices"
	"testing"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/cellhub/cellhub/dataplane/modules"
	"github.com/cellhub/cellhub/nic"
)

// filtered is a device that notes its filters.
type filtered struct {
	nic.Device
	filters [][]unix.SockFilter
}

func (f *filtered) SetFilter(filter []unix.SockFilter) error {
	f.filters = append(f.filters, filter)
	return nil
}

// lets tells whether the filter that was set last lets a label through.
func (f *filtered) lets(t *testing.T, label uint32) bool {
	t.Helper()
	last := f.filters[len(f.filters)-1]
	if len(last) == 0 {
		return true
	}
	var program []bpf.Instruction
	for _, in := range last {
		program = append(program, bpf.RawInstruction{Op: in.Code, Jt: in.Jt, Jf: in.Jf, K: in.K}.Disassemble())
	}
	vm, err := bpf.NewVM(program)
	if err != nil {
		t.Fatal(err)
	}
	n, err := vm.Run(labelled(label))
	return err == nil && n > 0
}

// The kernel is told of labels as long as a filter holds them, and of what changes then; with thousands of ports it is told
// nothing more, so that one costs as little to add and to remove as the first.
func TestCarrierTellsTheKernelOfLabels(t *testing.T) {
	wire, far, err := nic.NewWire(nic.WireConfig{MaxFrame: 1600})
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	dev := &filtered{Device: wire}
	c := &Carrier{device: dev, config: modules.CarrierConfig{Device: dev, Link: modules.LinkEthernet}}
	if c.Carrier, err = modules.NewCarrier(c.config); err != nil {
		t.Fatal(err)
	}
	defer wire.Close()
	const many = 4 * MaxFilterLabels
	var specs []*shared
	var numbers []uint32
	for i := range many {
		p, err := new(Opener).Read(fmt.Sprintf("eth:eth0,label=%d/%d", 5000+i, 100+i))
		if err != nil {
			t.Fatal(err)
		}
		s := p.(*shared)
		number, err := c.AddPort(s)
		if err != nil {
			t.Fatal(err)
		}
		specs, numbers = append(specs, s), append(numbers, number)
		if !dev.lets(t, s.LabelIn) {
			t.Fatalf("label %d is not let through", s.LabelIn)
		}
	}
	if told := len(dev.filters); told != MaxFilterLabels+1 {
		t.Errorf("the kernel was told %d times for %d ports, want %d", told, many, MaxFilterLabels+1)
	}
	again := shared{Spec: specs[0].Spec} // the same label in a VLAN is another port
	again.VLAN = 7
	number, err := c.AddPort(&again)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.RemovePort(&again, number); err != nil {
		t.Fatal(err)
	}
	for i, s := range slices.Backward(specs) {
		if err := c.RemovePort(s, numbers[i]); err != nil {
			t.Fatal(err)
		}
		if i < MaxFilterLabels && dev.lets(t, s.LabelIn) || i > 0 && !dev.lets(t, specs[0].LabelIn) {
			t.Fatalf("with %d ports left the filter is wrong", i)
		}
	}
	if told := len(dev.filters); told != 2*MaxFilterLabels+2 {
		t.Errorf("the kernel was told %d times in all, want %d", told, 2*MaxFilterLabels+2)
	}
}
