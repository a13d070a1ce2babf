package daemon

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/signalling/q2931"
)

// tracer is a connection that wants to see the messages.
type tracer struct {
	conn    *control.Conn
	request control.Header
	what    string // TraceFull, TraceLinks or nothing
	lost    uint64 // lines that it was too slow for
}

// trace has the messages of Q.2931 sent to a connection, a line each, in answer to the last
// request for it.
func (d *Daemon) trace(c *control.Conn, request control.Header, what string) {
	d.untrace(c)
	d.tracers = append(d.tracers, &tracer{conn: c, request: request, what: what})
	d.node.Trace = d.traced
}

// untrace forgets a connection.
func (d *Daemon) untrace(c *control.Conn) {
	d.tracers = slices.DeleteFunc(d.tracers, func(t *tracer) bool { return t.conn == c })
	if len(d.tracers) == 0 {
		d.node.Trace = nil
	}
}

// farewell is how long one who does not read may hold up the daemon's end.
const farewell = 100 * time.Millisecond

// endTraces says that there is nothing to be seen any more: the hub has gone.
func (d *Daemon) endTraces() {
	for _, t := range d.tracers {
		var p control.Packet
		p.Status = control.Status(syscall.ENOTCONN)
		_ = t.conn.SetWriteDeadline(time.Now().Add(farewell))
		if t.conn.Reply(&t.request, &p) != nil {
			t.conn.Close() // it hears so by that
			continue
		}
		_ = t.conn.SetWriteDeadline(time.Time{})
	}
	d.tracers, d.node.Trace = nil, nil
}

// traced sends a message's line to those who want it, and forgets those who have gone.
func (d *Daemon) traced(port uint16, sent bool, message []byte) {
	arrow := "<"
	if sent {
		arrow = ">"
	}
	short := fmt.Sprintf("%d octets", len(message))
	full := short
	if m, err := q2931.Decode(message); err == nil {
		short = m.String()
		full = strings.TrimSuffix(m.Text(), "\n")
	}
	kept := d.tracers[:0]
	for _, t := range d.tracers {
		text := short
		if t.what == TraceFull {
			text = full
		}
		if t.what == TraceLinks || t.sendLine(fmt.Sprintf("%12.6f port %d %s %s", d.now().Seconds(), port, arrow, text)) {
			kept = append(kept, t)
		}
	}
	clear(d.tracers[len(kept):])
	if d.tracers = kept; len(kept) == 0 {
		d.node.Trace = nil
	}
}

// tracedLink sends a PDU of SSCOP or ILMI to those who want these.
func (d *Daemon) tracedLink(port uint16, sent bool, vci uint16, pdu []byte) {
	if !slices.ContainsFunc(d.tracers, func(t *tracer) bool { return t.what == TraceLinks }) {
		return
	}
	way := uint16(0)
	if sent {
		way = 1
	}
	var data []byte
	for _, n := range []uint16{port, way, vci} {
		data = binary.BigEndian.AppendUint16(data, n)
	}
	data = append(data, pdu...)
	d.tracers = slices.DeleteFunc(d.tracers, func(t *tracer) bool { return t.what == TraceLinks && !t.send(data) })
}

// sendLine gives a line, and tells how many there was no room for before it.
func (t *tracer) sendLine(line string) bool {
	if t.lost > 0 {
		line = fmt.Sprintf("(%d lost) %s", t.lost, line)
	}
	return t.send([]byte(line))
}

// send gives what is traced, or counts it as lost when the connection is slow; false when it
// has ended.
func (t *tracer) send(data []byte) bool {
	var p control.Packet
	var err error
	p.Flags = control.FlagReply
	if p.Trailer, err = p.SetCommand(&control.MMI{Command: CommandTrace, Direction: control.DirectionOut}, data); err != nil {
		return true
	}
	p.Flags |= control.FlagMore
	switch err := t.conn.TryReply(&t.request, &p); {
	case errors.Is(err, syscall.EAGAIN):
		t.lost++
	case err != nil:
		return false
	default:
		t.lost = 0
	}
	return true
}
