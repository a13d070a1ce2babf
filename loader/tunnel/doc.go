// Package tunnel puts the tunnel of package bpf into the kernel: AAL5 SDUs between a pair of veths and an interface of
// the network, with no user space in the path.
//
//	host ── atm0 ═ veth ═ atm0-net ──out──▶ interface ── network        out, in: programs of tc
//	                          ▲ ◀────in──────── │
//	                        back                │ what in leaves
//	                          │                 ▼
//	                      atm0-hub (TAP) ◀▶ the hub, and its sockets
//
// What the programs can't carry they leave to a hub, which carries the same VC beside them. Links and maps are pinned, so
// that the tunnel goes on without the process that made it, and the next one adopts it: its programs take the place of
// those before between two frames, and the counters go on.
//
//	t, err := tunnel.Open(config, pins)      // attached; config says between which interfaces, and with what before a frame
//	err = t.SetHub(tap)                      // where what it can't carry goes
//	…
//	err = t.Change(config)                   // another way to the peer, another MTU
//	err = t.Close()                          // detached, unpinned
package tunnel
