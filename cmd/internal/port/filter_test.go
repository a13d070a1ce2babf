package port

import (
	"encoding/binary"
	"testing"

	"golang.org/x/net/bpf"

	"github.com/cellhub/cellhub/dataplane/modules"
)

// labelled is a frame with a stack of these labels.
func labelled(labels ...uint32) []byte {
	f := make([]byte, ethernetHeader)
	for i, label := range labels {
		entry := label<<labelShift | 255
		if i == len(labels)-1 {
			entry |= bottomOfStack
		}
		f = binary.BigEndian.AppendUint32(f, entry)
	}
	return append(f, make([]byte, 52)...)
}

// The filter runs in another's interpreter of socket filters.
func TestLabelFilter(t *testing.T) {
	deep := func(n int, last uint32) (labels []uint32) {
		for range n - 1 {
			labels = append(labels, 100)
		}
		return append(labels, last)
	}
	vm, err := bpf.NewVM(labelProgram([]uint32{200, 16, modules.MaxLabel}))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		frame []byte
		want  bool
	}{
		{"ours", labelled(200), true},
		{"lowest", labelled(16), true},
		{"highest", labelled(modules.MaxLabel), true},
		{"another's", labelled(100), false},
		{"below outer labels", labelled(0, 300, 200), true},
		{"ours is an outer label", labelled(200, 100), false},
		{"as deep as may be", labelled(deep(modules.MaxLabelDepth, 200)...), true},
		{"deeper", labelled(deep(modules.MaxLabelDepth+1, 200)...), false},
		{"cut in the label", labelled(200)[:ethernetHeader+3], false},
		{"nothing", nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			n, err := vm.Run(c.frame)
			if err != nil || n > 0 != c.want {
				t.Errorf("%d octets taken, %v; want %v", n, err, c.want)
			}
		})
	}
}

func TestLabelFilterOfMany(t *testing.T) {
	labels := make([]uint32, MaxFilterLabels)
	for i := range labels {
		labels[i] = uint32(modules.FirstLabel + 7*i)
	}
	program, err := labelFilter(labels)
	if err != nil || len(program) == 0 || len(program) > 4096 { // BPF_MAXINSNS
		t.Fatalf("%d instructions, %v", len(program), err)
	}
	if program, err := labelFilter(append(labels, 5)); program != nil || err != nil {
		t.Errorf("one label more: %d instructions, %v; want none", len(program), err)
	}
	vm, err := bpf.NewVM(labelProgram(labels))
	if err != nil {
		t.Fatal(err)
	}
	for _, label := range labels {
		if n, err := vm.Run(labelled(label)); n == 0 || err != nil {
			t.Errorf("label %d: %d, %v", label, n, err)
		}
	}
}
