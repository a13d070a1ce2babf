package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/cellhub/cellhub/nic/link"
	"github.com/songgao/water"
	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"
)

// plainLoopCommand is the sub-command that cellbench starts in each host for the
// baseline; it is not for users.
const plainLoopCommand = "plain-loop"

// plainLoopFrame is room for one frame of a TAP, in octets.
const plainLoopFrame = 64 << 10

func plainLoopCmd() *cobra.Command {
	var tap, local, remote string
	c := &cobra.Command{Use: plainLoopCommand, Hidden: true, Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
		return runPlainLoop(c.Context(), tap, local, remote)
	}}
	c.Flags().StringVar(&tap, "tap", "", "name of the TAP")
	c.Flags().StringVar(&local, "local", "", "own ADDRESS:PORT")
	c.Flags().StringVar(&remote, "remote", "", "ADDRESS:PORT of the other end")
	return c
}

// runPlainLoop is the tunnel that everybody writes first: a TAP and a UDP socket,
// a goroutine each way, one frame a read and one a write.
func runPlainLoop(ctx context.Context, tap, local, remote string) error {
	laddr, err := net.ResolveUDPAddr("udp", local)
	if err != nil {
		return err
	}
	raddr, err := net.ResolveUDPAddr("udp", remote)
	if err != nil {
		return err
	}
	conn, err := net.DialUDP("udp", laddr, raddr)
	if err != nil {
		return err
	}
	defer conn.Close()
	config := water.Config{DeviceType: water.TAP}
	config.Name = tap
	dev, err := water.New(config)
	if err != nil {
		return fmt.Errorf("TAP %s: %w", tap, err)
	}
	defer dev.Close()
	if err := link.Up(tap); err != nil {
		return err
	}

	failed := make(chan error, 2)
	go func() { failed <- copyFrames(conn, dev) }()
	go func() { failed <- copyFrames(dev, conn) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		return nil
	}
}

// copyFrames writes each frame that it reads. It goes on where the host of the
// other end refused an earlier datagram, because nobody listened there yet: the
// socket tells so in the call after.
func copyFrames(to io.Writer, from io.Reader) error {
	buf := make([]byte, plainLoopFrame)
	for {
		n, err := from.Read(buf)
		if err == nil {
			_, err = to.Write(buf[:n])
		}
		if err != nil && !errors.Is(err, unix.ECONNREFUSED) {
			return err
		}
	}
}
