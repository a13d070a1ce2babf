package link

import (
	"errors"
	"fmt"
	"runtime"

	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// Namespace is a network namespace. It may be used by several goroutines at once.
type Namespace struct {
	fd   int
	name string // under /run/netns; empty: anonymous
}

// NewNamespace makes a namespace whose loopback is up. With a name it appears under /run/netns, as with `ip netns add`,
// and lasts until Delete; an existing name is refused. Without one it lasts as long as a descriptor or thread is in it.
// Needs CAP_SYS_ADMIN.
func NewNamespace(name string) (*Namespace, error) {
	fd := netns.None()
	err := onOwnThread(func() (err error) {
		if name == "" {
			fd, err = netns.New()
		} else {
			fd, err = netns.NewNamed(name)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("namespace %s: %w", name, err)
	}
	ns := &Namespace{fd: int(fd), name: name}
	if err := ns.Do(func() error { return Up("lo") }); err != nil {
		return nil, errors.Join(err, ns.Delete())
	}
	return ns, nil
}

// OpenNamespace takes an existing named namespace. Its Close leaves it there.
func OpenNamespace(name string) (*Namespace, error) {
	fd, err := netns.GetFromName(name)
	if err != nil {
		return nil, fmt.Errorf("namespace %s: %w", name, err)
	}
	return &Namespace{fd: int(fd), name: name}, nil
}

// NamespaceFrom takes a descriptor of a namespace over.
func NamespaceFrom(fd int) *Namespace { return &Namespace{fd: fd} }

// Here tells whether it is the calling thread's namespace.
func (ns *Namespace) Here() bool {
	own, err := netns.Get()
	if err != nil {
		return false
	}
	defer own.Close()
	return own.Equal(netns.NsHandle(ns.fd))
}

// Do runs f in the namespace, on an operating-system thread of its own, and returns its error. Sockets and devices
// that f opens stay in the namespace when used elsewhere; goroutines that f starts do not run in it.
func (ns *Namespace) Do(f func() error) error {
	return onOwnThread(func() error {
		if err := unix.Setns(ns.fd, unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("enter namespace %s: %w", ns.name, err)
		}
		return f()
	})
}

// FD is the namespace's descriptor, for setns. It belongs to the Namespace.
func (ns *Namespace) FD() int { return ns.fd }

// Close lets go of the namespace. An anonymous one ends with its last user.
func (ns *Namespace) Close() error {
	if ns.fd < 0 {
		return nil
	}
	err := unix.Close(ns.fd)
	ns.fd = -1
	return err
}

// Delete removes the name, if there is one, and closes the namespace.
func (ns *Namespace) Delete() error {
	var err error
	if ns.name != "" {
		err = netns.DeleteNamed(ns.name)
	}
	return errors.Join(err, ns.Close())
}

// onOwnThread runs f on a locked thread and puts the thread back into the namespace where it was. A thread that
// cannot be put back ends with its goroutine, so that no other goroutine ever runs in the wrong namespace.
func onOwnThread(f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		before, err := netns.Get()
		if err != nil {
			runtime.UnlockOSThread()
			done <- fmt.Errorf("own namespace: %w", err)
			return
		}
		finished := false
		defer func() {
			if netns.Set(before) == nil {
				runtime.UnlockOSThread()
			}
			before.Close()
			if !finished { // f called runtime.Goexit, as a failing test does
				done <- errors.New("function in a namespace did not return")
			}
		}()
		err = f()
		finished = true
		done <- err
	}()
	return <-done
}
