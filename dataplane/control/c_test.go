package control

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// compilers are the languages that the header must be clean in.
var compilers = []struct {
	name, command string
	args          []string
}{
	{"C11", "gcc", []string{"-std=c11", "-D_GNU_SOURCE", "-x", "c"}},
	{"C++11", "g++", []string{"-std=c++11", "-x", "c++"}},
}

// buildPeer compiles the test's client with every warning an error.
func buildPeer(t *testing.T, command string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(command); err != nil {
		t.Skipf("%s is not installed", command)
	}
	peer := filepath.Join(t.TempDir(), "peer")
	args = append(args, "-Wall", "-Wextra", "-Werror", "-pedantic", "-I", ".", "-o", peer, "testdata/peer.c")
	if out, err := exec.Command(command, args...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return peer
}

// The header in C and C++: no warning, the compiler's layout is the page's, and messages
// of each class go both ways over a SEQPACKET socket.
func TestC(t *testing.T) {
	for _, c := range compilers {
		t.Run(c.name, func(t *testing.T) {
			peer := buildPeer(t, c.command, c.args...)
			out, err := exec.Command(peer, "layout").Output()
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Fields(string(out)); strings.Join(got, " ") != strings.Join(strings.Fields(layout), " ") {
				t.Errorf("the compiler's layout is\n%s", out)
			}
			talk(t, peer)
			hello(t, peer)
		})
	}
}

// talk takes a message of each class from the client in C, and has it compare ours.
func talk(t *testing.T, peer string) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_SEQPACKET|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	c := connOf(t, fds[0])
	theirs := os.NewFile(uintptr(fds[1]), "theirs")
	cmd := exec.Command(peer, "talk")
	cmd.ExtraFiles = []*os.File{theirs}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	defer func() {
		c.Close()
		if err := cmd.Wait(); err != nil {
			t.Error(err, stderr.String())
		}
	}()
	for n := range numClasses {
		want := fromC(Class(n))
		var p Packet
		if err := c.Recv(&p); err != nil {
			t.Fatal(n, err)
		}
		want.Seq, want.Flags, want.Len = uint32(100+n), p.Flags, p.Len
		if p.Message != want.Message || p.Flags&^FlagTrailer != FlagSync|FlagHiPri || string(p.Trailer) != string(want.Trailer) {
			t.Errorf("from C\n got %v\nwant %v\ntrailer % x", &p.Message, &want.Message, p.Trailer)
		}
	}
	for n := range numClasses {
		p := fromC(Class(n))
		if err := c.Send(&p); err != nil {
			t.Fatal(n, err)
		}
		var reply Packet
		if err := c.Recv(&reply); err != nil || !reply.IsAnswer(&p.Header) || reply.Err() != nil {
			t.Fatal(n, &reply.Message, err, reply.Err())
		}
	}
	if s := c.Stats(); s.Received != 2*uint64(numClasses) || s.Faults != [NumFaults]uint64{} {
		t.Error(s)
	}
}

// fromC is the message of a class that testdata/peer.c makes and expects.
func fromC(class Class) (p Packet) {
	p.Header = Header{Type: 1, Flags: FlagHiPri, Band: 3, Cause: 16, Src: 0x01020304, Dst: 0x05060708,
		Conn: MakeConnID(0x11121314, 0x15161718), Key: 0x2122232425262728, Idx: 0x31323334, Val: 0x41424344, Epoch: 0x51525354}
	pair := Hub{A: 0xA1A2A3A4, B: 0xB1B2B3B4, Name: Name{'x', 'y'}}
	switch class {
	case ClassHub:
		p.SetHub(&pair)
	case ClassSock:
		p.SetSock(&Sock{Port: 1, Backlog: 2, AAL: AAL34, Service: ServiceGFR, MaxSDU: 9188, PCRForward: 3, PCRBackward: 4, SAP: 5,
			Local: [20]byte{0: 0x47, 19: 6}, Remote: [20]byte{0: 0x39, 19: 7}})
	case ClassATM:
		p.SetATM(&ATM{Port: 1, VPI: 4095, VCI: 65535, AAL: AAL5, Direction: DirectionOut, Service: ServiceABR, RxMode: RxMeta, MaxSDU: 2,
			PCRForward: 3, PCRBackward: 4, SCRForward: 5, SCRBackward: 6, MBS: 7, Receiver: 8, Hiwat: 9, Lowat: 10, SAP: 0x8000000000000001})
	case ClassSig:
		p.SetSig(&Sig{Port: 1, VPI: 2, VCI: 3, Header: 15, Kind: SigKindSAAL, NS: 0x8182838485868788, Payload: [48]byte{0: 4, 47: 5}})
	case ClassMMI:
		p.SetMMI(&MMI{Command: 255, Direction: DirectionIn, NameLen: 2, ArgLen: 24, Name: Name{'a', 'b'}, Inline: [24]byte{0: 1, 23: 2}})
	case ClassEvt:
		p.SetEvt(&Evt{IdxFirst: 1, IdxRange: 2, ValFirst: 3, ValRange: 4, Mask: EventAlarmCleared | EventRegistered, Group: 5,
			Lost: 0x9192939495969798, NS: 6})
	case ClassPrim:
		p.SetPrim(&pair)
	}
	if class == ClassSock || class == ClassATM || class == ClassEvt {
		p.Trailer = []byte{
			0, 0x5A, 0, 9, 0x5A, 0x80, 0, 5, 0x88, 0, 0, 0, 0x64, 0, 0, 0,
			1, 3, 0, 6, 0, 1, 0, 2, 0, 3, 0, 0,
		}
	}
	return p
}

// hello serves the client in C as the hub does: a first message, and its reply.
func hello(t *testing.T, peer string) {
	path := filepath.Join(t.TempDir(), "control")
	l, err := Listen(path, 0o660)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	served := make(chan error, 1)
	go func() {
		served <- func() error {
			c, err := l.Accept()
			if err != nil {
				return err
			}
			defer c.Close()
			var p Packet
			if err := c.Recv(&p); err != nil {
				return err
			}
			b := p.Hub()
			if p.Type != HubHello || Role(b.A) != RoleObserver || b.B != DefinitionHash || b.Name.String() != "peer" {
				return errors.New(p.String())
			}
			reply := Packet{Message: Message{Header: Header{Epoch: 42}}, Files: []int{0, 0, 0}}
			reply.SetHub(&Hub{A: 17, B: DefinitionHash})
			return c.Reply(&p.Header, &reply)
		}()
	}()
	out, err := exec.Command(peer, "hello", path).CombinedOutput()
	if err != nil || string(out) != "status 0 epoch 42 number 17\n" {
		t.Errorf("%s: %v", out, err)
	}
	l.Close() // a client that never came is waited for no more
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// layout is offset and octets of each field, from the description of the protocol.
const layout = `
message 0 128
class_ 5 1 type 6 2 len 56 4
magic 0 4 version 4 1 flags 8 2 band 10 1 cause 11 1 status 12 4 src 16 4 dst 20 4 seq 24 4 ack 28 4
conn 32 8 key 40 8 idx 48 4 val 52 4 epoch 60 4
body.sock.port 64 2 body.sock.backlog 66 2 body.sock.aal 68 1 body.sock.service 69 1 body.sock.maxsdu 70 2
body.sock.pcr_forward 72 4 body.sock.pcr_backward 76 4 body.sock.sap 80 8
body.sock.local[0] 88 1 body.sock.local[19] 107 1 body.sock.remote[0] 108 1 body.sock.remote[19] 127 1
body.atm.port 64 2 body.atm.vpi 66 2 body.atm.vci 68 2 body.atm.aal 70 1 body.atm.direction 71 1
body.atm.service 72 1 body.atm.rxmode 73 1 body.atm.maxsdu 74 2 body.atm.pcr_forward 76 4
body.atm.pcr_backward 80 4 body.atm.scr_forward 84 4 body.atm.scr_backward 88 4 body.atm.mbs 92 4
body.atm.receiver 96 4 body.atm.hiwat 100 4 body.atm.lowat 104 4 body.atm.sap 112 8
body.sig.port 64 2 body.sig.vpi 66 2 body.sig.vci 68 2 body.sig.header 70 1 body.sig.kind 71 1 body.sig.ns 72 8
body.sig.payload[0] 80 1 body.sig.payload[47] 127 1
body.mmi.command 64 2 body.mmi.direction 66 1 body.mmi.namelen 67 1 body.mmi.arglen 68 4
body.mmi.name[0] 72 1 body.mmi.name[1] 73 1 body.mmi.inline_[0] 104 1 body.mmi.inline_[23] 127 1
body.evt.idx_first 64 4 body.evt.idx_range 68 4 body.evt.val_first 72 4 body.evt.val_range 76 4
body.evt.mask 80 4 body.evt.group 84 4 body.evt.lost 88 8 body.evt.ns 96 8
body.hub.a 64 4 body.hub.b 68 4 body.hub.name[0] 72 1 body.hub.name[1] 73 1
`
