// Package lab makes two hosts out of two network namespaces joined by a veth
// pair, and measures what passes between them. The demonstration, the tests of
// atmtap and the benchmarks run in it.
//
//	 host A                                host B
//	+-----------------------+             +-----------------------+
//	| (what the test makes) |             | (what the test makes) |
//	|          |            |             |          |            |
//	|         eth0 ---------+--- veth ----+-------- eth0          |
//	|  192.0.2.1/24         |             |  192.0.2.2/24         |
//	|  2001:db8::1/64       |             |  2001:db8::2/64       |
//	+-----------------------+             +-----------------------+
//
// The namespaces have no name: they live as long as their threads, sockets and
// processes do. Nothing is ever made in the caller's own namespace, any number of
// labs run at once under the same device names, and the kernel removes every
// trace when the process ends, by whatever death. No other program is run for
// set-up or measurement, so a fresh machine needs no iproute2, ping or iperf.
//
//	l, err := lab.New(lab.Config{MTU: 1600})
//	if err != nil { … }
//	defer l.Close()
//	cmd := l.A.Command(ctx, "./bin/atmtap", "--tap", "atm0", …)
//	err = cmd.Start()
//	err = l.A.WaitLink(ctx, "atm0")
//	err = l.A.AddAddr("atm0", netip.MustParsePrefix("198.51.100.1/24"))
//	res, err := lab.Ping(ctx, l.A, netip.MustParseAddr("198.51.100.2"), lab.PingConfig{Count: 5})
//
// A lab needs root (CAP_SYS_ADMIN, CAP_NET_ADMIN, CAP_NET_RAW).
package lab
