package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane/control"
)

// How a loopback is waited for: the switch itself gives it up after aal.OAMLoopbackTimeout.
const (
	loopbackLook = 10 * time.Millisecond
	loopbackWait = aal.OAMLoopbackTimeout + 2*time.Second
)

// pingView is the result of one loopback.
type pingView struct {
	Answered bool          `json:"answered"`
	RTT      time.Duration `json:"rtt_ns"`
}

func oamCommand(o *options) *cobra.Command {
	var segment bool
	var id string
	var count int
	ping := &cobra.Command{
		Use: "ping PORT VPI/VCI", Short: "send loopback cells along a connection", Args: cobra.ExactArgs(2),
		Long: `Sends OAM loopback cells (I.610) out of the port along a VC that ends here, or
back to where the cells of a cross-connected VC or path come from, and waits for
each to return: from the end of the connection, with --segment from the end of
the segment, with --id from the point of that identifier.`,
		Example: "  cellctl oam ping dslam 8/35\n  cellctl oam ping hq '1/*' --segment --count 3",
		RunE: func(c *cobra.Command, args []string) error {
			words := "end"
			if segment {
				words = "segment"
			}
			if id != "" {
				words += " id=" + id
			}
			return o.loopback(c, args, words, count)
		},
	}
	ping.Flags().BoolVar(&segment, "segment", false, "from the end of the segment, not of the connection")
	ping.Flags().StringVar(&id, "id", "", "from the point of this identifier, 32 digits in hexadecimal")
	ping.Flags().IntVar(&count, "count", 1, "how many, one after the other")
	set := &cobra.Command{
		Use: "set PORT VPI/VCI WORDS", Short: "say what a port does about OAM", Args: cobra.MinimumNArgs(3),
		Long: `Says what is done about the OAM of a VC or path where it comes in. WORDS are:
segment, a segment ends at the port, and loopback is answered; source and sink,
continuity check cells are sent and watched for; pm=CELLS, performance
monitoring: a monitoring cell after so many user cells, 128 to 32768, and those
that come are judged and reported on; pm=ask:CELLS, the far end is asked for
that, up to 1024, by activation; pm=answer, it is done when the far end asks;
id=HEX, the port's identifier; end, of a path that is not switched: it ends here,
its loopback is answered and RDI returned. Of a VC that is cross-connected,
source, sink and pm want segment; of one that ends here they are of the whole
VC, unless segment is said. off alone has all pass, as it does unless told.`,
		Example: "  cellctl oam set dslam 8/35 segment source sink\n  cellctl oam set dslam 8/35 segment pm=1024\n  cellctl oam set dslam 8/35 off",
		RunE: func(_ *cobra.Command, args []string) error {
			return o.onEnd(args, func(s *control.Session, b control.ATM) error {
				return oamCall(s, control.ATMOAM, b, strings.Join(args[2:], " "))
			})
		},
	}
	return group("oam", "operation and maintenance of VCs", ping, oamTraceCommand(o), oamShowCommand(o), set)
}

// onEnd is onVC for a VC or a path.
func (o *options) onEnd(args []string, do func(*control.Session, control.ATM) error) error {
	vc, err := parseEnd(args[1])
	if err != nil {
		return err
	}
	return o.at(args[0], vc, do)
}

func oamCall(s *control.Session, t control.Type, b control.ATM, words string) (err error) {
	var p control.Packet
	p.Type = t
	p.SetATM(&b)
	if p.Trailer, err = control.AppendTLV(nil, control.TLVText, []byte(words)); err != nil {
		return err
	}
	return s.Call(&p)
}

// loopback sends cells and tells of each; an error: not all came back.
func (o *options) loopback(c *cobra.Command, args []string, words string, count int) error {
	lost := 0
	var all []pingView
	err := o.onEnd(args, func(s *control.Session, b control.ATM) error {
		for range count {
			v, err := ping1(s, b, words)
			if err != nil {
				return err
			}
			if all = append(all, v); !v.Answered {
				lost++
			}
			if o.json {
				continue
			}
			text := fmt.Sprintf("%s %s: no answer", args[0], args[1])
			if v.Answered {
				text = fmt.Sprintf("%s %s: answered after %v", args[0], args[1], v.RTT)
			}
			if _, err := fmt.Fprintln(c.OutOrStdout(), text); err != nil {
				return err
			}
		}
		return nil
	})
	switch {
	case err != nil:
		return err
	case o.json:
		err = writeJSON(c.OutOrStdout(), all)
	}
	if err == nil && lost > 0 {
		err = fmt.Errorf("%d of %d loopback cells did not return", lost, count)
	}
	return err
}

// ping1 sends one cell and waits until it has returned or is given up.
func ping1(s *control.Session, b control.ATM, words string) (v pingView, err error) {
	trailer, err := vcStats(s, b)
	if err != nil {
		return v, err
	}
	before := counters(trailer)
	if err := oamCall(s, control.ATMLoopback, b, words); err != nil {
		return v, err
	}
	for end := time.Now().Add(loopbackWait); time.Now().Before(end); time.Sleep(loopbackLook) {
		trailer, err := vcStats(s, b)
		if err != nil {
			return v, err
		}
		now := counters(trailer)
		more := func(name string) bool {
			a, _ := of(now, name)
			b, _ := of(before, name)
			return a > b
		}
		switch {
		case more("oam_returned"):
			rtt, _ := of(now, "oam_rtt_ns")
			return pingView{true, time.Duration(rtt)}, nil
		case more("oam_lost"):
			return v, nil
		}
	}
	return v, nil
}
