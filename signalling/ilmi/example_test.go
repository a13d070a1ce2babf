package ilmi_test

import (
	"fmt"
	"time"

	"github.com/cellhub/cellhub/signalling/address"
	"github.com/cellhub/cellhub/signalling/ilmi"
)

// A host and a switch, without a link between them but this loop.
func Example() {
	user, err := ilmi.New(ilmi.DefaultConfig(ilmi.UserSide))
	if err != nil {
		panic(err)
	}
	network, err := ilmi.New(ilmi.DefaultConfig(ilmi.NetworkSide))
	if err != nil {
		panic(err)
	}
	server, err := address.Parse("47.0005.80FFE1000000F20F2200.0020EA000001.00")
	if err != nil {
		panic(err)
	}
	if err := network.SetPrefixes(0, []ilmi.Prefix{ilmi.NetPrefix(server.AESA.Prefix())}); err != nil {
		panic(err)
	}
	if err := user.SetIdentifiers(0, []ilmi.Identifier{{ESI: address.ESI{0, 0x20, 0xEA, 0, 0x0E, 0xE0}}}); err != nil {
		panic(err)
	}

	now := 10 * time.Second // by a clock of the caller's
	user.Start(now)
	network.Start(now)
	for sent := true; sent; {
		sent = false
		for _, end := range []struct {
			name     string
			from, to *ilmi.Machine
		}{{"user", user, network}, {"network", network, user}} {
			for _, a := range end.from.Actions() {
				switch a.Kind {
				case ilmi.Send:
					sent = true
					_ = end.to.Receive(now, a.PDU)
				case ilmi.Up:
					fmt.Println(end.name, a.Kind, a.Peer.Side, a.Peer.UNI)
				case ilmi.Added, ilmi.Registered:
					fmt.Println(end.name, a.Kind, a.Prefix.String()+a.Address.String())
				}
			}
		}
	}
	at, _ := user.Timeout()
	fmt.Println("next poll in", at-now)
	// Output:
	// user Up network 4.0
	// network Up user 4.0
	// user Added 47.0005.80FFE1000000F20F2200
	// network Registered 47.0005.80FFE1000000F20F2200
	// network Added 47.0005.80FFE1000000F20F2200.0020EA000EE0.00
	// user Registered 47.0005.80FFE1000000F20F2200.0020EA000EE0.00
	// next poll in 5s
}

// One PDU of ILMI, in octets.
func ExampleEncode() {
	name, err := ilmi.ParseOID("1.3.6.1.2.1.1.3.0")
	if err != nil {
		panic(err)
	}
	octets, err := ilmi.Encode(ilmi.PDU{Type: ilmi.GetRequest, RequestID: 1, Bindings: []ilmi.Binding{{Name: name, Value: ilmi.Value{Kind: ilmi.Null}}}})
	fmt.Printf("%X %v\n", octets, err)
	// Output: 30240201000404494C4D49A019020101020100020100300E300C06082B060102010103000500 <nil>
}
