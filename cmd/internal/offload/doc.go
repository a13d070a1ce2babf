// Package offload has the kernel carry a tunnel (loader/tunnel): it makes the pair of veths in place of the TAP, works out
// what stands before a frame from a port's specification, and follows the way to the peer.
//
//	NAME ═ veth ═ NAME-net   what the host sees, and the end that the programs are on
//	NAME-hub                 the TAP of the same tunnel in user space, which carries what the programs can't
//
// atmtap and cellhubd use it alike: the stream of modules is the same as without it, on NAME-hub.
package offload
