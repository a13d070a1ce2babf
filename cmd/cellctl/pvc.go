package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane/control"
)

// pvcFlags is the contract of a PVC that is added.
type pvcFlags struct {
	stream, aal, receive, service, direction string
	maxSDU                                   uint16
	pcr, scr, mbs                            uint32
}

func pvcCommand(o *options) *cobra.Command {
	var f pvcFlags
	add := &cobra.Command{
		Use: "add PORT VPI/VCI", Short: "add a permanent VC", Args: cobra.ExactArgs(2),
		Long: `Adds a permanent VC to a port. With --stream its cells go to that stream;
without, an application may bind it. With rates the port reserves what the
service asks for, and what the VC sends is held back until it conforms.`,
		Example: "  cellctl pvc add dslam 8/35 --stream alice --pcr 4000\n  cellctl pvc add hq 0/50 --service vbr --pcr 8000 --scr 1000 --mbs 32",
		RunE: func(c *cobra.Command, args []string) error {
			return o.onVC(args, func(s *control.Session, b control.ATM) error {
				if err := f.fill(s, &b); err != nil {
					return err
				}
				var p control.Packet
				p.Type = control.ATMAdd
				p.SetATM(&b)
				return s.Call(&p)
			})
		},
	}
	add.Flags().StringVar(&f.stream, "stream", "", "the stream on it, by name or a process's number")
	add.Flags().StringVar(&f.aal, "aal", "0", "adaptation layer below the receiver: 0 or 5")
	add.Flags().StringVar(&f.receive, "receive", "aal", "what the receiver gets: aal or raw")
	add.Flags().StringVar(&f.service, "service", "ubr", "ubr, cbr, rt_vbr, vbr, ubr_mcr, abr or gfr")
	add.Flags().Uint16Var(&f.maxSDU, "maxsdu", 0, "octets of the longest SDU; 0: the AAL's default")
	add.Flags().StringVar(&f.direction, "direction", "both", "in: it only receives; out: it only sends; both")
	add.Flags().Uint32Var(&f.pcr, "pcr", 0, "peak rate, cells a second both ways; 0: none agreed")
	add.Flags().Uint32Var(&f.scr, "scr", 0, "sustained rate of vbr, and minimum of ubr_mcr, cells a second")
	add.Flags().Uint32Var(&f.mbs, "mbs", 0, "cells of the longest burst at the peak rate")
	del := &cobra.Command{
		Use: "del PORT VPI/VCI", Short: "remove a permanent VC; its stream stays", Args: cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			return o.onVC(args, func(s *control.Session, b control.ATM) error {
				var p control.Packet
				p.Type = control.ATMDel
				p.SetATM(&b)
				return s.Call(&p)
			})
		},
	}
	return group("pvc", "add and remove permanent VCs", add, del)
}

// onVC is admin with the VC that the arguments PORT and VPI/VCI name.
func (o *options) onVC(args []string, do func(*control.Session, control.ATM) error) error {
	vc, err := aal.ParseVC(args[1])
	if err != nil {
		return usage("%w", err)
	}
	return o.at(args[0], vc, do)
}

// at is admin with a VC or a path of a port.
func (o *options) at(port string, vc aal.VC, do func(*control.Session, control.ATM) error) error {
	return o.admin(func(s *control.Session) error {
		port, err := findPort(s, port)
		if err != nil {
			return err
		}
		return do(s, control.ATM{Port: uint16(port.A), VPI: vc.VPI, VCI: vc.VCI})
	})
}

// fill puts the contract into a body.
func (f *pvcFlags) fill(s *control.Session, b *control.ATM) (err error) {
	if b.AAL, err = choose("aal", f.aal, control.AAL0, control.AAL5); err != nil {
		return err
	}
	if b.RxMode, err = choose("receive", f.receive, control.RxAAL, control.RxRaw); err != nil {
		return err
	}
	if b.Service, err = choose("service", f.service, control.ServiceUBR, control.ServiceCBR, control.ServiceRealTimeVBR,
		control.ServiceVBR, control.ServiceUBRMCR, control.ServiceABR, control.ServiceGFR); err != nil {
		return err
	}
	if b.Direction, err = choose("direction", f.direction, control.DirectionBoth, control.DirectionIn, control.DirectionOut); err != nil {
		return err
	}
	b.MaxSDU, b.MBS = f.maxSDU, f.mbs
	b.PCRForward, b.PCRBackward, b.SCRForward, b.SCRBackward = f.pcr, f.pcr, f.scr, f.scr
	if f.stream != "" {
		b.Receiver, err = findProcess(s, f.stream)
	}
	return err
}

// choose finds a value by its name in the protocol's reference, in small letters.
func choose[T interface{ String() string }](flag, text string, values ...T) (T, error) {
	var names []string
	for _, v := range values {
		name := strings.ToLower(v.String())
		if name == text {
			return v, nil
		}
		names = append(names, name)
	}
	var none T
	return none, usage("--%s %s: %s", flag, text, strings.Join(names, ", "))
}
