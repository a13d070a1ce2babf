package main

import (
	"errors"
	"fmt"

	"github.com/cellhub/cellhub/cmd/internal/port"
	"github.com/cellhub/cellhub/dataplane/server"
	"github.com/cellhub/cellhub/loader/classifier"
)

// relayer is what the daemon has of the classifier.
type relayer struct {
	relay *port.Relay
	pins  *classifier.Pins // nil: none
	keep  bool             // what is pinned goes on at the end
}

// openRelay loads the classifier, where it may and is wanted to: else cross-connects are the hub's alone.
func (d *hubd) openRelay() error {
	if d.c.relay == server.RelayOff {
		return nil
	}
	err := d.loadRelay()
	switch {
	case err == nil:
		return nil
	case d.c.relay == server.RelayOn:
		return fmt.Errorf("--relay on: %w", err)
	}
	d.log.Info("the hub relays alone", "why", err)
	return nil
}

func (d *hubd) loadRelay() (err error) {
	r := relayer{keep: d.c.settings().Relay.Keep}
	if d.c.bpffs != "" {
		if r.pins, err = classifier.OpenPins(d.c.bpffs, d.c.control); err != nil {
			d.log.Info("relays end with the daemon", "why", err)
		}
	}
	c, err := classifier.New(classifier.Config{Connections: d.c.settings().Relay.Connections, Pins: r.pins})
	if err != nil {
		return errors.Join(err, r.pins.Close())
	}
	if c.Adopted() {
		d.log.Info("relay: what an earlier daemon left goes on", "pins", r.pins, "interfaces", c.Interfaces())
	}
	r.relay = port.NewRelay(c, d.log)
	d.log.Info("relay", "classifier", r.relay.Report(), "pins", r.pins)
	d.relayer = r
	return nil
}

// tellRelayed logs what the classifier has done with frames, and why the hub got what it got.
func (d *hubd) tellRelayed() {
	if d.relay != nil {
		d.log.Info("relay", "frames", d.relay.Counted())
	}
}

// close ends the relay; what is pinned goes with it, unless it is to be kept.
func (r relayer) close() error {
	if r.relay == nil {
		return nil
	}
	return errors.Join(r.relay.Close(r.keep), r.pins.Close())
}
