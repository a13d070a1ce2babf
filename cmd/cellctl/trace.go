package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/signalling/daemon"
)

func traceCommand(o *options) *cobra.Command {
	var full bool
	var file string
	sig := &cobra.Command{
		Use: "sig", Short: "print signalling messages as they flow, a line each, until interrupted", Args: cobra.NoArgs,
		Long: `Prints the messages of Q.2931 on all interfaces: the time since cellsigd
attached, the port, > for sent and < for received. With -w it writes what is
under them into a file instead, PDUs of SSCOP and ILMI, which Wireshark and
tshark decode.`,
		Example: "  cellctl trace sig -v\n" +
			"  cellctl trace sig -w - | wireshark -k -i -",
		RunE: func(c *cobra.Command, _ []string) error {
			show := func(text []byte) error { _, err := fmt.Fprintf(c.OutOrStdout(), "%s\n", text); return err }
			what := ""
			switch {
			case file != "":
				out, err := captureFile(file, c.OutOrStdout())
				if err != nil {
					return err
				}
				defer out.Close()
				what = daemon.TraceLinks
				if show, err = sunATM(out); err != nil {
					return err
				}
			case full:
				what = daemon.TraceFull
			}
			return o.onDesk(func(d *desk) error { return d.trace(c, what, show) })
		},
	}
	sig.Flags().BoolVarP(&full, "verbose", "v", false, "in full: a line for each information element, and for each of its fields")
	sig.Flags().StringVarP(&file, "write", "w", "", "pcap of PDUs into this file; -: standard output")
	return group("trace", "see what flows", sig)
}

// trace asks for what flows, and gives it to show until c is interrupted.
func (d *desk) trace(c *cobra.Command, what string, show func([]byte) error) error {
	var p control.Packet
	p.Key = d.handle
	var err error
	command := control.MMI{Command: daemon.CommandTrace, Direction: control.DirectionOut, ArgLen: control.MaxTrailer}
	if what != "" {
		command = control.MMI{Command: daemon.CommandTrace, Direction: control.DirectionBoth}
	}
	if p.Trailer, err = p.SetCommand(&command, []byte(what)); err != nil {
		return err
	}
	if err := d.s.Conn.Send(&p); err != nil {
		return err
	}
	if err := d.s.SetReadDeadline(time.Time{}); err != nil { // that was of the call before: nothing may flow for hours
		return err
	}
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		select {
		case <-c.Context().Done():
			d.s.Close()
		case <-stop:
		}
	}()
	for {
		var p control.Packet
		if err := d.s.Recv(&p); err != nil {
			if c.Context().Err() != nil {
				return nil
			}
			return remedy(err)
		}
		text, err := p.Argument(p.Trailer)
		if err != nil {
			return remedy(p.Err())
		}
		if err := show(text); err != nil {
			return err
		}
	}
}

// captureFile is the file that a capture goes to; - is standard output, which must be no
// terminal.
func captureFile(name string, stdout io.Writer) (io.WriteCloser, error) {
	if name != "-" {
		return os.Create(name)
	}
	if f, ok := stdout.(*os.File); ok && isTerminal(f) {
		return nil, usage("pcap is nothing to read on a terminal: give -w FILE, or a pipe to wireshark -k -i -")
	}
	return kept{stdout}, nil
}

// kept is a writer that others close.
type kept struct{ io.Writer }

func (kept) Close() error { return nil }

// A record of LINKTYPE_SUNATM begins with its way and what it carries, VPI, and VCI
// (tcpdump.org/linktypes/LINKTYPE_SUNATM.html).
const (
	linkSunATM     = 123
	sunATMSent     = 0x80
	sunATMILMI     = 5
	sunATMSSCOP    = 6
	sunATMHead     = 4
	pcapMagicNanos = 0xA1B23C4D
	tracedHead     = 6 // of what cellsigd sends: port, way, VCI
)

// errTraced is a PDU that cellsigd should not have sent.
var errTraced = errors.New("that is no PDU: this cellctl and cellsigd are of different versions")

// sunATM begins a capture, and gives what writes the PDUs that cellsigd sends.
func sunATM(out io.Writer) (func([]byte) error, error) {
	order := binary.BigEndian
	head := order.AppendUint32(nil, pcapMagicNanos)
	head = append(head, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0)
	head = order.AppendUint32(order.AppendUint32(head, 1<<16), linkSunATM)
	_, err := out.Write(head)
	return func(p []byte) error {
		if len(p) < tracedHead {
			return errTraced
		}
		way, vci, pdu := order.Uint16(p[2:]), order.Uint16(p[4:]), p[tracedHead:]
		kind := byte(sunATMSSCOP)
		if vci == daemon.ManagementVCI {
			kind = sunATMILMI
		}
		if way == 1 {
			kind |= sunATMSent
		}
		now, n := time.Now(), uint32(sunATMHead+len(pdu))
		r := order.AppendUint32(nil, uint32(now.Unix()))
		r = order.AppendUint32(r, uint32(now.Nanosecond()))
		r = order.AppendUint32(order.AppendUint32(r, n), n)
		r = order.AppendUint16(append(r, kind, 0), vci)
		_, err := out.Write(append(r, pdu...))
		return err
	}, err
}
