package client

import (
	"context"
	"syscall"

	"github.com/cellhub/cellhub/dataplane/control"
)

// AddParty adds an end system, svc://…, to a point-to-multipoint connection of which this side
// is the root: one that was dialled with Config.Multipoint. leaf is the root's own number of it,
// 1 to 32,767 (Q.2971). It waits until the leaf takes part.
func (c *Conn) AddParty(ctx context.Context, leaf uint32, address string) error {
	a, err := ParseAddr(address)
	if err != nil {
		return err
	}
	return c.party(ctx, control.SockAddParty, leaf, a)
}

// DropParty takes a leaf out; 0 is the one that was dialled. With the last leaf the connection
// ends.
func (c *Conn) DropParty(ctx context.Context, leaf uint32) error {
	return c.party(ctx, control.SockDropParty, leaf, &Addr{})
}

func (c *Conn) party(ctx context.Context, t control.Type, leaf uint32, a *Addr) error {
	p := &control.Packet{}
	p.SetSock(&control.Sock{Remote: a.AESA, SAP: a.SAP})
	p.Type, p.Conn = t, c.ID()
	l := control.Leaf{ID: leaf}
	var err error
	if p.Trailer, err = l.Append(nil); err != nil {
		return c.wrap("party", err)
	}
	done := make(chan error, 2) // its outcome, and the end of the connection
	c.mu.Lock()
	if c.parties == nil {
		c.parties = map[uint32]chan error{}
	}
	if c.parties[leaf] != nil {
		c.mu.Unlock()
		return c.wrap("party", syscall.EALREADY)
	}
	c.parties[leaf] = done
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.parties, leaf)
	}()
	if _, err := c.client.call(ctx, p); err != nil {
		return c.wrap("party", err)
	}
	select {
	case err := <-done:
		if err != nil {
			return c.wrap("party", err)
		}
		return nil
	case <-ctx.Done():
		return c.wrap("party", ctxError(ctx))
	}
}

// happenLeaf takes what has become of a leaf, by the reader.
func (c *Conn) happenLeaf(leaf uint32, p *control.Packet) {
	c.mu.Lock()
	done := c.parties[leaf]
	delete(c.parties, leaf)
	c.mu.Unlock()
	if done == nil {
		if c.config.Left != nil && p.Type != control.SockOkay {
			c.config.Left(leaf, p.Cause)
		}
		return
	}
	switch p.Type {
	case control.SockOkay, control.SockReleased: // added, dropped
		done <- nil
	default:
		err := refusal(p)
		if err == nil {
			err = &Refused{Errno: syscall.ECONNREFUSED, Cause: p.Cause}
		}
		done <- err
	}
}

// Modify asks for another traffic contract, and waits for the answer.
func (c *Conn) Modify(ctx context.Context, t *control.Traffic) error {
	p := &control.Packet{}
	config := c.config
	config.Traffic, config.Elements = t, nil
	b := config.sock()
	b.Backlog = 0
	p.SetSock(&b)
	p.Type, p.Conn = control.SockModify, c.ID()
	var err error
	if p.Trailer, err = config.trailer(nil); err != nil {
		return c.wrap("modify", err)
	}
	if _, err = c.client.call(ctx, p); err != nil {
		return c.wrap("modify", err)
	}
	return nil
}
