package client

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cellhub/cellhub/dataplane/server"
)

// TestMain is a hostile application as well, when it is started as one.
func TestMain(m *testing.M) {
	if how := os.Getenv("CELLHUB_TEST_HOSTILE"); how != "" {
		misbehave(how, os.Getenv("CELLHUB_CONTROL"), os.Getenv("CELLHUB_TEST_REGION") == "1")
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// hostileRegion is the size of a villain's first region, which has room for one channel.
const hostileRegion = 1 << 18

// misbehave attaches to PVCs in two regions, says so, and does what it can to the hub by the first
// or by the other, until it is killed or put out.
func misbehave(how, path string, other bool) {
	c, err := Open(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	var conns [2]*Conn
	for i := range conns {
		if conns[i], err = c.Dial(context.Background(), fmt.Sprint("pvc://1/0/", 200+i), nil); err != nil {
			fmt.Println(err)
			return
		}
	}
	conn, fd := conns[0], descriptor("/memfd:cellhub", hostileRegion)
	if other {
		conn, fd = conns[1], descriptor("/memfd:cellhub", 2*hostileRegion)
	}
	var st unix.Stat_t
	_ = unix.Fstat(fd, &st)
	mem, err := unix.Mmap(fd, 0, int(st.Size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		fmt.Println(err)
		return
	}
	seed := uint64(time.Now().UnixNano())
	v := &villain{shared: conn.flow.shared, conn: conn, fd: fd, mem: mem, r: rand.New(rand.NewPCG(seed, 0))}
	fmt.Println("attached", seed)
	v.do(how)
	select {}
}

// descriptor finds one of this process's own by what it is, and how many octets it has.
func descriptor(of string, octets int64) int {
	open, _ := os.ReadDir("/proc/self/fd")
	for _, e := range open {
		if to, _ := os.Readlink("/proc/self/fd/" + e.Name()); strings.HasPrefix(to, of) {
			fd, _ := strconv.Atoi(e.Name())
			var st unix.Stat_t
			if err := unix.Fstat(fd, &st); err == nil && st.Size == octets {
				return fd
			}
		}
	}
	return -1
}

type villain struct {
	shared *shared // the region that it abuses
	conn   *Conn
	fd     int // of the memory
	mem    []byte
	r      *rand.Rand
}

func (v *villain) do(how string) {
	switch how {
	case "scribbles":
		v.forever(func() { v.mem[v.r.IntN(1<<17)] = byte(v.r.Uint32()) }) // heads, doorbells, the first channel
	case "scribbles on its rings":
		at := v.channel()
		v.forever(func() {
			binary.NativeEndian.PutUint64(v.mem[at+384+128*v.r.IntN(4):], v.r.Uint64()>>v.r.IntN(64))
		})
	case "forges descriptors":
		at := v.channel() + 384 + 256
		v.forever(func() {
			for i := range 128 * 32 {
				v.mem[at+i] = byte(v.r.Uint32())
			}
			_, _ = v.conn.Write(make([]byte, 100))
		})
	case "punches holes":
		_, _ = v.conn.Write(make([]byte, 100))
		v.conn.flow.flush(time.Minute) // the hub has taken something by now, and heard of it
		v.forever(func() {
			_ = unix.Fallocate(v.fd, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 0, int64(len(v.mem)))
			_, _ = v.conn.Write(make([]byte, 100))
		})
	case "truncates":
		for _, n := range []int64{0, 4096, 1 << 30} {
			if err := unix.Ftruncate(v.fd, n); err != unix.EPERM {
				fmt.Println("truncated", err)
			}
		}
	case "fills its doorbell":
		v.forever(func() { v.shared.tell(v.r.Uint32()) })
	case "stops reading":
		_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
	case "closes the pipe":
		v.shared.ear.Close()
		v.forever(func() { v.shared.region.Sleeps.Arm() })
	case "forks":
		cmd := exec.Command("sleep", "1000")
		cmd.ExtraFiles = []*os.File{os.NewFile(uintptr(v.fd), "memory"), os.NewFile(uintptr(descriptor("socket:", 0)), "control")}
		if err := cmd.Start(); err != nil {
			fmt.Println(err)
		}
		fmt.Println("child", cmd.Process.Pid)
	}
}

// channel is where its rings are.
func (v *villain) channel() int {
	for at := 0; at < len(v.mem); at += 4096 {
		if binary.NativeEndian.Uint32(v.mem[at:]) == 0x43484348 {
			return at
		}
	}
	return 0
}

func (v *villain) forever(what func()) {
	for i := 0; ; i++ {
		what()
		if i%64 == 0 {
			v.shared.tell(v.conn.flow.channel.Number) // so that the hub looks
		}
	}
}

// TestHostile has another process do its worst to either of its regions, and then die: it hurts
// itself alone. An honest application's traffic goes on without loss, the daemon counts, and
// nothing is left of the other.
func TestHostile(t *testing.T) {
	for _, c := range []struct {
		how    string
		broken bool // it ends by its own deeds
	}{
		{"scribbles", true}, {"scribbles on its rings", true}, {"forges descriptors", true}, {"punches holes", true}, {"truncates", false},
		{"fills its doorbell", false}, {"stops reading", false}, {"closes the pipe", false}, {"forks", false},
	} {
		for region := range 2 {
			t.Run(fmt.Sprintf("%s of region %d", c.how, region), func(t *testing.T) { beHostile(t, c.how, c.broken, region) })
		}
	}
}

func beHostile(t *testing.T, how string, broken bool, region int) {
	d := newDaemon(t, func(c *server.Config) { c.RegionOctets = hostileRegion })
	for _, vci := range []uint16{100, 200, 201} {
		d.pvc(vci)
	}
	honest := d.open()
	a, b := dial(t, honest, "pvc://1/0/100", nil), dial(t, honest, "pvc://2/0/100", nil)
	far := dial(t, honest, fmt.Sprint("pvc://2/0/", 200+region), nil)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "CELLHUB_TEST_HOSTILE="+how, "CELLHUB_CONTROL="+d.path, fmt.Sprint("CELLHUB_TEST_REGION=", region))
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stdout, err := cmd.StdoutPipe()
	must(t, err)
	out := bufio.NewReader(stdout)
	must(t, cmd.Start())
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	line, err := out.ReadString('\n')
	must(t, err)
	t.Log(how, line)
	var child int
	if how == "forks" {
		line, err := out.ReadString('\n')
		must(t, err)
		child, err = strconv.Atoi(line[len("child ") : len(line)-1])
		must(t, err)
		t.Cleanup(func() { _ = syscall.Kill(child, syscall.SIGKILL) })
	}
	work := func() {
		for range 300 {
			_, _ = far.Write(make([]byte, 1000)) // to the other: it may well be full
			say(t, a, b, "honest")
		}
	}
	far.SetWriteDeadline(time.Now())
	work()
	if broken {
		eventually(t, "the daemon notices", func() bool { return d.server.BrokenRings() > 0 })
	}
	work()
	must(t, cmd.Process.Kill())
	_ = cmd.Wait()
	if child != 0 { // the child still has the socket: the application is alive
		if _, err := honest.Dial(context.Background(), "pvc://1/0/200", nil); !errors.Is(err, syscall.EBUSY) {
			t.Errorf("while its child lives: %v", err)
		}
		must(t, syscall.Kill(child, syscall.SIGKILL))
	}
	for vci := range 2 {
		eventually(t, "its PVC is free", func() bool {
			conn, err := honest.Dial(context.Background(), fmt.Sprint("pvc://1/0/", 200+vci), nil)
			if err == nil {
				_ = conn.Close()
				<-conn.released
			}
			return err == nil
		})
	}
	work()
}

// TestLimits: what a user may have, and that it comes back.
func TestLimits(t *testing.T) {
	d := newDaemon(t, func(c *server.Config) {
		c.Limits = server.Limits{Regions: 2, Octets: 1 << 30, Connections: 2}
	})
	for vci := range uint16(3) {
		d.pvc(100 + vci)
	}
	one, two := d.open(), d.open()
	if _, err := Open(d.path); !errors.Is(err, syscall.EDQUOT) {
		t.Errorf("a third application: %v", err)
	}
	a := dial(t, one, "pvc://1/0/100", nil)
	dial(t, two, "pvc://1/0/101", nil)
	if _, err := one.Dial(context.Background(), "pvc://1/0/102", nil); !errors.Is(err, syscall.EDQUOT) {
		t.Errorf("a third connection: %v", err)
	}
	must(t, a.Close())
	<-a.released
	dial(t, one, "pvc://1/0/102", nil)
	must(t, two.Close())
	eventually(t, "a third application after the end of one", func() bool {
		c, err := Open(d.path)
		return err == nil && c.Close() == nil
	})
}
