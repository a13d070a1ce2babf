package modules

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/block"
	"github.com/cellhub/cellhub/nic"
)

// Carrier is the driver at the bottom of a stream: a device, and the ports on it, each a
// pseudowire. It takes frames, finds the port by its label and where the frame came from,
// strips the headers and puts runs of cells, or SDUs, up; what comes down it packs into
// frames of its port. The cells of one pass share frames.
type Carrier struct {
	driver
	link     Link
	own      [6]byte
	maxFrame int // octets of the device's longest frame
	ports    []*port
	halted   int          // ports that are down
	vacant   []uint32     // numbers of ports that have gone, as they were
	wires    table[*port] // ports by wireKey
	open     *port        // those with a frame under construction, to be sent with this pass
	waiting  *port        // those with cells that wait for the device
	relay    *relay       // nil until a port cross-connects
	fetched  uint32       // a word that fetch has looked at, so that it is looked at
	counts   carrierCounts
	gone     portCounts // of ports that were here before
}

type carrierCounts struct {
	badFrames   uint64 // not MPLS, or a stack that goes on
	otherLabels uint64 // no port's
	noPort      uint64 // messages, and cross-connected cells, for a port that there is not

	relayLost     uint64 // cross-connected cells for another hub, to which too much waited
	relayNoBlocks uint64 // … and for which there was no memory
}

// CarrierConfig describes a carrier.
type CarrierConfig struct {
	Device  nic.Device
	Link    Link
	Own     [6]byte     // Ethernet: the interface's address
	OnError func(error) // told of each failure of the device, on the hub; must not block
	Ports   []PortConfig
}

// Overhead is the octets before the cells or the SDU in each frame of a port.
func (c *CarrierConfig) Overhead(p *PortConfig) int {
	return len(c.Link.header(nil, c.Own, &p.Far)) + p.Encapsulation.Overhead()
}

// Limits of a carrier.
const (
	MaxPorts = 1 << portBits

	portBits = 20 // of a port's number; those above count how often it was given
)

// carrierHiWat lets a carrier queue some bursts while its device is full, no more: what
// waits here is late.
const carrierHiWat = 256 << 10

var (
	errNoPort   error = &refusal{"no such port", syscall.ENXIO}
	errSameWire       = errors.New("another port has this label there")
)

// NewCarrier makes a carrier with its ports, numbered from 0. It owns the device from then
// on, opened or discarded, and closes it when it returns an error.
func NewCarrier(c CarrierConfig) (*Carrier, error) {
	d := &Carrier{link: c.Link, own: c.Own}
	d.driver = driver{
		first: c.Device, onError: c.OnError, mark: carrierHiWat,
		ahead: d.fetch, input: d.strip, output: d.output, finish: d.finish, abandon: d.dropFrames, fits: d.measure,
		backlog: func() bool { return d.waiting != nil },
	}
	for i := range c.Ports {
		if _, err := d.AddPort(c.Ports[i]); err != nil {
			return nil, errors.Join(err, c.Device.Close())
		}
	}
	return d, nil
}

// AddPort adds a port while others carry traffic, and gives its number: part of the key
// of its VCs. On the hub, or before the module is opened.
func (d *Carrier) AddPort(c PortConfig) (number uint32, err error) {
	if err := c.check(d.link); err != nil {
		return 0, err
	}
	key := wireKey(d.link.scope(&c.Far), c.LabelIn)
	if _, there := d.wires.find(key); there {
		return 0, fmt.Errorf("label %d: %w", c.LabelIn, errSameWire)
	}
	number = uint32(len(d.ports))
	if n := len(d.vacant); n > 0 {
		number = d.vacant[n-1] + MaxPorts // the next of this place
	} else if number == MaxPorts {
		return 0, fmt.Errorf("more than %d ports", MaxPorts)
	}
	p := &port{carrier: d, number: number, label: c.LabelIn, key: key, cfg: c, named: c.VC != aal.VC{} || c.Mode.OneVP()}
	p.build()
	if c.Fragment {
		p.frags = &fragments{}
		p.frags.timer.Fire = p.expireFragments
	}
	p.impair(newImpairer(c.Impairment))
	if d.hub != nil && d.present() {
		if err := p.measure(); err != nil {
			return 0, err
		}
	}
	if err := d.wires.add(key, p); err != nil {
		return 0, err
	}
	if n := len(d.vacant); n > 0 {
		d.vacant = d.vacant[:n-1]
		d.ports[number%MaxPorts] = p
	} else {
		d.ports = append(d.ports, p)
	}
	return number, nil
}

// RemovePort takes a port away; what waits for it is lost and counted. On the hub.
func (d *Carrier) RemovePort(number uint32) error {
	p := d.port(number)
	if p == nil {
		return fmt.Errorf("port %d: %w", number, errNoPort)
	}
	if p.dropFrame(); p.stopped {
		d.halted--
	}
	p.dropAll()
	p.close()
	d.wires.remove(p.key)
	d.ports[number%MaxPorts] = nil
	d.vacant = append(d.vacant, number)
	p.counts.missing = p.pw.missing
	d.gone.add(&p.counts)
	return nil
}

// SetMaxFrame bounds the frames of a port by what the way to its far end holds now, in octets
// with their headers; 0: by the device alone. On the hub.
func (d *Carrier) SetMaxFrame(number uint32, octets int) error {
	p := d.port(number)
	if p == nil {
		return fmt.Errorf("port %d: %w", number, errNoPort)
	}
	p.closeFrame() // it may be too long soon
	d.in.AskSend()
	p.cfg.MaxFrame = octets
	return p.measure()
}

// AddVC tells that a port carries a VC. In some modes it carries one alone, or those of one VP,
// since its frames do not name it. On the hub.
func (d *Carrier) AddVC(number uint32, vpi, vci uint16) error {
	p := d.port(number)
	vc := aal.VC{VPI: vpi, VCI: vci}
	switch {
	case p == nil:
		return fmt.Errorf("port %d: %w", number, errNoPort)
	case p.cfg.Mode.OneVC() && p.cfg.VC == aal.VC{}:
		p.cfg.VC = vc
	}
	return p.cfg.Mode.Refuse(p.cfg.VC, vc, false)
}

// RemoveVC undoes AddVC. On the hub.
func (d *Carrier) RemoveVC(number uint32, vpi, vci uint16) {
	if p := d.port(number); p != nil && !p.named && p.cfg.VC == (aal.VC{VPI: vpi, VCI: vci}) {
		p.cfg.VC = aal.VC{}
	}
}

// port is the port of that number, nil when there is none, or another has its place.
func (d *Carrier) port(number uint32) *port {
	if i := number % MaxPorts; int(i) < len(d.ports) && d.ports[i] != nil && d.ports[i].number == number {
		return d.ports[i]
	}
	return nil
}

// Module is the carrier's code.
func (d *Carrier) Module() dataplane.Module {
	m := d.module("carrier", false)
	m.Counters, m.Commands = d.Counts, d.commands()
	m.Ptr = d // other carriers of the hub find us by it
	closed := m.Close
	m.Close = func(q *dataplane.Queue) {
		closed(q)
		d.each((*port).close)
	}
	put := m.WritePut
	m.WritePut = func(q *dataplane.Queue, m dataplane.Msg) {
		if m.Type == dataplane.Data && uint32(m.Conn) == 0 { // of no one VC: from a port on another hub
			d.accept(uint32(m.Conn>>portShift), m.Block)
			return
		}
		if d.halted > 0 && m.Type == dataplane.Data && d.refuse(m) {
			return
		}
		put(q, m)
	}
	leave, arrive := m.Leave, m.Arrive
	m.Leave = func() error {
		if err := leave(); err != nil {
			return err
		}
		d.timers(false)
		d.each((*port).leave)
		return nil
	}
	m.Arrive = func(q *dataplane.Queue) {
		arrive(q)
		d.timers(true)
		d.each((*port).arrive)
	}
	return m
}

// each does something with every port.
func (d *Carrier) each(do func(*port)) {
	for _, p := range d.ports {
		if p != nil {
			do(p)
		}
	}
}

// timers stops or starts what waits for the time to pack.
func (d *Carrier) timers(run bool) {
	for _, p := range d.ports {
		switch {
		case p == nil || p.frame == 0 || p.wait == 0:
		case run:
			d.hub.StartTimer(&p.timer, d.hub.Now()+p.wait)
		default:
			d.hub.StopTimer(&p.timer)
		}
	}
}

// measure takes the limits of a device.
func (d *Carrier) measure() error {
	d.maxFrame = min(d.tx.dev.Info().MaxFrame, d.hub.Pool.MaxAlloc())
	for _, p := range d.ports {
		if p != nil {
			if err := p.measure(); err != nil {
				return err
			}
		}
	}
	return nil
}

// Resize takes the limits of the device anew, when its longest frame has changed. On the
// hub only.
func (d *Carrier) Resize() error {
	if !d.present() {
		return nil
	}
	for _, p := range d.ports {
		if p != nil {
			p.closeFrame() // it may be too long soon
		}
	}
	d.rx.fit()
	return d.measure()
}

// Readdress gives the carrier another own address, on Ethernet, where the interface has
// one. On the hub only.
func (d *Carrier) Readdress(own [6]byte) {
	d.own = own
	for _, p := range d.ports {
		if p != nil {
			p.closeFrame() // it was begun with the other
			p.build()
		}
	}
	if d.present() {
		if dev, ok := d.tx.dev.(nic.Stationer); ok {
			dev.SetAddress(own)
		}
		d.in.AskSend()
	}
}

// Replace gives the carrier another device of the same kind, when the interface has come
// back; own is its address, on Ethernet. On the hub only. The carrier owns the device even
// when it returns an error.
func (d *Carrier) Replace(dev nic.Device, own [6]byte) error {
	d.close()
	d.own = own
	for _, p := range d.ports {
		if p != nil {
			p.build()
		}
	}
	return d.replace(dev)
}

// cachedPorts is how many ports are likely to be in the processor's caches whenever a frame
// of theirs comes.
const cachedPorts = 256

// fetch looks up the ports of a burst together: what lies far apart in memory is then
// waited for at once, and not frame after frame.
func (d *Carrier) fetch(frames [][]byte) {
	if len(d.ports) <= cachedPorts {
		return
	}
	var ports [transmitBatch]*port
	for i, f := range frames[:min(len(frames), len(ports))] {
		if n, scope, ok := d.link.strip(f); ok {
			if s, ok := readStack(f[n:]); ok {
				ports[i], _ = d.wires.find(wireKey(scope, s.label))
			}
		}
	}
	for _, p := range ports {
		if p != nil {
			d.fetched += p.number
		}
	}
}

// strip takes one frame.
func (d *Carrier) strip(b block.ID) {
	f := d.hub.Pool.Bytes(b)
	n, scope, ok := d.link.strip(f)
	var s stack
	if ok {
		s, ok = readStack(f[n:])
	}
	if !ok {
		d.counts.badFrames++
		d.hub.Pool.Free(b)
		return
	}
	p, ok := d.wires.find(wireKey(scope, s.label))
	if !ok || p.label != s.label {
		d.counts.otherLabels++
		d.hub.Pool.Free(b)
		return
	}
	switch {
	case p.checks && !d.link.from(f, &p.cfg.Far):
		p.drop(b, wrongStation)
	case s.alert:
		p.drop(b, vccv)
	case p.stopped:
		p.drop(b, portStopped)
	default:
		p.strip(b, f, n+s.octets)
	}
}

// output hands a message to its port.
func (d *Carrier) output(m dataplane.Msg) {
	switch p := d.port(uint32(m.Conn >> portShift)); {
	case p == nil:
		d.counts.noPort++
	case p.cut:
		p.counts.down++
	default:
		p.output(m)
		return
	}
	d.hub.Free(m)
}

// finish ends the pass: frames of cells go out as they are.
func (d *Carrier) finish() {
	d.drainAll()
	for p := d.open; p != nil && p.closeFrame(); p = d.open {
		d.open = p.next
		p.next, p.listed = nil, false
	}
}

// dropFrames loses the frames under construction with the device they were for.
func (d *Carrier) dropFrames() {
	for _, p := range d.ports {
		if p != nil {
			p.dropFrame()
			p.dropAll()
			p.raise()
		}
	}
}
