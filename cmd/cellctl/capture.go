package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane/control"
)

func captureCommand(o *options) *cobra.Command {
	var file string
	c := &cobra.Command{
		Use: "capture PORT [VPI/VCI]", Short: "write the AAL5 PDUs of a VC, or of all VCs of a port that have a stream",
		Args: cobra.RangeArgs(1, 2),
		Long: `Pushes the module capture into the streams concerned, writes what passes there to
a file or to standard output until interrupted, and takes the module out again.
Traffic goes on meanwhile. The form is pcap with ERF records, which hold whole
AAL5 PDUs: Wireshark and tshark check their CRC.`,
		Example: "  cellctl capture dslam 0/100 -w dslam.pcap\n" +
			"  cellctl capture dslam | wireshark -k -i -\n" +
			"  cellctl capture dslam | tshark -r - -o erf.aal5_type:llc",
		RunE: func(c *cobra.Command, args []string) error {
			out, err := captureFile(file, c.OutOrStdout())
			if err != nil {
				return err
			}
			defer out.Close()
			return o.admin(func(s *control.Session) error {
				return capture(c.Context(), s, filepath.Dir(o.control), args, out, c.ErrOrStderr())
			})
		},
	}
	c.Flags().StringVarP(&file, "write", "w", "-", "the file; -: standard output")
	return c
}

func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// tap is one capture module in a stream, and the FIFO that it writes to.
type tap struct {
	process uint32
	fifo    *os.File
}

// capture runs until the context ends, whoever reads out has gone, or all streams have.
func capture(ctx context.Context, s *control.Session, where string, args []string, out, stderr io.Writer) (err error) {
	points, err := capturePoints(s, args)
	if err != nil {
		return err
	}
	dir, err := fifoDir(where)
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	m := &merger{out: out, done: cancel}
	var taps []tap
	var readers sync.WaitGroup
	defer func() {
		popped := popAll(s, taps)
		if popped != nil { // whoever writes goes on: do not wait for the end
			for _, t := range taps {
				_ = t.fifo.Close()
			}
		}
		readers.Wait()
		err = errors.Join(err, popped, m.err)
	}()
	for i, p := range points {
		t, err := p.push(s, filepath.Join(dir, strconv.Itoa(i)))
		if err != nil {
			return fmt.Errorf("VC %v: %w", p.vc, err)
		}
		taps = append(taps, t)
		m.open.Add(1)
		readers.Go(func() {
			m.read(t.fifo)
			_ = t.fifo.Close()
			if m.open.Add(-1) == 0 && len(taps) == len(points) {
				cancel()
			}
		})
	}
	fmt.Fprintf(stderr, "capturing %d VCs: interrupt to end\n", len(points))
	<-ctx.Done()
	return nil
}

// fifoDir makes a directory that the daemon sees too: beside its socket, or, where that
// may not be, among temporary files. The daemon may be another user; names in it are in
// nobody's sight.
func fifoDir(where string) (string, error) {
	dir, err := os.MkdirTemp(where, "capture-")
	if err != nil {
		if dir, err = os.MkdirTemp("", "cellctl-capture-"); err != nil {
			return "", err
		}
	}
	return dir, os.Chmod(dir, 0o711)
}

// popAll takes the modules out. One that has gone with its stream is none to take out.
func popAll(s *control.Session, taps []tap) (err error) {
	for _, t := range taps {
		_, failed := hub(s, control.HubPop, control.Hub{A: t.process})
		switch {
		case failed == nil, errors.Is(failed, syscall.ENXIO), errors.Is(failed, syscall.ESRCH), errors.Is(failed, syscall.ENOENT):
		default:
			err = errors.Join(err, fmt.Errorf("capture module %d stays where it is (cellctl stream pop %d): %w", t.process, t.process, failed))
		}
	}
	return err
}

// point is where in a stream PDUs of a VC pass: under this process.
type point struct {
	vc    aal.VC
	under uint32
}

// capturePoints finds the streams of a port, or of one VC of it.
func capturePoints(s *control.Session, args []string) (points []point, err error) {
	port, err := findPort(s, args[0])
	if err != nil {
		return nil, err
	}
	var only *aal.VC
	if len(args) > 1 {
		vc, err := aal.ParseVC(args[1])
		if err != nil {
			return nil, usage("%w", err)
		}
		only = &vc
	}
	st, err := readState(s, readings{(*state).readPorts, (*state).resync, (*state).readProcesses, (*state).readStreams})
	if err != nil {
		return nil, err
	}
	found := false
	for i := range st.PVCs {
		v := &st.PVCs[i]
		vc := aal.VC{VPI: v.atm.VPI, VCI: v.atm.VCI}
		if v.Port != uint16(port.A) || only != nil && *only != vc {
			continue
		}
		found = true
		if under := st.above(v); under != 0 {
			points = append(points, point{vc, under})
		}
	}
	switch {
	case !found && only != nil:
		return nil, fmt.Errorf("port %s has no VC %v (cellctl show pvcs)", port.Name, *only)
	case len(points) == 0:
		return nil, fmt.Errorf("port %s: no such VC has a stream, and only in one can be captured (cellctl show pvcs)", port.Name)
	}
	return points, nil
}

// above is the process under which SDUs of a VC pass: the one above its AAL5, or, where
// the port makes SDUs itself, the lowest. 0: there is no stream.
func (st *state) above(v *pvcView) uint32 {
	for _, s := range st.Streams {
		if v.Stream == "" || s.Name != v.Stream {
			continue
		}
		for i, p := range s.Processes {
			if p.Module == "aal5" && i > 0 {
				return s.Processes[i-1].Number
			}
		}
		return s.Processes[len(s.Processes)-1].Number
	}
	return 0
}

// push makes a FIFO, and a capture module that writes to it.
func (p *point) push(s *control.Session, name string) (t tap, err error) {
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		return t, fmt.Errorf("FIFO %s: %w", name, err)
	}
	if err := os.Chmod(name, 0o622); err != nil {
		return t, err
	}
	// A FIFO that somebody reads can be opened by the daemon, which never waits for a reader.
	if t.fifo, err = os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0); err != nil {
		return t, err
	}
	b, err := named(control.Hub{A: p.under}, "capture")
	if err == nil {
		b, err = hub(s, control.HubPush, b, tlv{control.TLVText, p.vc.String() + " " + name})
	}
	if err != nil {
		_ = t.fifo.Close()
		return t, err
	}
	t.process = b.A
	return t, nil
}

// merger makes one capture of several.
type merger struct {
	mu    sync.Mutex
	out   io.Writer
	begun bool
	err   error
	done  func()       // is called when nothing more can be written
	open  atomic.Int32 // readers
}

// The parts of a pcap file.
const (
	pcapHeader   = 24
	recordHeader = 16
	recordLength = 8 // offset of the octets that follow, in a record's header
	maxRecord    = 1 << 17
)

// read copies the records of one capture until it ends.
func (m *merger) read(r io.Reader) {
	buf := make([]byte, recordHeader+maxRecord)
	if _, err := io.ReadFull(r, buf[:pcapHeader]); err != nil || !m.begin(buf[:pcapHeader]) {
		return
	}
	for {
		if _, err := io.ReadFull(r, buf[:recordHeader]); err != nil {
			return
		}
		n := binary.NativeEndian.Uint32(buf[recordLength:])
		if n > maxRecord {
			m.fail(fmt.Errorf("the daemon has written a record of %d octets", n))
			return
		}
		record := buf[:recordHeader+n]
		if _, err := io.ReadFull(r, record[recordHeader:]); err != nil || !m.write(record) {
			return
		}
	}
}

// begin writes the header, if it is the first.
func (m *merger) begin(head []byte) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.begun {
		return m.err == nil
	}
	m.begun = true
	return m.put(head)
}

func (m *merger) write(record []byte) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.err == nil && m.put(record)
}

// put writes. m.mu is held.
func (m *merger) put(b []byte) bool {
	if _, err := m.out.Write(b); err != nil {
		if !errors.Is(err, syscall.EPIPE) { // a reader that has gone is how captures end
			m.err = err
		}
		m.done()
		return false
	}
	return true
}

func (m *merger) fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.err = errors.Join(m.err, err)
	m.done()
}
