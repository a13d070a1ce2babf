package nic

import "golang.org/x/sys/unix"

// refuseAll is a socket filter that lets nothing in.
var refuseAll = [1]unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K, K: 0}}

// Hold and Admit of a packet device are a socket filter.
func (p *packet) Hold() error {
	program := unix.SockFprog{Len: uint16(len(refuseAll)), Filter: &refuseAll[0]}
	return unix.SetsockoptSockFprog(p.fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &program)
}

// Admit takes the filter away.
func (p *packet) Admit() error {
	return unix.SetsockoptInt(p.fd, unix.SOL_SOCKET, unix.SO_DETACH_FILTER, 0)
}
