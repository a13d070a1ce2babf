// Package control is the control message of cellhub: what applications, cellctl, the
// signalling daemon and the hub say to each other, over one AF_UNIX SEQPACKET socket
// and, by the same numbers, inside the hub.
//
//	0                    64                  128               128+Len
//	┌────────────────────┬───────────────────┬─────────────────┐
//	│ Header             │ body, by class    │ trailer, if any │   one datagram
//	└────────────────────┴───────────────────┴─────────────────┘
//
// A [Message] is a value of fixed size. [Message.Encode] and [Message.Decode] turn it
// into 128 octets and back without allocation; what is decoded has been checked, down
// to its reserved octets. A trailer is TLVs ([TLVReader], [AppendTLV]) or, for SIG, MMI
// and PRIM, bare octets. A [Conn] carries [Packet]s: a message, its trailer, and
// descriptors, one datagram each:
//
//	c, err := control.Dial(control.DefaultPath)
//	p := control.Packet{}
//	p.Type = control.HubHello
//	p.SetHub(&control.Hub{A: uint32(control.RoleObserver), B: control.DefinitionHash})
//	err = c.Call(&p) // p is the reply now
//
// PROTOCOL.md is the reference, for clients in any language; cellhub.h is for those in
// C. Both, and the codec, are generated from one declaration in internal/generate.
package control

//go:generate go run ./internal/generate .
