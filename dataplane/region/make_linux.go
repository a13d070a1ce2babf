package region

import (
	"encoding/binary"
	"fmt"
	"math/bits"

	"golang.org/x/sys/unix"
)

// Config is the size of a region.
type Config struct {
	Octets   int // whole pages; 0: DefaultOctets. Memory that is not used costs nothing
	Channels int // the most that it may have; 0: as many as may fit
}

// Passed are the descriptors that a client gets with HELLO's reply, in their order. They are
// the caller's to close when they are sent.
type Passed [3]int

// Close closes the descriptors.
func (p *Passed) Close() {
	for i, fd := range p {
		if fd >= 0 {
			unix.Close(fd)
		}
		p[i] = -1
	}
}

// Make makes a region: the hub's side, and what the client gets.
func Make(c Config) (r *Region, passed Passed, err error) {
	passed = Passed{-1, -1, -1}
	if c.Octets == 0 {
		c.Octets = DefaultOctets
	}
	if c.Octets < MinOctets || c.Octets > MaxOctets || c.Octets%pageSize != 0 || c.Channels < 0 || c.Channels > MaxChannels {
		return nil, passed, fmt.Errorf("%w: %d octets for %d channels", ErrRegion, c.Octets, c.Channels)
	}
	if c.Channels == 0 {
		c.Channels = min(c.Octets/Shape{Entries: minEntries, Area: minArea}.Octets()+1, MaxChannels)
	}
	entries := max(1<<bits.Len(uint(2*c.Channels-1)), minEntries) // each may want data, and room
	if headOctets(entries) >= c.Octets {
		return nil, passed, fmt.Errorf("%w: %d octets have no room for the doorbells of %d channels", ErrRegion, c.Octets, c.Channels)
	}
	r = &Region{hub: true, memory: -1, bell: -1, ear: -1}
	defer func() {
		if err != nil {
			passed.Close()
			r.Close()
			r = nil
		}
	}()
	if err = r.open(c.Octets, &passed); err != nil {
		return r, passed, err
	}
	layOut(r.mem, entries)
	r.allocator = allocator{next: headOctets(entries), free: map[int][]int{}, most: c.Channels}
	return r, passed, r.join(entries)
}

// open makes the descriptors: a memfd sealed before anybody else has it, a pipe, an eventfd.
func (r *Region) open(octets int, passed *Passed) (err error) {
	if r.memory, err = unix.MemfdCreate("cellhub", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING); err != nil {
		return fmt.Errorf("memfd_create: %w", err)
	}
	if err = unix.Ftruncate(r.memory, int64(octets)); err != nil {
		return fmt.Errorf("ftruncate: %w", err)
	}
	if _, err = unix.FcntlInt(uintptr(r.memory), unix.F_ADD_SEALS, unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_SEAL); err != nil {
		return fmt.Errorf("seal: %w", err)
	}
	if r.mem, err = unix.Mmap(r.memory, 0, octets, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err != nil {
		return fmt.Errorf("mmap: %w", err)
	}
	var pipe [2]int
	if err = unix.Pipe2(pipe[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		return fmt.Errorf("pipe2: %w", err)
	}
	passed[1], r.bell = pipe[0], pipe[1]
	if r.ear, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return fmt.Errorf("eventfd: %w", err)
	}
	for i, fd := range map[int]int{0: r.memory, 2: r.ear} {
		if passed[i], err = unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0); err != nil {
			return fmt.Errorf("dup: %w", err)
		}
	}
	return nil
}

// Open makes the client's side of a region from the descriptors that have come; they are its
// own from now on, unless an error is returned.
func Open(passed []int) (*Region, error) {
	if len(passed) != len(Passed{}) {
		return nil, fmt.Errorf("%w: %d descriptors, want %d", ErrRegion, len(passed), len(Passed{}))
	}
	var st unix.Stat_t
	if err := unix.Fstat(passed[0], &st); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRegion, err)
	}
	if st.Size < MinOctets || st.Size > MaxOctets {
		return nil, fmt.Errorf("%w: %d octets", ErrRegion, st.Size)
	}
	mem, err := unix.Mmap(passed[0], 0, int(st.Size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("mmap: %w", err)
	}
	r := &Region{mem: mem, memory: passed[0], ear: passed[1], bell: passed[2]}
	entries, err := checkHead(mem)
	if err == nil {
		err = r.join(entries)
	}
	if err != nil {
		_ = unix.Munmap(mem)
		return nil, err
	}
	return r, nil
}

// wake wakes the other side. Neither descriptor ever blocks: a full pipe says all there is to
// say, and so does an eventfd that a client has filled, to itself.
func (r *Region) wake() error {
	var one [8]byte
	n := 1
	if !r.hub {
		binary.NativeEndian.PutUint64(one[:], 1)
		n = len(one)
	}
	for {
		_, err := unix.Write(r.bell, one[:n])
		switch err {
		case unix.EINTR:
		case unix.EAGAIN:
			return nil
		default:
			return err
		}
	}
}

// punch gives the memory of a part of the region back to the system. It reads as zeros then.
func (r *Region) punch(offset, octets int) {
	_ = unix.Fallocate(r.memory, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, int64(offset), int64(octets))
}

// Close unmaps the region and closes its descriptors. Nobody on this side uses a channel of it
// any more.
func (r *Region) Close() {
	if r.mem != nil {
		_ = unix.Munmap(r.mem)
		r.mem = nil
	}
	r.CloseDescriptors()
}

// CloseDescriptors closes the descriptors alone, and nobody is woken any more: of a side that may
// still be reading what is mapped. Nobody tells meanwhile.
func (r *Region) CloseDescriptors() {
	for _, fd := range [...]*int{&r.memory, &r.bell, &r.ear} {
		if *fd >= 0 {
			unix.Close(*fd)
		}
		*fd = -1
	}
}
