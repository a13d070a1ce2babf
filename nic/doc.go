// Package nic moves frames in and out of the kernel, in batches.
//
// A frame is a slice of octets: an Ethernet frame, an IP packet or the payload of a datagram, as the device
// has it. The package knows nothing of what a frame carries.
//
//	for {
//		n, err := dev.Receive(bufs)         // a burst, without blocking
//		for _, frame := range bufs[:n] {
//			…
//		}
//		dev.Release()                       // lent memory goes back to the ring
//		taken, err := dev.Transmit(frames)  // a burst; the rest waits for FD to be writable
//	}
//
// Devices of the kernel: OpenTAP (TAP and TUN), OpenPacket (AF_PACKET), OpenXDP (AF_XDP), OpenUDP. Without a kernel: NewWire. Of files:
// NewRecorder and NewPlayer. Devices
// that wrap a device: NewFaults (loss, duplication, reordering, bit flips) and NewTracer (a pcap of both directions).
//
// Every loss that a device can see is counted by its cause in Counters; a frame is never an error. Errors are about
// the device: ErrDown passes, ErrGone does not.
//
// A device opens in the network namespace of the calling thread, and stays there wherever its user goes.
package nic
