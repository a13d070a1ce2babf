package server_test

import (
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/dataplane/control/controltest"
	"github.com/cellhub/cellhub/dataplane/server"
)

// The first message is HELLO, with a role, this definition or none, and no epoch; nothing else
// is listened to before, and the connection bears it.
func TestHello(t *testing.T) {
	r := newRig(t, 1)
	conn, err := control.Dial(r.path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	c := &controltest.Client{Conn: conn, T: t}
	hello := func(role, hash, epoch uint32) *control.Packet {
		p := c.Hub(control.HubHello, role, hash, "me", "", "")
		p.Epoch = epoch
		return p
	}
	for _, x := range []struct {
		name  string
		p     *control.Packet
		epoch uint32
		errno error
	}{
		{"PING first", c.Hub(control.HubPing, 0, 0, "", "", ""), 0, syscall.EPROTO},
		{"a manager's message first", c.ATM(control.ATMAdd, control.ATM{}), r.server.Epoch(), syscall.EPROTO},
		{"no role", hello(0, 0, 0), 0, syscall.EINVAL},
		{"no such role", hello(6, 0, 0), 0, syscall.EINVAL},
		{"another definition", hello(5, control.DefinitionHash+1, 0), 0, syscall.EPROTONOSUPPORT},
		{"an epoch", hello(5, 0, 0), 1, syscall.ESTALE},
		{"at last", hello(5, control.DefinitionHash, 0), 0, nil},
		{"again", hello(5, 0, 0), 0, syscall.EISCONN},
		{"an old epoch", c.Hub(control.HubPing, 0, 0, "", "", ""), r.server.Epoch() - 1, syscall.ESTALE},
		{"the epoch", c.Hub(control.HubPing, 0, 0, "", "", ""), r.server.Epoch(), nil},
	} {
		c.Epoch = x.epoch
		if err := c.Errno(x.p); !errors.Is(err, x.errno) || x.errno == nil && err != nil {
			t.Errorf("%s: %v, want %v", x.name, err, x.errno)
		}
		if x.p.Epoch != r.server.Epoch() {
			t.Errorf("%s: answered with epoch %d", x.name, x.p.Epoch)
		}
	}
}

// Each role may say what the table of the protocol lets it, and nothing else: all classes and
// types of all roles.
func TestRolesAreKept(t *testing.T) {
	r := newRig(t, 1)
	for role := control.RoleManager; role <= control.RoleObserver; role++ {
		if role == control.RoleApplication { // this rig has no shared memory for one
			continue
		}
		c := r.dial(role)
		for class := control.ClassHub; class <= control.ClassPrim; class++ {
			for typ := control.Type(1); typ < 20; typ++ {
				p := new(control.Packet)
				p.Class, p.Type, p.Epoch = class, typ, c.Epoch
				if role.May(class, typ) || strings.Contains(control.TypeName(class, typ), " type ") {
					continue
				}
				if class == control.ClassSig {
					p.SetSig(&control.Sig{Kind: control.SigKindMeta})
				}
				if err := c.Errno(p); !errors.Is(err, syscall.EPERM) {
					t.Errorf("%v says %s: %v", role, control.TypeName(class, typ), err)
				}
			}
		}
	}
}

// Who may take a role is a matter of users and groups, supplementary ones included.
func TestAccess(t *testing.T) {
	a := server.Access{
		control.RoleAdmin:    {Users: []uint32{1000}, Groups: []uint32{50}},
		control.RoleObserver: {All: true},
	}
	for _, x := range []struct {
		name   string
		role   control.Role
		user   uint32
		groups []uint32
		may    bool
	}{
		{"root", control.RoleManager, 0, nil, true},
		{"the daemon's own user", control.RoleManager, uint32(os.Geteuid()), nil, true},
		{"a user", control.RoleAdmin, 1000, []uint32{1000}, true},
		{"a user, another role", control.RoleManager, 1000, []uint32{1000}, false},
		{"a group", control.RoleAdmin, 1001, []uint32{1001, 7, 50}, true},
		{"another group", control.RoleAdmin, 1001, []uint32{1001, 51}, false},
		{"all", control.RoleObserver, 1001, nil, true},
	} {
		if got := a.May(x.role, x.user, x.groups); got != x.may {
			t.Errorf("%s: %t", x.name, got)
		}
	}
}

// What cannot be read is answered by one HUB ERROR that says why, counted by cause, and ends
// nothing.
func TestMessagesThatCannotBeRead(t *testing.T) {
	r := newRig(t, 1)
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_SEQPACKET, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	if err := syscall.Connect(fd, &syscall.SockaddrUnix{Name: r.path}); err != nil {
		t.Fatal(err)
	}
	good := func(change func([]byte)) []byte {
		var p control.Packet
		p.Type, p.Seq = control.HubPing, 7
		p.SetHub(&control.Hub{})
		var b [control.Size]byte
		p.Encode(&b)
		change(b[:])
		return b[:]
	}
	for _, x := range []struct {
		name  string
		b     []byte
		fault control.Fault
		seq   uint32 // of the answer, where the message's was legible
	}{
		{"short", good(func([]byte) {})[:100], control.ErrSize, 0},
		{"another magic", good(func(b []byte) { b[0]++ }), control.ErrMagic, 0},
		{"another version", good(func(b []byte) { b[4]++ }), control.ErrVersion, 0},
		{"no such class", good(func(b []byte) { b[5] = 9 }), control.ErrClass, 7},
		{"no such type", good(func(b []byte) { b[7] = 99 }), control.ErrType, 7},
		{"reserved", good(func(b []byte) { b[127] = 1 }), control.ErrReserved, 7},
		{"octets after it", append(good(func([]byte) {}), 0), control.ErrLength, 7},
	} {
		before := r.server.Refused()[x.fault]
		if err := syscall.Sendto(fd, x.b, 0, nil); err != nil {
			t.Fatal(err)
		}
		var in [control.Size]byte
		if n, _, err := syscall.Recvfrom(fd, in[:], 0); n != control.Size || err != nil {
			t.Fatalf("%s: %d octets, %v", x.name, n, err)
		}
		var m control.Message
		if err := m.Decode(&in); err != nil {
			t.Fatal(x.name, err)
		}
		if m.Class != control.ClassHub || m.Type != control.HubError || m.Status != control.Status(x.fault) || x.seq != 0 && m.Seq != x.seq {
			t.Errorf("%s: %v", x.name, &m)
		}
		if now := r.server.Refused()[x.fault]; now != before+1 {
			t.Errorf("%s: counted %d times", x.name, now-before)
		}
	}
}
