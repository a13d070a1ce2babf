package daemon

import (
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// Service is the service manager that has started us, which is told how we do:
// sd_notify(3), the protocol of Type=notify-reload. A nil service is not there.
type Service struct {
	conn *net.UnixConn
	last string // status as last told
}

// NewService finds the service manager; nil: there is none. What we start ourselves is
// not to speak for us.
func NewService() *Service {
	name := os.Getenv("NOTIFY_SOCKET")
	_ = os.Unsetenv("NOTIFY_SOCKET")
	if name == "" {
		return nil
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		return nil
	}
	return &Service{conn: conn}
}

// Present tells whether there is one.
func (s *Service) Present() bool { return s != nil }

func (s *Service) say(format string, args ...any) {
	if s != nil {
		_, _ = fmt.Fprintf(s.conn, format, args...) // a manager that is gone is no reason to end
	}
}

// Ready says that we do what we are for, after the start or after Reloading.
func (s *Service) Ready() { s.say("READY=1") }

// Stopping says that we end.
func (s *Service) Stopping() { s.say("STOPPING=1") }

// Reloading says that we read our configuration again.
func (s *Service) Reloading() {
	var now unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &now)
	s.say("RELOADING=1\nMONOTONIC_USEC=%d", now.Nano()/1000)
}

// Status is one line about how we do, told when it is another than before.
func (s *Service) Status(line string) {
	if s != nil && line != s.last {
		s.last = line
		s.say("STATUS=%s", line)
	}
}

// Keep has the service manager hold an open file beyond our end, and pass it under that name to
// whoever it starts in our place (FDSTORE=1). The file stays ours, too. One whose other side
// is gone it lets go by itself.
func (s *Service) Keep(name string, fd int) {
	if s == nil {
		return
	}
	raw, err := s.conn.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Write(func(socket uintptr) bool { // WriteMsgUnix takes no connected socket
		err = unix.Sendmsg(int(socket), []byte("FDSTORE=1\nFDNAME="+name), unix.UnixRights(fd), nil, unix.MSG_NOSIGNAL)
		return err != unix.EAGAIN
	})
}

// LetGo ends what Keep has begun, of all files of that name.
func (s *Service) LetGo(name string) { s.say("FDSTOREREMOVE=1\nFDNAME=%s", name) }
