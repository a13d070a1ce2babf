package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"

	"github.com/cellhub/cellhub/dataplane/client"
	"github.com/cellhub/cellhub/dataplane/control"
)

// The views are what show prints, for a person as tables and for machines as JSON: the
// names of their fields do not change.

type portView struct {
	Number   uint16    `json:"number"`
	Name     string    `json:"name"`
	Spec     string    `json:"spec"`
	Up       bool      `json:"up"`
	VCs      int       `json:"vcs"`
	Process  uint32    `json:"process"`
	Counters []counter `json:"counters"`
}

type pvcView struct {
	Port     uint16    `json:"port"`
	PortName string    `json:"port_name"`
	VC       string    `json:"vc"`
	Way      string    `json:"direction"`
	AAL      string    `json:"aal"`
	Receive  string    `json:"receive"`
	Service  string    `json:"service"`
	PCRTx    uint32    `json:"pcr_tx"`
	PCRRx    uint32    `json:"pcr_rx"`
	Receiver uint32    `json:"receiver"`
	Stream   string    `json:"stream"`
	Conn     string    `json:"conn"`
	Counters []counter `json:"counters"`
	Drops    []drop    `json:"drops"`
	LastLoss *lastLoss `json:"last_loss,omitempty"` // absent: nothing was lost
	atm      control.ATM
}

type processView struct {
	Number uint32 `json:"number"`
	Above  uint32 `json:"above"`
	Hub    int    `json:"hub"` // that it stands on, counted from 0
	Module string `json:"module"`
	Name   string `json:"name"`
	Arg    string `json:"argument"`
}

type streamView struct {
	Name      string        `json:"name"`
	Number    uint32        `json:"number"` // of the process that it was opened with
	Processes []processView `json:"processes"`
	VC        string        `json:"vc"` // "PORT VPI/VCI" that it stands on
}

type connectionView struct {
	ID     string `json:"id"`
	Local  string `json:"local"`  // addresses, as pvc://PORT/VPI/VCI or svc://…
	Remote string `json:"remote"` // likewise
	State  string `json:"state"`
}

type counter struct {
	Name  string `json:"name"`
	Value uint64 `json:"value"`
}

// state is everything that a daemon tells.
type state struct {
	Ports       []portView       `json:"ports"`
	Streams     []streamView     `json:"streams"`
	PVCs        []pvcView        `json:"pvcs"`
	Crosses     []crossView      `json:"xconnects"`
	Processes   []processView    `json:"processes"`
	Connections []connectionView `json:"connections"`
	Modules     []string         `json:"modules"`
}

// newState is one of nothing: lists that are empty, and not null, for machines.
func newState() *state {
	return &state{
		Ports: []portView{}, Streams: []streamView{}, PVCs: []pvcView{}, Crosses: []crossView{}, Processes: []processView{},
		Connections: []connectionView{}, Modules: []string{},
	}
}

// readings are the ways to ask for a part of it, each after those that it needs.
type readings []func(*state, *control.Session) error

// everything is all of them.
var everything = readings{(*state).readPorts, (*state).resync, (*state).readProcesses, (*state).readStreams, (*state).readModules, (*state).readStats}

// readState asks the daemon.
func readState(s *control.Session, parts readings) (*state, error) {
	st := newState()
	for _, read := range parts {
		if err := read(st, s); err != nil {
			return nil, remedy(err)
		}
	}
	st.join()
	return st, nil
}

func (st *state) readPorts(s *control.Session) error {
	ports, err := s.List(control.ListPorts)
	for _, p := range ports {
		st.Ports = append(st.Ports, portView{Number: uint16(p.A), Process: p.B, Name: p.Name, Spec: p.Text, Up: true})
	}
	return err
}

// resync takes what only a dump tells: VCs, counters of ports, connections.
func (st *state) resync(s *control.Session) error {
	var p control.Packet
	p.Type = control.HubResync
	p.SetHub(&control.Hub{})
	return s.Each(&p, func(in *control.Packet) error {
		switch {
		case in.Class == control.ClassATM && in.Type == control.ATMPortStat:
			if p := st.port(in.ATM().Port); p != nil {
				p.Counters = counters(in.Trailer)
				p.Up = in.ATM().Direction != control.DirectionNone
			}
		case in.Class == control.ClassATM && in.Type == control.ATMQuery:
			st.addVC(in)
		case in.Class == control.ClassSock:
			st.addConnection(in)
		}
		return nil
	}, nil)
}

func (st *state) addVC(in *control.Packet) {
	b := in.ATM()
	v := pvcView{
		Port: b.Port, VC: vcText(b.VPI, b.VCI), Way: strings.ToLower(b.Direction.String()), AAL: b.AAL.String(), Receive: strings.ToLower(b.RxMode.String()),
		Service: strings.ToLower(b.Service.String()), PCRTx: b.PCRForward, PCRRx: b.PCRBackward,
		Receiver: b.Receiver, Conn: in.Conn.String(), atm: b,
	}
	if p := st.port(b.Port); p != nil {
		v.PortName = p.Name
		p.VCs++
	}
	if value, ok := control.FindTLV(in.Trailer, control.TLVSecondEnd); ok {
		if far, err := control.ParseSecondEnd(value); err == nil {
			st.addCross(v, far)
		}
		return
	}
	st.PVCs = append(st.PVCs, v)
}

// connectionStates are what connections have come to, by the message that tells it.
var connectionStates = map[control.Type]string{
	control.SockBind: "bound", control.SockListen: "listening", control.SockConnect: "connecting", control.SockIncoming: "offered",
	control.SockAlerting: "deferred", control.SockAccept: "accepting", control.SockOkay: "connected",
	control.SockClosed: "cleared", control.SockClose: "closing",
}

func (st *state) addConnection(in *control.Packet) {
	b := in.Sock()
	c := connectionView{ID: in.Conn.String(), State: connectionStates[in.Type], Local: svcText(b.Local, b.SAP), Remote: svcText(b.Remote, b.SAP)}
	if end, ok := control.FindTLV(in.Trailer, control.TLVSecondEnd); ok && c.Local == "" && c.Remote == "" {
		if e, err := control.ParseSecondEnd(end); err == nil {
			a := client.Addr{PVC: true, Port: e.Port, VPI: e.VPI, VCI: e.VCI}
			if p := st.port(e.Port); p != nil {
				a.PortName = p.Name
			}
			c.Local = a.String()
		}
	}
	st.Connections = append(st.Connections, c)
}

// svcText is an end system's address; empty: none.
func svcText(address [20]byte, sap uint64) string {
	if address == [20]byte{} {
		return ""
	}
	a := client.Addr{AESA: address, SAP: sap}
	return a.String()
}

func (st *state) port(number uint16) *portView {
	for i := range st.Ports {
		if st.Ports[i].Number == number {
			return &st.Ports[i]
		}
	}
	return nil
}

func (st *state) readProcesses(s *control.Session) error {
	all, err := s.List(control.ListProcesses)
	for _, p := range all {
		v := processView{Number: p.A, Above: p.B, Module: p.Name, Name: p.Own}
		if p.Text != "" { // as it was asked for
			v.Module, v.Arg, _ = strings.Cut(p.Text, " ")
		}
		st.Processes = append(st.Processes, v)
	}
	if err == nil {
		err = st.readPlaces(s)
	}
	slices.SortFunc(st.Processes, func(a, b processView) int { return cmp.Compare(a.Number, b.Number) })
	return err
}

// readPlaces takes the hub of each process. Hubs are counted by their numbers.
func (st *state) readPlaces(s *control.Session) error {
	places, err := s.List(control.ListPlaces)
	at, hubs := map[uint32]uint32{}, []uint32{}
	for _, p := range places {
		at[p.A] = p.B
		hubs = append(hubs, p.B)
	}
	slices.Sort(hubs)
	hubs = slices.Compact(hubs)
	for i := range st.Processes {
		if hub, ok := at[st.Processes[i].Number]; ok { // else it has come between the two lists
			st.Processes[i].Hub = slices.Index(hubs, hub)
		}
	}
	return err
}

func (st *state) readStreams(s *control.Session) error {
	all, err := s.List(control.ListStreams)
	for _, l := range all {
		st.Streams = append(st.Streams, streamView{Name: l.Name, Number: l.A})
	}
	return err
}

func (st *state) readModules(s *control.Session) error {
	all, err := s.List(control.ListModules)
	for _, m := range all {
		st.Modules = append(st.Modules, m.Name)
	}
	return err
}

// readStats asks for each VC's counters. One that has gone meanwhile has none.
func (st *state) readStats(s *control.Session) error {
	for i := range st.PVCs {
		if _, err := st.PVCs[i].readStats(s); err != nil {
			return err
		}
	}
	for i := range st.Crosses {
		v := &st.Crosses[i]
		why, err := v.readStats(s)
		if err != nil {
			return err
		}
		v.Relayed, v.Why = "hub", why
		if slices.Contains(v.Counters, counter{"relayed", 1}) {
			v.Relayed = "kernel"
		}
	}
	return nil
}

// readStats asks for a VC's counters, and of a cross-connected one why the hub relays it.
func (v *pvcView) readStats(s *control.Session) (why string, err error) {
	trailer, err := vcStats(s, v.atm)
	if err != nil {
		return "", fmt.Errorf("VC %s of port %d: %w", v.VC, v.Port, err)
	}
	v.Counters, v.LastLoss = counters(trailer), readLoss(trailer)
	v.Drops = drops(v.Counters)
	text, _ := control.FindTLV(trailer, control.TLVText)
	return string(text), nil
}

func vcText(vpi, vci uint16) string { return fmt.Sprintf("%d/%d", vpi, vci) }

// counters reads the counters of a trailer.
func counters(trailer []byte) []counter {
	all := []counter{}
	for r := control.ReadTLVs(trailer); r.Next(); {
		if r.Type() != control.TLVCounter {
			continue
		}
		if name, n, err := control.ParseCounter(r.Value()); err == nil {
			all = append(all, counter{name, n})
		}
	}
	return all
}

// vcStats asks for what a VC has counted, a trailer; it is empty when the VC has gone meanwhile.
func vcStats(s *control.Session, vc control.ATM) (trailer []byte, err error) {
	var p control.Packet
	p.Type = control.ATMStats
	p.SetATM(&control.ATM{Port: vc.Port, VPI: vc.VPI, VCI: vc.VCI})
	if err = s.Call(&p); errors.Is(err, syscall.ENOENT) {
		return nil, nil
	}
	return p.Trailer, err
}

// join finds each stream's processes and the VC that it stands on, which is a process of
// its own below them.
func (st *state) join() {
	by := map[uint32]*processView{}
	below := map[uint32]uint32{}
	for i := range st.Processes {
		p := &st.Processes[i]
		by[p.Number] = p
		if p.Above != 0 {
			below[p.Above] = p.Number
		}
	}
	receivers := map[uint32]*pvcView{}
	for i := range st.PVCs {
		receivers[st.PVCs[i].Receiver] = &st.PVCs[i]
	}
	for i := range st.Streams {
		s := &st.Streams[i]
		aal := ""
		for n := s.Number; by[n] != nil && len(s.Processes) <= len(st.Processes); n = below[n] {
			s.Processes = append(s.Processes, *by[n])
			if by[n].Module == "aal5" {
				aal = "5"
			}
			if v := receivers[n]; v != nil && n != 0 {
				s.VC, v.Stream = v.PortName+" "+v.VC, s.Name
				if aal != "" { // done by the stream
					v.AAL = aal
				}
				break
			}
		}
	}
}
