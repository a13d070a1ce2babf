package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/signalling/daemon"
	"github.com/cellhub/cellhub/signalling/node"
)

// signallingCommands are those that speak with cellsigd.
func signallingCommands(o *options) []*cobra.Command {
	return []*cobra.Command{callCommand(o), routeCommand(o), addressCommand(o), arpCommand(o), traceCommand(o)}
}

// desk is a connection to cellsigd.
type desk struct {
	s      *control.Session
	handle uint64
}

// onDesk runs do at the signalling daemon's socket.
func (o *options) onDesk(do func(d *desk) error) error {
	conn, err := control.Dial(o.signalling)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: no such socket: start cellsigd, or say where it listens by --signalling", o.signalling)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%s: cellsigd does not run any more: start it", o.signalling)
	case err != nil:
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(callTimeout))
	s, err := control.Hello(conn, control.RoleAdmin, "cellctl")
	if err != nil {
		return remedy(err)
	}
	conn.SetDeadline(time.Time{})
	s.Timeout = callTimeout
	var b control.MMI
	if err := b.SetModuleName(daemon.Module); err != nil {
		return err
	}
	var p control.Packet
	p.Type = control.MMIPath
	p.SetMMI(&b)
	if err := s.Call(&p); err != nil {
		return fmt.Errorf("%s: that is no signalling daemon's socket: %w", o.signalling, err)
	}
	return do(&desk{s, p.Key})
}

// ask sends a command, and reads what comes back into answer, if that is not nil.
func (d *desk) ask(command uint16, arg string, answer any) error {
	c := ownCommand{Number: command, Direction: "IN", Most: control.MaxTrailer}
	switch {
	case answer != nil && arg != "":
		c.Direction = "BOTH"
	case answer != nil:
		c.Direction = "OUT"
	}
	text, err := send(d.s, d.handle, &c, []byte(arg))
	switch {
	case errors.Is(err, syscall.ENOTCONN):
		return errors.New("cellsigd has no hub: start cellhubd")
	case err != nil:
		return remedy(err)
	case answer == nil:
		return nil
	}
	return json.Unmarshal(text, answer)
}

// calls gives all calls.
func (d *desk) calls() (all []node.Call, err error) {
	for from := uint64(1); from != 0; {
		var page struct {
			Calls []node.Call
			Next  uint64
		}
		if err := d.ask(daemon.CommandCalls, strconv.FormatUint(from, 10), &page); err != nil {
			return nil, err
		}
		all = append(all, page.Calls...)
		from = page.Next
	}
	return all, nil
}

func callCommand(o *options) *cobra.Command {
	show := &cobra.Command{
		Use: "show", Short: "list calls", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return o.onDesk(func(d *desk) error {
				all, err := d.calls()
				switch {
				case err != nil:
					return err
				case o.json:
					return writeJSON(c.OutOrStdout(), all)
				}
				h, err := o.readHosts()
				if err != nil {
					return err
				}
				t := &table{heads: []string{">CALL", "STATE", "FROM", "TO", "IN", "OUT", "SERVICE", ">PCR", ">AGE"}, none: "no calls"}
				for _, k := range all {
					r := t.add(k.ID, k.State, h.Text(k.Calling), h.Text(k.Called), callEnd(k.In), callEnd(k.Out),
						strings.ToLower(k.Contract.Service.String()), k.Contract.ForwardPeak, k.Age.Round(time.Second))
					for _, p := range k.Parties {
						r.note("leaf %d  %s  %s  %s", p.Leaf, p.State, h.Text(p.Called), callEnd(p.Out))
					}
					if more := k.Leaves - len(k.Parties); more > 0 {
						r.note("and %d more leaves", more)
					}
				}
				return t.write(c.OutOrStdout())
			})
		},
	}
	clearing := &cobra.Command{
		Use: "clear CALL", Short: "end a call", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if _, err := strconv.ParseUint(args[0], 10, 64); err != nil {
				return usage("call %q: its number (cellctl call show)", args[0])
			}
			return o.onDesk(func(d *desk) error {
				err := d.ask(daemon.CommandClear, args[0], nil)
				if errors.Is(err, syscall.ENOENT) {
					return fmt.Errorf("there is no call %s (cellctl call show)", args[0])
				}
				return err
			})
		},
	}
	return group("call", "switched calls", show, clearing, restartCommand(o))
}

func restartCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "restart PORT", Short: "end all calls of an interface, and have its peer do the same", Args: cobra.ExactArgs(1),
		Long: "Sends RESTART for all VCs of an interface, where the two sides disagree about\nthem.",
		RunE: func(_ *cobra.Command, args []string) error {
			if _, err := strconv.ParseUint(args[0], 10, 16); err != nil {
				return usage("port %q: its number (cellctl address show)", args[0])
			}
			return o.onDesk(func(d *desk) error {
				err := d.ask(daemon.CommandRestart, args[0], nil)
				switch {
				case errors.Is(err, syscall.ENODEV):
					return fmt.Errorf("there is no interface on port %s (cellctl address show)", args[0])
				case errors.Is(err, syscall.EBUSY):
					return fmt.Errorf("port %s is being restarted already, or its link is down", args[0])
				}
				return err
			})
		},
	}
}

// callEnd is one end of a call: an interface's VC, or an application's connection.
func callEnd(e node.End) string {
	switch {
	case e.Conn != 0:
		return fmt.Sprintf("application %d.%d", e.Conn.Index(), e.Conn.Generation())
	case e.VC.VCI != 0:
		return fmt.Sprintf("port %d %d/%d", e.VC.Port, e.VC.VPI, e.VC.VCI)
	case e.VC.Port != 0:
		return fmt.Sprintf("port %d", e.VC.Port)
	}
	return ""
}

func routeCommand(o *options) *cobra.Command {
	show := &cobra.Command{
		Use: "show", Short: "list the routes that were added", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return o.onDesk(func(d *desk) error {
				var all map[string][]uint16
				if err := d.ask(daemon.CommandRoutes, "", &all); err != nil {
					return err
				}
				if o.json {
					return writeJSON(c.OutOrStdout(), all)
				}
				t := &table{heads: []string{"PREFIX", "PORTS"}, none: "no routes but those of the configuration file"}
				for prefix, ports := range all {
					t.add(prefix, strings.Trim(fmt.Sprint(ports), "[]"))
				}
				slices.SortFunc(t.rows, func(a, b row) int { return strings.Compare(a.cells[0], b.cells[0]) })
				return t.write(c.OutOrStdout())
			})
		},
	}
	set := func(args []string) error {
		return o.onDesk(func(d *desk) error {
			err := d.ask(daemon.CommandRoute, strings.Join(args, " "), nil)
			if errors.Is(err, syscall.EINVAL) {
				return usage("a prefix such as 47.0005/24, +358* or *, and ports by their numbers")
			}
			return err
		})
	}
	add := &cobra.Command{
		Use: "add PREFIX PORT…", Short: "send calls to addresses with a prefix by ports, in their order", Args: cobra.MinimumNArgs(2),
		Long: "Adds a route, in place of the one that the prefix had. It outlives the daemon.",
		RunE: func(_ *cobra.Command, args []string) error { return set(args) },
	}
	del := &cobra.Command{
		Use: "del PREFIX", Short: "remove a route", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return set(args) },
	}
	return group("route", "where switched calls go", show, add, del)
}

func addressCommand(o *options) *cobra.Command {
	show := &cobra.Command{
		Use: "show", Short: "list interfaces with signalling, and the addresses that they have got", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return o.onDesk(func(d *desk) error {
				var all []node.Status
				if err := d.ask(daemon.CommandInterfaces, "", &all); err != nil {
					return err
				}
				if o.json {
					return writeJSON(c.OutOrStdout(), all)
				}
				t := &table{heads: []string{">PORT", "SIDE", "UNI", "LINK", ">CALLS", ">OUT", ">IN", ">CAPACITY"}, none: "no interfaces"}
				for _, i := range all {
					r := t.add(i.Port, i.Side, i.Version, i.Link, i.Calls, i.Out, i.In, i.Capacity)
					for _, a := range i.Addresses {
						r.note("%s", a)
					}
				}
				return t.write(c.OutOrStdout())
			})
		},
	}
	return group("address", "addresses registered by ILMI", show)
}

// signallingPath is where cellsigd listens unless told.
func signallingPath() string {
	if p := os.Getenv("CELLHUB_SIGNALLING"); p != "" {
		return p
	}
	return daemon.DefaultSocket
}
