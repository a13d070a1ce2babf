package main

import (
	"slices"
	"testing"
)

// TestEntropyOfSourcePort shows that the remote's datagrams are taken whatever their
// source port, which holds the entropy of a flow (RFC 7510, section 3).
func TestEntropyOfSourcePort(t *testing.T) {
	l, p := udpListener(t)
	dialCarrier(t, l, "192.0.2.2:50001")(slices.Concat(goodFrames("n1")...))
	dialCarrier(t, l, "192.0.2.2:50002")(slices.Concat(goodFrames("n1")...))
	waitReceived(t, l.A, tunnelDev, 2)
	expectDrops(t, p.stop(t), "", 2)
}
