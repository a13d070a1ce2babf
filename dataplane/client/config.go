package client

import (
	"fmt"
	"time"

	"github.com/cellhub/cellhub/dataplane/control"
)

// Config is what an application wants of its connections. The zero value: AAL5, best effort,
// SDUs of up to DefaultSDU octets.
type Config struct {
	// Cells has runs of 52-octet cells (header without HEC, payload) pass instead of SDUs.
	Cells bool
	// MaxSDU is the octets of the largest SDU, or run of cells; 0: DefaultSDU.
	MaxSDU int
	// Traffic is the contract; nil: best effort.
	Traffic *control.Traffic
	// Elements are information elements of Q.2931 for the call, as on the wire, one after the
	// other; each begins with its identifier.
	Elements [][]byte
	// Multipoint makes a call one to many: what this side writes all leaves get, and nothing comes
	// back. The end system that is dialled is leaf 0; see Conn.AddParty.
	Multipoint bool
	// Left is told of a leaf that has gone by itself, with a cause of Q.850. It must not block;
	// nil: nobody is to be told.
	Left func(leaf uint32, cause uint8)
	// Local is the caller's own address, svc://…; empty: the manager's choice.
	Local string
	// Backlog is how many calls may wait to be accepted; 0: DefaultBacklog.
	Backlog int
	// Deferred has the far side told that calls which wait are seen to (ALERTING): the user
	// decides later, by Call.Accept or Call.Reject.
	Deferred bool
	// Alerting is called when the far side was told of a call that is being made, and has not
	// answered yet. It must not block; nil: nobody is to be told.
	Alerting func()
	// Spin is how long a reader or writer looks at its ring before it sleeps: for whoever has a
	// processor to spare and no time.
	Spin time.Duration
	// Linger is how long Close waits for what was written to be taken by the hub; 0: DefaultLinger.
	Linger time.Duration
}

// What a Config has where it says nothing.
const (
	DefaultSDU     = 9180 // octets: RFC 2225's MTU and no more
	DefaultBacklog = 16
	DefaultLinger  = time.Second
)

// MaxElement is the most octets of an information element: 4 of header, and a length of 16 bits.
const MaxElement = 4 + 1<<15

func (c *Config) withDefaults() (Config, error) {
	d := Config{}
	if c != nil {
		d = *c
	}
	if d.MaxSDU == 0 {
		d.MaxSDU = DefaultSDU
	}
	if d.Backlog == 0 {
		d.Backlog = DefaultBacklog
	}
	if d.Linger == 0 {
		d.Linger = DefaultLinger
	}
	switch {
	case d.MaxSDU < 1 || d.MaxSDU > 65535:
		return d, fmt.Errorf("SDUs of %d octets: 1 to 65,535", d.MaxSDU)
	case d.Cells && d.MaxSDU < cell:
		return d, fmt.Errorf("runs of cells of %d octets: a cell has %d", d.MaxSDU, cell)
	case d.Backlog < 1 || d.Backlog > 65535:
		return d, fmt.Errorf("backlog %d: 1 to 65,535", d.Backlog)
	}
	for _, e := range d.Elements {
		if len(e) < 4 || len(e) > MaxElement {
			return d, fmt.Errorf("information element of %d octets: 4 to %d", len(e), MaxElement)
		}
	}
	return d, nil
}

// multipoint is the broadband bearer capability of class X to many (Q.2931, 4.5.7).
var multipoint = []byte{0x5E, 0x80, 0, 2, 0x90, 0x81}

// sock is the body of a request.
func (c *Config) sock() control.Sock {
	b := control.Sock{AAL: control.AAL5, MaxSDU: uint16(c.MaxSDU), Backlog: uint16(c.Backlog)}
	if c.Cells {
		b.AAL = control.AAL0
	}
	if t := c.Traffic; t != nil {
		b.Service, b.PCRForward, b.PCRBackward = t.ForwardService, t.ForwardPCR01, t.BackwardPCR01
	}
	return b
}

// trailer is the elements and the contract.
func (c *Config) trailer(t []byte) (_ []byte, err error) {
	for _, e := range c.Elements {
		if t, err = control.AppendTLV(t, control.TLVType(e[0]), e); err != nil {
			return nil, err
		}
	}
	if c.Multipoint {
		if t, err = control.AppendTLV(t, control.TLVType(multipoint[0]), multipoint); err != nil {
			return nil, err
		}
	}
	if c.Traffic != nil {
		return c.Traffic.Append(t)
	}
	return t, nil
}
