package port

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/cellhub/cellhub/dataplane/modules"
)

// parseFile reads what follows the kind of a port that is a file:
//
//	pcap:FILE[,mode=cells|aal5sdu]   replay:FILE[,rate=CELLS]
func (t *Trunk) parseFile(rest string) error {
	var given string
	t.File, given, _ = strings.Cut(rest, ",")
	if !filepath.IsAbs(t.File) {
		return fmt.Errorf("file %q: a path from the root, since the daemon's directory is its own", t.File)
	}
	if given == "" {
		return nil
	}
	key, value, _ := strings.Cut(given, "=")
	var err error
	switch {
	case t.Kind == PCAP && key == "mode":
		if t.SDUs = value == "aal5sdu"; !t.SDUs && value != "cells" {
			err = errors.New("cells or aal5sdu")
		}
	case t.Kind == Replay && key == "rate":
		n, bad := strconv.ParseUint(value, 10, 32)
		if t.Rate = uint32(n); bad != nil || n == 0 || value[0] == '+' {
			err = fmt.Errorf("cells a second, 1 to %d; without it they come when they came", uint32(math.MaxUint32))
		}
	case t.Kind == PCAP:
		err = errors.New("pcap takes mode=")
	default:
		err = errors.New("replay takes rate=")
	}
	if err != nil {
		return fmt.Errorf("%s: %w", given, err)
	}
	return nil
}

// openFile opens the file for a trunk.
func (t *Trunk) openFile(c *modules.TrunkConfig) (err error) {
	if t.Kind == PCAP {
		c.Quiet = true
		c.Device, err = modules.OpenRecorder(t.File, c.Format)
		return err
	}
	if c.Player, err = modules.OpenReplay(t.File, t.Rate); err == nil {
		c.Device = c.Player
	}
	return err
}
