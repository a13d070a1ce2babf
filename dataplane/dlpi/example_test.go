package dlpi_test

import (
	"fmt"

	"github.com/cellhub/cellhub/dataplane/dlpi"
)

// A user attaches to line 7, binds to DSAP FE and sends. Each request goes to the stream as the
// trailer of a PRIM message, and each answer comes as one.
func Example() {
	link := dlpi.New()
	say := func(number uint32, words ...uint32) dlpi.Step {
		var p dlpi.Prim
		p.Words[0] = number
		copy(p.Words[1:], words)
		return link.Request(dlpi.DLPI.Append(nil, &p))
	}
	show := func(s dlpi.Step) { fmt.Println(dlpi.DLPI.Name(s.Answer.Words[0]), link.State()) }

	show(say(dlpi.BindReq, 0xFE, 0, dlpi.CLDLS<<16)) // too early
	fmt.Println("line", say(dlpi.AttachReq, 7).PPA)
	show(link.Attached(&dlpi.Device{Address: [6]byte{2, 0, 0, 0, 0, 1}, MaxFrame: 1514}))
	show(say(dlpi.BindReq, 0xFE, 0, dlpi.CLDLS<<16))

	p := dlpi.Prim{Data: []byte("hello")}
	p.Words[0] = dlpi.UnitdataReq
	p.Addr[0] = []byte{2, 0, 0, 0, 0, 2, 0xE0}
	s := link.Request(dlpi.DLPI.Append(nil, &p))
	fmt.Printf("%x %s\n", s.Header, s.Payload)
	// Output:
	// DL_ERROR_ACK 4
	// line 7
	// DL_OK_ACK 0
	// DL_BIND_ACK 3
	// 0200000000020200000000010008e0fe03 hello
}
