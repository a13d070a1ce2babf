package address_test

import (
	"fmt"
	"strings"

	"github.com/cellhub/cellhub/signalling/address"
)

func Example() {
	a, err := address.Parse("47000580ffe1000000f20f22000020ea000ee000")
	if err != nil {
		panic(err)
	}
	fmt.Println(a)
	fmt.Println(a.AESA.Format(), a.AESA.Prefix(), a.AESA.ESI(), a.AESA.Selector())
	_, err = address.Parse("47.0005.80FFE1000000F20F2200.0020EA000EE0.0")
	fmt.Println(err)
	// Output:
	// 47.0005.80FFE1000000F20F2200.0020EA000EE0.00
	// ICD 47.0005.80FFE1000000F20F2200 0020EA000EE0 0
	// address: cannot be read: 39 hexadecimal digits: "47.0005.80FFE1000000F20F2200.0020EA000EE0.0"
}

func ExampleTable() {
	var routes address.Table[string]
	for prefix, port := range map[string]string{"*": "uplink", "47.0005/24": "west", "47.0005.80FFE1000000F20F2200": "hall"} {
		p, err := address.ParsePrefix(prefix)
		if err != nil {
			panic(err)
		}
		routes.Set(p, port)
	}
	a, _ := address.Parse("47.0005.80FFE1000000F20F2200.0020EA000EE0.00")
	for prefix, port := range routes.Matches(a) {
		fmt.Println(prefix, port)
	}
	// Output:
	// 47.0005.80FFE1000000F20F2200/104 hall
	// 47.0005/24 west
	// * uplink
}

func ExampleReadHosts() {
	hosts, err := address.ReadHosts(strings.NewReader("+358401975443 beta  # by ISDN\n"))
	if err != nil {
		panic(err)
	}
	a, err := hosts.Parse("beta")
	fmt.Println(a, err, hosts.Text(a))
	// Output: +358401975443 <nil> beta
}
