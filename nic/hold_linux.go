package nic

import "golang.org/x/sys/unix"

// refuseAll is a socket filter that lets nothing in.
var refuseAll = [1]unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K, K: 0}}

// Hold and Admit of a packet device are a socket filter.
func (p *packet) Hold() error { return attachFilter(p.fd, refuseAll[:]) }

// Admit puts the device's own filter in its place, or none.
func (p *packet) Admit() error {
	if len(p.program) > 0 {
		return attachFilter(p.fd, p.program)
	}
	return unix.SetsockoptInt(p.fd, unix.SOL_SOCKET, unix.SO_DETACH_FILTER, 0)
}
