package main

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"runtime"
	"time"

	"github.com/cellhub/cellhub/aal"
)

// perCall runs f for about as long as the window, and gives nanoseconds a call;
// f does its work so many times.
func perCall(window time.Duration, f func(times int)) float64 {
	for times := 1; ; times *= 2 {
		began := time.Now()
		f(times)
		if took := time.Since(began); took >= window {
			return float64(took.Nanoseconds()) / float64(times)
		}
	}
}

// overSizes is the turn of an entrant that does the same for each size: gigabytes
// a second of what prepare's function takes in.
func overSizes(sizes []int, window time.Duration, prepare func(size int) (func(times int), error)) func(context.Context) ([]sample, error) {
	return func(ctx context.Context) ([]sample, error) {
		var all []sample
		for _, size := range sizes {
			f, err := prepare(size)
			if err != nil || ctx.Err() != nil {
				return nil, errors.Join(err, ctx.Err())
			}
			all = append(all, sample{value: float64(size) / perCall(window, f)})
		}
		return all, nil
	}
}

// sizeFigures are the columns of a contest over sizes, in octets.
func sizeFigures(table string, sizes []int) []figure {
	var all []figure
	for _, size := range sizes {
		all = append(all, figure{table: table, column: fmt.Sprint(size), unit: "GB/s by octets"})
	}
	return all
}

// octets is a buffer that is not all zeros.
func octets(size int) []byte {
	p := make([]byte, size)
	for i := range p {
		p[i] = byte(i*i>>3 + i)
	}
	return p
}

// crcContest is AAL5's CRC-32 beside the one of the standard library, which is of
// the same polynomial, reflected.
func crcContest(window time.Duration) *contest {
	sizes := []int{48, 512, 1500, 9180, 65535}
	// Each has its own loop: a call through a variable would be a part of what is
	// measured at 48 octets.
	over := func(name string, loop func(dst, p []byte, times int)) *entrant {
		return &entrant{name: name, turn: overSizes(sizes, window, func(size int) (func(int), error) {
			p, dst := octets(size), make([]byte, size)
			return func(times int) { loop(dst, p, times) }, nil
		})}
	}
	return &contest{name: "AAL5 CRC-32", figures: sizeFigures("AAL5 CRC-32", sizes), entrants: []*entrant{
		over("hash/crc32 IEEE", func(_, p []byte, times int) {
			var sum uint32
			for range times {
				sum += crc32.ChecksumIEEE(p)
			}
			runtime.KeepAlive(sum) // or the compiler might leave it out
		}),
		over("aal.CRC32", func(_, p []byte, times int) {
			var sum uint32
			for range times {
				sum += aal.CRC32(p)
			}
			runtime.KeepAlive(sum)
		}),
		over("copy", func(dst, p []byte, times int) {
			for range times {
				copy(dst, p)
			}
		}),
	}}
}

// aal5Contest is segmentation and reassembly of whole PDUs, CRC included, beside
// the least that they could do: a copy and a CRC.
func aal5Contest(window time.Duration) *contest {
	sizes := []int{40, 576, 1500, 9180}
	over := func(name string, prepare func(size int) (func(int), error)) *entrant {
		return &entrant{name: name, turn: overSizes(sizes, window, prepare)}
	}
	return &contest{name: "AAL5", figures: sizeFigures("AAL5 with its CRC", sizes), entrants: []*entrant{
		over("copy + hash/crc32 IEEE", copyAndCRC),
		over("segment", func(size int) (func(int), error) { return segment(size, (*aal.Segmenter).Cells) }),
		over("segment, cells of 53", func(size int) (func(int), error) { return segment(size, (*aal.Segmenter).WireCells) }),
		over("reassemble", func(size int) (func(int), error) {
			return reassemble(size, aal.CellSize, (*aal.Segmenter).Cells, (*aal.Reassembler).Push)
		}),
		over("reassemble, cells of 53", func(size int) (func(int), error) {
			return reassemble(size, aal.WireCellSize, (*aal.Segmenter).WireCells, (*aal.Reassembler).PushWire)
		}),
	}}
}

func copyAndCRC(size int) (func(int), error) {
	p, dst := octets(size), make([]byte, size)
	return func(times int) {
		var sum uint32
		for range times {
			copy(dst, p)
			sum += crc32.ChecksumIEEE(p)
		}
		runtime.KeepAlive(sum)
	}, nil
}

// benchHeader is that of a cell of VC 0/100.
var benchHeader = aal.MakeHeader(aal.VC{VPI: 0, VCI: 100}, 0, false)

// segment cuts an SDU into cells of either kind.
func segment(size int, cut func(*aal.Segmenter, []byte) int) (func(int), error) {
	sdu, cells := octets(size), make([]byte, aal.AAL5Cells(size)*aal.WireCellSize)
	var s aal.Segmenter
	if err := s.Start(benchHeader, sdu, 0, 0); err != nil {
		return nil, err
	}
	return func(times int) {
		for range times {
			_ = s.Start(benchHeader, sdu, 0, 0) // it did not fail before
			cut(&s, cells)
		}
	}, nil
}

// reassemble puts the cells of an SDU together again, as long as they give one.
func reassemble(size, cellSize int, cut func(*aal.Segmenter, []byte) int,
	push func(*aal.Reassembler, []byte) (int, aal.Event)) (func(int), error) {
	cells := make([]byte, aal.AAL5Cells(size)*cellSize)
	var s aal.Segmenter
	if err := s.Start(benchHeader, octets(size), 0, 0); err != nil {
		return nil, err
	}
	cut(&s, cells)
	var r aal.Reassembler
	buf := make([]byte, aal.AAL5PDUSize(size))
	r.Start(buf)
	if _, event := push(&r, cells); event != aal.EvPDU {
		return nil, fmt.Errorf("reassembly of %d octets: %v", size, event)
	}
	return func(times int) {
		for range times {
			r.Start(buf)
			push(&r, cells)
		}
	}, nil
}
