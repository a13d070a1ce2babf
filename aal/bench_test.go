package aal

import (
	"fmt"
	"hash/crc32"
	"testing"
)

var benchSizes = []int{40, 48, 512, 576, 1500, 9180, 65535}

// BenchmarkCRC32: AAL5's CRC, hash/crc32 IEEE and a copy of the same octets.
func BenchmarkCRC32(b *testing.B) {
	for _, n := range benchSizes {
		p, dst := pattern(n), make([]byte, n)
		run := func(name string, f func()) {
			b.Run(fmt.Sprintf("size=%d/of=%s", n, name), func(b *testing.B) {
				b.SetBytes(int64(n))
				b.ReportAllocs()
				for b.Loop() {
					f()
				}
			})
		}
		run("aal5", func() { CRC32(p) })
		run("ieee", func() { crc32.ChecksumIEEE(p) })
		run("copy", func() { copy(dst, p) })
	}
}

// BenchmarkAAL5: segmentation and reassembly of one PDU with its CRC, and
// copy plus hash/crc32 IEEE of the same octets.
func BenchmarkAAL5(b *testing.B) {
	for _, n := range benchSizes {
		sdu := pattern(n)
		h := MakeHeader(VC{0, 100}, 0, false)
		cells := make([]byte, AAL5Cells(n)*WireCellSize)
		buf := make([]byte, AAL5PDUSize(n))
		var s Segmenter
		var r Reassembler
		run := func(name string, f func()) {
			b.Run(fmt.Sprintf("size=%d/of=%s", n, name), func(b *testing.B) {
				b.SetBytes(int64(n))
				b.ReportAllocs()
				for b.Loop() {
					f()
				}
				b.ReportMetric(float64(AAL5Cells(n))*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mcells/s")
			})
		}
		run("copy+ieee", func() {
			copy(buf, sdu)
			crc32.ChecksumIEEE(sdu)
		})
		run("segment", func() {
			_ = s.Start(h, sdu, 0, 0)
			s.Cells(cells)
		})
		run("reassemble", func() {
			r.Start(buf)
			if _, ev := r.Push(cells[:AAL5Cells(n)*CellSize]); ev != EvPDU {
				b.Fatal(ev)
			}
		})
		run("segment53", func() {
			_ = s.Start(h, sdu, 0, 0)
			s.WireCells(cells)
		})
		run("reassemble53", func() {
			r.Start(buf)
			if _, ev := r.PushWire(cells); ev != EvPDU {
				b.Fatal(ev)
			}
		})
	}
}
