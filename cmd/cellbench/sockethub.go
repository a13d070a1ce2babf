package main

import (
	"context"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/cellhub/cellhub/cmd/internal/lab"
	"github.com/cellhub/cellhub/dataplane/client"
	"github.com/cellhub/cellhub/dataplane/control"
)

// hubName is what the one daemon is called.
const hubName = "hub"

// socketHub is a daemon, in a namespace of its own, and clients of it.
type socketHub struct {
	daemons
	lab  *lab.Lab
	apps []*client.Client
	ctl  []*control.Conn
}

// startSocketHub starts a daemon with a configuration and flags.
func startSocketHub(ctx context.Context, hubd, config string, args ...string) (h *socketHub, err error) {
	h = &socketHub{daemons: newDaemons()}
	defer func() {
		if err != nil {
			h.close()
		}
	}()
	if h.dir, err = os.MkdirTemp("", "cellbench"); err != nil {
		return nil, err
	}
	if h.lab, err = lab.New(lab.Config{}); err != nil {
		return nil, err
	}
	return h, h.start(ctx, h.lab.A, hubName, config, hubd, append(args, "--control", h.path(hubName))...)
}

// open is another application.
func (h *socketHub) open() (*client.Client, error) {
	c, err := client.Open(h.path(hubName))
	if err == nil {
		h.apps = append(h.apps, c)
	}
	return c, err
}

// session is another client of the control socket.
func (h *socketHub) session(role control.Role) (*control.Session, error) {
	conn, err := control.Dial(h.path(hubName))
	if err != nil {
		return nil, err
	}
	h.ctl = append(h.ctl, conn)
	return control.Hello(conn, role, "cellbench")
}

// answerListens is a signalling manager that lets everybody listen: calls within the host need
// nothing else of it.
func (h *socketHub) answerListens() error {
	s, err := h.session(control.RoleManager)
	if err != nil {
		return err
	}
	go func() {
		for {
			var p control.Packet
			if err := s.Recv(&p); err != nil {
				return // the daemon has ended, or this is the end of the turn
			}
			if p.Flags&control.FlagReply != 0 {
				continue
			}
			answer := control.Packet{Message: p.Message}
			answer.Epoch, answer.Flags = s.Epoch, 0
			then := map[control.Type]control.Type{control.SockListen: control.SockOkay, control.SockClose: control.SockReleased}[p.Type]
			if then == 0 {
				answer.Status = -int32(syscall.EOPNOTSUPP)
			}
			if s.Reply(&p.Header, &answer) != nil {
				return
			}
			if then != 0 {
				say := control.Packet{Message: p.Message}
				say.Type, say.Epoch, say.Flags = then, s.Epoch, control.FlagNoReply
				if s.Send(&say) != nil {
					return
				}
			}
		}
	}()
	return nil
}

// awaitPorts waits until the configuration's ports are there.
func (h *socketHub) awaitPorts(ctx context.Context, s *control.Session, ports int) error {
	ctx, cancel := context.WithTimeoutCause(ctx, setupTime, fmt.Errorf("not %d ports within %v", ports, setupTime))
	defer cancel()
	for {
		all, err := s.List(control.ListPorts)
		if err != nil || len(all) == ports {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(pollTime):
		}
	}
}

// pid is the daemon's.
func (h *socketHub) pid() int { return h.cmds[hubName].Process.Pid }

func (h *socketHub) close() {
	for _, c := range h.apps {
		c.Close()
	}
	for _, c := range h.ctl {
		c.Close()
	}
	for _, c := range h.cmds {
		_ = c.Stop(syscall.SIGTERM)
	}
	if h.lab != nil {
		h.lab.Close()
	}
	os.RemoveAll(h.dir)
}

// vc is the message that adds or deletes VC number n of a port.
func (h *socketHub) vc(s *control.Session, t control.Type, port uint16, n int) error {
	const perVPI = 60000
	var p control.Packet
	p.SetATM(&control.ATM{Port: port, VPI: uint16(n / perVPI), VCI: uint16(100 + n%perVPI), AAL: control.AAL5, Direction: control.DirectionBoth})
	p.Type = t
	if err := s.Call(&p); err != nil {
		return fmt.Errorf("VC %d of port %d: %w", n, port, err)
	}
	return nil
}
