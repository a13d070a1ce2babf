package main

import (
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/cellhub/cellhub/dataplane/control"
)

// completeTimeout is how long a shell is kept waiting for names.
const completeTimeout = 2 * time.Second

// completeNames gives the names of the daemon's ports or streams to a shell.
func (o *options) completeNames(what control.Listing) (names []string) {
	s, err := o.connect(control.RoleObserver)
	if err != nil {
		return nil
	}
	defer s.Close()
	s.Timeout = completeTimeout
	all, err := s.List(what)
	if err != nil {
		return nil
	}
	for _, l := range all {
		names = append(names, l.Name)
	}
	return names
}

// firstArgument completes the first argument of a command by names of the daemon's.
func (o *options) firstArgument(what control.Listing) func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return o.completeNames(what), cobra.ShellCompDirectiveNoFileComp
	}
}

// complete says of each command what its first argument is.
func (o *options) complete(c *cobra.Command) {
	use := strings.Fields(c.Use)
	switch first := strings.Trim(use[min(1, len(use)-1)], "[]…"); {
	case first == "PORT":
		c.ValidArgsFunction = o.firstArgument(control.ListPorts)
	case slices.Contains([]string{"PROCESS", "NAME", "BELOW"}, first) && c.Name() != "add":
		c.ValidArgsFunction = o.firstArgument(control.ListStreams)
	}
	for _, sub := range c.Commands() {
		o.complete(sub)
	}
}
