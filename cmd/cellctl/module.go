package main

import (
	"encoding/hex"
	"errors"
	"fmt"
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
	key  uint64
	hex  bool
	most uint32
}

func moduleCommand(o *options) *cobra.Command {
	var f moduleFlags
	path := &cobra.Command{
		Use: "path NAME", Short: "see whether a module can be reached by a name", Args: cobra.ExactArgs(1),
		Long: `Opens a path to the module of a process, and closes it again. NAME is what the
process was called when it was made, or MODULE#NUMBER (cellctl show processes).`,
		RunE: func(c *cobra.Command, args []string) error {
			return o.onModule(args[0], f.key, func(*control.Session, uint64) error {
				if o.json {
					return writeJSON(c.OutOrStdout(), map[string]string{"path": args[0]})
				}
				_, err := fmt.Fprintf(c.OutOrStdout(), "%s can be reached\n", args[0])
				return err
			})
		},
	}
	command := &cobra.Command{
		Use: "command NAME NUMBER [ARGUMENT]", Short: "send a command to a module", Args: cobra.RangeArgs(2, 3),
		Long: `Sends a command to the module of a process: those from 0 to 127 are the hub's,
the same for every module, those from 128 to 255 the module's own. ARGUMENT goes
in; --out says that octets come back, and how many at most.`,
		RunE: func(c *cobra.Command, args []string) error {
			number, err := strconv.ParseUint(args[1], 0, 8)
			if err != nil {
				return usage("command %q: a number from 0 to 255", args[1])
			}
			arg := []byte(strings.Join(args[2:], ""))
			if f.hex {
				if arg, err = hex.DecodeString(string(arg)); err != nil {
					return usage("ARGUMENT: %w", err)
				}
			}
			return o.onModule(args[0], f.key, func(s *control.Session, handle uint64) error {
				result, err := f.send(s, handle, uint16(number), arg)
				if err != nil {
					return err
				}
				return o.result(c, result)
			})
		},
	}
	for _, c := range []*cobra.Command{path, command} {
		c.Flags().Uint64Var(&f.key, "key", 0, "the module's key, if it has one")
	}
	command.Flags().BoolVar(&f.hex, "hex", false, "ARGUMENT is hexadecimal")
	command.Flags().Uint32Var(&f.most, "out", 0, "octets that may come back")
	return group("module", "speak with modules", path, command)
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

// send is one command; its direction follows from what is given and what is asked for.
func (f *moduleFlags) send(s *control.Session, handle uint64, number uint16, arg []byte) (result []byte, err error) {
	b := control.MMI{Command: number, ArgLen: f.most}
	if len(arg) > 0 {
		b.Direction |= control.DirectionIn
	}
	if f.most > 0 {
		b.Direction |= control.DirectionOut
	}
	if b.Direction == control.DirectionBoth && int(f.most) > len(arg) { // as much may come back as went in
		arg = append(arg, make([]byte, int(f.most)-len(arg))...)
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
