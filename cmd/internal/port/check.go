package port

import (
	"fmt"
	"net"
	"path/filepath"
	"strings"

	"github.com/cellhub/cellhub/aal"
)

// CheckHost tells what is wrong with the argument of a tap or a tun, without opening it.
func CheckHost(arg string, tun bool) error {
	_, err := parseHost(arg, tun)
	return err
}

// CheckCapture tells what is wrong with the argument of capture, without making its file.
func CheckCapture(arg string) error {
	vc, file, _ := strings.Cut(arg, " ")
	if _, err := aal.ParseVC(vc); err != nil {
		return err
	}
	if !filepath.IsAbs(file) {
		return fmt.Errorf("file %q: a path from the root, since the daemon's directory is its own", file)
	}
	return nil
}

// Key names what a port takes out of what its carrier receives: of two ports with one key
// each would take the other's cells.
func (s Spec) Key() string {
	if s.Kind == UDP {
		return fmt.Sprintf("udp %v from %v label %d", s.Local, s.Remote.Addr(), s.LabelIn)
	}
	from := "any"
	if s.HasPeer {
		from = net.HardwareAddr(s.Peer[:]).String()
	}
	return fmt.Sprintf("eth %s vlan %d from %s label %d", s.Device, s.VLAN, from, s.LabelIn)
}
