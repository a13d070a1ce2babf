package main

import (
	"testing"

	"golang.org/x/sys/unix"
)

// TestOwnerOfDevice runs atmtap as the owner of a TAP that is up: he needs no
// capability to use it.
func TestOwnerOfDevice(t *testing.T) {
	testUnprivileged(t, []unprivileged{
		{"over UDP", nil, true, carriers[1]},
		{"over Ethernet", []uintptr{unix.CAP_NET_RAW}, true, carriers[0]},
	})
}
