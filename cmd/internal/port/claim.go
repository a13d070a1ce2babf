package port

import (
	"errors"
	"fmt"
	"net"

	"golang.org/x/sys/unix"
)

// Claim is the right to a label on an interface. Two programs with one label would each
// take the other's cells for its own, and the kernel has nothing against it.
type Claim struct {
	index    int
	listener net.Listener
}

// Claim takes the port's label on the interface of that number, among the programs of
// this network namespace, until Close or the end of the process. It is an abstract
// socket, of which a namespace has one of each name.
func (s Spec) Claim(index int) (*Claim, error) {
	from := "any"
	if s.HasPeer {
		from = net.HardwareAddr(s.Peer[:]).String()
	}
	l, err := net.Listen("unix", fmt.Sprintf("@cellhub/label/%d/%d/%s", index, s.LabelIn, from))
	switch {
	case errors.Is(err, unix.EADDRINUSE):
		return nil, fmt.Errorf("label %d is another program's on %s: take another label, or end that program", s.LabelIn, s.Device)
	case err != nil:
		return nil, fmt.Errorf("label %d: %w", s.LabelIn, err)
	}
	return &Claim{index, l}, nil
}

// On tells whether the claim is one on the interface of that number.
func (c *Claim) On(index int) bool { return c != nil && c.index == index }

// Close gives the label up. A nil claim has none.
func (c *Claim) Close() {
	if c != nil {
		_ = c.listener.Close()
	}
}
