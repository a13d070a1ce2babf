package control

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"
)

// Listener takes control connections at a path.
type Listener struct {
	socket *net.UnixListener
	lock   *os.File // nil: the socket was passed
}

// Listen listens at path, whose mode will be mode: 0660 lets in a user and a group. A
// socket that a dead process has left is replaced; a living one keeps path+".lock"
// locked, and then the error is EADDRINUSE. Anything else at path is EEXIST and stays.
func Listen(path string, mode fs.FileMode) (*Listener, error) {
	lock, err := lockPath(path + ".lock")
	if err != nil {
		return nil, err
	}
	socket, err := listen(path, mode.Perm())
	if err != nil {
		lock.Close()
		return nil, err
	}
	return &Listener{socket: socket, lock: lock}, nil
}

// ListenOn listens at a socket that somebody else has bound and listens at: of AF_UNIX and
// SOCK_SEQPACKET. It is ours from the call on, also when that fails; its name stays where it is at
// Close.
func ListenOn(f *os.File) (*Listener, error) {
	defer f.Close()
	l, err := net.FileListener(f)
	if err != nil {
		return nil, fmt.Errorf("control: %s: %w", f.Name(), err)
	}
	socket, ok := l.(*net.UnixListener)
	if !ok || socket.Addr().Network() != "unixpacket" {
		l.Close()
		return nil, fmt.Errorf("control: %s: a %s socket: it wants AF_UNIX and SOCK_SEQPACKET", f.Name(), l.Addr().Network())
	}
	socket.SetUnlinkOnClose(false)
	return &Listener{socket: socket}, nil
}

// Path is where the socket is.
func (l *Listener) Path() string { return l.socket.Addr().String() }

// lockPath locks a file for as long as it is open. The file stays: to remove it would
// let two processes lock two files of one name.
func lockPath(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err != syscall.EINTR {
			break
		}
	}
	switch err {
	case nil:
		return f, nil
	case syscall.EWOULDBLOCK:
		err = syscall.EADDRINUSE
	}
	f.Close()
	return nil, &fs.PathError{Op: "lock", Path: path, Err: err}
}

func listen(path string, mode fs.FileMode) (*net.UnixListener, error) {
	switch info, err := os.Lstat(path); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, err
	case info.Mode().Type() != fs.ModeSocket:
		return nil, &fs.PathError{Op: "listen", Path: path, Err: syscall.EEXIST}
	default:
		if err := os.Remove(path); err != nil {
			return nil, err
		}
	}
	// The socket has its mode before it has a name: nobody slips in between.
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		var failed error
		err := raw.Control(func(fd uintptr) { failed = syscall.Fchmod(int(fd), uint32(mode)) })
		return errors.Join(err, failed)
	}}
	l, err := config.Listen(context.Background(), "unixpacket", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, mode); err != nil { // bits that the umask took away
		l.Close()
		return nil, err
	}
	socket, ok := l.(*net.UnixListener)
	if !ok {
		l.Close()
		return nil, fmt.Errorf("control: listener is a %T", l)
	}
	return socket, nil
}

// Accept waits for a connection. net.ErrClosed: Close was called.
func (l *Listener) Accept() (*Conn, error) {
	socket, err := l.socket.AcceptUnix()
	if err != nil {
		return nil, err
	}
	return newConn(socket)
}

// Close ends listening and removes the socket. Connections stay.
func (l *Listener) Close() error {
	err := l.Shut()
	if l.lock != nil {
		err = errors.Join(err, l.lock.Close())
		l.lock = nil
	}
	return err
}

// Shut takes no more connections. The path stays this process's until Close: whatever else is called by it can be taken
// down meanwhile, and nobody who comes after finds it half.
func (l *Listener) Shut() error {
	if err := l.socket.Close(); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}
