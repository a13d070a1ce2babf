package interop

import (
	"bytes"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/dataplane/control/controltest"
	"github.com/cellhub/cellhub/dataplane/dlpi"
	"github.com/cellhub/cellhub/nic/link"
)

// LLC type 1 (IEEE 802.2, 6) between the guest's PF_LLC and a SAP of ours on the other side
// of an Ethernet interface: UI, TEST and XID, each asked for by either side.
func TestLLC(t *testing.T) {
	const dev = "llc0"
	const sap = "\x42" // of both
	s := newSite(t)
	r := s.boot(`
modprobe llc2
ip link set eth1 up
llc eth1
`, dev)
	s.until("the TAP is there", r.Done(), func() bool {
		return s.ns.Do(func() error { return link.Up(dev) }) == nil
	})
	s.hub("{}")
	admin := controltest.Dial(t, s.path("hub"), control.RoleAdmin)
	ppa := admin.Must(admin.Hub(control.HubOpen, 0, 0, "ether", dev, "eth")).Hub().A
	u := controltest.OpenUser(controltest.Dial(t, s.path("hub"), control.RoleApplication), "dlpi").Bound(ppa, 0x42, 0)
	s.until("the guest has bound its SAP", r.Done(), func() bool { return strings.Contains(r.Output(), "llc: bound") })

	guest := slices.Concat(net.HardwareAddr{2, 0, 0, 0, 1, 1}, []byte(sap))
	send := func(number uint32, words []uint32, data string) {
		p := controltest.Primitive(number, words...)
		p.Addr[0], p.Data = guest, []byte(data)
		u.Say(p)
	}
	hear := func(number uint32, data string) {
		t.Helper()
		if p := u.Hears(number); !bytes.HasPrefix(p.Data, []byte(data)) || !bytes.Equal(p.Addr[1], guest) {
			t.Errorf("%s: %q from %x", dlpi.DLPI.Name(number), p.Data, p.Addr[1])
		}
	}
	send(dlpi.UnitdataReq, nil, "from cellhub")
	hear(dlpi.UnitdataInd, "from linux")
	// saw waits for a line that the guest prints.
	saw := func(line string) {
		t.Helper()
		s.until("the guest has "+line, r.Done(), func() bool { return strings.Contains(r.Output(), line) })
	}
	// Its commands are answered when it listens again: 802.2, 5.4.1.1.2 and 5.4.1.1.3.
	test := u.Hears(dlpi.TestInd, dlpi.PollFinal)
	if string(test.Data) != "echo this" {
		t.Errorf("TEST of %q", test.Data)
	}
	u.Hears(dlpi.XIDInd, dlpi.PollFinal)
	saw("llc: asked")
	send(dlpi.TestRes, []uint32{dlpi.PollFinal}, string(test.Data))
	send(dlpi.XIDRes, []uint32{dlpi.PollFinal}, "")
	saw("llc: TEST from SAP 42: 65 63 68 6f 20 74 68 69 73\n")
	saw("llc: XID from SAP 42: 81 01 00\n")
	send(dlpi.TestReq, []uint32{dlpi.PollFinal}, "and this")
	hear(dlpi.TestCon, "and this")
	send(dlpi.XIDReq, []uint32{dlpi.PollFinal}, "")
	hear(dlpi.XIDCon, "\x81")
	send(dlpi.UnitdataReq, nil, "end")
	s.wait(r)
}
