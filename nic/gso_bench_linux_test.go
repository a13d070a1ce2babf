package nic

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"golang.org/x/sys/unix"
)

// A bulk transfer's super-frame, 45 segments of 1,448 octets, through each device, with super-frames and without. Compare
// the lines of one run.

func bulk(bare bool) *flowSpec {
	f := &flowSpec{bare: bare, options: timestamps, ttl: 64, flags: 0x10, fragment: 0x4000, window: 500}
	f.addresses = []byte{192, 0, 2, 1, 192, 0, 2, 2}
	f.mac[0] = 2
	return f
}

func BenchmarkTAPTransmit(b *testing.B) {
	for _, gso := range []GSO{GSOOn, GSOOff} {
		b.Run("gso="+gso.String(), func(b *testing.B) {
			dev := tapUp(b, namespace(b), TAPConfig{Name: "dut0", GSO: gso})
			frames := bulk(false).train(rand.New(rand.NewPCG(0, 0)), 45, 1448, 1448)
			b.SetBytes(45 * 1448)
			for b.Loop() {
				_, _ = dev.Transmit(frames)
			}
		})
	}
}

func BenchmarkTAPReceive(b *testing.B) {
	for _, gso := range []GSO{GSOOn, GSOOff} {
		b.Run("gso="+gso.String(), func(b *testing.B) {
			ns := namespace(b)
			dev := tapUp(b, ns, TAPConfig{Name: "dut0", GSO: gso})
			kernel := vnetSocket(b, ns, "dut0")
			frames := bulk(false).train(rand.New(rand.NewPCG(0, 0)), 45, 1448, 1448)
			j := joiner{kinds: allKinds, most: 1 << 16}
			super, v := j.plan(frames)[0].super(frames, j.next[:])
			message := append(make([]byte, vnetBytes), super...)
			v.write((*[vnetBytes]byte)(message))
			memory, bufs := buffers(vnetBatch, 2048), make([][]byte, vnetBatch)
			b.SetBytes(45 * 1448)
			for b.Loop() {
				if _, err := unix.Write(kernel, message); err != nil {
					b.Fatal(err)
				}
				for got := 0; got < 45; {
					copy(bufs, memory)
					n, err := dev.Receive(bufs)
					if err != nil {
						b.Fatal(err)
					}
					got += n
				}
			}
		})
	}
}

func BenchmarkUDP(b *testing.B) {
	for _, size := range []int{100, 1500, 3000, 6000, 9000} {
		for _, gso := range []GSO{GSOOn, GSOOff} {
			b.Run(fmt.Sprintf("size=%d/gso=%v", size, gso), func(b *testing.B) {
				tx, rx := udpPairGSO(b, namespace(b), "127.0.0.1:1", "127.0.0.1:2", 9180, gso)
				n := min(maxBatch, maxTrainLen/size)
				frames, memory, bufs := buffers(n, size), buffers(groBatch, 9180), make([][]byte, groBatch)
				b.SetBytes(int64(n * size))
				for b.Loop() {
					_, _ = tx.Transmit(frames)
					for got := 0; got < n; {
						copy(bufs, memory)
						more, err := rx.Receive(bufs)
						if err != nil {
							b.Fatal(err)
						}
						got += more
					}
				}
			})
		}
	}
}

func BenchmarkPacketTransmit(b *testing.B) {
	for _, size := range []int{66, 1546} {
		for _, gso := range []GSO{GSOOn, GSOOff} {
			b.Run(fmt.Sprintf("size=%d/gso=%v", size, gso), func(b *testing.B) {
				a, _ := vethPair(b, 1600)
				var dev Device
				in(b, a, func() (err error) {
					dev, err = OpenPacket(PacketConfig{Interface: "va", EtherType: testEtherType, GSO: gso})
					return err
				})
				closing(b, dev)
				frames := make([][]byte, maxBatch)
				for i := range frames {
					frames[i] = etherFrame(size, i)
				}
				b.SetBytes(int64(len(frames) * size))
				for b.Loop() {
					_, _ = dev.Transmit(frames)
				}
			})
		}
	}
}
