package modules

import "fmt"

// AddLeaf gives a connection another way out, by a name of the caller's that the others do
// not have; the way that Connect gave it is leaf 0. Cells that come from now on leave by it
// too. On the hub.
func (d *Carrier) AddLeaf(root Connection, name uint32, to Output) error {
	p, e, err := d.connected(root)
	switch {
	case err != nil:
		return err
	case root.Path != to.Path:
		return errKind
	case e.flags&crossMerged != 0:
		return errMerge
	case e.leaves == MaxLeaves:
		return fmt.Errorf("more than %d leaves", MaxLeaves)
	}
	x := p.cross
	if e.leaves == 0 {
		e.first, e.leaves = x.leaf(to, name), 1
		e.note(crossLeaves, false)
		return nil
	}
	if e.first.name == name || x.leafBefore(e, name) != nil {
		return fmt.Errorf("leaf %d: %w", name, ErrConnected)
	}
	l := x.leaf(to, name)
	l.next = e.first.next
	e.first.next = x.takeLeaf(l)
	e.leaves++
	e.note(crossLeaves, true)
	return nil
}

// DropLeaf takes a way out away. With the last one the connection stays, and its cells are
// dropped and counted. On the hub.
func (d *Carrier) DropLeaf(root Connection, name uint32) error {
	p, e, err := d.connected(root)
	if err == nil && !p.cross.dropLeaf(e, name) {
		err = fmt.Errorf("leaf %d: %w", name, errLeaf)
	}
	return err
}

func (x *cross) dropLeaf(e *crossEntry, name uint32) bool {
	if e.leaves == 0 {
		return false
	}
	if e.first.name == name {
		x.leaveOutput(e.first.out)
		if e.first.next != 0 {
			i := e.first.next
			e.first = x.leaves[i]
			x.giveLeaf(i)
		}
		e.leaves--
		e.note(crossLeaves, e.leaves != 1)
		return true
	}
	before := x.leafBefore(e, name)
	if before == nil {
		return false
	}
	i := before.next
	x.leaveOutput(x.leaves[i].out)
	before.next = x.leaves[i].next
	x.giveLeaf(i)
	e.leaves--
	e.note(crossLeaves, e.leaves != 1)
	return true
}

// leafBefore is the leaf whose next has that name; nil when none has.
func (x *cross) leafBefore(e *crossEntry, name uint32) *crossLeaf {
	for l := &e.first; l.next != 0; l = &x.leaves[l.next] {
		if x.leaves[l.next].name == name {
			return l
		}
	}
	return nil
}

// takeLeaf stores a leaf beyond the first of its connection.
func (x *cross) takeLeaf(l crossLeaf) (i uint32) {
	if i = x.spare; i != 0 {
		x.spare = x.leaves[i].next
		x.leaves[i] = l
		return i
	}
	x.leaves = append(x.leaves, l)
	return uint32(len(x.leaves) - 1)
}

func (x *cross) giveLeaf(i uint32) {
	x.leaves[i] = crossLeaf{next: x.spare}
	x.spare = i
}
