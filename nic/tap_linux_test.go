package nic

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/cellhub/cellhub/nic/link"
	"golang.org/x/sys/unix"
)

// tapUp opens a TAP or TUN in the namespace and sets it up.
func tapUp(t testing.TB, ns *link.Namespace, cfg TAPConfig) Device {
	t.Helper()
	var dev Device
	in(t, ns, func() (err error) {
		if err := quietIPv6(); err != nil {
			return err
		}
		if dev, err = OpenTAP(cfg); err != nil {
			return err
		}
		closing(t, dev)
		return errors.Join(link.Up(dev.Info().Name), running(t, dev.Info().Name))
	})
	return dev
}

// packetSocket is the kernel's side of an interface: what is written to it leaves through the interface.
func packetSocket(t testing.TB, ns *link.Namespace, name string) int {
	t.Helper()
	fd := -1
	in(t, ns, func() (err error) {
		state, err := link.Get(name)
		if err != nil {
			return err
		}
		if fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0); err != nil {
			return err
		}
		return unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: networkOrder(testEtherType), Ifindex: state.Index})
	})
	t.Cleanup(func() { _ = unix.Close(fd) })
	return fd
}

func networkOrder(v uint16) uint16 { return v<<8 | v>>8 }

// bothWays runs a test with super-frames and without.
func bothWays(t *testing.T, test func(t *testing.T, gso GSO)) {
	t.Helper()
	for _, gso := range []GSO{GSOOn, GSOOff} {
		t.Run("gso "+gso.String(), func(t *testing.T) { test(t, gso) })
	}
}

func TestTAPEverySize(t *testing.T) { bothWays(t, testTAPEverySize) }

func testTAPEverySize(t *testing.T, gso GSO) {
	ns := namespace(t)
	dev := tapUp(t, ns, TAPConfig{Name: "tap0", GSO: gso})
	if i := dev.Info(); i.Name != "tap0" || i.MaxFrame != 1518 || i.Lends || i.Existed {
		t.Errorf("Info = %+v", i)
	}
	kernel := packetSocket(t, ns, "tap0")
	room := make([]byte, 2000)
	for size := ethernetHeader; size <= 1514; size++ {
		frame := etherFrame(size, size)
		if _, err := unix.Write(kernel, frame); err != nil {
			t.Fatal(err)
		}
		equalFrames(t, receiveN(t, dev, 1), [][]byte{frame})
		transmitAll(t, dev, [][]byte{frame})
		n, err := unix.Read(kernel, room)
		if err != nil {
			t.Fatal(err)
		}
		equalFrames(t, [][]byte{room[:n]}, [][]byte{frame})
	}
	if c := dev.Counters(); c.RxFrames != 1501 || c.TxFrames != 1501 || c.RxOctets != c.TxOctets || c.RxDropped()+c.TxDropped() != 0 {
		t.Errorf("counted %+v", c)
	}
}

func TestTAPBatchAndTruncation(t *testing.T) { bothWays(t, testTAPBatchAndTruncation) }

func testTAPBatchAndTruncation(t *testing.T, gso GSO) {
	ns := namespace(t)
	dev := tapUp(t, ns, TAPConfig{Name: "tap0", MaxFrame: 200, GSO: gso})
	kernel := packetSocket(t, ns, "tap0")
	var want [][]byte
	for i := range 100 {
		frame := etherFrame(100+i%2, i)
		if _, err := unix.Write(kernel, frame); err != nil {
			t.Fatal(err)
		}
		if i%2 == 0 {
			want = append(want, frame)
		}
	}
	var got [][]byte
	for len(got) < len(want) {
		bufs := buffers(maxBatch, 100)
		n, err := dev.Receive(bufs)
		if n == 0 || err != nil {
			t.Fatalf("Receive = %d, %v after %d frames", n, err, len(got))
		}
		got = append(got, bufs[:n]...)
	}
	equalFrames(t, got, want)
	if n, err := dev.Receive(buffers(1, 100)); n != 0 || err != nil {
		t.Errorf("Receive of the last, truncated, = %d, %v", n, err)
	}
	if c := dev.Counters(); c.RxFrames != 50 || c.RxTruncated != 50 {
		t.Errorf("counted %+v, want 50 frames and 50 truncated", c)
	}
	frames := [][]byte{etherFrame(201, 0), make([]byte, 5), etherFrame(200, 0)}
	if n, err := dev.Transmit(frames); n != 3 || err != nil {
		t.Errorf("Transmit = %d, %v", n, err)
	}
	if c := dev.Counters(); c.TxTooLong != 1 || c.TxErrors != 1 || c.TxFrames != 1 {
		t.Errorf("counted %+v, want one too long, one refused, one sent", c)
	}
}

func TestTUNPackets(t *testing.T) { bothWays(t, testTUNPackets) }

func testTUNPackets(t *testing.T, gso GSO) {
	ns := namespace(t)
	dev := tapUp(t, ns, TAPConfig{TUN: true, GSO: gso})
	if i := dev.Info(); !strings.HasPrefix(i.Name, "tun") || i.MaxFrame != 1500 {
		t.Errorf("Info = %+v", i)
	}
	var conn net.PacketConn
	in(t, ns, func() (err error) {
		if err := link.AddAddr(dev.Info().Name, netip.MustParsePrefix("10.9.0.1/24")); err != nil {
			return err
		}
		conn, err = net.ListenPacket("udp", "10.9.0.1:7")
		return err
	})
	defer conn.Close()
	if _, err := conn.WriteTo([]byte("there"), &net.UDPAddr{IP: net.IPv4(10, 9, 0, 2), Port: 7}); err != nil {
		t.Fatal(err)
	}
	packet := receiveN(t, dev, 1)[0]
	if len(packet) != 33 || packet[0] != 0x45 || string(packet[28:]) != "there" {
		t.Fatalf("packet is % x, want 33 octets of IPv4 and UDP", packet)
	}
	// Addresses and ports exchanged, the checksums stay right: they are sums.
	for i := range 4 {
		packet[12+i], packet[16+i] = packet[16+i], packet[12+i]
	}
	transmitAll(t, dev, [][]byte{packet})
	room := make([]byte, 100)
	if n, from, err := conn.ReadFrom(room); err != nil || string(room[:n]) != "there" || from.String() != "10.9.0.2:7" {
		t.Errorf("back came %q from %v, %v", room[:n], from, err)
	}
}

func TestTAPDownUpGone(t *testing.T) { bothWays(t, testTAPDownUpGone) }

func testTAPDownUpGone(t *testing.T, gso GSO) {
	ns := namespace(t)
	dev := tapUp(t, ns, TAPConfig{Name: "tap0", GSO: gso})
	kernel := packetSocket(t, ns, "tap0")
	frames := [][]byte{etherFrame(60, 1), etherFrame(60, 2)}
	for range 2 {
		in(t, ns, func() error { return link.Down("tap0") })
		before := dev.Counters().TxDown
		if n, err := dev.Transmit(frames); n != 2 || !errors.Is(err, ErrDown) {
			t.Errorf("Transmit while down = %d, %v, want 2, ErrDown", n, err)
		}
		if lost := dev.Counters().TxDown - before; lost != 2 {
			t.Errorf("counted %d lost while down, want 2", lost)
		}
		if n, err := dev.Receive(buffers(1, 100)); n != 0 || err != nil {
			t.Errorf("Receive while down = %d, %v", n, err)
		}
		in(t, ns, func() error { return errors.Join(link.Up("tap0"), running(t, "tap0")) })
		transmitAll(t, dev, frames)
		if _, err := unix.GetsockoptInt(kernel, unix.SOL_SOCKET, unix.SO_ERROR); err != nil { // forgets ENETDOWN
			t.Fatal(err)
		}
		if _, err := unix.Write(kernel, frames[0]); err != nil {
			t.Fatal(err)
		}
		equalFrames(t, receiveN(t, dev, 1), frames[:1])
	}
	in(t, ns, func() error { return link.Delete("tap0") })
	waitFor(t, dev, unix.POLLIN) // the deletion wakes a sleeper
	if n, err := dev.Receive(buffers(1, 100)); n != 0 || !errors.Is(err, ErrGone) {
		t.Errorf("Receive when deleted = %d, %v, want ErrGone", n, err)
	}
	if n, err := dev.Transmit(frames); n != 2 || !errors.Is(err, ErrGone) {
		t.Errorf("Transmit when deleted = %d, %v, want 2, ErrGone", n, err)
	}
	if err := dev.Close(); err != nil {
		t.Errorf("Close when deleted: %v", err)
	}
	checkClosed(t, dev)
}

func TestTAPVanishesWithClose(t *testing.T) {
	ns := namespace(t)
	dev := tapUp(t, ns, TAPConfig{Name: "tap0"})
	if err := errors.Join(dev.Close(), dev.Close()); err != nil {
		t.Fatal(err)
	}
	in(t, ns, func() error {
		if there, err := link.Exists("tap0"); there || err != nil {
			t.Errorf("after Close: exists %v, %v", there, err)
		}
		return nil
	})
}

// persistentTAP makes a device as another program would leave it: with these flags, and nobody attached.
func persistentTAP(t testing.TB, ns *link.Namespace, name string, flags uint16, offload uint) {
	t.Helper()
	in(t, ns, func() error {
		fd, err := openTunDevice()
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		return errors.Join(attach(fd, name, flags), setOffload(fd, offload), unix.IoctlSetInt(fd, unix.TUNSETPERSIST, 1))
	})
}

func TestTAPExistingIsLeftAsItWas(t *testing.T) {
	const all = unix.TUN_F_CSUM | unix.TUN_F_TSO4 | unix.TUN_F_TSO6
	const ours = all | unix.TUN_F_TSO_ECN | unix.TUN_F_USO4 | unix.TUN_F_USO6
	for name, c := range map[string]struct {
		flags   uint16
		offload uint
		want    link.TUN
	}{
		"plain TAP":             {unix.IFF_TAP | unix.IFF_NO_PI, 0, link.TUN{TAP: true, Persist: true}},
		"plain TUN":             {unix.IFF_TUN | unix.IFF_NO_PI, 0, link.TUN{Persist: true}},
		"packet information":    {unix.IFF_TAP, 0, link.TUN{TAP: true, PI: true, Persist: true}},
		"virtio header":         {unix.IFF_TAP | unix.IFF_NO_PI | unix.IFF_VNET_HDR, 0, link.TUN{TAP: true, VnetHdr: true, Persist: true}},
		"virtio and offloads":   {unix.IFF_TAP | unix.IFF_NO_PI | unix.IFF_VNET_HDR, all, link.TUN{TAP: true, VnetHdr: true, Persist: true}},
		"checksum offload":      {unix.IFF_TUN | unix.IFF_NO_PI, unix.TUN_F_CSUM, link.TUN{Persist: true}},
		"multi-queue":           {unix.IFF_TAP | unix.IFF_NO_PI | unix.IFF_MULTI_QUEUE, 0, link.TUN{TAP: true, MultiQueue: true, Persist: true}},
		"multi-queue, all else": {unix.IFF_TUN | unix.IFF_VNET_HDR | unix.IFF_MULTI_QUEUE, all, link.TUN{PI: true, VnetHdr: true, MultiQueue: true, Persist: true}},
	} {
		for _, gso := range []GSO{GSOAuto, GSOOn, GSOOff} {
			t.Run(name+", gso "+gso.String(), func(t *testing.T) {
				ns := namespace(t)
				persistentTAP(t, ns, "tap0", c.flags, c.offload)
				check := func(when string, want link.TUN, wantOffload uint) {
					t.Helper()
					in(t, ns, func() error {
						got, err := link.TunInfo("tap0")
						if got != want {
							t.Errorf("%s: %+v, want %+v", when, got, want)
						}
						if offload, _ := tunOffload("tap0"); offload != wantOffload {
							t.Errorf("%s: offloads %#x, want %#x", when, offload, wantOffload)
						}
						return err
					})
				}
				check("before", c.want, c.offload)
				dev := tapUp(t, ns, TAPConfig{Name: "tap0", TUN: c.flags&unix.IFF_TUN != 0, GSO: gso})
				if !dev.Info().Existed {
					t.Error("Info does not say that the device existed")
				}
				attached := c.want
				attached.PI, attached.VnetHdr = false, gso != GSOOff
				want := uint(0)
				switch gso {
				case GSOAuto:
					want = ours
				case GSOOn:
					want = dev.(*vnetTAP).now.offload // of tunnels, too, since Linux 6.17
					if want&^(tunFTunnel|tunFTunnelSum) != ours {
						t.Errorf("offloads %#x", want)
					}
				}
				check("while attached", attached, want)
				if err := dev.Close(); err != nil { // from the test's own namespace, on purpose
					t.Fatal(err)
				}
				check("after", c.want, c.offload)
			})
		}
	}
}

// The owner's length of the virtio header is there again, too.
func TestTAPExistingHeaderLength(t *testing.T) {
	ns := namespace(t)
	const bytes = 12
	in(t, ns, func() error {
		fd, err := openTunDevice()
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		return errors.Join(attach(fd, "tap0", unix.IFF_TAP|unix.IFF_VNET_HDR), setVnetBytes(fd, bytes), unix.IoctlSetInt(fd, unix.TUNSETPERSIST, 1))
	})
	dev := tapUp(t, ns, TAPConfig{Name: "tap0"})
	kernel := packetSocket(t, ns, "tap0")
	frame := etherFrame(100, 0)
	if _, err := unix.Write(kernel, frame); err != nil {
		t.Fatal(err)
	}
	equalFrames(t, receiveN(t, dev, 1), [][]byte{frame})
	if err := dev.Close(); err != nil {
		t.Fatal(err)
	}
	in(t, ns, func() error {
		fd, err := openTunDevice()
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		if err := attach(fd, "tap0", unix.IFF_TAP|unix.IFF_VNET_HDR); err != nil {
			return err
		}
		if n, err := vnetBytesOf(fd); n != bytes || err != nil {
			t.Errorf("after Close the header has %d octets, want %d; %v", n, bytes, err)
		}
		return nil
	})
}

func TestTAPExistingRenamedOrDeleted(t *testing.T) {
	ns := namespace(t)
	persistentTAP(t, ns, "tap0", unix.IFF_TAP|unix.IFF_VNET_HDR, 0)
	dev := tapUp(t, ns, TAPConfig{Name: "tap0"})
	in(t, ns, func() error { return link.Delete("tap0") })
	if err := dev.Close(); err != nil {
		t.Error(err)
	}
	in(t, ns, func() error {
		if there, err := link.Exists("tap0"); there || err != nil {
			t.Errorf("Close brought a deleted device back: %v, %v", there, err)
		}
		return nil
	})
}

func TestTAPRefuses(t *testing.T) {
	ns := namespace(t)
	persistentTAP(t, ns, "atap", unix.IFF_TAP|unix.IFF_NO_PI, 0)
	persistentTAP(t, ns, "held", unix.IFF_TAP|unix.IFF_NO_PI, 0)
	persistentTAP(t, ns, "heldmq", unix.IFF_TAP|unix.IFF_NO_PI|unix.IFF_MULTI_QUEUE, 0)
	tapUp(t, ns, TAPConfig{Name: "held"})
	tapUp(t, ns, TAPConfig{Name: "heldmq"})
	tapUp(t, ns, TAPConfig{Name: "fleeting"})
	for name, want := range map[string]error{
		"sixteen-octets-x": ErrNameTooLong,
		"lo":               ErrNotTAP,
		"atap":             ErrOtherKind,
		"held":             ErrInUse,
		"heldmq":           ErrInUse,
		"fleeting":         ErrInUse,
	} {
		in(t, ns, func() error {
			dev, err := OpenTAP(TAPConfig{Name: name, TUN: name == "atap"})
			if err == nil {
				_ = dev.Close()
			}
			if !errors.Is(err, want) {
				t.Errorf("%s: %v, want %v", name, err, want)
			}
			return nil
		})
	}
}

func TestTAPAllocatesNothing(t *testing.T) { bothWays(t, testTAPAllocatesNothing) }

func testTAPAllocatesNothing(t *testing.T, gso GSO) {
	ns := namespace(t)
	dev := tapUp(t, ns, TAPConfig{Name: "tap0", GSO: gso})
	kernel := packetSocket(t, ns, "tap0")
	frames, bufs, room := [][]byte{etherFrame(60, 0), etherFrame(1514, 1)}, make([][]byte, 2), buffers(2, 2048)
	noAllocation(t, func() {
		_, _ = dev.Transmit(frames)
		for _, frame := range frames {
			if _, err := unix.Write(kernel, frame); err != nil {
				t.Fatal(err)
			}
		}
		copy(bufs, room)
		if n, err := dev.Receive(bufs); n != 2 || err != nil {
			t.Fatalf("Receive = %d, %v", n, err)
		}
	})
}

// unprivileged runs f on a thread without capabilities, which ends with it.
func unprivileged(t *testing.T, ns *link.Namespace, f func()) {
	t.Helper()
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked
		if err := unix.Setns(ns.FD(), unix.CLONE_NEWNET); err != nil {
			done <- err
			return
		}
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var none [2]unix.CapUserData
		if err := unix.Capset(&header, &none[0]); err != nil {
			done <- err
			return
		}
		f()
		done <- nil
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestRefusalsNameTheCapability(t *testing.T) {
	unprivileged(t, namespace(t), func() {
		if _, err := OpenTAP(TAPConfig{Name: "tap0"}); !errors.Is(err, ErrNeedNetAdmin) || !strings.Contains(err.Error(), "CAP_NET_ADMIN") {
			t.Errorf("OpenTAP: %v, want ErrNeedNetAdmin", err)
		}
		if _, err := OpenPacket(PacketConfig{Interface: "lo", EtherType: testEtherType}); !errors.Is(err, ErrNeedNetRaw) || !strings.Contains(err.Error(), "CAP_NET_RAW") {
			t.Errorf("OpenPacket: %v, want ErrNeedNetRaw", err)
		}
		dev, err := OpenUDP(UDPConfig{Remote: netip.MustParseAddrPort("127.0.0.1:9")})
		if err != nil {
			t.Errorf("OpenUDP needs no privilege: %v", err)
			return
		}
		defer dev.Close()
		if limit, _ := os.ReadFile("/proc/sys/net/core/wmem_max"); len(limit) < len("4194304\n") && !strings.Contains(dev.Info().Note, "CAP_NET_ADMIN") {
			t.Errorf("small socket buffers are not told: %q", dev.Info().Note)
		}
	})
}

func FuzzParseTUN(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{4, 0, 1, 0})
	f.Add([]byte{3, 0, 1, 0, 255, 255, 1, 0})
	f.Add([]byte{5, 0, unix.IFLA_CARRIER, 0, 1, 0, 0, 0,
		28, 0, unix.IFLA_LINKINFO, 0x80, 8, 0, unix.IFLA_INFO_KIND, 0, 't', 'u', 'n', 0,
		16, 0, unix.IFLA_INFO_DATA, 0, 5, 0, unix.IFLA_TUN_TYPE, 0, 2, 0, 0, 0, 5, 0, unix.IFLA_TUN_PI, 0, 1})
	f.Fuzz(func(t *testing.T, info []byte) {
		state := parseTUN(info)
		if !state.exists || !state.tun && (state.flags != 0 || state.held) {
			t.Errorf("% x gives %+v", info, state)
		}
	})
}
