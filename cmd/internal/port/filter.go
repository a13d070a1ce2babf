package port

import (
	"fmt"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/cellhub/cellhub/dataplane/modules"
)

// MaxFilterLabels is the most labels that a socket filter asks for. A carrier with more
// takes every frame of its interface: it is most likely alone there.
const MaxFilterLabels = 256

// labelFilter is a socket filter for frames whose label stack ends in one of the labels:
// other programs' pseudowires on the same interface then cost this one nothing. nil, nil:
// there are too many labels for one.
//
// A frame begins at its destination address, without its VLAN tag, which the kernel has
// taken off. A stack deeper than modules.MaxLabelDepth is not ours.
func labelFilter(labels []uint32) ([]unix.SockFilter, error) {
	if len(labels) > MaxFilterLabels {
		return nil, nil
	}
	program, err := bpf.Assemble(labelProgram(labels))
	if err != nil {
		return nil, fmt.Errorf("socket filter: %w", err)
	}
	filter := make([]unix.SockFilter, len(program))
	for i, in := range program {
		filter[i] = unix.SockFilter{Code: in.Op, Jt: in.Jt, Jf: in.Jf, K: in.K}
	}
	return filter, nil
}

const (
	ethernetHeader = 14
	bottomOfStack  = 1 << 8
	labelShift     = 12
	wholeFrame     = 1 << 18
)

// labelProgram walks the stack, entry by entry, to its bottom, and compares the label
// there.
func labelProgram(labels []uint32) []bpf.Instruction {
	var program []bpf.Instruction
	const step = 3 // instructions an entry
	for i := range modules.MaxLabelDepth {
		program = append(program,
			bpf.LoadAbsolute{Off: uint32(ethernetHeader + i*modules.LabelBytes), Size: 4},
			bpf.JumpIf{Cond: bpf.JumpBitsNotSet, Val: bottomOfStack, SkipTrue: 1},
			bpf.Jump{Skip: uint32((modules.MaxLabelDepth-i-1)*step + 1)})
	}
	program = append(program,
		bpf.RetConstant{Val: 0},
		bpf.ALUOpConstant{Op: bpf.ALUOpShiftRight, Val: labelShift})
	for _, label := range labels {
		program = append(program,
			bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: label, SkipTrue: 1},
			bpf.RetConstant{Val: wholeFrame})
	}
	return append(program, bpf.RetConstant{Val: 0})
}
