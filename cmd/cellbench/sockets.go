package main

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
)

// socketsSettings are the flags of sockets.
type socketsSettings struct {
	settings
	hubd string
	many int
	idle time.Duration
}

// Limits and defaults of sockets.
const (
	maxMany     = 200000
	defaultIdle = 10 * time.Second
)

func socketsCommand() *cobra.Command {
	var s socketsSettings
	c := &cobra.Command{Use: "sockets", Short: "application sockets beside SEQPACKET, TCP and a channel; and very many of them at once", Args: cobra.NoArgs,
		Long: `Two applications call each other through a cellhubd, which is another process:
SDUs one way, and one there and back, asleep between two and all spinning, beside
AF_UNIX SEQPACKET, TCP over loopback and a Go channel, in turns.

Then one application opens --many sockets, each on a VC of its own: how fast VCs
and sockets come and go, what they cost to have, how long a ping of a PVC and a
request of another client take while an observer asks for the whole state
(RESYNC), and while an application with so many sockets dies.`,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := s.check(); err != nil {
				return err
			}
			if s.many < 0 || s.many > maxMany {
				return fmt.Errorf("--many %d: 0 to %d", s.many, maxMany)
			}
			return s.measure(c)
		}}
	s.flags(c, 5, 300*time.Millisecond)
	c.Flags().StringVar(&s.hubd, "cellhubd", "bin/cellhubd", "the cellhubd to measure")
	c.Flags().IntVar(&s.many, "many", 10000, "sockets open at once; 0: none of this")
	c.Flags().DurationVar(&s.idle, "idle", defaultIdle, "how long they do nothing, for the processor time that takes")
	return c
}

// socketsDocument is what --json writes.
type socketsDocument struct {
	Pairs document `json:"pairs"`
	Crowd *crowd   `json:"crowd,omitempty"`
}

func (s *socketsSettings) measure(c *cobra.Command) error {
	contest := socketContest(s.hubd, s.window)
	r := &run{rounds: s.rounds, stderr: c.ErrOrStderr()}
	if err := r.all(c.Context(), contest); err != nil {
		return err
	}
	d := socketsDocument{Pairs: newDocument(r, contest)}
	if s.many > 0 {
		var err error
		if d.Crowd, err = measureCrowd(c.Context(), s.hubd, s.many, s.idle); err != nil {
			return fmt.Errorf("%d sockets: %w", s.many, err)
		}
	}
	if !s.json {
		return d.text(c.OutOrStdout())
	}
	if err := d.text(c.ErrOrStderr()); err != nil {
		return err
	}
	encoder := json.NewEncoder(c.OutOrStdout())
	encoder.SetIndent("", " ")
	return encoder.Encode(d)
}

func (d socketsDocument) text(w io.Writer) error {
	if err := d.Pairs.text(w); err != nil || d.Crowd == nil {
		return err
	}
	return d.Crowd.table().text(w)
}
