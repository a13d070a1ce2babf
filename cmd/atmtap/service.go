package main

import (
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// service is the service manager that has started us, which is told how we do:
// sd_notify(3), the protocol of Type=notify-reload. A nil service is not there.
type service struct {
	conn *net.UnixConn
	last string // status as last told
}

// newService finds the service manager; nil: there is none. What we start ourselves is
// not to speak for us.
func newService() *service {
	name := os.Getenv("NOTIFY_SOCKET")
	_ = os.Unsetenv("NOTIFY_SOCKET")
	if name == "" {
		return nil
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		return nil
	}
	return &service{conn: conn}
}

func (s *service) present() bool { return s != nil }

func (s *service) say(format string, args ...any) {
	if s != nil {
		_, _ = fmt.Fprintf(s.conn, format, args...) // a manager that is gone is no reason to end
	}
}

func (s *service) ready()    { s.say("READY=1") }
func (s *service) stopping() { s.say("STOPPING=1") }

func (s *service) reloading() {
	var now unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &now)
	s.say("RELOADING=1\nMONOTONIC_USEC=%d", now.Nano()/1000)
}

// status is one line about the traffic.
func (s *service) status(now snapshot) {
	if s == nil {
		return
	}
	drops, _ := now.drops()
	line := fmt.Sprintf("%d PDUs to the network, %d to the host, %d drops", now.get("tap", "rx_frames"), now.get("tap", "tx_frames"), drops)
	if now.silence > 0 {
		line = "the peer is silent; " + line
	}
	if line != s.last {
		s.last = line
		s.say("STATUS=%s", line)
	}
}
