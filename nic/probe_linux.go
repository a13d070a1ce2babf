package nic

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// The self-test of super-frames: some of each kind go through a device and back, and what comes out is compared octet by
// octet with frames that were made one by one. For a TAP that is a twin, made for it: in the device itself the test would
// show in its counters, and reach the host that it belongs to.

const (
	probeSegments = 5
	probePayload  = 1000 // octets of each segment but the last
	probeWait     = 200 * time.Millisecond
)

// errNoProbe: the self-test cannot be made, which says nothing about super-frames.
var errNoProbe = errors.New("no super-frames without a self-test")

// probeName is what the twin is called, for some milliseconds.
const probeName = "gsotest%d"

// probeTAP tries kinds of super-frame with a TAP, or a TUN (bare), and returns those that work. An error says that the
// test cannot be made here.
func probeTAP(bare bool, kinds kinds) (good kinds, err error) {
	t, err := openTwin(bare)
	if err != nil {
		return noKind, err
	}
	defer t.Close()
	return t.probe(kinds)
}

// probe is probeTAP with the device itself.
func (t *vnetTAP) probe(kinds kinds) (good kinds, err error) {
	control, err := controlSocket()
	if err != nil {
		return noKind, err
	}
	defer unix.Close(control)
	if err := raise(control, t.info.Name); err != nil {
		return noKind, fmt.Errorf("%w: %w", errNoProbe, err)
	}
	kernel, err := openProbeSocket(control, t.info.Name)
	if err != nil {
		return noKind, err
	}
	defer unix.Close(kernel)
	for k := kindTCP4; k <= kindUDP6; k <<= 1 {
		if kinds&k != 0 && t.probeKind(kernel, k) {
			good |= k
		}
	}
	return good, nil
}

// openTwin makes a device that vanishes with Close.
func openTwin(bare bool) (*vnetTAP, error) {
	fd, err := openTunDevice()
	if err != nil {
		return nil, err
	}
	flags := uint16(unix.IFF_TAP)
	if bare {
		flags = unix.IFF_TUN
	}
	t := &tap{fd: fd, spare: -1, home: home{netlink: -1}, info: Info{MaxFrame: maxSuperFrame}}
	if err = attach(fd, probeName, flags|unix.IFF_NO_PI|unix.IFF_VNET_HDR); err == nil {
		t.info.Name, _, err = attachedTo(fd)
	}
	if err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("%w, which makes a device: %w", errNoProbe, tunError(err))
	}
	return newVnetTAP(t, bare), nil
}

// raise sets an interface up.
func raise(control int, name string) error {
	request, err := unix.NewIfreq(name)
	if err != nil {
		return err
	}
	if err := unix.IoctlIfreq(control, unix.SIOCGIFFLAGS, request); err != nil {
		return err
	}
	request.SetUint16(request.Uint16() | unix.IFF_UP)
	return unix.IoctlIfreq(control, unix.SIOCSIFFLAGS, request)
}

// openProbeSocket opens the kernel's side of an interface, with a virtio header before each frame.
func openProbeSocket(control int, name string) (int, error) {
	request, err := unix.NewIfreq(name)
	if err != nil {
		return -1, err
	}
	if err := unix.IoctlIfreq(control, unix.SIOCGIFINDEX, request); err != nil {
		return -1, err
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("%w, which needs CAP_NET_RAW", errNoProbe)
	}
	err = unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_VNET_HDR, 1)
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: unix.ETH_P_ALL << 8, Ifindex: int(request.Uint32())})
	}
	if err != nil {
		_ = unix.Close(fd)
		return -1, fmt.Errorf("%w: %w", errNoProbe, err)
	}
	return fd, nil
}

// probeKind sends a super-frame of a kind three ways: from the kernel to us, from the kernel to us when it has to cut,
// and from us to the kernel.
func (t *vnetTAP) probeKind(kernel int, k kinds) bool {
	frames := probeTrain(k, t.join.bare)
	j := joiner{bare: t.join.bare, kinds: k, most: maxSuperFrame}
	plan := j.plan(frames)
	if len(plan) != 1 {
		return false
	}
	var v vnet
	super := make([]byte, vnetBytes+maxHeaders, vnetBytes+maxSuperFrame)
	super = super[:vnetBytes+plan[0].header(super[vnetBytes:], frames[0], &v)]
	v.write((*[vnetBytes]byte)(super))
	for _, frame := range frames {
		super = append(super, frame[plan[0].payload:]...)
	}
	t.count.RxMalformed = 0
	for _, on := range [...]kinds{allKinds, noKind} {
		switched := setKinds(t.fd, on)
		if on != noKind && switched&k == 0 || !probeSend(kernel, super, k) || !t.probeReceive(frames) {
			return false
		}
	}
	t.join.kinds = k
	n, err := t.Transmit(frames)
	return n == len(frames) && err == nil && t.join.kinds == k && t.probeArrived(kernel, super)
}

func probeSend(kernel int, super []byte, k kinds) bool {
	protocol := uint16(unix.ETH_P_IP)
	if k&(kindTCP6|kindUDP6) != 0 {
		protocol = unix.ETH_P_IPV6
	}
	name, err := unix.Getsockname(kernel)
	to, ok := name.(*unix.SockaddrLinklayer)
	if err != nil || !ok {
		return false
	}
	return unix.Sendto(kernel, super, 0, &unix.SockaddrLinklayer{Protocol: protocol<<8 | protocol>>8, Ifindex: to.Ifindex}) == nil
}

// probeReceive tells whether the frames come, in order. Others, which the host has sent of itself, are passed over.
func (t *vnetTAP) probeReceive(frames [][]byte) bool {
	memory := make([]byte, vnetBatch*2048)
	bufs := make([][]byte, vnetBatch)
	for end := time.Now().Add(probeWait); len(frames) > 0; {
		for i := range bufs {
			bufs[i] = memory[i*2048:][:2048]
		}
		n, err := t.Receive(bufs)
		if err != nil || t.count.RxMalformed > 0 || n == 0 && !await(t.fd, end) {
			return false
		}
		for _, frame := range bufs[:n] {
			if !isProbe(frame) {
				continue
			}
			if len(frames) == 0 || !bytes.Equal(frame, frames[0]) {
				return false
			}
			frames = frames[1:]
		}
	}
	return true
}

// probeArrived tells whether the kernel has received what was written.
func (t *vnetTAP) probeArrived(kernel int, super []byte) bool {
	room := make([]byte, vnetBytes+maxSuperFrame)
	for end := time.Now().Add(probeWait); ; {
		n, from, err := unix.Recvfrom(kernel, room, 0)
		if err != nil {
			if !await(kernel, end) {
				return false
			}
			continue
		}
		if ll, ok := from.(*unix.SockaddrLinklayer); ok && ll.Pkttype != unix.PACKET_OUTGOING && isProbe(room[:n]) {
			return bytes.Equal(room[vnetBytes:n], super[vnetBytes:]) && room[0] == super[0] && room[1] == super[1] &&
				bytes.Equal(room[4:6], super[4:6]) // how long the segments are; where the sum lies is counted from the linear part
		}
	}
}

// await sleeps until a descriptor is readable; false: it was not in time.
func await(fd int, end time.Time) bool {
	for {
		left := time.Until(end)
		if left <= 0 {
			return false
		}
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(left.Milliseconds())+1)
		if n > 0 || err != nil && !errors.Is(err, unix.EINTR) {
			return n > 0
		}
	}
}

// probeMark begins the payload of every frame of the self-test.
var probeMark = []byte("\x89nic super-frame self-test\x00")

func isProbe(frame []byte) bool { return bytes.Contains(frame, probeMark[:8]) }

// probeTrain makes the frames of a flow that nobody has. What reads them on its way into the host drops them at once: a
// bridge because their source is no station, the host because they are not for it, or, without Ethernet, because it knows
// the loopback's addresses for foreign there.
func probeTrain(k kinds, bare bool) (frames [][]byte) {
	for i := range probeSegments {
		size := probePayload
		if i == probeSegments-1 {
			size = probePayload / 2
		}
		data := make([]byte, size)
		for j := range data {
			data[j] = byte(i*7 + j*13 + j>>8)
		}
		copy(data, probeMark)
		p := probeTransport(k, i, data)
		p = probeNetwork(k, i, p)
		if !bare {
			head := []byte{0x02, 0, 0, 0, 0, 0x01, 0, 0, 0, 0, 0, 0, 0x08, 0x00}
			if k&(kindTCP6|kindUDP6) != 0 {
				head[12], head[13] = 0x86, 0xdd
			}
			p = append(head, p...)
		}
		s := segment{}
		s.parse(p, bare)
		check := ^fold32(sumOctets(p[s.tp:]) + uint32(pseudoSum(s.addresses(p), s.protocol(), len(p)-s.tp)))
		put16(p[s.sumAt():], check)
		frames = append(frames, p)
	}
	return frames
}

// probeTransport: what a super-frame has in its first segment alone, or in its last, is there.
func probeTransport(k kinds, i int, data []byte) []byte {
	p := []byte{0xfd, 0x01, 0xfd, 0x02}
	if k&kindsUDP != 0 {
		p = binary.BigEndian.AppendUint16(p, uint16(udpHeader+len(data)))
		return append(append(p, 0, 0), data...)
	}
	flags := byte(0x50) // ACK, ECE
	if i == 0 {
		flags |= tcpCWR
	}
	if i == probeSegments-1 {
		flags |= tcpPSH | tcpFIN
	}
	p = binary.BigEndian.AppendUint32(p, 0xffffff00+uint32(i*probePayload))
	p = append(p, 1, 2, 3, 4, 0x80, flags, 0x20, 0, 0, 0, 0, 0)
	p = append(p, 1, 1, 8, 10, 5, 6, 7, 8, 9, 10, 11, 12) // timestamps
	return append(p, data...)
}

func probeNetwork(k kinds, i int, tp []byte) []byte {
	protocol := byte(protocolTCP)
	if k&kindsUDP != 0 {
		protocol = protocolUDP
	}
	if k&(kindTCP4|kindUDP4) != 0 {
		p := []byte{0x45, 0x02, 0, 0, 0xff, 0xfe, 0x40, 0, 64, protocol, 0, 0, 127, 0, 0, 2, 127, 0, 0, 3}
		put16(p[ip4Length:], uint16(ip4Header+len(tp)))
		put16(p[ip4ID:], uint16(0xfffe+i))
		put16(p[ip4Sum:], ^uint16(sumOctets(p)))
		return append(p, tp...)
	}
	p := make([]byte, ip6Header, ip6Header+len(tp))
	p[0], p[1], p[ip6Next], p[7], p[ip6Source+15], p[ip6Source+31] = 0x60, 0x20, protocol, 64, 1, 1
	put16(p[ip6Length:], uint16(len(tp)))
	return append(p, tp...)
}
