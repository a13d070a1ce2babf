package main

import (
	"fmt"
	"slices"
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

func portCommand(o *options) *cobra.Command {
	var number uint16
	add := &cobra.Command{
		Use: "add NAME SPEC", Short: "open a port", Args: cobra.ExactArgs(2),
		Long: `Opens a port under a name of up to 31 octets. SPEC is as atmtap has it:

    eth:IFNAME,label=OUT[/IN][,…]
    udp:LOCAL:PORT,remote=HOST:PORT[,label=OUT[/IN]][,…]

Ports on one interface, or one local address, share a device and differ by
their labels.`,
		Example: "  cellctl port add dslam eth:eth1,label=100",
		RunE: func(c *cobra.Command, args []string) error {
			return o.admin(func(s *control.Session) error {
				b, err := named(control.Hub{B: uint32(number)}, "port")
				if err == nil {
					b, err = hub(s, control.HubOpen, b, tlv{control.TLVText, args[0] + " " + args[1]})
				}
				if err != nil {
					return err
				}
				return o.made(c, "port", b.B)
			})
		},
	}
	add.Flags().Uint16Var(&number, "number", 0, "by which VCs name it; 0: the lowest that is free")
	del := &cobra.Command{
		Use: "del PORT", Short: "close a port and all its VCs", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return o.admin(func(s *control.Session) error {
				p, err := findPort(s, args[0])
				if err != nil {
					return err
				}
				b, err := named(control.Hub{B: p.A}, "port")
				if err == nil {
					_, err = hub(s, control.HubClose, b)
				}
				return err
			})
		},
	}
	set := func(use, short string, t control.Type) *cobra.Command {
		return &cobra.Command{Use: use + " PORT", Short: short, Args: cobra.ExactArgs(1), RunE: func(_ *cobra.Command, args []string) error {
			return o.admin(func(s *control.Session) error {
				port, err := findPort(s, args[0])
				if err != nil {
					return err
				}
				var p control.Packet
				p.Type = t
				p.SetATM(&control.ATM{Port: uint16(port.A)})
				return s.Call(&p)
			})
		}}
	}
	return group("port", "open and close ports", add, del,
		set("up", "let a port carry", control.ATMPortUp), set("down", "let a port carry no more; what comes for it is lost and counted", control.ATMPortDown))
}

func streamCommand(o *options) *cobra.Command {
	var name string
	open := &cobra.Command{
		Use: "open MODULE [ARGUMENT…]", Short: "open a stream of one process", Args: cobra.MinimumNArgs(1),
		Example: "  cellctl stream open --name lan tap tap0 mtu=1500\n  cellctl stream push lan aal5\n  cellctl pvc add dslam 0/100 --stream lan",
		RunE: func(c *cobra.Command, args []string) error {
			return o.admin(func(s *control.Session) error {
				b, err := named(control.Hub{}, args[0])
				if err == nil {
					b, err = hub(s, control.HubOpen, b, tlv{control.TLVText, strings.Join(args[1:], " ")}, tlv{control.TLVName, name})
				}
				if err != nil {
					return err
				}
				return o.made(c, "process", b.A)
			})
		},
	}
	open.Flags().StringVar(&name, "name", "", "by which others know it")
	push := &cobra.Command{
		Use: "push PROCESS MODULE [ARGUMENT…]", Short: "push a module under a process, towards the network", Args: cobra.MinimumNArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			return o.onProcess(args[0], func(s *control.Session, n uint32) error {
				b, err := named(control.Hub{A: n}, args[1])
				if err == nil {
					b, err = hub(s, control.HubPush, b, tlv{control.TLVText, strings.Join(args[2:], " ")})
				}
				if err != nil {
					return err
				}
				return o.made(c, "process", b.A)
			})
		},
	}
	simple := func(use, short string, t control.Type) *cobra.Command {
		return &cobra.Command{Use: use + " PROCESS", Short: short, Args: cobra.ExactArgs(1), RunE: func(_ *cobra.Command, args []string) error {
			return o.onProcess(args[0], func(s *control.Session, n uint32) error {
				_, err := hub(s, t, control.Hub{A: n})
				return err
			})
		}}
	}
	link := &cobra.Command{
		Use: "link BELOW ABOVE", Short: "join two processes", Args: cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			return o.onProcess(args[0], func(s *control.Session, below uint32) error {
				above, err := findProcess(s, args[1])
				if err == nil {
					_, err = hub(s, control.HubLink, control.Hub{A: below, B: above})
				}
				return err
			})
		},
	}
	move := &cobra.Command{
		Use: "move PROCESS HUB", Short: "move a process to another hub, counted from 0", Args: cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			to, err := strconv.ParseUint(args[1], 10, 6)
			if err != nil {
				return usage("hub %q: a number from 0", args[1])
			}
			return o.onProcess(args[0], func(s *control.Session, n uint32) error {
				b, err := hubProcess(s, int(to))
				if err == nil {
					_, err = hub(s, control.HubMove, control.Hub{A: n, B: b})
				}
				return err
			})
		},
	}
	return group("stream", "open streams, and change what they consist of", open, push,
		simple("pop", "take a module out of its stream", control.HubPop), link,
		simple("unlink", "part a process from the one above it", control.HubUnlink), move,
		simple("close", "close a stream, or one process that is no stream's first", control.HubClose))
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

// hubProcess is the number of a hub as a process; hubs are counted from 0.
func hubProcess(s *control.Session, index int) (uint32, error) {
	processes, err := s.List(control.ListProcesses)
	if err != nil {
		return 0, err
	}
	var hubs []uint32
	for _, p := range processes {
		if p.Name == "hub" {
			hubs = append(hubs, p.A)
		}
	}
	slices.Sort(hubs)
	if index >= len(hubs) {
		return 0, fmt.Errorf("no hub %d: there are %d, counted from 0", index, len(hubs))
	}
	return hubs[index], nil
}
