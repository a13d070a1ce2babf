//go:build cgo

package receivebench

import (
	"errors"
	"fmt"
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/cellhub/cellhub/nic/link"
)

// Of linux/bpf.h.
const (
	bpfProgLoad     = 5
	bpfProgTestRun  = 10
	bpfXDP          = 6
	bpfLiveFrames   = 1 << 1
	xdpPass         = 2
	generatorBatch  = 64
	generatorFrames = 4 << 20
)

// generator makes the kernel receive one frame again and again, as fast as one processor
// goes: an XDP program that passes all, run on live frames.
type generator struct {
	prog int
	link int // the interface that they come in by
}

func newGenerator(link int) (*generator, error) {
	code := [2]struct {
		op, regs uint8
		offset   int16
		value    int32
	}{{op: 0xb7, value: xdpPass}, {op: 0x95}} // r0 = XDP_PASS; exit
	license := [4]byte{'G', 'P', 'L'}
	var attr struct {
		kind, count    uint32
		code, license  uint64
		level, logSize uint32
		log            uint64
		rest           [96]byte
	}
	attr.kind, attr.count = bpfXDP, uint32(len(code))
	attr.code, attr.license = uint64(uintptr(unsafe.Pointer(&code))), uint64(uintptr(unsafe.Pointer(&license)))
	fd, _, errno := unix.Syscall(unix.SYS_BPF, bpfProgLoad, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr))
	runtime.KeepAlive(&code)
	runtime.KeepAlive(&license)
	if errno != 0 {
		return nil, fmt.Errorf("BPF_PROG_LOAD: %w", errno)
	}
	return &generator{prog: int(fd), link: link}, nil
}

// run sends n frames from the first processor, and returns how long it took and the
// processor's time for that. It stays on the calling thread, which is in the interface's
// namespace.
func (g *generator) run(frame []byte, n int) (elapsed, cpu time.Duration, err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var all, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		return 0, 0, err
	}
	one.Set(0)
	_ = unix.SchedSetaffinity(0, &one)
	defer func() { _ = unix.SchedSetaffinity(0, &all) }()
	before, begun := threadCPU(), time.Now()
	err = g.burst(frame, n)
	return time.Since(begun), threadCPU() - before, err
}

func (g *generator) burst(frame []byte, n int) error {
	context := [6]uint32{1: uint32(len(frame)), 3: uint32(g.link)} // struct xdp_md
	var attr struct {
		prog, result        uint32
		sizeIn, sizeOut     uint32
		in, out             uint64
		repeat, duration    uint32
		contextIn, ctxOut   uint32
		context, contextOut uint64
		flags, cpu, batch   uint32
		rest                [36]byte
	}
	attr.prog, attr.sizeIn, attr.in = uint32(g.prog), uint32(len(frame)), uint64(uintptr(unsafe.Pointer(&frame[0])))
	attr.repeat, attr.flags, attr.batch = uint32(n), bpfLiveFrames, generatorBatch
	attr.contextIn, attr.context = uint32(unsafe.Sizeof(context)), uint64(uintptr(unsafe.Pointer(&context)))
	_, _, errno := unix.Syscall(unix.SYS_BPF, bpfProgTestRun, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr))
	runtime.KeepAlive(frame)
	runtime.KeepAlive(&context)
	if errno != 0 && !errors.Is(errno, unix.EINTR) {
		return fmt.Errorf("BPF_PROG_TEST_RUN: %w", errno)
	}
	return nil
}

func threadCPU() time.Duration  { return usage(unix.RUSAGE_THREAD) }
func processCPU() time.Duration { return usage(unix.RUSAGE_SELF) }

func usage(who int) time.Duration {
	var u unix.Rusage
	_ = unix.Getrusage(who, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func (g *generator) close() { _ = unix.Close(g.prog) }

// upIndex brings an interface up and gives its number.
func upIndex(name string) (int, error) {
	if err := link.Up(name); err != nil {
		return 0, err
	}
	state, err := link.Get(name)
	return state.Index, err
}
