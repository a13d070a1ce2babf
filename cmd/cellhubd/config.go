package main

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/cmd/internal/port"
	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/dataplane/modules"
	"github.com/cellhub/cellhub/dataplane/server"
	"github.com/cellhub/cellhub/loader"
)

// applyTimeout is how long the daemon waits for its own answer to a message of its
// configuration; a resolver may have a part in it.
const applyTimeout = time.Minute

// configured is a configuration file and what has come of it.
type configured struct {
	name string         // of the file; empty: there is none
	want *loader.Config // as read last
	made loader.Names   // what configurations so far have had
}

// readConfig reads the configuration file, and puts what it says of the daemon itself where
// flags say nothing.
func (c *config) readConfig() (err error) {
	if c.file.want, err = loader.ReadFile(c.file.name, rules()); err != nil {
		return err
	}
	if path := c.file.want.Control.Path; path != "" && !c.controlGiven {
		c.control = path
	}
	if hubs := c.file.want.Hubs; hubs != 0 && !c.hubsGiven {
		c.hubs = hubs
	}
	if s := c.file.want.Sockets; s.HasGrace && !c.graceGiven {
		c.grace = s.Grace
	}
	return nil
}

// rules are what a configuration file may speak of: what this daemon has.
func rules() loader.Rules {
	return loader.Rules{
		Spec: func(text string) (loader.Spec, error) {
			c, err := port.Check(text)
			s := loader.Spec{Key: c.Key, SDUs: c.SDUs, QoS: c.QoS}
			if c.Refuse != nil {
				s.Refuse = func(vpi, vci uint16, path bool) error { return c.Refuse(aal.VC{VPI: vpi, VCI: vci}, path) }
			}
			return s, err
		},
		QoS:     port.QoSBuiltIn,
		Modules: moduleRules(),
		User:    func(name string) error { _, err := userID(name); return err },
		Group:   func(name string) error { _, err := groupID(name); return err },
	}
}

// moduleRules are the modules that a stream may consist of.
func moduleRules() map[string]loader.Module {
	var registry dataplane.Registry
	if err := errors.Join(modules.Register(&registry), port.Register(&registry, nil)); err != nil {
		return nil // start says so
	}
	known := map[string]loader.Module{}
	for _, name := range registry.Names() {
		switch name {
		case "tap":
			known[name] = hostRule("bridged", false)
		case "tun":
			known[name] = hostRule("routed", true)
		case "head":
			known[name] = loader.Module{Top: true}
		case "capture":
			known[name] = loader.Module{SDUs: true, VC: true, Check: port.CheckCapture}
		case "aal5":
			known[name] = loader.Module{Cells: true, Check: func(arg string) error { return registry.Check(name, arg) }}
		case "rfc2684", "toobig":
			known[name] = loader.Module{
				SDUs: true, Check: func(arg string) error { return registry.Check(name, arg) },
				Kind: func(arg string) string { return arg[strings.LastIndexByte(arg, ' ')+1:] },
			}
		case "associations", "local", "signal", "dlpi", "cdi", "ether": // the daemon's own, or its applications'
		default:
			known[name] = loader.Module{}
		}
	}
	return known
}

// hostRule is that of a device of the host, whose frames are of a kind of RFC 2684.
func hostRule(kind string, tun bool) loader.Module {
	return loader.Module{
		Top: true, SDUs: true, Kind: func(string) string { return kind },
		Check: func(arg string) error { return port.CheckHost(arg, tun) },
	}
}

func userID(name string) (uint32, error) {
	if n, err := strconv.ParseUint(name, 10, 32); err == nil {
		return uint32(n), nil
	}
	u, err := user.Lookup(name)
	if err != nil {
		return 0, fmt.Errorf("no user %q", name)
	}
	n, err := strconv.ParseUint(u.Uid, 10, 32)
	return uint32(n), err
}

func groupID(name string) (uint32, error) {
	if n, err := strconv.ParseUint(name, 10, 32); err == nil {
		return uint32(n), nil
	}
	g, err := user.LookupGroup(name)
	if err != nil {
		return 0, fmt.Errorf("no group %q: groupadd --system %s, or name another", name, name)
	}
	n, err := strconv.ParseUint(g.Gid, 10, 32)
	return uint32(n), err
}

// access is who may take which role. Names that have gone since the file was checked are
// nobody's.
func (c *config) access() server.Access {
	all := server.Access{}
	if c.file.want == nil {
		return all
	}
	for _, a := range c.file.want.Access {
		var allowed server.Allowed
		for _, name := range a.Users {
			if n, err := userID(name); err == nil {
				allowed.Users = append(allowed.Users, n)
			}
		}
		for _, name := range a.Groups {
			if n, err := groupID(name); err == nil {
				allowed.Groups = append(allowed.Groups, n)
			}
		}
		all[a.Role] = allowed
	}
	return all
}

// listenRemedy says what to do where the control socket cannot be.
func listenRemedy(err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return errors.New("another cellhubd serves there: end it, or have this one serve elsewhere")
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("%w: make its directory", err)
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("%w: be root, or have it where you may write", err)
	}
	return err
}

// socket gives the control socket the group and mode of the configuration.
func (c *config) socket() error {
	if c.file.want == nil {
		return nil
	}
	if mode := c.file.want.Control.Mode; mode != 0 {
		if err := os.Chmod(c.control, mode); err != nil {
			return err
		}
	}
	if c.file.want.Control.Group == "" {
		return nil
	}
	group, err := groupID(c.file.want.Control.Group)
	if err != nil {
		return err
	}
	return os.Lchown(c.control, -1, int(group))
}

// apply makes what runs what the configuration wants, over the control socket like any
// other client. What the daemon refuses is Faults; all else is made nevertheless.
func (d *hubd) apply() error {
	conn, err := control.Dial(d.c.control)
	if err != nil {
		return err
	}
	defer conn.Close()
	s, err := control.Hello(conn, control.RoleAdmin, "configuration")
	if err != nil {
		return err
	}
	s.Timeout = applyTimeout
	running, err := loader.Read(s)
	if err != nil {
		return err
	}
	f := &d.c.file
	steps := loader.Plan(running, f.made, f.want)
	done := 0
	err = loader.Apply(s, f.name, steps, func(*loader.Step) { done++ })
	made := loader.Names{}
	if err != nil { // what was to go may be there still
		made = f.made
	}
	made.Add(f.want)
	f.made = made
	d.log.Info("configured", "file", f.name, "steps", len(steps), "done", done)
	return err
}

// reload reads the configuration file again and applies what is different. A file with
// faults changes nothing.
func (d *hubd) reload() {
	if d.c.file.name == "" {
		d.log.Warn("SIGHUP, and no configuration file to read again")
		return
	}
	d.service.Reloading()
	d.tellRelayed()
	defer d.service.Ready()
	was := d.c.file.want
	want, err := loader.ReadFile(d.c.file.name, rules())
	if err != nil {
		d.tell("the configuration stays as it was", err)
		return
	}
	if want.Hubs != was.Hubs || want.Control.Path != was.Control.Path || want.Sockets != was.Sockets ||
		sizes(want.Blocks) != sizes(was.Blocks) || want.Relay != was.Relay || !slices.Equal(want.Captures, was.Captures) {
		d.log.Warn("control, hubs, sockets, blocks, relay and captures are read at the start only: restart for others", "file", d.c.file.name)
	}
	d.c.file.want = want
	d.setQoS()
	d.server.SetAccess(d.c.access())
	if d.socket != nil { // who passed it chose them
	} else if err := d.c.socket(); err != nil {
		d.log.Error("control socket", "error", err)
	}
	if err := d.apply(); err != nil {
		d.tell("a part of the configuration was not applied", err)
		return
	}
	d.service.Status("serving " + d.c.control)
}

// tell logs each fault, and keeps the service manager informed.
func (d *hubd) tell(what string, err error) {
	d.log.Error(what, "file", d.c.file.name)
	var faults loader.Faults
	if errors.As(err, &faults) {
		for _, f := range faults {
			d.log.Error(f.Error())
		}
	} else {
		d.log.Error(err.Error())
	}
	d.service.Status(what)
}
