package loader

import (
	"errors"
	"fmt"

	"github.com/cellhub/cellhub/dataplane/control"
)

// Apply sends steps in a session of the role ADMIN, one after the other. What the daemon
// refuses is a fault at its line of the file, and the steps that do not need it are done
// nevertheless. done is told of each step that was; it may be nil. The error is Faults,
// or one of the connection, after which nothing more was sent.
func Apply(session *control.Session, file string, steps []Step, done func(*Step)) error {
	var faults Faults
	for i := range steps {
		s := &steps[i]
		p, ready := s.Packet()
		if !ready {
			continue // what it needs was refused, and has been told of
		}
		err := session.Call(&p)
		var refused *control.Error
		switch {
		case err == nil:
			s.learn(&p)
			if done != nil {
				done(s)
			}
		case errors.As(err, &refused):
			faults = append(faults, &Fault{File: file, At: s.At, Text: s.What + ": " + refused.Reason(), Err: err})
		default:
			return errors.Join(append(faults.Unwrap(), fmt.Errorf("%s: %w", s.What, err))...)
		}
	}
	return faults.err()
}
