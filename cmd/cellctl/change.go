package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cellhub/cellhub/dataplane/control"
)

// admin runs a command in a session that may change things.
func (o *options) admin(do func(s *control.Session) error) error {
	s, err := o.connect(control.RoleAdmin)
	if err != nil {
		return err
	}
	defer s.Close()
	return remedy(do(s))
}

// hub sends a command of class HUB and gives the body of the answer.
func hub(s *control.Session, t control.Type, b control.Hub, tlvs ...tlv) (control.Hub, error) {
	var p control.Packet
	p.Type = t
	p.SetHub(&b)
	for _, one := range tlvs {
		if one.text == "" {
			continue
		}
		var err error
		if p.Trailer, err = control.AppendTLV(p.Trailer, one.kind, []byte(one.text)); err != nil {
			return b, usage("%q: %w", one.text, err)
		}
	}
	err := s.Call(&p)
	return p.Hub(), err
}

type tlv struct {
	kind control.TLVType
	text string
}

// named is the body of a command about a module.
func named(b control.Hub, module string) (control.Hub, error) {
	name, err := control.MakeName(module)
	if err != nil {
		return b, usage("module %q: %w", module, err)
	}
	b.Name = name
	return b, nil
}

// findPort gives a port by name or number.
func findPort(s *control.Session, text string) (control.Listed, error) {
	ports, err := s.List(control.ListPorts)
	if err != nil {
		return control.Listed{}, err
	}
	var names []string
	for _, p := range ports {
		if p.Name == text {
			return p, nil
		}
		names = append(names, p.Name)
	}
	for _, p := range ports {
		if strconv.Itoa(int(p.A)) == text {
			return p, nil
		}
	}
	return control.Listed{}, noSuch("port", text, names)
}

// noSuch says what there is instead.
func noSuch(what, text string, names []string) error {
	if len(names) == 0 {
		return fmt.Errorf("no %s %q: there are none", what, text)
	}
	return fmt.Errorf("no %s %q: there is %s", what, text, strings.Join(names, ", "))
}

// findProcess gives a process: by number, by its own name, or that of its stream.
func findProcess(s *control.Session, text string) (uint32, error) {
	streams, err := s.List(control.ListStreams)
	if err != nil {
		return 0, err
	}
	var names []string
	for _, l := range streams {
		if l.Name == text {
			return l.A, nil
		}
		names = append(names, l.Name)
	}
	if n, err := strconv.ParseUint(text, 0, 32); err == nil {
		return uint32(n), nil
	}
	processes, err := s.List(control.ListProcesses)
	if err != nil {
		return 0, err
	}
	for _, p := range processes {
		if p.Own == text {
			return p.A, nil
		}
	}
	return 0, noSuch("process or stream", text, names)
}

// made tells of the number that a command has brought.
func (o *options) made(c *cobra.Command, what string, number uint32) error {
	if o.json {
		return writeJSON(c.OutOrStdout(), map[string]uint32{what: number})
	}
	_, err := fmt.Fprintf(c.OutOrStdout(), "%s %d\n", what, number)
	return err
}

// onProcess is admin with a process that the first argument names.
func (o *options) onProcess(text string, do func(s *control.Session, number uint32) error) error {
	return o.admin(func(s *control.Session) error {
		n, err := findProcess(s, text)
		if err != nil {
			return err
		}
		return do(s, n)
	})
}
