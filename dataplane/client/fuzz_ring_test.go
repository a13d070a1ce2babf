package client

import (
	"encoding/binary"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/dataplane/region"
	"github.com/cellhub/cellhub/dataplane/server"
)

// scribbler is an application that writes what it likes to its shared memory.
type scribbler struct {
	t        *testing.T
	conn     *control.Conn
	epoch    uint32
	mem      []byte
	bell     int
	channels []control.Ring
	ids      []control.ConnID
}

func newScribbler(t *testing.T, d *daemon) *scribbler {
	t.Helper()
	c, err := control.Dial(d.path)
	must(t, err)
	p := control.Packet{}
	p.SetHub(&control.Hub{A: uint32(control.RoleApplication)})
	p.Type = control.HubHello
	must(t, c.Call(&p))
	v := &scribbler{t: t, conn: c, epoch: p.Epoch, bell: p.Files[2]}
	var st unix.Stat_t
	must(t, unix.Fstat(p.Files[0], &st))
	v.mem, err = unix.Mmap(p.Files[0], 0, int(st.Size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	must(t, err)
	t.Cleanup(func() {
		_ = unix.Munmap(v.mem)
		p.CloseFiles()
		c.Close()
	})
	return v
}

// attach asks for a PVC, which may be in use or the application put out.
func (v *scribbler) attach(vci uint16) {
	p := control.Packet{}
	p.SetSock(&control.Sock{AAL: control.AAL5, MaxSDU: 48})
	p.Type, p.Epoch = control.SockConnect, v.epoch
	p.Trailer, _ = (&control.SecondEnd{Port: 1, VCI: vci}).Append(nil)
	if v.conn.Call(&p) != nil {
		return
	}
	id := p.Conn
	for {
		var in control.Packet
		if v.conn.Recv(&in) != nil {
			return
		}
		in.CloseFiles()
		if ring, ok := control.FindTLV(in.Trailer, control.TLVRing); ok && in.Conn == id {
			if r, err := control.ParseRing(ring); err == nil && r.Region == 0 {
				v.channels = append(v.channels, r)
			}
			v.ids = append(v.ids, id)
			return
		}
	}
}

func (v *scribbler) close() {
	if len(v.ids) == 0 {
		return
	}
	p := control.Packet{}
	p.SetSock(&control.Sock{})
	p.Type, p.Epoch, p.Conn = control.SockClose, v.epoch, v.ids[0]
	v.ids = v.ids[1:]
	_ = v.conn.Call(&p)
}

// place is an octet of the region's head and doorbells, or of a channel's head, rings and areas.
func (v *scribbler) place(which, at byte) int {
	const dense = 64 // words that matter are this far apart, or next to each other
	if n := len(v.channels); n > 0 && which&1 != 0 {
		r := v.channels[int(which>>1)%n]
		return int(r.Offset) + (int(at)*dense+int(which>>5)*4)%int(r.Size)
	}
	return (int(at)*dense + int(which>>1)*4) % (1 << 15)
}

// FuzzRing has an application write what it likes anywhere in its shared memory, in between
// attach to PVCs, close them, and ring: another application's PVC loses nothing, and whatever
// has become of the first, another may have its PVCs afterwards.
func FuzzRing(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 2, 1, 6, 1, 4, 0, 0, 0})             // a channel, its published index, the bell
	f.Add([]byte{0, 0, 0, 0, 0, 1, 0, 0, 3, 0, 8, 9, 4, 0, 0, 0}) // two channels, a doorbell
	f.Add([]byte{0, 0, 0, 0, 3, 1, 10, 200, 2, 1, 6, 3, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0})
	f.Add([]byte{5, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 4, 0, 0, 0})
	d := newDaemon(f, func(c *server.Config) { c.RegionOctets = region.MinOctets })
	for vci := range uint16(5) {
		d.pvc(100 + vci)
	}
	honest := d.open()
	a, b := dial(f, honest, "pvc://1/0/100", nil), dial(f, honest, "pvc://2/0/100", nil)
	f.Fuzz(func(t *testing.T, script []byte) {
		v := newScribbler(t, d)
		one := []byte{1, 0, 0, 0, 0, 0, 0, 0}
		for ; len(script) >= 4; script = script[4:] {
			switch at := v.place(script[1], script[2]); script[0] % 6 {
			case 0:
				v.attach(101 + uint16(script[1]%4))
			case 1:
				v.close()
			case 2:
				v.mem[at] = script[3]
			case 3:
				at = min(at&^7, len(v.mem)-8)
				binary.NativeEndian.PutUint64(v.mem[at:], uint64(int64(int8(script[3]))))
			case 4:
				_, _ = unix.Write(v.bell, one)
			default:
				clear(v.mem[at:min(at+4096, len(v.mem))])
			}
		}
		_, _ = unix.Write(v.bell, one)
		say(t, a, b, "still here")
		must(t, v.conn.Close())
		eventually(t, "its PVCs are free", func() bool {
			for vci := range uint16(4) {
				if err := d.atm(control.ATMDel, 1, 101+vci); err != nil {
					return false
				}
				must(t, d.atm(control.ATMAdd, 1, 101+vci))
			}
			return true
		})
	})
}
