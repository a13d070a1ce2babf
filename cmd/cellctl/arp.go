package main

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/cellhub/cellhub/signalling/clip"
	"github.com/cellhub/cellhub/signalling/daemon"
)

// arpView is a Classical IP host with its neighbours.
type arpView struct {
	clip.View
	Neighbours []clip.Entry
}

// arp gives all hosts with their neighbours.
func (d *desk) arp() (all []arpView, err error) {
	var hosts []clip.View
	if err := d.ask(daemon.CommandHosts, "", &hosts); err != nil {
		return nil, err
	}
	for _, h := range hosts {
		v := arpView{View: h}
		for from := "0.0.0.0"; from != ""; {
			var page daemon.Neighbours
			if err := d.ask(daemon.CommandNeighbours, h.Name+" "+from, &page); err != nil {
				return nil, err
			}
			v.Neighbours = append(v.Neighbours, page.Neighbours...)
			from = page.Next
		}
		all = append(all, v)
	}
	return all, nil
}

// role says what a host is in its subnet.
func role(v *arpView) string {
	switch s := v.Status; {
	case s.Server:
		return "server"
	case s.Duplicate:
		return "ANOTHER HOST HAS ITS ADDRESS"
	case s.Registered:
		return "registered"
	case s.ServerLink != 0:
		return "registering"
	}
	return "no server"
}

func arpCommand(o *options) *cobra.Command {
	show := &cobra.Command{
		Use: "show", Short: "list Classical IP hosts and their neighbours", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return o.onDesk(func(d *desk) error {
				all, err := d.arp()
				switch {
				case err != nil:
					return err
				case o.json:
					return writeJSON(c.OutOrStdout(), all)
				}
				t := &table{heads: []string{"HOST", "IP", "STATE", ">AGE", "ATM"}, none: "no Classical IP hosts: ip: in cellsigd's configuration"}
				for i := range all {
					v := &all[i]
					t.add(v.Name, v.Status.IP, role(v), "", v.Status.ATM.String())
					for _, e := range v.Neighbours {
						t.add(v.Name, e.IP, neighbourState(&e), neighbourAge(&e), neighbourATM(&e))
					}
				}
				return t.write(c.OutOrStdout())
			})
		},
	}
	add := &cobra.Command{
		Use: "add HOST IP ATM-ADDRESS", Short: "enter where a neighbour is, by hand", Args: cobra.ExactArgs(3),
		Long: "Enters the ATM address of a neighbour of a Classical IP host, in place of\nwhat was known of it. It outlives the daemon.",
		RunE: func(_ *cobra.Command, args []string) error { return o.setNeighbour(args) },
	}
	del := &cobra.Command{
		Use: "del HOST IP", Short: "forget a neighbour, and release its VC", Args: cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error { return o.setNeighbour(args) },
	}
	return group("arp", "Classical IP hosts, and where their neighbours are", show, add, del)
}

func (o *options) setNeighbour(args []string) error {
	return o.onDesk(func(d *desk) error {
		err := d.ask(daemon.CommandNeighbour, strings.Join(args, " "), nil)
		switch {
		case errors.Is(err, syscall.ENODEV):
			return fmt.Errorf("there is no host %s (cellctl arp show)", args[0])
		case errors.Is(err, syscall.ENOENT):
			return fmt.Errorf("%s has no neighbour %s (cellctl arp show)", args[0], args[1])
		case errors.Is(err, syscall.EINVAL):
			return usage("a host's name, an IP address of its subnet, and an end system address of 40 hexadecimal digits")
		}
		return err
	})
}

func neighbourState(e *clip.Entry) string {
	if e.Static {
		return e.State + ", by hand"
	}
	return e.State
}

func neighbourAge(e *clip.Entry) any {
	if e.State == "asking" || e.State == "refused" || e.Static {
		return ""
	}
	return e.Age.Round(time.Second)
}

// neighbourATM is where a neighbour is: a permanent VC is named beside what its end has said.
func neighbourATM(e *clip.Entry) string {
	text := e.ATM.String()
	if strings.HasPrefix(e.VC, "pvc:") {
		text = strings.TrimSpace(e.VC + " " + text)
	}
	return text
}
