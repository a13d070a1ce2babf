package nic

import (
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// What is asked of a TAP or TUN by its descriptor holds wherever its interface is: renamed, or moved to another network
// namespace, as a container runtime does, it stays attached.

// AttachedTo is what the interface of a device from OpenTAP is called now; ErrGone when it was deleted.
func AttachedTo(dev Device) (string, error) {
	name, _, err := attachedTo(dev.FD())
	switch {
	case errors.Is(err, unix.EBADFD), errors.Is(err, unix.EBADF):
		return "", ErrGone
	case err != nil:
		return "", fmt.Errorf("%s: TUNGETIFF: %w", dev.Info().Name, err)
	}
	return name, nil
}

// NamespaceOf opens the network namespace that the interface of a device from OpenTAP is in. The descriptor is the
// caller's. It needs CAP_NET_ADMIN there, and Linux 5.10.
func NamespaceOf(dev Device) (int, error) {
	fd, err := unix.IoctlRetInt(dev.FD(), unix.TUNGETDEVNETNS)
	if err != nil {
		return -1, fmt.Errorf("%s: TUNGETDEVNETNS: %w", dev.Info().Name, err)
	}
	unix.CloseOnExec(fd)
	return fd, nil
}

// SetCarrier gives the interface of a device from OpenTAP its carrier or takes it, as a cable does. Needs Linux 5.0.
func SetCarrier(dev Device, on bool) error {
	value := 0
	if on {
		value = 1
	}
	if err := unix.IoctlSetPointerInt(dev.FD(), unix.TUNSETCARRIER, value); err != nil {
		return fmt.Errorf("%s: TUNSETCARRIER: %w", dev.Info().Name, err)
	}
	return nil
}

// home is where the interface was when it was opened: its number and its namespace, 0 when that cannot be told. Its
// drops are the kernel's count then.
type home struct {
	netlink   int // asks there; -1: it could not be opened
	index     int
	namespace uint64
	drops     uint64
}

// settle notes where the interface is, and what it has dropped before us.
func (t *tap) settle() {
	t.home.netlink, _ = netlinkSocket()
	if info, index, err := askLink(t.home.netlink, t.info.Name, 0); err == nil && info != nil {
		t.home.index, t.home.drops = index, txDropped(info)
	}
	t.home.namespace = namespaceNumber(t)
}

// namespaceNumber tells namespaces apart; 0 when it cannot be asked.
func namespaceNumber(dev Device) uint64 {
	fd, err := NamespaceOf(dev)
	if err != nil {
		return 0
	}
	defer unix.Close(fd)
	var stat unix.Stat_t
	if unix.Fstat(fd, &stat) != nil {
		return 0
	}
	return stat.Ino
}

// kernelDrops is how many frames of the host the kernel has dropped since the device was opened, because it was not
// read fast enough. While the interface is in another namespace nobody tells.
func (t *tap) kernelDrops() uint64 {
	if t.home.index == 0 {
		return 0
	}
	info, _, err := askLink(t.home.netlink, "", t.home.index)
	if err != nil || info == nil {
		return 0
	}
	return txDropped(info) - t.home.drops
}

// offsetTxDropped of struct rtnl_link_stats64: the eighth of its 64-bit counters.
const offsetTxDropped = 7 * 8

func txDropped(info []byte) uint64 {
	for kind, value := range attributes(info) {
		if kind == unix.IFLA_STATS64 && len(value) >= offsetTxDropped+8 {
			return binary.NativeEndian.Uint64(value[offsetTxDropped:])
		}
	}
	return 0
}

// follow replaces the spare descriptor by one of the namespace where the interface is now. Needs CAP_SYS_ADMIN.
func (t *tap) follow() error {
	if now := namespaceNumber(t); now == t.home.namespace || now == 0 {
		return nil
	}
	ns, err := NamespaceOf(t)
	if err != nil {
		return err
	}
	defer unix.Close(ns)
	spare, done := -1, make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		err := unix.Setns(ns, unix.CLONE_NEWNET)
		if err == nil {
			spare, err = openTunDevice()
		}
		done <- err
	}()
	if err := <-done; err != nil {
		return fmt.Errorf("%s is in another network namespace: %w", t.info.Name, err)
	}
	_ = unix.Close(t.spare)
	t.spare = spare
	return nil
}
