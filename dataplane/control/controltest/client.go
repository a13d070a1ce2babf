// Package controltest is a client of the control socket for tests.
package controltest

import (
	"errors"
	"testing"
	"time"

	"github.com/cellhub/cellhub/dataplane/control"
)

// Patience is how long a test waits for what must come, beside whatever else the machine
// does.
const Patience = 20 * time.Second

// Client is a connection whose HELLO has been answered. What it must do and cannot ends the
// test.
type Client struct {
	*control.Conn
	T     testing.TB
	Epoch uint32
	ID    uint32 // its number
}

// Dial connects to the hub at path in a role; ports are a manager's, none: all.
func Dial(t testing.TB, path string, role control.Role, ports ...uint16) *Client {
	t.Helper()
	c, err := TryDial(t, path, role, ports...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TryDial is Dial that may be refused.
func TryDial(t testing.TB, path string, role control.Role, ports ...uint16) (*Client, error) {
	t.Helper()
	conn, err := control.Dial(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	p := control.Packet{}
	p.Type = control.HubHello
	name, _ := control.MakeName(role.String())
	p.SetHub(&control.Hub{A: uint32(role), B: control.DefinitionHash, Name: name})
	if len(ports) > 0 {
		if p.Trailer, err = control.AppendPorts(nil, ports); err != nil {
			t.Fatal(err)
		}
	}
	_ = conn.SetDeadline(time.Now().Add(Patience))
	if err := conn.Call(&p); err != nil {
		return nil, err
	}
	p.CloseFiles()
	return &Client{conn, t, p.Epoch, p.Hub().A}, nil
}

// Call sends a message and gives its answer.
func (c *Client) Call(p *control.Packet) (*control.Packet, error) {
	p.Epoch = c.Epoch
	_ = c.SetDeadline(time.Now().Add(Patience))
	return p, c.Conn.Call(p)
}

// Must is Call where a refusal ends the test.
func (c *Client) Must(p *control.Packet) *control.Packet {
	c.T.Helper()
	p, err := c.Call(p)
	if err != nil {
		text, _ := control.FindTLV(p.Trailer, control.TLVText)
		c.T.Fatalf("%v: %s", err, text)
	}
	return p
}

// Errno gives the errno with which a message is refused; 0: it is not.
func (c *Client) Errno(p *control.Packet) error {
	c.T.Helper()
	_, err := c.Call(p)
	var refusal *control.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &refusal):
		return refusal.Errno
	}
	c.T.Fatal(err)
	return nil
}

// Next gives the next message that is no answer to a Call.
func (c *Client) Next() *control.Packet {
	c.T.Helper()
	p := new(control.Packet)
	_ = c.SetDeadline(time.Now().Add(Patience))
	if err := c.Recv(p); err != nil {
		c.T.Fatal(err)
	}
	return p
}

// Dump gives the answers to a LIST or RESYNC, but for DONE. What the hub had begun before it
// answered, such as events, is dropped: a dump has it all.
func (c *Client) Dump(p *control.Packet) (all []*control.Packet) {
	c.T.Helper()
	p = c.Must(p)
	for seq := p.Seq; ; p = c.Next() {
		switch {
		case p.Flags&control.FlagReply == 0 && len(all) < 2: // Call had kept it until now
		case p.Flags&control.FlagReply == 0 || p.Seq != seq:
			c.T.Fatalf("in a dump: %v", &p.Message)
		case p.Flags&control.FlagMore != 0:
			all = append(all, p)
		case p.Class == control.ClassHub && p.Type == control.HubDone:
			return all
		default:
			c.T.Fatalf("a dump ends with %v", &p.Message)
		}
	}
}

// Counters reads those in a trailer.
func (c *Client) Counters(p *control.Packet) map[string]uint64 {
	c.T.Helper()
	all := map[string]uint64{}
	for r := control.ReadTLVs(p.Trailer); r.Next(); {
		if r.Type() == control.TLVCounter {
			name, n, err := control.ParseCounter(r.Value())
			if err != nil {
				c.T.Fatal(err)
			}
			all[name] = n
		}
	}
	return all
}

// Hub makes a command of class HUB about a process a and b; name is a module's, text and
// called, where they are not empty, the TLVs TEXT and NAME.
func (c *Client) Hub(typ control.Type, a, b uint32, name, text, called string) *control.Packet {
	c.T.Helper()
	p := new(control.Packet)
	p.Type = typ
	module, err := control.MakeName(name)
	p.SetHub(&control.Hub{A: a, B: b, Name: module})
	var errs [2]error
	if text != "" {
		p.Trailer, errs[0] = control.AppendTLV(p.Trailer, control.TLVText, []byte(text))
	}
	if called != "" {
		p.Trailer, errs[1] = control.AppendTLV(p.Trailer, control.TLVName, []byte(called))
	}
	if err := errors.Join(err, errs[0], errs[1]); err != nil {
		c.T.Fatal(err)
	}
	return p
}

// ATM makes a message of class ATM.
func (c *Client) ATM(typ control.Type, b control.ATM) *control.Packet {
	p := new(control.Packet)
	p.Type = typ
	p.SetATM(&b)
	return p
}

// Open opens a path to a module and gives its handle.
func (c *Client) Open(name string, key uint64) (handle uint64, err error) {
	c.T.Helper()
	p, b := new(control.Packet), control.MMI{}
	if err := b.SetModuleName(name); err != nil {
		c.T.Fatal(err)
	}
	p.Type, p.Key = control.MMIPath, key
	p.SetMMI(&b)
	p, err = c.Call(p)
	return p.Key, err
}

// Manage gives a module a command by its path, with most octets to come back.
func (c *Client) Manage(handle uint64, command uint16, d control.Direction, arg []byte, most int) ([]byte, error) {
	c.T.Helper()
	p, b := new(control.Packet), control.MMI{Command: command, Direction: d, ArgLen: uint32(most)}
	var err error
	if p.Trailer, err = p.SetCommand(&b, arg); err != nil {
		c.T.Fatal(err)
	}
	p.Key = handle
	if p, err = c.Call(p); err != nil {
		return nil, err
	}
	result, err := p.Argument(p.Trailer)
	if err != nil {
		c.T.Fatal(err)
	}
	return result, nil
}

// Until waits for a state.
func Until(t testing.TB, what string, reached func() bool) {
	t.Helper()
	for deadline := time.Now().Add(Patience); !reached(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", Patience, what)
		}
	}
}
