package nic

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/songgao/water"
	"golang.org/x/sys/unix"
)

// Room that an Ethernet frame needs beside its MTU.
const (
	ethernetHeader = 14
	vlanTag        = 4
)

// TAPConfig describes a TAP or TUN.
type TAPConfig struct {
	Name     string // 1 to 15 octets; empty: the kernel chooses
	TUN      bool   // IP packets instead of Ethernet frames
	MaxFrame int    // octets of the longest frame; 0: from the MTU that the interface has now
	GSO      GSO    // super-frames

	// Descriptor is attached to the interface already, by whoever opened it, and the device's from
	// the call on, also when that fails; 0: none. Name is not looked at, there are super-frames only where
	// it is attached with IFF_VNET_HDR, no privilege is asked for, and Close detaches no other holder of it.
	Descriptor int
}

// OpenTAP creates a TAP or TUN, or takes an existing persistent one. A frame is an Ethernet frame without FCS (TAP),
// or an IP packet without any header before it (TUN).
//
// With super-frames the kernel hands over many segments of a flow in one read, which are cut into frames here, and takes
// them joined: IPv4 and IPv6, TCP and UDP. Frames are joined only where cutting gives the same octets again, which takes
// right checksums. The order within a flow stays, and that of frames of no flow among all others. A kind of super-frame
// that the self-test finds wrong, or that the kernel refuses later, is given up and counted in GSOFallbacks; a checksum
// that the kernel has left to the device is finished in any case. The self-test is made with a twin of
// the device, which is there for some milliseconds; it wants CAP_NET_ADMIN and CAP_NET_RAW. GSOOn takes super-frames that
// lie in a tunnel over UDP, too, where the kernel has them, for which there is no self-test.
//
// Without them (GSOOff), the plain path: no offloads. System calls: one readv or write per frame, and one more readv to
// see that nothing waits; the kernel has no batches here. Ownership: the kernel copies, so frames are always the
// caller's. There is one queue in any case.
//
// A new interface is down, has a random address and MTU 1500, and vanishes with Close. An existing one is matched
// (IFF_MULTI_QUEUE) and its flags, offloads, length of virtio header and persistence are put back by Close, because attaching changes them. It
// must not be held by another process, not even when multi-queue: the two would share its traffic by hash.
//
// Limits: while the interface is down Transmit says ErrDown and counts, and Receive has nothing. Frames that the
// kernel drops because we read too slowly are in RxOverrun: the interface's own tx_dropped, for which Counters asks the
// kernel. Renamed or moved to another namespace, the interface stays attached; there its drops are not seen.
func OpenTAP(cfg TAPConfig) (Device, error) {
	what := "tap"
	if cfg.TUN {
		what = "tun"
	}
	t, err := openTAP(cfg)
	if err != nil {
		return nil, fmt.Errorf("%s %q: %w", what, cfg.Name, err)
	}
	return t, nil
}

func openTAP(cfg TAPConfig) (Device, error) {
	if cfg.Descriptor != 0 {
		t := &tap{fd: -1, spare: -1, home: home{netlink: -1}}
		dev, err := t.open(cfg)
		if err != nil {
			return nil, errors.Join(err, t.Close())
		}
		return dev, nil
	}
	if len(cfg.Name) >= unix.IFNAMSIZ {
		return nil, ErrNameTooLong
	}
	spare, err := openTunDevice()
	if err != nil {
		return nil, err
	}
	t := &tap{fd: -1, spare: spare, home: home{netlink: -1}}
	dev, err := t.open(cfg)
	if err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return dev, nil
}

type tap struct {
	fd      int
	spare   int // another /dev/net/tun of the same namespace, to put an existing device's flags back with
	before  tunState
	home    home
	now     tunState // what we have made of it, as far as it is to be put back
	info    Info
	count   Counters
	vectors [2]unix.Iovec // the caller's buffer, and one octet that shows that it was too short
	excess  [1]byte
}

func (t *tap) open(cfg TAPConfig) (Device, error) {
	wanted := uint16(unix.IFF_TAP)
	if cfg.TUN {
		wanted = unix.IFF_TUN
	}
	if cfg.Descriptor != 0 {
		return t.takeTAP(cfg, wanted)
	}
	if cfg.Name != "" {
		before, err := probeTUN(cfg.Name)
		if err != nil {
			return nil, err
		}
		if err := before.refuse(wanted); err != nil {
			return nil, err
		}
		t.before = before
	}
	t.now = tunState{flags: wanted | unix.IFF_NO_PI | t.before.flags&unix.IFF_MULTI_QUEUE}
	if cfg.GSO != GSOOff {
		return t.openVnet(cfg)
	}
	name, err := t.openWater(cfg)
	if err == nil {
		err = t.makePlain()
	}
	if err == nil {
		err = t.describe(name, cfg)
	}
	return t, err
}

// describe fills in the device's limits.
func (t *tap) describe(name string, cfg TAPConfig) (err error) {
	t.info = Info{Name: name, MaxFrame: cfg.MaxFrame, Batch: maxBatch, Existed: t.before.exists}
	if cfg.MaxFrame == 0 {
		t.info.MaxFrame, err = tapFrame(name, cfg.TUN)
	}
	t.settle()
	return err
}

// refuse says why a device in this state cannot be attached to.
func (s *tunState) refuse(wanted uint16) error {
	switch {
	case !s.exists:
		return nil
	case !s.tun:
		return ErrNotTAP
	case s.flags&(unix.IFF_TUN|unix.IFF_TAP) != wanted:
		return ErrOtherKind
	case s.held:
		return ErrInUse
	}
	return nil
}

// openWater lets water create or attach the interface, and keeps a descriptor of our own: water's is an os.File, known
// to Go's poller, which would wake for every frame. water always sets persistence, so it is told what to leave. When
// the kernel refuses, water forgets to close; so what can be refused is asked first, all but privilege and a race.
func (t *tap) openWater(cfg TAPConfig) (string, error) {
	config := water.Config{DeviceType: water.TAP, PlatformSpecificParams: water.PlatformSpecificParams{
		Name:       cfg.Name,
		Persist:    t.before.persist,
		MultiQueue: t.before.flags&unix.IFF_MULTI_QUEUE != 0,
	}}
	if cfg.TUN {
		config.DeviceType = water.TUN
	}
	iface, err := water.New(config)
	if err != nil {
		return "", tunError(err)
	}
	defer iface.Close()
	conn, ok := iface.ReadWriteCloser.(syscall.Conn)
	if !ok {
		return "", errors.New("water's device has no descriptor")
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return "", err
	}
	var failure error
	err = raw.Control(func(fd uintptr) {
		t.fd, failure = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0)
	})
	return iface.Name(), errors.Join(err, failure)
}

// makePlain checks that frames come bare, and switches off the offloads of an earlier holder.
func (t *tap) makePlain() error {
	if err := unix.SetNonblock(t.fd, true); err != nil {
		return err
	}
	_, flags, err := attachedTo(t.fd)
	if err != nil {
		return tunError(err)
	}
	if flags&unix.IFF_VNET_HDR != 0 || flags&unix.IFF_NO_PI == 0 {
		return ErrInUse // somebody attached first, and the flags are theirs
	}
	if t.before.offload != 0 {
		return setOffload(t.fd, 0)
	}
	return nil
}

func tapFrame(name string, tun bool) (int, error) {
	fd, err := controlSocket()
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	mtu, err := interfaceMTU(fd, name)
	if err != nil || tun {
		return mtu, err
	}
	return mtu + ethernetHeader + vlanTag, nil
}

func (t *tap) Info() Info { return t.info }
func (t *tap) FD() int    { return t.fd }
func (t *tap) Release()   {}

func (t *tap) Counters() Counters {
	if t.fd >= 0 {
		t.count.RxOverrun = max(t.count.RxOverrun, t.kernelDrops())
	}
	return t.count
}

func (t *tap) Receive(bufs [][]byte) (int, error) {
	if t.fd < 0 {
		return 0, ErrGone
	}
	limit, n := min(len(bufs), maxBatch), 0
	for n < limit {
		pointTo(&t.vectors[0], bufs[n])
		pointTo(&t.vectors[1], t.excess[:])
		got, errno := readv(t.fd, t.vectors[:])
		switch {
		case errno == unix.EAGAIN:
			return n, nil
		case errno != 0 && n > 0:
			return n, nil // the next call meets it again
		case errno != 0:
			return 0, t.failure(errno)
		case got > len(bufs[n]):
			t.count.RxTruncated++
			limit-- // bounds the calls of one Receive
			continue
		}
		bufs[n] = bufs[n][:got]
		t.count.RxFrames++
		t.count.RxOctets += uint64(got)
		n++
	}
	return n, nil
}

func (t *tap) Transmit(frames [][]byte) (int, error) {
	if t.fd < 0 {
		t.count.TxDown += uint64(len(frames))
		return len(frames), ErrGone
	}
	for i, frame := range frames {
		if len(frame) > t.info.MaxFrame {
			t.count.TxTooLong++
			continue
		}
		switch errno := write(t.fd, frame); errno {
		case 0:
			t.count.TxFrames++
			t.count.TxOctets += uint64(len(frame))
		case unix.EAGAIN:
			return i, nil
		case unix.ENOMEM, unix.ENOBUFS:
			t.count.TxNoBuffer++
		case unix.EIO, unix.EBADFD:
			t.count.TxDown += uint64(len(frames) - i)
			return len(frames), t.failure(errno)
		default:
			t.count.TxErrors++
		}
	}
	return len(frames), nil
}

func (t *tap) failure(errno unix.Errno) error {
	reason := error(errno)
	switch errno {
	case unix.EIO:
		reason = ErrDown
	case unix.EBADFD:
		reason = ErrGone
	}
	return fmt.Errorf("%s: %w", t.info.Name, reason)
}

// Close detaches, then attaches the spare descriptor for a moment with the flags that the device had before.
func (t *tap) Close() error {
	var failures [3]error
	if t.fd >= 0 {
		t.Counters()
		name, _, err := attachedTo(t.fd)
		restore := err == nil && t.changed() // an error: it was deleted, and must stay so
		if restore {
			if failures[1] = t.follow(); failures[1] != nil {
				restore = false // here another interface may have the name
			}
		}
		failures[0] = unix.Close(t.fd)
		t.fd = -1
		if restore {
			failures[1] = t.putBack(name)
		}
	}
	if t.spare >= 0 {
		failures[2] = unix.Close(t.spare)
		t.spare = -1
	}
	if t.home.netlink >= 0 {
		_ = unix.Close(t.home.netlink)
		t.home.netlink = -1
	}
	return errors.Join(failures[:]...)
}

// changed tells whether a device that stays is not as it was.
func (t *tap) changed() bool {
	return t.before.persist && (t.before.flags != t.now.flags || t.before.offload != t.now.offload || t.before.vnet != t.now.vnet)
}

func (t *tap) putBack(name string) error {
	err := attach(t.spare, name, t.before.flags)
	if err == nil {
		err = setOffload(t.spare, t.before.offload)
	}
	if err == nil && t.before.vnet != t.now.vnet {
		err = setVnetBytes(t.spare, t.before.vnet)
	}
	if err != nil {
		return fmt.Errorf("put back the flags of %s: %w", name, tunError(err))
	}
	return nil
}
