package main

import "testing"

// TestOwnerOfDevice runs atmtap as the owner of a TAP that is up: he needs no
// capability to use it.
func TestOwnerOfDevice(t *testing.T) {
	testUnprivileged(t, []unprivileged{
		{"over UDP", "", true, carriers[1]},
		{"over Ethernet", "+net_raw", true, carriers[0]},
	})
}
