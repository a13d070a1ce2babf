// Package ie encodes, decodes and prints the information elements of ATM
// signalling: ITU-T Q.2931, Q.2971, Q.2951, Q.2957 and Q.2961, and the ATM
// Forum's UNI 3.0, UNI 3.1 and UNI Signalling 4.0 (af-sig-0061).
//
// An element on the wire (Q.2931, 4.5.1):
//
//	octet 1   identifier
//	octet 2   1 | coding standard | flag | 0 | action     the instruction field
//	octet 3-4 length of what follows
//	octet 5.. contents
//
// Each element is a Go struct and one entry of the table in table.go. The
// entry declares the fields: where their bits are, what their values are
// called, which values are allowed. Encoding, decoding, checking and printing
// all follow from that declaration; there is no other place to change.
//
//	elements := ie.Decode(contents)             // one Element for each, errors inside
//	called := ie.Find[ie.CalledNumber](elements) // nil when it is not there
//	octets, err := ie.Append(nil, ie.New(&ie.CallState{State: 10}))
//
// An element that was received keeps its octets in Content. Whoever passes it
// on unchanged sets Value to nil, and Append writes Content.
//
// The package does no I/O, keeps no state and is safe for use by several
// goroutines on different elements.
package ie
