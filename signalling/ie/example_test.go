package ie_test

import (
	"fmt"

	"github.com/cellhub/cellhub/signalling/ie"
)

// Elements are structs; fields that may be absent are made by Some.
func Example() {
	octets, err := ie.Append(nil,
		ie.New(&ie.BearerCapability{Class: ie.BearerX, Transfer: ie.Some(ie.TransferABR)}),
		ie.New(&ie.Cause{Location: ie.LocationUser, Value: ie.CauseBusy}))
	if err != nil {
		fmt.Println(err)
	}
	fmt.Printf("% x\n", octets)
	for _, e := range ie.Decode(octets) {
		fmt.Println(e)
	}
	fmt.Println(ie.Find[ie.Cause](ie.Decode(octets)).Value)

	// Output:
	// 5e 80 00 03 10 8c 80 08 80 00 02 80 91
	// Broadband bearer capability: class BCOB-X (16), transfer ABR (12), clipping not susceptible (0), configuration point-to-point (0)
	// Cause: location user (0), value user busy (17)
	// 17
}
