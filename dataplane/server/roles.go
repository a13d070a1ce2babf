package server

import (
	"fmt"
	"os"
	"slices"
	"syscall"

	"github.com/cellhub/cellhub/dataplane/control"
)

// Access says who may take which role. The superuser and the user of this process may take
// every one; a role without an entry is theirs alone.
type Access map[control.Role]Allowed

// Allowed is the users and groups that may take a role.
type Allowed struct {
	Users  []uint32 // numbers
	Groups []uint32 // numbers; a client's supplementary groups count too
	All    bool     // whoever may open the socket
}

// May tells whether a peer with these groups, its own included, may take a role.
func (a Access) May(role control.Role, user uint32, groups []uint32) bool {
	if user == 0 || user == uint32(os.Geteuid()) {
		return true
	}
	allowed := a[role]
	return allowed.All || slices.Contains(allowed.Users, user) ||
		slices.ContainsFunc(groups, func(g uint32) bool { return slices.Contains(allowed.Groups, g) })
}

// SetAccess changes who may take which role. Clients that have theirs keep it.
func (s *Server) SetAccess(a Access) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.access = a
}

// hello is a client's first message.
func (s *Server) hello(c *client, in, out *control.Packet) error {
	b := in.Hub()
	role := control.Role(b.A)
	switch {
	case b.A < uint32(control.RoleManager) || b.A > uint32(control.RoleObserver):
		return fmt.Errorf("role %d: %w", b.A, syscall.EINVAL)
	case b.B != 0 && b.B != control.DefinitionHash:
		return fmt.Errorf("definition %#x, the hub has %#x: %w", b.B, control.DefinitionHash, syscall.EPROTONOSUPPORT)
	}
	groups, err := c.conn.PeerGroups()
	if err != nil {
		return err
	}
	s.mu.Lock()
	access := s.access
	s.mu.Unlock()
	if user := c.conn.Peer().Uid; !access.May(role, user, groups) {
		s.log.Warn("role refused", "role", role, "client", b.Name, "uid", user)
		return fmt.Errorf("user %d may not be %s: %w", user, role, syscall.EPERM)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	answer := control.Hub{A: c.id, B: control.DefinitionHash, Name: b.Name}
	if err := s.welcome(c, role, in, &answer, out); err != nil {
		out.SetHub(&answer)
		return err
	}
	c.role, c.name = role, b.Name.String()
	out.SetHub(&answer)
	return nil
}
