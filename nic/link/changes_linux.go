package link

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"syscall"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// maxMoves is how many interfaces that went to other namespaces are remembered.
const maxMoves = 256

// Changes tells that interfaces, addresses or routes of a namespace have changed, not how: whoever wants to know looks.
// So nothing is missed when the kernel had to drop messages, and a storm of them is one reason to look.
type Changes struct {
	c     chan struct{}
	mu    sync.Mutex
	moved map[int]struct{}
}

// Watch watches the namespace in which it is called until ctx ends.
func Watch(ctx context.Context) (*Changes, error) {
	socket, err := nl.Subscribe(unix.NETLINK_ROUTE, unix.RTNLGRP_LINK, unix.RTNLGRP_IPV4_IFADDR, unix.RTNLGRP_IPV6_IFADDR,
		unix.RTNLGRP_IPV4_ROUTE, unix.RTNLGRP_IPV6_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("watch links: %w", err)
	}
	c := &Changes{c: make(chan struct{}, 1), moved: make(map[int]struct{})}
	stop := context.AfterFunc(ctx, socket.Close) // which ends Receive
	go func() {
		defer stop()
		defer socket.Close()
		defer close(c.c)
		for {
			messages, _, err := socket.Receive()
			if err != nil && !errors.Is(err, unix.ENOBUFS) && !errors.Is(err, unix.EINTR) {
				return
			}
			for _, m := range messages {
				c.note(m)
			}
			select {
			case c.c <- struct{}{}:
			default:
			}
		}
	}()
	return c, nil
}

// C has one element after any number of changes. It closes when ctx ends, or when watching fails: then watch again.
func (c *Changes) C() <-chan struct{} { return c.c }

// Moved tells whether the interface that had this number here was moved to another namespace rather than deleted, as
// far as the kernel's messages have told.
func (c *Changes) Moved(index int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, moved := c.moved[index]
	return moved
}

// note keeps from a message what cannot be seen later: that an interface is gone to another namespace, not for good.
func (c *Changes) note(m syscall.NetlinkMessage) {
	if m.Header.Type != unix.RTM_DELLINK || len(m.Data) < unix.SizeofIfInfomsg {
		return
	}
	index := int(int32(binary.NativeEndian.Uint32(m.Data[4:])))
	attrs, err := nl.ParseRouteAttr(m.Data[unix.SizeofIfInfomsg:])
	if err != nil {
		return
	}
	for _, a := range attrs {
		if a.Attr.Type&^unix.NLA_F_NESTED == unix.IFLA_NEW_NETNSID {
			c.mu.Lock()
			if len(c.moved) == maxMoves {
				clear(c.moved)
			}
			c.moved[index] = struct{}{}
			c.mu.Unlock()
		}
	}
}
