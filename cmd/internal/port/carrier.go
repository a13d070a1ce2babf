package port

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/cellhub/cellhub/dataplane/modules"
	"github.com/cellhub/cellhub/dataplane/server"
	"github.com/cellhub/cellhub/nic"
	"github.com/cellhub/cellhub/nic/link"
)

// Opener reads specifications for a daemon, whose carriers have many ports.
type Opener struct {
	Passed *Descriptors // that carriers may be made of
	QoS    QoSTables    // that ports may name
}

// Read reads a specification. A name in it is looked up in the network.
func (o *Opener) Read(text string) (server.PortSpec, error) {
	if t, is, err := parseTrunk(text); is {
		return t, err
	}
	spec, err := parse(text)
	if err == nil {
		err = spec.resolveQoS(&o.QoS)
	}
	switch {
	case err != nil:
		return nil, err
	case spec.needVC() != nil:
		return nil, spec.needVC()
	case spec.Driver == XDP:
		return nil, fmt.Errorf("driver=%s: one port has the interface to itself then; a daemon's ports share it by driver=%s", XDP, Packet)
	}
	spec.Driver = Packet // what auto comes to
	return &shared{Spec: spec, passed: o.Passed}, nil
}

// shared is a port that may have its carrier in common with others.
type shared struct {
	Spec
	passed *Descriptors
	mu     sync.Mutex // guards what follows
	claim  *Claim     // on its label, on Ethernet
	free   bool       // it is a port no more
	on     *Carrier   // that it is on; nil: not yet
	number uint32     // there
}

// reclaim holds the label on the interface of that number, in place of another.
func (s *shared) reclaim(index int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.free || s.claim.On(index) {
		return nil
	}
	claim, err := s.Claim(index)
	if err == nil {
		s.claim.Close()
		s.claim = claim
	}
	return err
}

// release gives the label up.
func (s *shared) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free = true
	s.claim.Close()
}

// onHub does something with the port on its hub, where it is followed.
func (s *shared) onHub(do func(c *Carrier, number uint32)) error {
	s.mu.Lock()
	c, number := s.on, s.number
	s.mu.Unlock()
	if c == nil || c.keeper == nil {
		return errors.New("the port is on no carrier")
	}
	return c.keeper.on(func() { do(c, number) })
}

// Carrier names the interface or the socket, and what of it the specification chooses.
func (s *shared) Carrier() string {
	if s.Passed != "" {
		return s.where() + ",fd=" + s.Passed
	}
	return s.where()
}

func (s *shared) where() string {
	switch {
	case s.Kind == UDP:
		return fmt.Sprintf("udp:%s,dscp=%d,zero=%t,entropy=%t", s.Local, s.DSCP, s.ZeroSum, s.Entropy == "on")
	case s.VLAN != 0:
		return "eth:" + s.Device + ",tagged"
	}
	return "eth:" + s.Device
}

// CarriesCells tells whether there are cells on it, or SDUs.
func (s *shared) CarriesCells() bool { return s.Mode.Cells() }

// Open opens the carrier, without ports.
func (s *shared) Open() (server.Carrier, error) {
	c := &Carrier{spec: s.Spec, passed: s.passed, failed: make(chan struct{}, 1)}
	var err error
	if s.Kind == UDP {
		c.device, err = s.openMany()
		c.config = modules.CarrierConfig{Device: c.device, Link: modules.LinkPeers}
	} else {
		c.config, err = s.Spec.Open(Opening{Shared: true, Passed: s.passed})
		c.config.Ports, c.device = nil, c.config.Device
	}
	if err != nil {
		return nil, Remedy(err)
	}
	c.config.OnError = c.hasFailed
	if c.Carrier, err = modules.NewCarrier(c.config); err != nil {
		return nil, err
	}
	return c, nil
}

// openMany opens a UDP device with many peers. Source ports cost it a call for each change of the label from frame to
// frame, so it has them when asked only.
func (s *shared) openMany() (nic.Device, error) {
	c := nic.UDPConfig{Local: s.Local, AnySourcePort: true, ZeroChecksum: s.ZeroSum, TrafficClass: s.DSCP << 2, Marks: true}
	if s.Entropy == "on" {
		c.SourcePorts = nic.MaxSourcePorts
	}
	var err error
	if c.Descriptor, err = s.descriptor(s.passed); err != nil {
		return nil, err
	}
	return nic.OpenUDP(c)
}

// Hold refuses a port that would not work on this machine, and takes what is its alone.
func (s *shared) Hold() (release func(), err error) {
	if s.Kind == UDP {
		return func() {}, s.checkPath()
	}
	state, err := s.find(0)
	if err == nil {
		err = s.checkInterface(state)
	}
	if err != nil {
		return nil, err
	}
	if s.claim, err = s.Claim(state.Index); err != nil {
		return nil, err
	}
	return s.release, nil
}

// Carrier is a device with ports of one daemon on it.
type Carrier struct {
	*modules.Carrier
	spec   Spec // of the first port: the device's part of it is the same for all
	passed *Descriptors
	config modules.CarrierConfig
	device nic.Device
	ports  map[uint32]*held // by the carrier's number
	labels map[uint32]int   // of the ports, and how many have each, for the filter
	all    bool             // every label comes through: there are too many for a filter
	failed chan struct{}    // the device has failed
	keeper *keeper          // nil: not followed
}

// hasFailed is told of a device's failure, on the hub: the follower is to look.
func (c *Carrier) hasFailed(error) {
	select {
	case c.failed <- struct{}{}:
	default: // it is to look already
	}
}

// AddPort adds a port, and has the kernel let its label through. On the hub.
func (c *Carrier) AddPort(p server.PortSpec) (uint32, error) {
	s, ok := p.(*shared)
	if !ok {
		return 0, fmt.Errorf("no specification of this opener: %T", p)
	}
	config, err := s.peerConfig()
	if err != nil {
		return 0, err
	}
	number, err := c.Carrier.AddPort(config)
	if err != nil {
		return 0, err
	}
	if err := c.count(s.LabelIn, +1); err != nil {
		return 0, errors.Join(err, c.count(s.LabelIn, -1), c.Carrier.RemovePort(number))
	}
	if c.ports == nil {
		c.ports = map[uint32]*held{}
	}
	c.ports[number] = &held{shared: s, number: number}
	s.mu.Lock()
	s.on, s.number = c, number
	s.mu.Unlock()
	c.hasFailed(nil) // the follower has not seen it yet
	return number, nil
}

// RemovePort takes a port away, and its label from the filter. On the hub.
func (c *Carrier) RemovePort(p server.PortSpec, number uint32) error {
	delete(c.ports, number)
	if s, ok := p.(*shared); ok {
		_ = c.count(s.LabelIn, -1) // else it lets through what the carrier refuses
	}
	return c.Carrier.RemovePort(number)
}

// count adds a port of the label or takes one away, and has the kernel told when that makes a difference.
func (c *Carrier) count(label uint32, change int) error {
	if c.labels == nil {
		c.labels = map[uint32]int{}
	}
	was := c.labels[label]
	if c.labels[label] = was + change; was+change <= 0 {
		delete(c.labels, label)
	}
	if was > 0 && was+change > 0 || c.all && len(c.labels) > MaxFilterLabels {
		return nil
	}
	return c.admit()
}

// admit has the kernel let the ports' labels through, on Ethernet.
func (c *Carrier) admit() error {
	d, ok := c.device.(nic.Filterer)
	if !ok {
		return nil
	}
	c.all = len(c.labels) > MaxFilterLabels
	filter, err := labelFilter(slices.Sorted(maps.Keys(c.labels)))
	if err != nil {
		return err
	}
	return d.SetFilter(filter)
}

// portConfig is the port as its carrier knows it, but for a peer.
func (s Spec) portConfig() modules.PortConfig {
	return modules.PortConfig{
		Encapsulation: s.Encapsulation, VC: s.VC, Capacity: s.Capacity, Impairment: seeded(s.Impairment), Cells: s.Cells, Pack: s.Pack.Nanoseconds(), ECN: s.ECN, QoS: s.table,
		Far: modules.Far{Station: s.Peer, Check: s.HasPeer, VLAN: s.VLAN},
	}
}

// peerConfig is portConfig for a carrier with many peers.
func (s Spec) peerConfig() (c modules.PortConfig, err error) {
	c = s.portConfig()
	if s.Kind != UDP {
		return c, nil
	}
	if c.Far.Peer, err = nic.PeerOf(s.Remote); err != nil {
		return c, err
	}
	if s.Entropy == "on" {
		c.Far.Peer = c.Far.Peer.Flow(uint8(entropy(s.LabelOut)))
	}
	if mtu := s.pathMTU(); mtu > 0 {
		c.MaxFrame = s.MaxFrame(mtu) + nic.PeerBytes
	}
	return c, nil
}

// pathMTU is the octets of a packet that the way to the remote holds now; 0: there is none.
func (s Spec) pathMTU() int {
	path, err := link.PathTo(s.Local.Addr(), s.Remote.Addr())
	if err != nil {
		return 0
	}
	if state, err := link.GetIndex(path.Index); err == nil && (path.MTU == 0 || path.MTU > state.MTU) {
		return state.MTU
	}
	return path.MTU
}
