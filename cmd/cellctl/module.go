package main

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/cellhub/cellhub/dataplane/control"
)

// moduleFlags are those of module commands.
type moduleFlags struct {
	key uint64
	hex bool
}

func moduleCommand(o *options) *cobra.Command {
	var f moduleFlags
	path := &cobra.Command{
		Use: "path NAME", Short: "see whether a module can be reached by a name", Args: cobra.ExactArgs(1),
		Long: `Opens a path to the module of a process, says which it is, and closes it again.
NAME is a port's, what the process was called when it was made, or MODULE#NUMBER
(cellctl show processes).`,
		RunE: func(c *cobra.Command, args []string) error {
			return o.onModule(args[0], f.key, func(s *control.Session, handle uint64) error {
				which, err := send(s, handle, &hubCommands[0], nil)
				if err != nil {
					return err
				}
				if o.json {
					return writeJSON(c.OutOrStdout(), map[string]string{"name": args[0], "module": string(which)})
				}
				_, err = fmt.Fprintf(c.OutOrStdout(), "%s is %s\n", args[0], which)
				return err
			})
		},
	}
	command := &cobra.Command{
		Use: "command NAME [COMMAND [ARGUMENT]]", Short: "send a command to a module, or list those that it has", Args: cobra.RangeArgs(1, 3),
		Long: `Sends a command, by its name or its number, to the module of a process. Those
that every module has are module, counters and commands; without COMMAND, all of
this module are listed. ARGUMENT is on or off where the command takes one octet,
a number where it takes four, else text.`,
		Example: "  cellctl module command dslam\n  cellctl module command lan counters",
		RunE: func(c *cobra.Command, args []string) error {
			return o.onModule(args[0], f.key, func(s *control.Session, handle uint64) error {
				return o.command(c, s, handle, args[1:], f.hex)
			})
		},
	}
	for _, c := range []*cobra.Command{path, command} {
		c.Flags().Uint64Var(&f.key, "key", 0, "the module's key, if it has one")
	}
	command.Flags().BoolVar(&f.hex, "hex", false, "ARGUMENT is hexadecimal")
	return group("module", "speak with modules", path, command)
}

// ownCommand is a command as its module lists it.
type ownCommand struct {
	Number    uint16 `json:"number"`
	Direction string `json:"direction"`
	Most      uint32 `json:"most"` // octets of argument and of result
	Name      string `json:"name"`
}

// hubCommands are those that the hub carries out, for every module alike.
var hubCommands = []ownCommand{
	{uint16(control.CommandModule), "OUT", control.MaxTrailer, "module"},
	{uint16(control.CommandCounters), "OUT", control.MaxTrailer, "counters"},
	{uint16(control.CommandCommands), "OUT", control.MaxTrailer, "commands"},
}

// ownCommands asks a module for all that it has.
func ownCommands(s *control.Session, handle uint64) ([]ownCommand, error) {
	text, err := send(s, handle, &hubCommands[2], nil)
	all := slices.Clone(hubCommands)
	for line := range strings.Lines(string(text)) {
		var c ownCommand
		if n, err := fmt.Sscan(line, &c.Number, &c.Direction, &c.Most); n != 3 {
			return nil, fmt.Errorf("the daemon lists a command as %q: %w", line, err)
		}
		if f := strings.Fields(line); len(f) > 3 {
			c.Name = strings.Join(f[3:], " ")
		}
		all = append(all, c)
	}
	return all, err
}

// command lists a module's commands, or sends one.
func (o *options) command(c *cobra.Command, s *control.Session, handle uint64, args []string, inHex bool) error {
	all, err := ownCommands(s, handle)
	if err != nil {
		return err
	}
	if len(args) == 0 {
		return o.tellCommands(c, all)
	}
	i := slices.IndexFunc(all, func(c ownCommand) bool { return c.Name == args[0] || strconv.Itoa(int(c.Number)) == args[0] })
	if i < 0 {
		var names []string
		for _, c := range all {
			names = append(names, c.Name)
		}
		return noSuch("command", args[0], names)
	}
	arg, err := all[i].argument(strings.Join(args[1:], ""), inHex)
	if err != nil {
		return err
	}
	result, err := send(s, handle, &all[i], arg)
	if err != nil {
		return err
	}
	return o.result(c, result)
}

func (o *options) tellCommands(c *cobra.Command, all []ownCommand) error {
	if o.json {
		return writeJSON(c.OutOrStdout(), all)
	}
	t := &table{heads: []string{"COMMAND", ">NUMBER", "ARGUMENT", ">OCTETS"}}
	for _, own := range all {
		t.add(own.Name, own.Number, strings.ToLower(own.Direction), own.Most)
	}
	return t.write(c.OutOrStdout())
}

// argument makes the octets that the command takes of what a person writes.
func (c *ownCommand) argument(text string, inHex bool) ([]byte, error) {
	takes := c.Direction == "IN" || c.Direction == "BOTH"
	switch {
	case !takes && text != "":
		return nil, usage("%s takes no argument", c.Name)
	case !takes:
		return nil, nil
	case inHex:
		b, err := hex.DecodeString(text)
		if err != nil {
			return nil, usage("ARGUMENT: %w", err)
		}
		return b, nil
	case c.Most == 1 && (text == "on" || text == "1"):
		return []byte{1}, nil
	case c.Most == 1 && (text == "off" || text == "0"):
		return []byte{0}, nil
	case c.Most == 1:
		return nil, usage("%s: on or off", c.Name)
	case c.Most == 4:
		n, err := strconv.ParseUint(text, 0, 32)
		if err != nil {
			return nil, usage("%s: a number up to %d", c.Name, uint32(math.MaxUint32))
		}
		return binary.BigEndian.AppendUint32(nil, uint32(n)), nil
	}
	return []byte(text), nil
}

// onModule is admin with a path to a module.
func (o *options) onModule(name string, key uint64, do func(s *control.Session, handle uint64) error) error {
	return o.admin(func(s *control.Session) error {
		var b control.MMI
		if err := b.SetModuleName(name); err != nil {
			return usage("%q: %w", name, err)
		}
		var p control.Packet
		p.Type, p.Key = control.MMIPath, key
		p.SetMMI(&b)
		switch err := s.Call(&p); {
		case errors.Is(err, syscall.ENXIO):
			return fmt.Errorf("%s: no module of that name and key (cellctl show processes): %w", name, err)
		case err != nil:
			return err
		}
		handle := p.Key
		err := do(s, handle)
		p = control.Packet{}
		p.Type, p.Key = control.MMIUnpath, handle
		p.SetMMI(&control.MMI{})
		if closed := s.Call(&p); err == nil {
			err = closed
		}
		return err
	})
}

// send sends one command and gives what comes back.
func send(s *control.Session, handle uint64, c *ownCommand, arg []byte) (result []byte, err error) {
	b := control.MMI{Command: c.Number, ArgLen: c.Most}
	for _, d := range []control.Direction{control.DirectionIn, control.DirectionOut, control.DirectionBoth} {
		if d.String() == c.Direction {
			b.Direction = d
		}
	}
	var p control.Packet
	p.Key = handle
	if p.Trailer, err = p.SetCommand(&b, arg); err != nil {
		return nil, usage("%w", err)
	}
	if err := s.Call(&p); err != nil {
		return nil, err
	}
	return p.Argument(p.Trailer)
}

// result prints what came back: as text where it is text, else in hexadecimal.
func (o *options) result(c *cobra.Command, result []byte) error {
	text := string(result)
	printable := utf8.Valid(result) && !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) && r != '\n' && r != '\t' })
	switch {
	case o.json:
		return writeJSON(c.OutOrStdout(), map[string]string{"result": hex.EncodeToString(result)})
	case len(result) == 0:
		return nil
	case printable:
		_, err := fmt.Fprintln(c.OutOrStdout(), strings.TrimSuffix(text, "\n"))
		return err
	}
	_, err := fmt.Fprint(c.OutOrStdout(), hex.Dump(result))
	return err
}
