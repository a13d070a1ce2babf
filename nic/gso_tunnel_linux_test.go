package nic

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/cellhub/cellhub/nic/link"
	"golang.org/x/sys/unix"
)

// testTunnel is two hosts, each with a TAP that a UDP device carries to the other.
//
//	10.0.0.1 dut0 = udp va ----- vb udp = dut0 10.0.0.2
type testTunnel struct {
	ns         [2]*link.Namespace
	taps, udps [2]Device
	stop       func() // ends the relays, whose devices can be asked then
}

func newTestTunnel(t *testing.T, gso [2]GSO, faults FaultConfig) *testTunnel {
	t.Helper()
	u := &testTunnel{}
	u.udps, u.ns = vethUDP(t, [2]UDPConfig{{GSO: gso[0]}, {GSO: gso[1]}})
	var wait sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	for i := range u.ns {
		u.taps[i] = tapUp(t, u.ns[i], TAPConfig{Name: "dut0", GSO: gso[i]})
		in(t, u.ns[i], func() error {
			return errors.Join(link.SetMTU("dut0", 1400), link.AddAddr("dut0", netip.MustParsePrefix(fmt.Sprintf("10.0.0.%d/24", i+1))))
		})
		faulty, err := NewFaults(u.udps[i], faults)
		if err != nil {
			t.Fatal(err)
		}
		wait.Add(1)
		go func() {
			defer wait.Done()
			relay(ctx, u.taps[i], faulty)
		}()
	}
	u.stop = func() { cancel(); wait.Wait() }
	t.Cleanup(u.stop)
	return u
}

// relay passes frames on both ways until ctx ends.
func relay(ctx context.Context, a, b Device) {
	ways := [2]struct {
		from, to Device
		room     [][]byte
	}{{a, b, buffers(a.Info().Batch, 2048)}, {b, a, buffers(b.Info().Batch, 2048)}}
	bufs := make([][]byte, max(a.Info().Batch, b.Info().Batch))
	for ctx.Err() == nil {
		moved := 0
		for _, w := range ways {
			n, err := w.from.Receive(bufs[:copy(bufs, w.room)])
			if err != nil {
				return
			}
			_, _ = w.to.Transmit(bufs[:n]) // what a full device does not take is lost
			w.from.Release()
			moved += n
		}
		if moved == 0 {
			_, _ = unix.Poll([]unix.PollFd{{Fd: int32(a.FD()), Events: unix.POLLIN}, {Fd: int32(b.FD()), Events: unix.POLLIN}}, 20)
		}
	}
}

// exchange sends random octets over TCP both ways at once, and checks that they come as they were.
func (u *testTunnel) exchange(t *testing.T, r *rand.Rand, octets int) {
	t.Helper()
	var listener net.Listener
	var conns [2]net.Conn
	in(t, u.ns[1], func() (err error) { listener, err = net.Listen("tcp4", "10.0.0.2:80"); return err })
	defer listener.Close()
	in(t, u.ns[0], func() (err error) { conns[0], err = net.Dial("tcp4", "10.0.0.2:80"); return err })
	var err error
	if conns[1], err = listener.Accept(); err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	for i := range conns {
		data := make([]byte, octets)
		for j := range data {
			data[j] = byte(r.Uint32())
		}
		want := sha256.Sum256(data)
		wait.Add(2)
		go func() {
			defer wait.Done()
			if _, err := conns[i].Write(data); err != nil {
				t.Errorf("write: %v", err)
			}
			_ = conns[i].(*net.TCPConn).CloseWrite()
		}()
		go func() {
			defer wait.Done()
			got, err := io.ReadAll(conns[1-i])
			if err != nil || sha256.Sum256(got) != want {
				t.Errorf("%d octets of %d came, %v, and they are not those that were sent", len(got), octets, err)
			}
		}()
	}
	wait.Wait()
	_, _ = conns[0].Close(), conns[1].Close()
}

// datagrams sends datagrams of many lengths, and checks that those that come are as they were.
func (u *testTunnel) datagrams(t *testing.T, n int) (came int) {
	t.Helper()
	var server net.PacketConn
	var client net.Conn
	in(t, u.ns[1], func() (err error) { server, err = net.ListenPacket("udp4", "10.0.0.2:9"); return err })
	in(t, u.ns[0], func() (err error) { client, err = net.Dial("udp4", "10.0.0.2:9"); return err })
	defer server.Close()
	done := make(chan int)
	go func() {
		room, count := make([]byte, 2048), 0
		for {
			got, _, err := server.ReadFrom(room)
			if err != nil || got == 1 {
				done <- count
				return
			}
			seed := int(room[0])<<8 | int(room[1])
			if !bytes.Equal(room[:got], datagram(seed)) {
				t.Errorf("datagram %d came as %d octets %x", seed, got, head(room[:got]))
			}
			count++
		}
	}()
	for i := range n {
		if _, err := client.Write(datagram(i)); err != nil {
			t.Fatal(err)
		}
	}
	for { // the last may be lost, too
		_, _ = client.Write([]byte{0})
		select {
		case came = <-done:
			return came
		default:
		}
	}
}

// datagram is of the same length as its neighbours, mostly.
func datagram(i int) []byte {
	p := etherFrame(64+i/50%20*60, i)
	p[0], p[1] = byte(i>>8), byte(i)
	return p
}

// sumErrors are the checksum errors that the host has counted, of IP, TCP and UDP.
func (u *testTunnel) sumErrors(t *testing.T, host int) (n int) {
	t.Helper()
	in(t, u.ns[host], func() error {
		for _, file := range []string{"snmp", "netstat"} {
			f, err := os.Open("/proc/thread-self/net/" + file)
			if err != nil {
				return err
			}
			defer f.Close()
			var names []string
			for lines := bufio.NewScanner(f); lines.Scan(); {
				fields := strings.Fields(lines.Text())
				if len(names) == 0 || names[0] != fields[0] {
					names = fields
					continue
				}
				for i, name := range names {
					if name == "InCsumErrors" {
						value, _ := strconv.Atoi(fields[i])
						n += value
					}
				}
			}
		}
		return nil
	})
	return n
}

// With super-frames at one end, both or none everything arrives, and no host finds a checksum wrong.
func TestTunnelSuperFrames(t *testing.T) {
	for _, gso := range [][2]GSO{{GSOAuto, GSOAuto}, {GSOOn, GSOOff}, {GSOOff, GSOOn}} {
		t.Run(fmt.Sprintf("%v and %v", gso[0], gso[1]), func(t *testing.T) {
			u := newTestTunnel(t, gso, FaultConfig{})
			u.exchange(t, random(t), 8<<20)
			if n := u.datagrams(t, 1000); n == 0 {
				t.Error("no datagram came")
			}
			u.stop()
			for host := range u.ns {
				if n := u.sumErrors(t, host); n != 0 {
					t.Errorf("host %d counted %d wrong checksums", host, n)
				}
				if c := u.taps[host].Counters(); c.GSOFallbacks+c.RxMalformed+c.TxErrors != 0 {
					t.Errorf("TAP %d counted %+v", host, c)
				}
			}
		})
	}
}

// Loss, duplication, another order and flipped bits with super-frames: nothing wrong is delivered. Damaged segments are not
// joined to others: the host drops them alone.
func TestTunnelSuperFramesUnderFaults(t *testing.T) {
	r := random(t)
	u := newTestTunnel(t, [2]GSO{GSOOn, GSOOn}, FaultConfig{Seed: r.Uint64(), Loss: 0.005, Duplicate: 0.01, Reorder: 0.01, Flip: 0.005})
	u.exchange(t, r, 1<<20)
	if n := u.datagrams(t, 2000); n == 0 {
		t.Error("no datagram came")
	}
	if u.sumErrors(t, 0)+u.sumErrors(t, 1) == 0 {
		t.Error("no damaged frame has reached a host: nothing was tested")
	}
}
