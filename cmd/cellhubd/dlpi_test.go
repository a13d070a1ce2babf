package main

import (
	"bytes"
	"encoding/hex"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cellhub/cellhub/cmd/internal/lab"
	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/dataplane/control/controltest"
	"github.com/cellhub/cellhub/dataplane/dlpi"
	"github.com/cellhub/cellhub/nic/link"
	"golang.org/x/sys/unix"
)

// station is a plain packet socket on the other host.
type station struct {
	t  *testing.T
	fd int
}

func newStation(t *testing.T, h *lab.Host) (s station, address []byte) {
	return stationOn(t, h, lab.Dev)
}

func stationOn(t *testing.T, h *lab.Host, dev string) (s station, address []byte) {
	t.Helper()
	err := h.Do(func() (err error) {
		state, err := link.Get(dev)
		if err != nil {
			return err
		}
		address = state.HardwareAddr
		if s.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0); err != nil {
			return err
		}
		wait := unix.NsecToTimeval(int64(controltest.Patience))
		return errors.Join(
			unix.SetsockoptInt(s.fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1),
			unix.SetsockoptTimeval(s.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &wait),
			unix.Bind(s.fd, &unix.SockaddrLinklayer{Protocol: unix.ETH_P_ALL << 8, Ifindex: state.Index}))
	})
	if err != nil {
		t.Fatal(err)
	}
	s.t = t
	t.Cleanup(func() { unix.Close(s.fd) })
	return s, address
}

func (s station) sends(parts ...[]byte) {
	s.t.Helper()
	if err := unix.Send(s.fd, slices.Concat(parts...), 0); err != nil {
		s.t.Fatal(err)
	}
}

// receives waits for a frame that ends, before its padding, in these octets; others it passes over.
func (s station) receives(want ...[]byte) {
	s.t.Helper()
	frame := slices.Concat(want...)
	buf := make([]byte, 2048)
	for end := time.Now().Add(controltest.Patience); time.Now().Before(end); {
		n, err := unix.Read(s.fd, buf)
		if err != nil {
			s.t.Fatalf("%x did not come: %v", frame, err)
		}
		if bytes.Equal(buf[:n], frame) {
			return
		}
	}
	s.t.Fatalf("%x did not come", frame)
}

func octets(text string) []byte {
	p, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		panic(err)
	}
	return p
}

// to is an address: a station's, and a SAP's octets.
func to(station []byte, sap string) []byte { return slices.Concat(station, octets(sap)) }

// TestServiceInterfaces has users of LLC, SNAP and Ethernet on one interface, beside one who has
// the bare line, talk with a plain packet socket; tshark says what was sent.
func TestServiceInterfaces(t *testing.T) {
	l := lab.ForTest(t, lab.Config{MTU: 1500})
	file := filepath.Join(t.TempDir(), "dlpi.pcap")
	capture, err := lab.CaptureEth(l.A, lab.Dev, file)
	if err != nil {
		t.Fatal(err)
	}
	path := startDaemon(t, l.B, filepath.Join(t.TempDir(), "control")).path
	admin := controltest.Dial(t, path, control.RoleAdmin)
	ppa := admin.Must(admin.Hub(control.HubOpen, 0, 0, "ether", lab.Dev, "eth")).Hub().A
	far, there := newStation(t, l.A)

	dial := func() *controltest.Client { return controltest.Dial(t, path, control.RoleApplication) }
	auto := controltest.OpenUser(dial(), "dlpi").Bound(ppa, 0xFE, dlpi.AutoXID|dlpi.AutoTest)
	manual := controltest.OpenUser(dial(), "dlpi").Bound(ppa, 0x42, 0)
	snap := controltest.OpenUser(dial(), "dlpi").Bound(ppa, 0xAA, 0)
	ether := controltest.OpenUser(dial(), "dlpi").Bound(ppa, 0x88B5, 0)
	p := controltest.Primitive(dlpi.SubsBindReq, 0, 0, dlpi.HierarchicalBind)
	p.Addr[0] = octets("080007 809B")
	snap.Say(p)
	snap.Hears(dlpi.SubsBindAck)
	ether.Say(controltest.Primitive(dlpi.PhysAddrReq, 2))
	here := bytes.Clone(ether.Hears(dlpi.PhysAddrAck).Addr[0])

	t.Run("unitdata", func(t *testing.T) {
		for _, c := range []struct {
			user         *controltest.User
			sap, header  string
			from, answer string // the other way, with another SAP of the far end where there may be
		}{
			{auto, "E0", "0008 E0 FE 03", "10", "0008 FE 10 03"},
			{manual, "42", "0008 42 42 03", "42", "0008 42 42 03"},
			{snap, "AA 080007 809B", "000D AA AA 03 080007 809B", "AA 080007 809B", "000D AA AA 03 080007 809B"},
			{ether, "88B5", "88B5", "88B5", "88B5"},
		} {
			p := controltest.Primitive(dlpi.UnitdataReq)
			p.Addr[0], p.Data = to(there, c.sap), []byte("hello")
			c.user.Say(p)
			far.receives(there, here, octets(c.header), []byte("hello"))
			far.sends(here, there, octets(c.answer), []byte("world"))
			got := c.user.Hears(dlpi.UnitdataInd)
			if string(got.Data) != "world" || !bytes.Equal(got.Addr[1], to(there, c.from)) || !bytes.HasPrefix(got.Addr[0], here) {
				t.Errorf("%s: %q from %x to %x", c.header, got.Data, got.Addr[1], got.Addr[0])
			}
		}
	})
	t.Run("TEST and XID", func(t *testing.T) { // 802.2, 5.4.1.1.2 and 5.4.1.1.3
		far.sends(here, there, octets("0007 FE 20 F3"), []byte("echo"))
		far.receives(there, here, octets("0007 20 FF F3"), []byte("echo"))
		far.sends(here, there, octets("0006 FE 20 AF 810100"))
		far.receives(there, here, octets("0006 20 FF AF 810100"))

		far.sends(here, there, octets("0007 42 20 F3"), []byte("mine"))
		got := manual.Hears(dlpi.TestInd, dlpi.PollFinal)
		p := controltest.Primitive(dlpi.TestRes, dlpi.PollFinal)
		p.Addr[0], p.Data = got.Addr[1], got.Data
		manual.Say(p)
		far.receives(there, here, octets("0007 20 43 F3"), []byte("mine"))

		p = controltest.Primitive(dlpi.XIDReq, dlpi.PollFinal)
		p.Addr[0] = to(there, "20")
		manual.Say(p)
		far.receives(there, here, octets("0006 20 42 BF 810100"))
		far.sends(here, there, octets("0006 42 21 BF 810100"))
		if got := manual.Hears(dlpi.XIDCon, dlpi.PollFinal); !bytes.Equal(got.Data, octets("810100")) {
			t.Errorf("XID of %x", got.Data)
		}
	})
	t.Run("line", func(t *testing.T) { useLine(t, controltest.OpenUser(dial(), "cdi"), ppa, far, here, there) })
	t.Run("close", func(t *testing.T) {
		if err := admin.Errno(admin.Hub(control.HubClose, ppa, 0, "", "", "")); err != syscall.EBUSY {
			t.Errorf("driver with streams on it: %v", err)
		}
		if err := auto.Errno(auto.Hub(control.HubClose, ether.Top, 0, "", "", "")); err != syscall.ENOENT {
			t.Errorf("another's stream: %v", err)
		}
		for _, u := range []*controltest.User{auto, manual, ether} {
			u.Must(u.Hub(control.HubClose, u.Top, 0, "", "", ""))
		}
		snap.Close()
		controltest.Until(t, "the driver is free", func() bool {
			return admin.Errno(admin.Hub(control.HubClose, ppa, 0, "", "", "")) == nil
		})
	})
	if _, err := capture.Stop(); err != nil {
		t.Fatal(err)
	}
	decoded(t, file, here)
}

// useLine takes a line by CDI: what no other has bound comes to it.
func useLine(t *testing.T, u *controltest.User, ppa uint32, far station, here, there []byte) {
	u.Say(controltest.Primitive(dlpi.CDEnableReq))
	u.Hears(dlpi.CDErrorAck, uint32(dlpi.CDUnattached), dlpi.CDEnableReq, dlpi.CDOutState)
	u.Say(controltest.Primitive(dlpi.CDAttachReq, ppa+1))
	u.Hears(dlpi.CDErrorAck, uint32(dlpi.CDUnattached), dlpi.CDAttachReq, dlpi.CDBadPPA)
	u.Say(controltest.Primitive(dlpi.CDAttachReq, ppa))
	u.Hears(dlpi.CDOKAck, uint32(dlpi.CDDisabled), dlpi.CDAttachReq)
	u.Say(controltest.Primitive(dlpi.CDEnableReq))
	u.Hears(dlpi.CDEnableCon, uint32(dlpi.CDEnabled))
	u.Say(controltest.Primitive(dlpi.CDAllowInputReq))
	u.Hears(dlpi.CDOKAck, uint32(dlpi.CDInputAllowed), dlpi.CDAllowInputReq)
	frame := slices.Concat(here, there, octets("88B6"), []byte("bare"))
	far.sends(frame)
	for got := u.Hears(dlpi.CDUnitdataInd); !bytes.Equal(got.Data, frame); got = u.Hears(dlpi.CDUnitdataInd) {
		if bytes.HasPrefix(got.Data, here) { // the host's own neighbours may talk to groups
			t.Fatalf("%x", got.Data)
		}
	}
	p := controltest.Primitive(dlpi.CDUnitdataReq, 2<<16)
	p.Data = slices.Concat(there, here, octets("88B6"), []byte("line"))
	u.Say(p)
	far.receives(p.Data)
	u.Say(controltest.Primitive(dlpi.CDDisableReq))
	u.Hears(dlpi.CDDisableCon, uint32(dlpi.CDDisabled))
	u.Say(controltest.Primitive(dlpi.CDDetachReq))
	u.Hears(dlpi.CDOKAck, uint32(dlpi.CDUnattached), dlpi.CDDetachReq)
	u.Close()
}

// decoded compares what tshark reads in the frames that the daemon sent.
func decoded(t *testing.T, file string, here []byte) {
	t.Helper()
	mac := net6(here)
	rows, err := lab.Tshark(t.Context(), file, "eth.src=="+mac+" && (llc || eth.type==0x88b5)", nil,
		[]string{"llc.dsap.sap", "llc.ssap.sap", "llc.ssap.cr", "llc.control.u_modifier_cmd", "llc.control.u_modifier_resp", "llc.control.f", "llc.control.p", "llc.oui", "llc.apple_atalk_pid", "eth.type", "eth.len"})
	if errors.Is(err, lab.ErrNoTshark) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	want := []string{ // tshark has a SAP without its lowest bit, and XID as 0x2b, TEST as 0x38
		"112 127 0 0x00       8", "33 33 0 0x00       8", "85 85 0 0x00    524295 0x809b  13", "         0x88b5 ",
		"16 127 1  0x38 1     7", "16 127 1  0x2b      6", "16 33 1  0x38 1     7", "16 33 0 0x2b   1    6",
	}
	var got []string
	for _, r := range rows {
		got = append(got, strings.Join(r, " "))
	}
	if !slices.Equal(got, want) {
		t.Errorf("tshark:\n%q, want\n%q", got, want)
	}
}

func net6(b []byte) string {
	var s []string
	for _, o := range b {
		s = append(s, hex.EncodeToString([]byte{o}))
	}
	return strings.Join(s, ":")
}
