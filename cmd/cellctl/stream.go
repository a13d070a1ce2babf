package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cellhub/cellhub/dataplane/control"
)

func streamCommand(o *options) *cobra.Command {
	return group("stream", "open streams, and change what they consist of", openCommand(o),
		moduleAt(o, "push", "push a module under a process, towards the network", control.HubPush),
		moduleAt(o, "replace", "put a module in the place of a process's", control.HubReplace),
		process(o, "pop", "take a module out of its stream", control.HubPop),
		linkCommand(o),
		process(o, "unlink", "part a process from the one above it", control.HubUnlink),
		moveCommand(o), flushCommand(o),
		process(o, "close", "close a stream, or one process that is no stream's first", control.HubClose))
}

func openCommand(o *options) *cobra.Command {
	var name string
	c := &cobra.Command{
		Use: "open MODULE [ARGUMENT…]", Short: "open a stream of one process", Args: cobra.MinimumNArgs(1),
		Example: "  cellctl stream open --name lan tap tap0 mtu=1500\n" +
			"  cellctl stream push lan aal5\n" +
			"  cellctl stream push lan rfc2684 llc bridged\n" +
			"  cellctl pvc add dslam 0/100 --stream lan",
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
	c.Flags().StringVar(&name, "name", "", "by which others know it")
	return c
}

// moduleAt is a command that makes a module at a process.
func moduleAt(o *options, use, short string, t control.Type) *cobra.Command {
	return &cobra.Command{
		Use: use + " PROCESS MODULE [ARGUMENT…]", Short: short, Args: cobra.MinimumNArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			return o.onProcess(args[0], func(s *control.Session, n uint32) error {
				b, err := named(control.Hub{A: n}, args[1])
				if err == nil {
					b, err = hub(s, t, b, tlv{control.TLVText, strings.Join(args[2:], " ")})
				}
				if err != nil {
					return err
				}
				return o.made(c, "process", b.A)
			})
		},
	}
}

// process is a command that only names a process.
func process(o *options, use, short string, t control.Type) *cobra.Command {
	return &cobra.Command{
		Use: use + " PROCESS", Short: short, Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return o.onProcess(args[0], func(s *control.Session, n uint32) error {
				_, err := hub(s, t, control.Hub{A: n})
				return err
			})
		},
	}
}

func linkCommand(o *options) *cobra.Command {
	return &cobra.Command{
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
}

func moveCommand(o *options) *cobra.Command {
	return &cobra.Command{
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
}

func flushCommand(o *options) *cobra.Command {
	var up, down bool
	c := &cobra.Command{
		Use: "flush PROCESS", Short: "lose what waits in a stream", Args: cobra.ExactArgs(1),
		Long: `Frees the data that waits in the queues of a stream, as that of a VC whose
peer is too slow, and says how many messages it was. What the port has already
goes on.`,
		RunE: func(c *cobra.Command, args []string) error {
			return o.onProcess(args[0], func(s *control.Session, n uint32) error {
				var p control.Packet
				b := control.Hub{A: n}
				if up != down {
					b.B = map[bool]uint32{true: 1, false: 2}[up]
				}
				p.Type = control.HubFlush
				p.SetHub(&b)
				if err := s.Call(&p); err != nil {
					return err
				}
				return o.made(c, "messages", uint32(p.Status))
			})
		},
	}
	c.Flags().BoolVar(&up, "up", false, "only what is on its way from the network")
	c.Flags().BoolVar(&down, "down", false, "only what is on its way to the network")
	return c
}

// hubProcess is the number of a hub as a process; hubs are counted from 0.
func hubProcess(s *control.Session, index int) (uint32, error) {
	places, err := s.List(control.ListPlaces)
	if err != nil {
		return 0, err
	}
	var hubs []uint32
	for _, p := range places {
		hubs = append(hubs, p.B)
	}
	slices.Sort(hubs)
	hubs = slices.Compact(hubs)
	if index >= len(hubs) {
		return 0, fmt.Errorf("no hub %d: there are %d, counted from 0", index, len(hubs))
	}
	return hubs[index], nil
}
