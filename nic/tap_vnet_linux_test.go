package nic

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"testing"
	"unsafe"

	"github.com/cellhub/cellhub/nic/link"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// vnetSocket is the kernel's side of an interface with a virtio header before each frame; blocking.
func vnetSocket(t testing.TB, ns *link.Namespace, name string) int {
	t.Helper()
	fd := -1
	in(t, ns, func() error {
		control, err := controlSocket()
		if err != nil {
			return err
		}
		defer unix.Close(control)
		if fd, err = openProbeSocket(control, name); err != nil {
			return err
		}
		return unix.SetNonblock(fd, false)
	})
	t.Cleanup(func() { _ = unix.Close(fd) })
	return fd
}

// sendVnet sends a frame with its virtio header.
func sendVnet(t testing.TB, fd int, frame []byte, v vnet, etherType uint16) {
	t.Helper()
	head := make([]byte, vnetBytes)
	v.write((*[vnetBytes]byte)(head))
	name, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	to := &unix.SockaddrLinklayer{Protocol: networkOrder(etherType), Ifindex: name.(*unix.SockaddrLinklayer).Ifindex}
	if err := unix.Sendto(fd, append(head, frame...), 0, to); err != nil {
		t.Fatalf("send %d octets, %+v: %v", len(frame), v, err)
	}
}

// etherTypeOf is what the kernel has to be told of a frame that it is given.
func etherTypeOf(frame []byte, bare bool) uint16 {
	if !bare {
		return get16(frame[ethernetHeader-2:])
	}
	if frame[0]>>4 == 6 {
		return typeIPv6
	}
	return typeIPv4
}

// The kernel is the oracle: what is read from a TAP with super-frames is what the kernel hands to one without, which it
// has to cut them for itself. Random flows, lengths, flags and VLAN tags; lone frames with open checksums, too.
func TestTAPReadsAsWithout(t *testing.T) {
	for _, tun := range []bool{false, true} {
		t.Run(fmt.Sprintf("TUN %v", tun), func(t *testing.T) {
			r := random(t)
			var devs [2]Device
			var sockets [2]int
			for i, gso := range []GSO{GSOOn, GSOOff} {
				ns := namespace(t)
				devs[i] = tapUp(t, ns, TAPConfig{Name: "dut0", TUN: tun, GSO: gso})
				sockets[i] = vnetSocket(t, ns, "dut0")
			}
			for range 200 {
				f := newFlow(r, tun)
				super, v, n := randomSuper(r, f)
				for _, fd := range sockets {
					sendVnet(t, fd, super, v, etherTypeOf(super, tun))
				}
				equalFrames(t, receiveN(t, devs[0], n), receiveN(t, devs[1], n))
			}
			for i, dev := range devs {
				if c := dev.Counters(); c.RxDropped() != 0 {
					t.Errorf("device %d counted %+v", i, c)
				}
			}
		})
	}
}

// randomSuper is a super-frame of n segments, or a lone frame whose checksum is open.
func randomSuper(r *rand.Rand, f *flowSpec) (super []byte, v vnet, n int) {
	n = 1 + r.IntN(maxSegments)
	if n == 1 {
		payload := make([]byte, r.IntN(1300))
		for i := range payload {
			payload[i] = byte(r.Uint32() | r.Uint32()) // often ones: the checksum comes out as 0 sometimes
		}
		frame := f.frame(payload)
		var s segment
		s.parse(frame, f.bare)
		put16(frame[s.sumAt():], pseudoSum(s.addresses(frame), s.protocol(), len(frame)-s.tp))
		return frame, vnet{flags: needsSum, sumStart: uint16(s.tp), sumOffset: uint16(s.sumAt() - s.tp)}, 1
	}
	size := 1 + r.IntN(1000)
	frames := f.train(r, n, size, 1+r.IntN(size))
	j := joiner{bare: f.bare, kinds: allKinds, most: 1 << 16}
	super, v = j.plan(frames)[0].super(frames, j.next[:])
	return super, v, n
}

// A lone frame whose checksum comes out as 0 gets the other zero, as from the kernel.
func TestTAPFinishesZero(t *testing.T) {
	ns := namespace(t)
	dev := tapUp(t, ns, TAPConfig{Name: "dut0", GSO: GSOOn})
	fd := vnetSocket(t, ns, "dut0")
	f := &flowSpec{addresses: make([]byte, 8), ttl: 64, flags: 0x10}
	for i := 0; ; i++ {
		g := *f
		frame := g.frame([]byte{byte(i >> 8), byte(i)})
		const sumAt = ethernetHeader + ip4Header + tcpSum
		if get16(frame[sumAt:]) != 0 {
			continue
		}
		want := bytes.Clone(frame)
		put16(want[sumAt:], 0xffff)
		var s segment
		s.parse(frame, false)
		put16(frame[sumAt:], pseudoSum(s.addresses(frame), protocolTCP, len(frame)-s.tp))
		sendVnet(t, fd, frame, vnet{flags: needsSum, sumStart: uint16(s.tp), sumOffset: tcpSum}, typeIPv4)
		equalFrames(t, receiveN(t, dev, 1), [][]byte{want})
		return
	}
}

// bridged makes two TAPs that a bridge joins: what is written to the first, the kernel forwards to the second, and cuts
// super-frames for it, because it takes none.
func bridged(t *testing.T) (from, to Device) {
	t.Helper()
	ns := namespace(t)
	in(t, ns, func() error {
		if err := quietIPv6(); err != nil {
			return err
		}
		snooping := false
		if err := netlink.LinkAdd(&netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "br0"}, MulticastSnooping: &snooping}); err != nil {
			t.Skipf("no bridge in this kernel: %v", err)
		}
		return link.Up("br0")
	})
	from = tapUp(t, ns, TAPConfig{Name: "from0", GSO: GSOOn})
	to = tapUp(t, ns, TAPConfig{Name: "to0", GSO: GSOOff})
	in(t, ns, func() error {
		bridge, err := netlink.LinkByName("br0")
		if err != nil {
			return err
		}
		for _, name := range []string{"from0", "to0"} {
			l, err := netlink.LinkByName(name)
			if err != nil {
				return err
			}
			if err := netlink.LinkSetMaster(l, bridge); err != nil {
				return err
			}
		}
		return nil
	})
	return from, to
}

// What is written joined, the kernel cuts to the same frames.
func TestTAPWritesAsWithout(t *testing.T) {
	r := random(t)
	from, to := bridged(t)
	waitForward(t, from, to)
	joined := uint64(0)
	for range 100 {
		frames, flows := randomBatch(r, false)
		frames, flows = forwarded(frames, flows)
		transmitAll(t, from, frames)
		got := receiveN(t, to, len(frames))
		checkOrder(t, frames, flows, got)
		joined += uint64(len(frames) - checkPlan(t, frames, flows, false))
	}
	if c := from.Counters(); c.TxDropped() != 0 || c.GSOFallbacks != 0 || joined == 0 {
		t.Errorf("counted %+v, joined %d", c, joined)
	}
}

// waitForward sends until the bridge forwards.
func waitForward(t *testing.T, from, to Device) {
	t.Helper()
	for {
		transmitAll(t, from, [][]byte{etherFrame(60, 0)})
		bufs := buffers(maxBatch, 2048)
		if n, err := to.Receive(bufs); err != nil {
			t.Fatal(err)
		} else if n > 0 {
			break
		}
	}
	for {
		if n, _ := to.Receive(buffers(maxBatch, 2048)); n == 0 {
			return
		}
	}
}

// forwarded leaves out what a bridge does not pass on as it is: other stations' frames, broken packets, padding, fragments.
func forwarded(frames [][]byte, flows []int) (f [][]byte, n []int) {
	for i, frame := range frames {
		var s segment
		parsed := s.parse(frame, false) && (!s.ipv4() || plainSum(frame[s.ip:s.tp]) == 0xffff)
		if (parsed || frame[0] == 0xff) && frame[6]&1 == 0 && (frame[0]&1 == 0 || frame[0] == 0xff) && len(frame) <= 1514 {
			f, n = append(f, frame), append(n, flows[i])
		}
	}
	return f, n
}

// checkOrder checks that the frames have come, each flow's in order.
func checkOrder(t *testing.T, frames [][]byte, flows []int, got [][]byte) {
	t.Helper()
	used := make([]bool, len(frames))
	last := map[int]int{}
	for _, frame := range got {
		at := -1
		for i := range frames {
			if !used[i] && bytes.Equal(frames[i], frame) {
				at = i
				break
			}
		}
		if at < 0 {
			t.Fatalf("a frame came that was not sent so: %d octets %x", len(frame), head(frame))
		}
		used[at] = true
		if before, some := last[flows[at]]; some && flows[at] >= 0 && before > at {
			t.Fatalf("frame %d of flow %d came behind %d", at, flows[at], before)
		}
		last[flows[at]] = at
	}
}

// A kernel that damages what passes is found out: a filter cuts an octet off every frame that the host sends.
func TestTAPSelfTestFindsDamage(t *testing.T) {
	filter, err := loadFilter([]uint64{
		0x0000000000001061, // r0 = *(u32 *)(r1 + 0), the length
		0xffffffff00000007, // r0 += -1
		0x0000000000000095, // exit
	})
	if err != nil {
		t.Skipf("cannot load a filter: %v", err)
	}
	defer unix.Close(filter)
	for _, tun := range []bool{false, true} {
		ns := namespace(t)
		dev := tapUp(t, ns, TAPConfig{Name: "dut0", TUN: tun, GSO: GSOAuto}).(*vnetTAP)
		if c := dev.Counters(); dev.join.kinds != allKinds || dev.Info().Note != "" || c != (Counters{}) {
			t.Errorf("before: kinds %v, note %q, counted %+v", dev.join.kinds, dev.Info().Note, c)
		}
		in(t, ns, func() error {
			twin, err := openTwin(tun)
			if err != nil {
				return err
			}
			defer twin.Close()
			if good, err := twin.probe(allKinds); good != allKinds || err != nil {
				t.Errorf("undamaged, %v are good, %v", good, err)
			}
			value := int32(filter)
			if err := ioctl(twin.fd, unix.TUNSETFILTEREBPF, unsafe.Pointer(&value)); err != nil {
				return err
			}
			good, err := twin.probe(allKinds)
			if good != noKind {
				t.Errorf("damaged, %v are good", good)
			}
			dev.settle(allKinds, good, err)
			offload, err := tunOffload("dut0")
			if offload != unix.TUN_F_CSUM {
				t.Errorf("offloads %#x stay on", offload)
			}
			if there, err := link.Exists("gsotest1"); there || err != nil {
				t.Errorf("a twin is left: %v", err)
			}
			return err
		})
		if c := dev.Counters(); c.GSOFallbacks != 4 || !strings.Contains(dev.Info().Note, "TCP over IPv4, ") {
			t.Errorf("counted %+v, note %q", c, dev.Info().Note)
		}
	}
}

// loadFilter loads a socket filter of these instructions: bpf(2).
func loadFilter(code []uint64) (int, error) {
	license := []byte("GPL\x00")
	attributes := struct {
		kind, count   uint32
		code, license uint64
		_             [96]byte
	}{kind: unix.BPF_PROG_TYPE_SOCKET_FILTER, count: uint32(len(code))}
	attributes.code = uint64(uintptr(unsafe.Pointer(&code[0])))
	attributes.license = uint64(uintptr(unsafe.Pointer(&license[0])))
	for {
		fd, _, errno := unix.Syscall(unix.SYS_BPF, unix.BPF_PROG_LOAD, uintptr(unsafe.Pointer(&attributes)), unsafe.Sizeof(attributes))
		switch errno {
		case 0:
			return int(fd), nil
		case unix.EAGAIN: // a signal came while the verifier was at work, as Go's scheduler sends them
		default:
			return -1, errno
		}
	}
}

// A kind of super-frame that the kernel refuses at run time is given up, counted, and its frames leave one by one.
func TestTAPGivesUpWhatIsRefused(t *testing.T) {
	r := random(t)
	ns := namespace(t)
	dev := tapUp(t, ns, TAPConfig{Name: "dut0", GSO: GSOOn})
	v := dev.(*vnetTAP)
	f := newFlow(r, false)
	frames := f.train(r, 10, 100, 100)
	// A group that claims segments of 0 octets, as a bug of the kernel's would have it: EINVAL.
	g := v.join.plan(frames)[0]
	g.size = 0
	if errno := v.write(&g, frames); errno != 0 {
		t.Fatal(errno)
	}
	if told := dev.(Degrader).Degraded(); !strings.Contains(told, "super-frames of "+g.kind.String()+":") || !strings.Contains(told, "invalid argument") {
		t.Errorf("told: %q", told)
	}
	if c := dev.Counters(); c.TxFrames != 10 || c.GSOFallbacks != 1 || c.TxDropped() != 0 {
		t.Errorf("counted %+v, want 10 frames sent and one fallback", c)
	}
	if groups := v.join.plan(frames); len(groups) != 10 {
		t.Errorf("%d groups afterwards, want every frame alone", len(groups))
	}
}

// A super-frame in a tunnel over IPv4, with checksums, or IPv6, without, comes out as the kernel cuts it for a TAP that takes none.
// The host's VXLAN stands on the TAP, and gets the inner super-frames.
func TestTAPReadsTunnelsAsWithout(t *testing.T) {
	for _, v6 := range []bool{false, true} {
		t.Run(fmt.Sprintf("IPv6 %v", v6), func(t *testing.T) {
			r := random(t)
			var devs [2]Device
			var sockets [2]int
			for i, gso := range []GSO{GSOOn, GSOOff} {
				ns := namespace(t)
				devs[i] = tapUp(t, ns, TAPConfig{Name: "dut0", GSO: gso})
				if v, ok := devs[i].(*vnetTAP); ok && v.vnet != vnetTunnelBytes {
					t.Skip("the kernel hands over no tunnels")
				}
				in(t, ns, func() error { return vxlanOn("dut0", v6) })
				sockets[i] = vnetSocket(t, ns, "vx0")
			}
			for range 50 {
				f := newFlow(r, false)
				f.udp, f.tags = false, 0 // of UDP the kernel cuts the inner itself
				n, size := 2+r.IntN(maxSegments-1), 1+r.IntN(900)
				frames := f.train(r, n, size, 1+r.IntN(size))
				j := joiner{kinds: allKinds, most: 1 << 16}
				super, v := j.plan(frames)[0].super(frames, j.next[:])
				var got [2][][]byte
				for i, fd := range sockets {
					sendVnet(t, fd, super, v, etherTypeOf(super, false))
					for len(got[i]) < n { // the host's own talk is left out
						frame := receiveN(t, devs[i], 1)[0]
						if bytes.HasPrefix(frame, tunnelPeer) {
							got[i] = append(got[i], frame)
						}
					}
					if !v6 {
						withoutNumber(t, got[i])
					}
				}
				equalFrames(t, got[0], got[1])
			}
			if c := devs[0].Counters(); c.RxDropped() != 0 {
				t.Errorf("counted %+v", c)
			}
			if devs[0].(*vnetTAP).split.outer.tp == 0 {
				t.Error("no super-frame came in a tunnel")
			}
		})
	}
}

var tunnelPeer = net.HardwareAddr{2, 0, 0, 0, 0, 9}

// vxlanOn makes a VXLAN on an interface, to a station that needs no asking.
func vxlanOn(name string, v6 bool) error {
	l, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	own, far, bits := net.IP{192, 0, 2, 1}, net.IP{192, 0, 2, 2}, 32
	if v6 {
		own, far, bits = net.ParseIP("2001:db8::1"), net.ParseIP("2001:db8::2"), 128
		if err := os.WriteFile("/proc/sys/net/ipv6/conf/"+name+"/disable_ipv6", []byte("0"), 0); err != nil {
			return err
		}
	}
	return errors.Join(
		netlink.LinkSetHardwareAddr(l, net.HardwareAddr{2, 0, 0, 0, 0, 8}),
		netlink.AddrAdd(l, &netlink.Addr{IPNet: &net.IPNet{IP: own, Mask: net.CIDRMask(bits-8, bits)}, Flags: unix.IFA_F_NODAD}),
		netlink.NeighAdd(&netlink.Neigh{LinkIndex: l.Attrs().Index, State: netlink.NUD_PERMANENT, IP: far, HardwareAddr: tunnelPeer}),
		netlink.LinkAdd(&netlink.Vxlan{
			LinkAttrs: netlink.LinkAttrs{Name: "vx0", MTU: 1430}, VxlanId: 7, Group: far, SrcAddr: own,
			Port: 4789, PortLow: 5000, PortHigh: 5001, UDPCSum: !v6, UDP6ZeroCSumTx: v6, Learning: true,
		}),
		link.Up("vx0"))
}

// withoutNumber checks the outer IP header, and takes out of it the number that the kernel counts up, as the first frame's
// is any.
func withoutNumber(t *testing.T, frames [][]byte) {
	t.Helper()
	first := get16(frames[0][ethernetHeader+ip4ID:])
	for i, frame := range frames {
		ip := frame[ethernetHeader:][:ip4Header]
		if plainSum(ip) != 0xffff {
			t.Fatalf("frame %d: outer checksum is wrong: %x", i, ip)
		}
		put16(ip[ip4ID:], get16(ip[ip4ID:])-first)
		put16(ip[ip4Sum:], 0)
	}
}
