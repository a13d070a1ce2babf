package server

import (
	"syscall"

	"github.com/cellhub/cellhub/dataplane/control"
)

// sock carries out what is of class SOCK or PRIM: an application's or, downwards, a manager's.
func (s *Server) sock(c *client, in, out *control.Packet) error { return syscall.EOPNOTSUPP }

// welcome sees to a client that declares a role, before its HELLO is answered. With an error
// it is refused, and answer names whom it concerns. s.mu is held.
func (s *Server) welcome(c *client, role control.Role, in *control.Packet, answer *control.Hub, out *control.Packet) error {
	return nil
}

// goodbye lets go of all that a client had. s.mu is held.
func (s *Server) goodbye(c *client) {}
