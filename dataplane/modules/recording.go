package modules

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/nic"
)

// MaxRecording is the cells of the longest recording that is played: it is in memory.
const MaxRecording = 1 << 20

// OpenRecorder makes a file of ERF records in pcap, and a device for a trunk of that format
// that writes what it is sent there: cells, or SDUs as the AAL5 PDUs that they are on a wire.
// The hub never waits for the disk: what it is too slow for is counted in TxNoBuffer, and in
// TxErrors what comes after a write has failed.
func OpenRecorder(name string, f TrunkFormat) (nic.Device, error) {
	file, sp, err := createERF(name)
	if err != nil {
		return nil, err
	}
	r := &erfRecorder{file: file, spool: sp, record: make([]byte, maxERF)}
	build, longest := r.cell, aal.WireCellSize
	if f == TrunkATMTCP {
		build, longest = r.sdu, nic.MaxATMTCP
	}
	dev, err := nic.NewRecorder(name, longest, nic.Sink{
		Record: func(at time.Time, frame []byte) bool { return r.write(at, frame, build) },
		Err:    sp.err,
		Flush:  r.flush, Close: file.Close,
	})
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return dev, nil
}

// erfRecorder makes records of a trunk's frames.
type erfRecorder struct {
	file   *nic.Pcap
	spool  *spool
	record []byte
}

func (r *erfRecorder) write(at time.Time, frame []byte, build func(at int64, frame []byte) int) bool {
	if !r.spool.room() || r.spool.err() != nil {
		return false
	}
	n := build(at.UnixNano(), frame)
	return n > 0 && r.file.Write(at, r.record[:n]) == nil
}

func (r *erfRecorder) flush() {
	if r.spool.room() {
		_ = r.file.Flush() // the spool keeps the error
	}
}

// cell makes a record of a cell of 53 octets.
func (r *erfRecorder) cell(at int64, frame []byte) int {
	if len(frame) != aal.WireCellSize {
		return 0
	}
	const n = erfHeader + aal.CellSize
	putERF(r.record, n, at, erfCell, captureSent, aal.ReadHeader(frame))
	copy(r.record[erfHeader+aal.HeaderSize:], frame[aal.HeaderSize+1:])
	return n
}

// sdu makes a record of an SDU with the header of atmtcp.
func (r *erfRecorder) sdu(at int64, frame []byte) int {
	if len(frame) <= nic.ATMTCPHeader {
		return 0
	}
	vc := aal.VC{VPI: binary.BigEndian.Uint16(frame), VCI: binary.BigEndian.Uint16(frame[2:])}
	sdu := frame[nic.ATMTCPHeader:]
	n := erfHeader + aal.HeaderSize + aal.AAL5PDUSize(len(sdu))
	if n > len(r.record) {
		return 0
	}
	putERF(r.record, n, at, erfAAL5, captureSent, aal.MakeHeader(vc, aal.PTIUserEnd, false))
	body := r.record[erfHeader+aal.HeaderSize : n]
	copy(body, sdu)
	if _, err := aal.PutAAL5Trailer(body, len(sdu), 0, 0); err != nil {
		return 0
	}
	return n
}

// ReadRecording reads a file of ERF records in pcap, of cells or of AAL5 PDUs, as cells of 53
// octets, each due when its record says; with a rate, in cells a second, one after the other
// by that. It refuses a file with anything else in it, and one of more than [MaxRecording]
// cells.
func ReadRecording(r io.Reader, rate uint32) (rec nic.Recording, err error) {
	p, err := nic.NewPcapReader(r)
	if err != nil {
		return rec, err
	}
	if p.LinkType() != LinkTypeERF {
		return rec, fmt.Errorf("pcap link type %d: ERF, %d, is played", p.LinkType(), LinkTypeERF)
	}
	rec.Size = aal.WireCellSize
	var first time.Time
	var due time.Duration
	for number := 1; ; number++ {
		at, record, whole, err := p.Next()
		switch {
		case errors.Is(err, io.EOF):
			if len(rec.At) == 0 {
				return rec, errors.New("no cells in it")
			}
			return rec, nil
		case err == nil && !whole:
			err = errERF
		}
		if err == nil {
			rec.Octets, err = erfCells(rec.Octets, record)
		}
		if err != nil {
			return rec, fmt.Errorf("record %d: %w", number, err)
		}
		if number == 1 {
			first = at
		}
		due = max(due, at.Sub(first)) // a clock that was set back
		for len(rec.At) < len(rec.Octets)/rec.Size {
			if rate > 0 {
				due = time.Duration(uint64(len(rec.At)) * uint64(time.Second) / uint64(rate))
			}
			rec.At = append(rec.At, due)
		}
		if len(rec.At) > MaxRecording {
			return rec, fmt.Errorf("more than %d cells", MaxRecording)
		}
	}
}

// OpenReplay reads a recording from a file, and makes a device for a trunk of cells that
// plays it once.
func OpenReplay(name string, rate uint32) (*nic.Player, error) {
	state, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !state.Mode().IsRegular() { // a FIFO would hold the start up
		return nil, fmt.Errorf("%s: no regular file: a recording is read whole", name)
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	rec, err := ReadRecording(file, rate)
	if err := errors.Join(err, file.Close()); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return nic.NewPlayer(name, rec)
}
