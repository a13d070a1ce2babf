package link

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"
)

// A veth whose other end has neither GRO nor a program takes no redirected frames.
func TestXDPOf(t *testing.T) {
	a, b := namespace(t, ""), namespace(t, "")
	in(t, a, func() error {
		return errors.Join(AddVeth(Veth{Name: "va", Peer: "vb", PeerIn: b}), Up("va"))
	})
	in(t, b, func() error { return Up("vb") })
	in(t, a, func() error {
		s, err := Get("va")
		if err != nil {
			return err
		}
		has, err := XDPOf(s.Index)
		if has&(XDPBasic|XDPRedirect) != XDPBasic|XDPRedirect || has&XDPTransmit != 0 {
			t.Errorf("has %b", has)
		}
		if _, err := XDPOf(1 << 20); err == nil {
			t.Error("an interface that there is not has XDP")
		}
		return err
	})
}

// The next station is found, by asking the kernel to look when it does not know it; directly, and behind a gateway.
func TestNextHop(t *testing.T) {
	a, b := namespace(t, ""), namespace(t, "")
	mac := net.HardwareAddr{2, 0, 0, 0, 0, 7}
	in(t, a, func() error {
		return errors.Join(
			AddVeth(Veth{Name: "va", Peer: "vb", MTU: 1400, PeerIn: b}), Up("va"),
			AddAddr("va", netip.MustParsePrefix("10.9.0.1/24")), AddAddr("va", netip.MustParsePrefix("fd00::1/64")))
	})
	in(t, b, func() error {
		return errors.Join(SetHardwareAddr("vb", mac), Up("vb"),
			AddAddr("vb", netip.MustParsePrefix("10.9.0.2/24")), AddAddr("vb", netip.MustParsePrefix("fd00::2/64")))
	})
	in(t, a, func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := WaitRunning(ctx, "va"); err != nil {
			return err
		}
		for _, addr := range []string{"10.9.0.2", "fd00::2"} {
			var h Hop
			for err := ErrUnresolved; errors.Is(err, ErrUnresolved) && ctx.Err() == nil; time.Sleep(time.Millisecond) {
				h, err = NextHop(unspecified(addr), netip.MustParseAddr(addr))
			}
			if h.To.String() != mac.String() || h.MTU != 1400 || h.Link.Name != "va" || !h.Local.IsValid() || h.Local.IsUnspecified() {
				t.Errorf("%s: %+v", addr, h)
			}
		}
		if h, err := NextHop(unspecified("10.9.0.9"), netip.MustParseAddr("10.9.0.9")); !errors.Is(err, ErrUnresolved) || h.Link.Name != "va" {
			t.Errorf("nobody: %+v, %v", h, err)
		}
		for _, addr := range []string{"10.9.0.1", "10.10.0.1", "224.0.0.5"} {
			if _, err := NextHop(unspecified(addr), netip.MustParseAddr(addr)); !errors.Is(err, ErrNoRoute) {
				t.Errorf("%s: %v", addr, err)
			}
		}
		return nil
	})
}

func unspecified(like string) netip.Addr {
	if netip.MustParseAddr(like).Is4() {
		return netip.IPv4Unspecified()
	}
	return netip.IPv6Unspecified()
}
