package classifier

import (
	"errors"

	"github.com/cellhub/cellhub/bpf"
)

// adopted is what an earlier process has left in the maps: what of it has been asked for since. A nil one does nothing.
type adopted struct {
	wires       map[bpf.ClassifierWire]bool
	connections map[bpf.ClassifierKey]bool
	outputs     map[uint32]bool
	numbers     map[uint32]bool // that wires, connections and outputs have
}

// asked notes a key that is wanted: of a wire, a connection or an output.
func (a *adopted) asked(key any) {
	if a == nil {
		return
	}
	switch k := key.(type) {
	case bpf.ClassifierWire:
		a.wires[k] = true
	case bpf.ClassifierKey:
		a.connections[k] = true
	case uint32:
		a.outputs[k] = true
	}
}

// number tells whether something has a port's number.
func (a *adopted) number(n uint32) bool { return a != nil && a.numbers[n] }

// adopt takes over what is pinned: the links go on with this program, in place of the one before, between two frames.
// A link that takes no other program, or whose interface has gone, is removed.
func (c *Classifier) adopt() error {
	if c.adopted == nil {
		return nil
	}
	*c.adopted = adopted{
		wires: map[bpf.ClassifierWire]bool{}, connections: map[bpf.ClassifierKey]bool{}, outputs: map[uint32]bool{}, numbers: map[uint32]bool{},
	}
	links, err := c.pins.links()
	for index, l := range links {
		info, _ := l.Info()
		if onInterface(info) == index && l.Update(c.objects.ClassifyXdp) == nil {
			c.on[index] = &attachment{link: l, mode: Adopted}
			continue
		}
		err = errors.Join(err, l.Unpin(), l.Close())
	}
	if err != nil {
		return err
	}
	return c.eachAdopted(
		func(_ bpf.ClassifierWire, p *bpf.ClassifierPort) { c.adopted.numbers[p.Number] = true },
		func(k bpf.ClassifierKey) { c.adopted.numbers[k.Port] = true },
		func(n uint32) { c.adopted.numbers[n] = true })
}

// eachAdopted calls a function for each entry of the maps.
func (c *Classifier) eachAdopted(wire func(bpf.ClassifierWire, *bpf.ClassifierPort), connection func(bpf.ClassifierKey), output func(uint32)) error {
	var w bpf.ClassifierWire
	var p bpf.ClassifierPort
	wires := c.objects.Ports.Iterate()
	for wires.Next(&w, &p) {
		wire(w, &p)
	}
	var k bpf.ClassifierKey
	var v bpf.ClassifierConnection
	connections := c.objects.Connections.Iterate()
	for connections.Next(&k, &v) {
		connection(k)
	}
	var n uint32
	var o bpf.ClassifierOutput
	outputs := c.objects.Outputs.Iterate()
	for outputs.Next(&n, &o) {
		output(n)
	}
	return errors.Join(wires.Err(), connections.Err(), outputs.Err())
}

// Adopted tells whether it has taken over what an earlier process left, and Sweep has not been called yet.
func (c *Classifier) Adopted() bool { return c.adopted != nil }

// Sweep removes what was adopted and has not been asked for: it is called when all that is wanted has been bound.
func (c *Classifier) Sweep() error {
	a := c.adopted
	if a == nil {
		return nil
	}
	c.adopted = nil
	var wires []bpf.ClassifierWire
	var keys []bpf.ClassifierKey
	var numbers []uint32
	err := c.eachAdopted(
		func(w bpf.ClassifierWire, _ *bpf.ClassifierPort) {
			if !a.wires[w] {
				wires = append(wires, w)
			}
		},
		func(k bpf.ClassifierKey) {
			if !a.connections[k] {
				keys = append(keys, k)
			}
		},
		func(n uint32) {
			if !a.outputs[n] {
				numbers = append(numbers, n)
			}
		})
	for _, w := range wires {
		err = errors.Join(err, c.objects.Ports.Delete(w))
	}
	for _, k := range keys {
		err = errors.Join(err, c.objects.Connections.Delete(k))
	}
	for _, n := range numbers {
		err = errors.Join(err, c.objects.Outputs.Delete(n))
	}
	for index, on := range c.on {
		if !on.wanted {
			err = errors.Join(err, c.Detach(index))
		}
	}
	for n := range a.numbers {
		if !c.numbers.used[n] && n < MaxRelayPorts {
			err = errors.Join(err, c.Release(n))
		}
	}
	if len(c.on) == 0 {
		err = errors.Join(err, c.pins.remove())
	}
	return err
}
