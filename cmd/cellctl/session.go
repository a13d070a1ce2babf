package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"

	"github.com/cellhub/cellhub/dataplane/control"
)

// callTimeout is how long a command waits for each answer. The daemon may ask a resolver
// before it answers.
const callTimeout = 15 * time.Second

// connect opens a session with the daemon.
func (o *options) connect(role control.Role) (*control.Session, error) {
	conn, err := control.Dial(o.control)
	if err != nil {
		return nil, dialRemedy(o.control, err)
	}
	conn.SetReadDeadline(time.Now().Add(callTimeout))
	s, err := control.Hello(conn, role, "cellctl")
	if err != nil {
		_ = conn.Close()
		if errors.Is(err, syscall.EPERM) {
			return nil, fmt.Errorf("%w: ask for it in access: of the daemon's configuration, or be root", err)
		}
		return nil, remedy(err)
	}
	conn.SetReadDeadline(time.Time{})
	s.Timeout = callTimeout
	return s, nil
}

// dialRemedy says what to do when nobody answers at the socket.
func dialRemedy(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: no such socket: start cellhubd, or say where it listens by --control or CELLHUB_CONTROL", path)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%s: cellhubd does not run any more: start it", path)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s: you may not open the socket: join its group (ls -l %s), or be root", path, path)
	}
	return err
}

// remedies say what to do about a refusal that the daemon itself does not explain.
var remedies = []struct {
	errno syscall.Errno
	text  string
}{
	{syscall.EPROTONOSUPPORT, "this cellctl and the daemon are of different versions: install both from one build"},
	{syscall.ESTALE, "the daemon has been started anew meanwhile: try again"},
	{syscall.EOPNOTSUPP, "this daemon cannot do that"},
	{syscall.EPERM, "your role may not do that"},
}

// remedy adds to an error what can be done about it.
func remedy(err error) error {
	var refused *control.Error
	var file *fs.PathError
	switch {
	case err == nil, errors.As(err, &file): // of our own output
		return err
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("no answer within %v: is the daemon stopped? (%w)", callTimeout, err)
	case !errors.As(err, &refused) && (errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)):
		return fmt.Errorf("the daemon has gone, or has hung up: see its log (%v)", err)
	case !errors.As(err, &refused):
		return err
	case refused.Text != "":
		return &told{refused}
	}
	for _, r := range remedies {
		if refused.Errno == r.errno {
			return fmt.Errorf("%w: %s", err, r.text)
		}
	}
	return err
}

// told is a refusal in the daemon's own words: the message's name is nothing to a person.
type told struct{ refusal *control.Error }

func (t *told) Error() string { return t.refusal.Reason() }

func (t *told) Unwrap() error { return t.refusal }
