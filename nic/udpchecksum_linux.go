package nic

import "golang.org/x/sys/unix"

// refuseZeroChecksum is a socket filter that cuts datagrams with the checksum 0 to their header: they arrive empty, and
// can be counted. The kernel's own refusal is counted for the whole namespace only. The filter sees the datagram from
// its UDP header on.
var refuseZeroChecksum = [...]unix.SockFilter{
	{Code: unix.BPF_LD | unix.BPF_H | unix.BPF_ABS, K: 6},
	{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: 0, Jf: 1},
	{Code: unix.BPF_RET | unix.BPF_K, K: 8},
	{Code: unix.BPF_RET | unix.BPF_K, K: 1<<32 - 1},
}

// setChecksum sends and takes datagrams over IPv6 without a checksum, or refuses them (RFC 6935; RFC 7510, section 3.1:
// only from a peer that is configured for it).
func (u *udp) setChecksum(zero bool) error {
	if err := unix.SetsockoptInt(u.fd, unix.IPPROTO_UDP, unix.UDP_NO_CHECK6_RX, 1); err != nil {
		return err
	}
	if zero {
		return unix.SetsockoptInt(u.fd, unix.IPPROTO_UDP, unix.UDP_NO_CHECK6_TX, 1)
	}
	u.rx.emptyIsRefused = true
	program := unix.SockFprog{Len: uint16(len(refuseZeroChecksum)), Filter: &refuseZeroChecksum[0]}
	return unix.SetsockoptSockFprog(u.fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &program)
}
