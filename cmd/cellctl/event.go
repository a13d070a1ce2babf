package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/cellhub/cellhub/dataplane/control"
)

// kinds of event, by the names of the reference in small letters.
var kinds = []control.EventMask{
	control.EventRegistered, control.EventGone, control.EventPortUp, control.EventPortDown, control.EventVCAdded, control.EventVCGone,
	control.EventQueueFull, control.EventQueueDrained, control.EventManagerAttached, control.EventManagerGone,
	control.EventAlarmRaised, control.EventAlarmCleared,
}

func eventCommand(o *options) *cobra.Command {
	var names []string
	for _, k := range kinds {
		names = append(names, strings.ToLower(k.String()))
	}
	subscribe := &cobra.Command{
		Use: "subscribe [KIND…]", Short: "print events as they come, until interrupted",
		Long:      "Prints a line for each event. Without KIND, of all kinds:\n\n    " + strings.Join(names, "\n    "),
		ValidArgs: names,
		RunE: func(c *cobra.Command, args []string) error {
			var mask control.EventMask
			for _, a := range args {
				i := slices.Index(names, a)
				if i < 0 {
					return usage("event kind %q: %s", a, strings.Join(names, ", "))
				}
				mask |= kinds[i]
			}
			for _, k := range kinds {
				if len(args) == 0 {
					mask |= k
				}
			}
			return o.subscribe(c, mask)
		},
	}
	return group("event", "what happens in the daemon", subscribe)
}

// eventView is what an event is to machines.
type eventView struct {
	Time string `json:"time"`
	Kind string `json:"kind"`
	ID   string `json:"id"`
	Port uint16 `json:"port,omitempty"`
	VC   string `json:"vc,omitempty"`
	Text string `json:"text,omitempty"`
	Lost uint64 `json:"lost,omitempty"`
}

// subscribe prints events until the context ends or the daemon goes.
func (o *options) subscribe(c *cobra.Command, mask control.EventMask) error {
	s, err := o.connect(control.RoleObserver)
	if err != nil {
		return err
	}
	defer s.Close()
	var p control.Packet
	p.Type = control.EvtSubscribe
	p.SetEvt(&control.Evt{IdxRange: math.MaxUint32, ValRange: math.MaxUint32, Mask: mask})
	if err := s.Call(&p); err != nil {
		return remedy(err)
	}
	s.SetReadDeadline(time.Time{})
	stop := context.AfterFunc(c.Context(), func() { s.SetReadDeadline(time.Now()) })
	defer stop()
	for {
		var in control.Packet
		err := s.Recv(&in)
		var fault control.Fault
		switch {
		case errors.As(err, &fault):
			continue
		case errors.Is(err, os.ErrDeadlineExceeded):
			return c.Context().Err()
		case err != nil:
			return fmt.Errorf("the daemon has gone: %w", err)
		case in.Class != control.ClassEvt:
			continue
		}
		if err := o.tellEvent(c, &in); err != nil {
			return err
		}
	}
}

func (o *options) tellEvent(c *cobra.Command, in *control.Packet) error {
	b := in.Evt()
	v := eventView{
		Time: time.Unix(0, int64(b.NS)).Format("2006-01-02T15:04:05.000000Z07:00"),
		Kind: strings.ToLower(b.Mask.String()), ID: fmt.Sprintf("%#x.%#x", in.Idx, in.Val), Lost: b.Lost,
	}
	if in.Type == control.EvtLost {
		v.Kind = "lost"
	}
	if value, ok := control.FindTLV(in.Trailer, control.TLVSecondEnd); ok {
		if end, err := control.ParseSecondEnd(value); err == nil {
			v.Port, v.VC = end.Port, vcText(end.VPI, end.VCI)
		}
	}
	for _, kind := range []control.TLVType{control.TLVName, control.TLVText} {
		if text, ok := control.FindTLV(in.Trailer, kind); ok && v.Text == "" {
			v.Text = string(text)
		}
	}
	if o.json {
		return writeJSON(c.OutOrStdout(), v)
	}
	line := v.Time + "  " + v.Kind
	if v.VC != "" {
		line += fmt.Sprintf("  port %d VC %s", v.Port, v.VC)
	}
	if v.Lost > 0 {
		line += fmt.Sprintf("  %d events were lost: look with cellctl show all", v.Lost)
	}
	if v.Text != "" {
		line += "  " + v.Text
	}
	_, err := fmt.Fprintln(c.OutOrStdout(), line)
	return err
}
