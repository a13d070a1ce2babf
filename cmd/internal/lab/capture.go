package lab

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/cellhub/cellhub/nic"
	"github.com/cellhub/cellhub/nic/link"
	"golang.org/x/sys/unix"
)

// Sizes of a capture, in octets.
const (
	captureSnap   = 1 << 18  // the longest frame, a super-frame included
	captureBuffer = 64 << 20 // of the socket
)

// captureQuiet is how long nothing must come before a stopped capture ends, and
// captureLinger how long it goes on at most.
const (
	captureQuiet  = 20 * time.Millisecond
	captureLinger = time.Second
)

// Capture is a running capture of the Ethernet frames of a device.
type Capture struct {
	fd      int
	file    *nic.Pcap
	stopped atomic.Int64 // UnixNano of Stop
	done    chan struct{}
	err     error
}

// CaptureEth writes the frames that a device of the host sends and receives to a
// pcap file, until Stop. A VLAN tag that the kernel keeps beside the frame is not
// seen.
func CaptureEth(host *Host, dev, file string) (*Capture, error) {
	c := &Capture{done: make(chan struct{})}
	err := host.on(func() (err error) {
		c.fd, err = packetSocket(dev)
		return err
	})
	if err != nil {
		return nil, err
	}
	if c.file, err = nic.CreatePcap(file, nic.LinkTypeEthernet, captureSnap); err != nil {
		unix.Close(c.fd)
		return nil, fmt.Errorf("lab: capture: %w", err)
	}
	go c.run()
	return c, nil
}

// packetSocket opens an AF_PACKET socket on a device in the namespace of the
// calling thread. Nothing comes in before it is bound (protocol 0, packet(7)).
func packetSocket(dev string) (int, error) {
	state, err := link.Get(dev)
	if err != nil {
		return -1, err
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	wait := unix.NsecToTimeval(int64(captureQuiet))
	all := binary.NativeEndian.Uint16([]byte{0, unix.ETH_P_ALL})
	err = errors.Join(
		os.NewSyscallError("setsockopt SO_RCVBUFFORCE", unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, captureBuffer)),
		os.NewSyscallError("setsockopt SO_RCVTIMEO", unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &wait)),
		os.NewSyscallError("bind", unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: state.Index})),
	)
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// Stop takes what is still in the socket, completes the file and returns the
// number of frames in it. Frames that the kernel dropped are an error.
func (c *Capture) Stop() (int, error) {
	c.stopped.CompareAndSwap(0, time.Now().UnixNano())
	<-c.done
	return int(c.file.Records()), c.err
}

// run writes frames until a quiet moment after Stop.
func (c *Capture) run() {
	defer close(c.done)
	defer unix.Close(c.fd)
	frame := make([]byte, captureSnap)
	for {
		n, err := unix.Read(c.fd, frame)
		stopped := c.stopped.Load()
		switch {
		case err == nil:
			_ = c.file.Write(time.Now(), frame[:n]) // an error of the file shows at the end, in Close
			if stopped != 0 && time.Since(time.Unix(0, stopped)) > captureLinger {
				c.finish(nil)
				return
			}
		case timedOut(err), errors.Is(err, unix.ENETDOWN):
			if stopped != 0 {
				c.finish(nil)
				return
			}
		default:
			c.finish(os.NewSyscallError("read", err))
			return
		}
	}
}

func (c *Capture) finish(err error) {
	stats, statsErr := unix.GetsockoptTpacketStats(c.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS)
	if statsErr == nil && stats.Drops > 0 {
		statsErr = fmt.Errorf("the kernel dropped %d frames", stats.Drops)
	}
	if c.err = errors.Join(err, statsErr, c.file.Close()); c.err != nil {
		c.err = fmt.Errorf("lab: capture: %w", c.err)
	}
}
