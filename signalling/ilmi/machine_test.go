package ilmi

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/cellhub/cellhub/signalling/address"
)

const (
	hallText  = "47.0005.80FFE1000000F20F2200"
	annexText = "47.0005.80FFE1000000F20F2201"
	hostText  = ".0020EA000EE0.00"
	otherText = ".0020EA000EE1.07"
)

// registered is a world in which the user has host and the network hall.
func registered(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	must(t, w.ends[0].SetIdentifiers(0, []Identifier{host}))
	must(t, w.ends[1].SetPrefixes(0, []Prefix{hall}))
	w.start()
	w.run(time.Second)
	w.wantEvents("Up; Added "+hallText+"; Registered "+hallText+hostText, "Up; Registered "+hallText+"; Added "+hallText+hostText)
	for i, e := range w.ends {
		if e.State() != Verifying {
			t.Fatalf("end %d is %v", i, e.State())
		}
		e.sent = nil
	}
	return w
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// The whole of it: the network gives the prefix, the user registers its
// address (9; UNI 3.1, 5.8).
func TestRegistration(t *testing.T) { registered(t) }

// A prefix is given, replaced and taken while all is up: addresses follow, the
// new one before the old one goes (9).
func TestPrefixChange(t *testing.T) {
	w := registered(t)
	must(t, w.ends[1].SetPrefixes(w.now, []Prefix{hall, annex}))
	w.settle()
	w.wantEvents("Added "+annexText+"; Registered "+annexText+hostText, "Registered "+annexText+"; Added "+annexText+hostText)
	must(t, w.ends[1].SetPrefixes(w.now, []Prefix{annex}))
	w.settle()
	w.wantEvents("Removed "+hallText+"; Withdrawn "+hallText+hostText, "Removed "+hallText+hostText+"; Withdrawn "+hallText)
	must(t, w.ends[1].SetPrefixes(w.now, []Prefix{hall}))
	w.settle()
	w.wantEvents("Added "+hallText+"; Removed "+annexText+"; Registered "+hallText+hostText+"; Withdrawn "+annexText+hostText,
		"Registered "+hallText+"; Added "+hallText+hostText+"; Removed "+annexText+hostText+"; Withdrawn "+annexText)
}

// Identifiers come and go.
func TestIdentifierChange(t *testing.T) {
	w := registered(t)
	must(t, w.ends[0].SetIdentifiers(w.now, []Identifier{other}))
	w.settle()
	w.wantEvents("Registered "+hallText+otherText+"; Withdrawn "+hallText+hostText, "Added "+hallText+otherText+"; Removed "+hallText+hostText)
}

// A number is a prefix that needs no end system's part (9: 8 octets).
func TestNumberPrefix(t *testing.T) {
	w := registered(t)
	n, _ := address.NewNumber("358401975443")
	must(t, w.ends[1].SetPrefixes(w.now, []Prefix{hall, NumberPrefix(n)}))
	w.settle()
	w.wantEvents("Added +358401975443; Registered +358401975443", "Registered +358401975443; Added +358401975443")
	must(t, w.ends[1].SetPrefixes(w.now, []Prefix{hall}))
	w.settle()
	w.wantEvents("Removed +358401975443; Withdrawn +358401975443", "Removed +358401975443; Withdrawn +358401975443")
}

// Groups are registered under no prefix, with their scope (9:
// atmfAddressOrgScope).
func TestGroups(t *testing.T) {
	w := registered(t)
	a := hall.Address(host).AESA.Group()
	must(t, w.ends[0].SetGroups(w.now, []Group{{a, 5}}))
	w.settle()
	w.wantEvents("Registered "+a.String(), "Added "+a.String()+" scope 5")
	must(t, w.ends[0].SetGroups(w.now, []Group{{a, 6}}))
	w.settle()
	w.wantEvents("", "Added "+a.String()+" scope 6")
	must(t, w.ends[0].SetGroups(w.now, nil))
	w.settle()
	w.wantEvents("Withdrawn "+a.String(), "Removed "+a.String())
	if err := w.ends[0].SetGroups(w.now, []Group{{hall.Address(host).AESA, 1}}); !errors.Is(err, ErrGroup) {
		t.Error(err)
	}
	if err := w.ends[0].SetGroups(w.now, []Group{{a, 16}}); !errors.Is(err, ErrGroup) {
		t.Error(err)
	}
}

// What each end learns of the other, and the version that both have (8).
func TestConfiguration(t *testing.T) {
	w := newWorld(t)
	w.ends[0].cfg.Layer.UNI = UNI31
	w.ends[0].cfg.Interface.IP = netip.MustParseAddr("192.0.2.1")
	w.ends[1].cfg.Layer.Public = true
	w.ends[1].cfg.Layer.MinSVCCVCI = 100
	w.start()
	p, up := w.ends[1].Peer()
	want := Peer{Interface: w.ends[0].cfg.Interface, Layer: w.ends[0].cfg.Layer, Side: UserSide, Registration: true, UNI: UNI31}
	if !up || p != want {
		t.Errorf("the network knows %+v\nwant %+v", p, want)
	}
	want = Peer{Interface: w.ends[1].cfg.Interface, Layer: w.ends[1].cfg.Layer, Side: NetworkSide, Registration: true, UNI: UNI31}
	if p, up := w.ends[0].Peer(); !up || p != want {
		t.Errorf("the user knows %+v\nwant %+v", p, want)
	}
	for peer, want := range map[UNIVersion]UNIVersion{0: UNI31, UNI20: UNI20, UNI30: UNI30, UNI31: UNI31, UNI40: UNI31, UNIUnsupported: UNIUnsupported, 6: UNI31} {
		if got := w.ends[0].commonUNI(peer); got != want {
			t.Errorf("with %v: %v, want %v", peer, got, want)
		}
	}
}

// coldStart and a question every S until the peer answers (8.3: S = 1 s).
func TestLinkFailing(t *testing.T) {
	w := newWorld(t)
	user := w.ends[0]
	user.Start(0)
	user.Start(0) // again: nothing
	w.settle()
	w.run(10 * time.Second)
	if user.State() != LinkFailing || len(user.sent) != 22 {
		t.Fatalf("%v, %d PDUs", user.State(), len(user.sent))
	}
	for i, p := range user.sent {
		if i%2 == 0 && (p.Type != Trap || p.Trap.Generic != ColdStart || p.Trap.TimeStamp != uint32(100*(i/2))) {
			t.Errorf("PDU %d: %+v", i, p)
		}
		if i%2 == 1 && (p.Type != GetRequest || len(p.Bindings) != 3 || p.RequestID != user.sent[1].RequestID) {
			t.Errorf("PDU %d: %+v", i, p)
		}
	}
	w.ends[1].Start(w.now)
	w.settle()
	w.run(time.Second)
	w.wantEvents("Up", "Up")
}

// A poll every T, and the peer is lost after K of them without an answer (8.3:
// T = 5 s, K = 4).
func TestKeepAlive(t *testing.T) {
	w := registered(t)
	user, network := w.ends[0], w.ends[1]
	w.run(50 * time.Second)
	if n := user.countSent(GetRequest); n != 10 {
		t.Errorf("%d polls in 50 s", n)
	}
	w.wantEvents("", "")
	at, _ := user.Timeout()
	network.Stop(w.now)
	w.settle()
	network.events()
	w.run(at + 20*time.Second - time.Nanosecond - w.now)
	w.wantEvents("", "")
	if n := user.countSent(GetRequest); n != 4 {
		t.Errorf("%d polls without an answer", n)
	}
	w.run(time.Nanosecond)
	w.wantEvents("Removed "+hallText+"; Down", "")
	if user.Counters().Lost != 1 || user.State() != LinkFailing {
		t.Errorf("%+v, %v", user.Counters(), user.State())
	}
	network.Start(w.now)
	w.run(2 * time.Second)
	w.wantEvents("Up; Added "+hallText+"; Registered "+hallText+hostText, "Up; Registered "+hallText+"; Added "+hallText+hostText)
}

// One lost poll is no loss.
func TestLostPoll(t *testing.T) {
	w := registered(t)
	repeated := func() uint64 { return w.ends[0].Counters().Repeated + w.ends[1].Counters().Repeated }
	before, lost := repeated(), 0
	w.lose = func(p PDU) bool {
		lost++
		return lost <= 3
	}
	w.run(30 * time.Second)
	w.wantEvents("", "")
	if lost <= 3 || repeated()-before != 3 {
		t.Errorf("%d PDUs, %+v", lost, w.ends[0].Counters())
	}
}

// Requests of registration are repeated after S, K times (8, 9).
func TestRepeatedSet(t *testing.T) {
	w := registered(t)
	w.lose = func(p PDU) bool { return p.Type == SetRequest }
	must(t, w.ends[1].SetPrefixes(w.now, []Prefix{hall, annex}))
	w.settle()
	w.run(3 * time.Second)
	if n := w.ends[1].countSent(SetRequest); n != 4 || w.ends[1].State() != Registering {
		t.Errorf("%d SETs, %v", n, w.ends[1].State())
	}
	w.run(time.Second - time.Nanosecond)
	w.wantEvents("", "")
	w.run(time.Nanosecond)
	if got := w.ends[1].events(); !strings.Contains(got, "Down") {
		t.Error(got)
	}
	w.lose = nil
	w.run(5 * time.Second)
	if rows(w.ends[0].ours) != hallText+hostText+" "+annexText+hostText {
		t.Errorf("registered: %s", rows(w.ends[0].ours))
	}
}

// coldStart of the peer: its rows go, ours are registered anew (8, 9).
func TestColdStart(t *testing.T) {
	w := registered(t)
	w.ends[1].Stop(w.now)
	w.settle()
	w.ends[1].Start(w.now)
	w.settle()
	w.run(time.Second)
	w.wantEvents("Removed "+hallText+"; PeerRestarted; Up; Added "+hallText+"; Registered "+hallText+hostText,
		"Removed "+hallText+hostText+"; Down; Up; Registered "+hallText+"; Added "+hallText+hostText)
	if w.ends[0].Counters().Restarts != 1 {
		t.Errorf("%+v", w.ends[0].Counters())
	}
}

// The trap is lost: the clock that went back tells (8.3.2). What the peer has
// registered since it started stays.
func TestClockWentBack(t *testing.T) {
	w := registered(t)
	w.run(time.Minute)
	w.lose = func(p PDU) bool { return p.Type == Trap }
	w.ends[1].Stop(w.now)
	w.ends[1].Start(w.now)
	w.settle()
	w.run(6 * time.Second)
	w.wantEvents("PeerRestarted; Up; Registered "+hallText+hostText,
		"Removed "+hallText+hostText+"; Down; Up; Registered "+hallText+"; Added "+hallText+hostText)
}

// wentBack alone: drift, wrap of the 32 bits, answers that were asked before.
func TestWentBack(t *testing.T) {
	last := attachment{upTime: 1000, known: true, at: 100 * time.Second}
	for _, tt := range []struct {
		name   string
		upTime uint32
		asked  time.Duration
		want   bool
	}{
		{"as it should", 1500, 105 * time.Second, false}, {"a bit slow", 1380, 105 * time.Second, false},
		{"back", 300, 105 * time.Second, true}, {"stands still", 1000, 160 * time.Second, true},
		{"asked before", 999, 99 * time.Second, false}, {"fast", 9000, 105 * time.Second, false},
	} {
		got := attachment{upTime: tt.upTime, known: true}
		if got.wentBack(last, tt.asked) != tt.want {
			t.Errorf("%s: %v", tt.name, !tt.want)
		}
	}
	last.upTime = 1<<32 - 100
	if (attachment{upTime: 400, known: true}).wentBack(last, 105*time.Second) {
		t.Error("after the wrap")
	}
	if (attachment{}).wentBack(last, 105*time.Second) {
		t.Error("no clock")
	}
}

// Another peer at the other end of the cable (8.3.2).
func TestAttachmentMoved(t *testing.T) {
	for name, move := range map[string]func(*Config){
		"system": func(c *Config) { c.Interface.System[5]++ }, "port": func(c *Config) { c.Interface.Identifier++ },
	} {
		t.Run(name, func(t *testing.T) {
			w := registered(t)
			move(&w.ends[1].cfg)
			w.run(5 * time.Second)
			if got := w.ends[0].events(); !strings.HasPrefix(got, "Removed "+hallText+"; PeerRestarted; Up") {
				t.Error(got)
			}
			w.run(time.Minute) // the network sees at its look at the rows that the prefix is not there
			if rows(w.ends[0].ours) != hallText+hostText || rows(w.ends[1].tables) != hallText+hostText {
				t.Errorf("user %s, network %s", rows(w.ends[0].ours), rows(w.ends[1].tables))
			}
		})
	}
}

// The look at the rows: what is lost is registered again, what is not ours is
// withdrawn.
func TestVerify(t *testing.T) {
	w := registered(t)
	user, network := w.ends[0], w.ends[1]
	user.theirs, user.tables = nil, map[string]bool{}
	foreign := addressOctets(hall.Address(other))
	network.apply(change{octets: foreign})
	w.run(31 * time.Second)
	if got := network.events(); got != "Added "+hallText+otherText+"; Removed "+hallText+otherText {
		t.Error(got)
	}
	if got := user.events(); got != "Added "+hallText {
		t.Error(got)
	}
	if rows(user.ours) != hallText+hostText || rows(network.tables) != hallText+hostText {
		t.Errorf("user %s, network %s", rows(user.ours), rows(network.tables))
	}
}

// The network says a prefix again: the user registers its addresses again.
func TestPrefixAgain(t *testing.T) {
	w := registered(t)
	user := w.ends[0]
	set := PDU{Type: SetRequest, RequestID: 77, Bindings: []Binding{{oidPrefixStatus.with(rowIndex(hall.octets)...), integer(statusValid)}}}
	octets, err := Encode(set)
	must(t, err)
	must(t, user.Receive(w.now, octets))
	w.settle()
	w.wantEvents("", "")
	if n := user.countSent(SetRequest); n != 1 {
		t.Errorf("%d SETs", n)
	}
}

// The peer refuses: it is told once, and offered again at each look (9:
// noSuchName, badValue).
func TestRefusedRow(t *testing.T) {
	w := registered(t)
	w.ends[1].cfg.Side = NetworkSide
	group := hall.Address(host).AESA.Group()
	group[0] = address.AFILocalGroup
	must(t, w.ends[0].SetGroups(w.now, []Group{{group, 1}}))
	w.lose = func(p PDU) bool { return p.Type == SetRequest }
	w.settle()
	id := w.ends[0].sent[len(w.ends[0].sent)-1].RequestID
	answer, err := Encode(PDU{Type: GetResponse, RequestID: id, ErrorStatus: BadValue, ErrorIndex: 1})
	must(t, err)
	must(t, w.ends[0].Receive(w.now, answer))
	w.settle()
	w.wantEvents("Refused badValue "+group.String(), "")
	w.lose = nil
	w.run(time.Minute)
	if got := w.ends[0].events(); got != "Registered "+group.String() {
		t.Error(got)
	}
}

// A peer without address registration (8: atmfAddressRegistrationAdminStatus)
// is not asked for it.
func TestNoRegistration(t *testing.T) {
	w := newWorld(t)
	must(t, w.ends[0].SetIdentifiers(0, []Identifier{host}))
	w.ends[1] = nil
	user := w.ends[0]
	user.Start(0)
	user.take(t)
	reply := func(bindings ...Binding) {
		t.Helper()
		last := user.request.pdu.RequestID
		octets, err := Encode(PDU{Type: GetResponse, RequestID: last, Bindings: bindings})
		must(t, err)
		must(t, user.Receive(w.now, octets))
		user.take(t)
	}
	reply(Binding{oidSysUpTime, ticks(5)})
	reply(Binding{registrationColumn(colRegistrationStatus), integer(registrationUnsupported)})
	if p, up := user.Peer(); user.State() != Verifying || p.Registration || !up || p.UNI != UNI40 {
		t.Errorf("%v, %+v, %v", user.State(), p, up)
	}
}

// A peer that lacks objects is asked without them (RFC 1157, 4.1.2).
func TestOldPeer(t *testing.T) {
	w := newWorld(t)
	w.ends[1] = nil
	user := w.ends[0]
	user.Start(0)
	has := map[string]Value{oidSysUpTime.String(): ticks(1), layerColumn(colLayerUNIVersion).String(): integer(2)}
	for range 100 {
		user.take(t)
		r := user.request
		if user.State() == Retrieving {
			break
		}
		answer := PDU{Type: GetResponse, RequestID: r.pdu.RequestID, Bindings: r.pdu.Bindings}
		for i, b := range r.pdu.Bindings {
			v, ok := has[b.Name.String()]
			if !ok {
				answer.ErrorStatus, answer.ErrorIndex, answer.Bindings = NoSuchName, int32(i+1), r.pdu.Bindings
				break
			}
			answer.Bindings = append(answer.Bindings[:i:i], Binding{b.Name, v})
		}
		octets, err := Encode(answer)
		must(t, err)
		must(t, user.Receive(w.now, octets))
	}
	if p, up := user.Peer(); !up || p.UNI != UNI30 || !p.Registration || p.Side != 0 {
		t.Errorf("%+v, %v, %v", p, up, user.State())
	}
}

// Services of the network's registry (af-ilmi-0065, service registry; RFC 2601).
func TestDiscover(t *testing.T) {
	w := newWorld(t)
	user, network := w.ends[0], w.ends[1]
	n, _ := address.NewNumber("358401975443")
	services := []Service{
		{ServiceATMARP, 2, hall.Address(host), "\x08\x00\xC0\x00\x02\x01"},
		{ServiceATMARP, 1, address.Address{Number: n}, ""},
		{ServiceLECS, 1, hall.Address(other), ""},
	}
	must(t, network.SetServices(services))
	must(t, user.Discover(0, ServiceATMARP))
	must(t, user.Discover(0, ServiceNHRP))
	w.start()
	must(t, user.Discover(w.now, ServiceLECS))
	var found []Action
	for range 50 {
		for i, e := range w.ends {
			for _, a := range e.Actions() {
				switch a.Kind {
				case Send:
					must(t, w.ends[1-i].Receive(w.now, a.PDU))
				case Found:
					found = append(found, a)
				}
			}
		}
	}
	w.run(time.Second)
	if got := user.events(); got != "Up; Found 2; Found 0" || len(found) != 1 {
		t.Errorf("%s, %+v", got, found)
	}
	if s := found[0].Services; len(s) != 1 || s[0].Address != services[2].Address || s[0].Index != 1 {
		t.Errorf("%+v", s)
	}
	for _, bad := range [][]Service{{{}}, {services[0], services[0]}, make([]Service, MaxServices+1), {{ServiceLECS, 0, services[0].Address, ""}}} {
		if err := network.SetServices(bad); err == nil {
			t.Errorf("%+v taken", bad)
		}
	}
}

// The registry's rows, one by one, when the peer has no parameters.
func TestDiscoverWithoutParameters(t *testing.T) {
	w := newWorld(t)
	w.start()
	w.ends[1] = nil
	user := w.ends[0]
	must(t, user.Discover(w.now, ServiceLECS))
	user.take(t)
	answer := PDU{Type: GetResponse, RequestID: user.request.pdu.RequestID, Bindings: user.request.pdu.Bindings, ErrorStatus: NoSuchName, ErrorIndex: 2}
	octets, _ := Encode(answer)
	must(t, user.Receive(w.now, octets))
	if n := len(user.request.pdu.Bindings); n != 1 {
		t.Fatalf("%d names", n)
	}
	row := Service{ServiceLECS, 4, hall.Address(host), ""}
	answer = PDU{Type: GetResponse, RequestID: user.request.pdu.RequestID,
		Bindings: []Binding{{oidServiceAddress.with(serviceIndex(row)...), octetString(addressOctets(row.Address))}}}
	octets, _ = Encode(answer)
	must(t, user.Receive(w.now, octets))
	answer = PDU{Type: GetResponse, RequestID: user.request.pdu.RequestID, Bindings: user.request.pdu.Bindings, ErrorStatus: NoSuchName, ErrorIndex: 1}
	octets, _ = Encode(answer)
	must(t, user.Receive(w.now, octets))
	for _, a := range user.Actions() {
		if a.Kind == Found && len(a.Services) == 1 && a.Services[0].Address == row.Address {
			return
		}
	}
	t.Error("not found")
}

// What is asked of the wrong side, or too much of.
func TestLimits(t *testing.T) {
	w := newWorld(t)
	user, network := w.ends[0], w.ends[1]
	for name, err := range map[string]error{
		"prefixes": user.SetPrefixes(0, nil), "services": user.SetServices(nil), "identifiers": network.SetIdentifiers(0, nil),
		"groups": network.SetGroups(0, nil), "discover": network.Discover(0, ServiceLECS),
	} {
		if !errors.Is(err, ErrSide) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, err := range map[string]error{
		"prefixes": network.SetPrefixes(0, make([]Prefix, MaxPrefixes+1)), "identifiers": user.SetIdentifiers(0, make([]Identifier, MaxIdentifiers+1)),
		"groups": user.SetGroups(0, make([]Group, MaxGroups+1)),
	} {
		if !errors.Is(err, ErrLimit) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := network.SetPrefixes(0, []Prefix{{}}); err == nil {
		t.Error("no prefix taken for one")
	}
	for range MaxDiscoveries {
		must(t, user.Discover(0, ServiceLECS))
	}
	if err := user.Discover(0, ServiceLECS); !errors.Is(err, ErrLimit) {
		t.Error(err)
	}
	if err := user.Receive(0, nil); !errors.Is(err, ErrStopped) {
		t.Error(err)
	}
	user.Start(0)
	request, _ := Encode(PDU{Type: GetRequest, Bindings: []Binding{{oidSysDescr, Value{Kind: Null}}}})
	for range MaxActions {
		user.Receive(0, request)
	}
	if err := user.Receive(0, request); !errors.Is(err, ErrFull) || user.Counters().Choked == 0 {
		t.Errorf("%v, %+v", err, user.Counters())
	}
	user.Actions()
	if err := user.Receive(0, request); err != nil {
		t.Error(err)
	}
}

// What New refuses.
func TestConfig(t *testing.T) {
	for name, spoil := range map[string]func(*Config){
		"side": func(c *Config) { c.Side = 3 }, "object": func(c *Config) { c.System.ObjectID = nil },
		"text": func(c *Config) { c.Interface.Name = strings.Repeat("x", MaxName+1) }, "IPv6": func(c *Config) { c.Interface.IP = netip.IPv6Loopback() },
		"S": func(c *Config) { c.Establish = 0 }, "T": func(c *Config) { c.Poll = -1 }, "K": func(c *Config) { c.Retries = 0 },
		"VPI bits": func(c *Config) { c.Layer.MaxVPIBits = 13 }, "UNI": func(c *Config) { c.Layer.UNI = 0 },
	} {
		cfg := DefaultConfig(UserSide)
		spoil(&cfg)
		if m, err := New(cfg); !errors.Is(err, ErrConfig) || m != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Answers to nothing, traps that say nothing, and what cannot be read are
// counted and change nothing.
func TestDrops(t *testing.T) {
	w := registered(t)
	user := w.ends[0]
	before := user.Counters()
	for _, p := range []PDU{
		{Type: GetResponse, RequestID: 12345}, {Type: Trap, Trap: TrapHeader{Enterprise: oidForum, Generic: EnterpriseSpecific}},
	} {
		octets, err := Encode(p)
		must(t, err)
		must(t, user.Receive(w.now, octets))
	}
	for _, octets := range [][]byte{nil, {0x30}, make([]byte, MaxPDU+1)} {
		if err := user.Receive(w.now, octets); err == nil {
			t.Errorf("%x taken", octets)
		}
	}
	got := user.Counters()
	if got.Unexpected != before.Unexpected+1 || got.Ignored != before.Ignored+1 || got.Malformed != before.Malformed+2 || got.TooLong != before.TooLong+1 {
		t.Errorf("%+v\n%+v", before, got)
	}
	w.settle()
	w.wantEvents("", "")
}
