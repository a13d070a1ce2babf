package control_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/cellhub/cellhub/dataplane/control"
)

// A client asks a hub about a VC, which the hub does not have.
func Example() {
	dir, err := os.MkdirTemp("", "control")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "control")
	l, err := control.Listen(path, 0o660)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer l.Close()
	go func() { // the hub
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		var p control.Packet
		for c.Recv(&p) == nil {
			request := p.Header
			p.Status = control.Status(syscall.ENXIO)
			if c.Reply(&request, &p) != nil {
				return
			}
		}
	}()

	c, err := control.Dial(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	var p control.Packet
	p.Type = control.ATMQuery
	p.SetATM(&control.ATM{Port: 1, VCI: 100})
	err = c.Call(&p)
	fmt.Println(err, errors.Is(err, syscall.ENXIO))
	fmt.Println(&p.Message)
	// Output:
	// ATM QUERY: no such device or address true
	// ATM QUERY flags REPLY status -6 seq 1 ack 1 port 1 vci 100
}
