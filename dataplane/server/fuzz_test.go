package server_test

import (
	"errors"
	"flag"
	"os"
	"runtime"
	"testing"

	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/dataplane/control/controltest"
)

// script makes messages of octets, six for each: class, type, flags, and three numbers that
// its fields are filled with. Most are well formed, so that they get past the codec.
func script(data []byte, epoch uint32) (all []*control.Packet) {
	const step, most = 6, 40
	names := []string{"pulse", "dam", "aal5", "port", "left", "head", "signal", "dlpi", "cdi", ""}
	texts := []string{"", "p wire:w-a,100", "q wire:w-b,101", "0/100", "carrier", "77"}
	for ; len(data) >= step && len(all) < most; data = data[step:] {
		class, x, y, z := control.Class(data[0]%7), data[3], data[4], data[5]
		p := new(control.Packet)
		name, _ := control.MakeName(names[x%8])
		switch class {
		case control.ClassHub:
			p.SetHub(&control.Hub{A: uint32(y % 32), B: uint32(z % 8), Name: name})
		case control.ClassSock:
			p.SetSock(&control.Sock{Port: uint16(x % 4), AAL: control.AAL5})
		case control.ClassATM:
			p.SetATM(&control.ATM{Port: uint16(x % 4), VCI: uint16(99 + y%4), AAL: control.AAL5, RxMode: control.RxMode(z % 3), Receiver: uint32(z % 32)})
		case control.ClassSig:
			p.SetSig(&control.Sig{Port: uint16(x % 4), VCI: uint16(y % 8), Kind: control.SigKind(1 + z%3)})
		case control.ClassMMI:
			b := control.MMI{Command: uint16(x), Direction: control.Direction(y % 4)}
			if data[1]%3 != 1 {
				_ = b.SetModuleName(names[x%8])
				b.Command, b.Direction = 0, 0
			}
			p.SetMMI(&b)
			p.Key = uint64(z % 4)
		case control.ClassEvt:
			p.SetEvt(&control.Evt{IdxRange: uint32(x), ValRange: uint32(y), Mask: control.EventMask(z)})
		default:
			p.SetPrim(&control.Hub{A: uint32(y), Name: name})
		}
		p.Type, p.Epoch, p.Idx, p.Val = control.Type(1+data[1]%19), epoch, 256+uint32(x), uint32(y)
		if data[2]&1 != 0 {
			p.Conn = control.MakeConnID(uint32(y), uint32(z)|uint32(data[2]&2)<<30)
		}
		if data[2]&4 != 0 && class.TLVTrailer() {
			p.Trailer, _ = control.AppendTLV(nil, control.TLVText, []byte(texts[z%6]))
		}
		if data[2]&8 != 0 && class.TLVTrailer() {
			end := control.SecondEnd{Port: uint16(z % 4), VCI: uint16(99 + x%4)}
			p.Trailer, _ = end.Append(p.Trailer)
		}
		all = append(all, p)
	}
	return all
}

// FuzzSequence: whatever clients of all roles say, each message is answered, the hub lives and
// nothing is left of it.
func FuzzSequence(f *testing.F) {
	f.Add([]byte{0, 13, 4, 3, 0, 1, 0, 13, 0, 0, 0, 0, 0, 9, 0, 2, 6, 0, 2, 0, 0, 1, 1, 6, 2, 2, 0, 1, 1, 6, 2, 1, 0, 1, 1, 6})
	f.Add([]byte{4, 0, 0, 4, 0, 0, 4, 1, 0, 129, 3, 1, 4, 2, 0, 4, 0, 1, 5, 0, 0, 255, 255, 255, 5, 2, 0, 1, 1, 0, 0, 7, 0, 0, 1, 0})
	f.Add([]byte{1, 0, 8, 1, 1, 1, 1, 2, 8, 1, 1, 1, 1, 5, 1, 1, 1, 1, 3, 0, 0, 1, 5, 1, 2, 11, 8, 1, 1, 1, 2, 1, 0, 1, 1, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		r := newRig(t, 1)
		close(r.hold) // a handler that blocks does so until the test lets it
		clients := []*controltest.Client{
			r.dial(control.RoleAdmin), r.dial(control.RoleObserver), r.dial(control.RoleManager), r.dial(control.RoleModulePath),
		}
		twoEnds(clients[0])
		for i, p := range script(data, clients[0].Epoch) {
			c := clients[0]
			if i%4 == 3 {
				c = clients[int(p.Type)%len(clients)]
			}
			bye := p.Class == control.ClassHub && p.Type == control.HubBye
			_, err := c.Call(p)
			var refusal *control.Error
			var fault control.Fault // of ours: it was not sent
			if err != nil && !errors.As(err, &refusal) && !errors.As(err, &fault) {
				t.Fatalf("%v: %v", &p.Message, err)
			}
			if bye {
				return
			}
			for p.Flags&control.FlagMore != 0 {
				p = c.Next()
			}
		}
	})
}

// rounds is how often TestNothingIsLeft makes and takes all that there is.
var rounds = flag.Int("rounds", 300, "of TestNothingIsLeft")

// descriptors counts this process's.
func descriptors(t *testing.T) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

// Ports, streams, VCs, paths, subscriptions and connections that come and go leave nothing:
// no process, goroutine, descriptor or block.
func TestNothingIsLeft(t *testing.T) {
	r := newRig(t, 1)
	c := r.dial(control.RoleAdmin)
	round := func(i int) {
		top := c.Must(c.Hub(control.HubOpen, 0, 0, "pulse", "", "top")).Hub().A
		c.Must(c.Hub(control.HubPush, top, 0, "aal5", "", ""))
		c.Must(c.Hub(control.HubOpen, 0, 1, "port", "p wire:w-a,100", ""))
		c.Must(c.ATM(control.ATMAdd, control.ATM{Port: 1, VCI: 100, AAL: control.AAL5, Receiver: top}))
		h, err := c.Open("top", 0)
		if err == nil {
			_, err = c.Manage(h, 128, control.DirectionIn, number(3), 0)
		}
		if err != nil {
			t.Fatal(err)
		}
		gone := new(control.Packet)
		gone.Type, gone.Key = control.MMIUnpath, h
		gone.SetMMI(&control.MMI{})
		c.Must(gone)
		if i%2 == 0 { // else the port takes it along
			c.Must(c.ATM(control.ATMDel, control.ATM{Port: 1, VCI: 100}))
		}
		c.Must(c.Hub(control.HubClose, 0, 1, "port", "", ""))
		c.Must(c.Hub(control.HubClose, top, 0, "", "", ""))
		if i%16 == 0 {
			o := r.dial(control.RoleObserver)
			o.Must(evt(control.EvtSubscribe, control.Evt{IdxRange: ^uint32(0), ValRange: ^uint32(0), Mask: everything}))
			o.Close()
		}
	}
	processes := func() int { return len(c.Dump(c.Hub(control.HubList, 0, uint32(control.ListProcesses), "", "", ""))) }
	round(0)
	made, running, open := processes(), runtime.NumGoroutine(), descriptors(t)
	for i := range *rounds {
		round(i)
	}
	controltest.Until(t, "no more goroutines and descriptors than before", func() bool {
		return runtime.NumGoroutine() <= running && descriptors(t) <= open
	})
	if now := processes(); now != made {
		t.Errorf("%d processes, and %d before", now, made)
	}
	var small int
	r.fabric.Hub(0).Call(func() { small, _ = r.arena.Pool(0).InUse() })
	if small != 0 {
		t.Errorf("%d blocks in use", small)
	}
}
