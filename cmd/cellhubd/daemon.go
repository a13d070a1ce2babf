package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"time"

	"github.com/cellhub/cellhub/cmd/internal/daemon"
	"github.com/cellhub/cellhub/cmd/internal/follow"
	"github.com/cellhub/cellhub/cmd/internal/port"
	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/block"
	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/dataplane/modules"
	"github.com/cellhub/cellhub/dataplane/pace"
	"github.com/cellhub/cellhub/dataplane/region"
	"github.com/cellhub/cellhub/dataplane/server"
)

// socketMode lets in the socket's user and group.
const socketMode = 0o660

// hubd is the running daemon.
type hubd struct {
	c        config
	log      *slog.Logger
	service  *daemon.Service
	arena    *block.Arena
	fabric   *dataplane.Fabric
	server   *server.Server
	passed   *port.Descriptors
	hosts    *port.Hosts
	opener   *port.Opener
	socket   *os.File // the control socket, where it was passed
	listener *control.Listener
	relayer
}

// start makes everything that the command line asks for, or nothing.
func start(c config, log *slog.Logger) (_ *hubd, err error) {
	d := &hubd{c: c, log: log, service: daemon.NewService()}
	defer func() {
		if err != nil {
			_ = d.close()
		}
	}()
	if err := d.takePassed(); err != nil {
		return nil, err
	}
	if err := d.listen(); err != nil { // before all that a daemon of the same name has, too
		return nil, fmt.Errorf("--control %s: %w", d.c.control, err)
	}
	if err := d.makeFabric(); err != nil {
		return nil, err
	}
	if err := d.openRelay(); err != nil {
		return nil, err
	}
	d.opener = &port.Opener{Passed: d.passed}
	d.setQoS()
	if d.server, err = server.New(d.serverConfig()); err != nil {
		return nil, err
	}
	return d, nil
}

// controlName is the name under which the control socket may be passed.
const controlName = "control"

// takePassed takes the open files that came with the start.
func (d *hubd) takePassed() error {
	files, err := daemon.TakePassed()
	if err != nil {
		return err
	}
	for i, f := range files {
		if f.Name == controlName {
			d.socket = os.NewFile(uintptr(f.FD), f.Name)
			files = slices.Delete(files, i, i+1)
			break
		}
	}
	if d.passed, err = port.NewDescriptors(files); err != nil {
		return err
	}
	var store port.Store
	if d.service.Present() {
		store = d.service
	}
	d.hosts = port.NewHosts(d.passed, store, func(e follow.Event) {
		d.log.Info("device", "device", e.Dev, "is", e.Kind, "text", e.Text)
	})
	return nil
}

// listen takes the control socket that was passed, whose owner and mode are whose it is to
// choose, or makes it.
func (d *hubd) listen() (err error) {
	if d.socket != nil {
		if d.listener, err = control.ListenOn(d.socket); err == nil {
			d.c.control = d.listener.Path()
		}
		return err
	}
	if d.c.control == control.DefaultPath { // /run is empty after a start of the machine
		if err := os.MkdirAll(filepath.Dir(d.c.control), 0o755); err != nil {
			return err
		}
	}
	if d.listener, err = control.Listen(d.c.control, socketMode); err != nil {
		return listenRemedy(err)
	}
	return d.c.socket()
}

// newSockets makes the hub's end of an application's region.
func newSockets(r *region.Region, broken func(number uint32)) (server.Sockets, error) {
	return modules.NewSockets(modules.SocketsConfig{Region: r, Broken: broken, Now: func() int64 { return time.Now().UnixNano() }})
}

func (d *hubd) makeFabric() (err error) {
	if d.arena, err = block.NewArena(d.c.blocks()); err != nil {
		return err
	}
	var hubs []*dataplane.Hub
	for i := range d.c.hubs {
		pace := pace.Config{Spin: d.c.spin && i < runtime.GOMAXPROCS(0)-1} // somebody has to answer yet
		h, err := dataplane.NewHub(dataplane.Config{Pool: d.arena.Pool(i), Pace: pace})
		if err != nil {
			return err
		}
		hubs = append(hubs, h)
	}
	var registry dataplane.Registry
	if err := errors.Join(modules.Register(&registry), port.Register(&registry, d.hosts)); err != nil {
		return err
	}
	d.fabric, err = dataplane.NewFabric(&registry, hubs...)
	return err
}

// run serves until ctx ends.
func (d *hubd) run(ctx context.Context) error {
	keeping, keep := context.WithCancel(context.Background())
	kept := make(chan struct{})
	go func() {
		defer close(kept)
		d.hosts.Run(keeping)
	}()
	turning := make(chan struct{})
	go func() {
		defer close(turning)
		d.fabric.Run()
	}()
	serving := make(chan error, 1)
	go func() { serving <- d.server.Serve(d.listener) }()
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	var err error
	if d.c.file.want != nil {
		err = d.apply()
	}
	if d.relay != nil {
		d.relay.Applied()
		d.relay.Follow(d.server.ReviewRelays)
	}
	if err == nil {
		d.hosts.Settle()
		err = d.serve(ctx, hangup, serving)
	}
	d.log.Info("ending")
	d.service.Stopping()
	d.hosts.Ending()
	_ = d.listener.Shut()
	d.server.Close()
	d.tellRelayed()
	err = errors.Join(err, d.relayer.close())
	keep()
	<-kept
	d.fabric.Stop()
	<-turning
	d.relayer = relayer{}
	return errors.Join(err, d.close())
}

// serve is what the daemon does between its start and its end.
func (d *hubd) serve(ctx context.Context, hangup <-chan os.Signal, serving <-chan error) error {
	privileges, err := d.confinement().Confine()
	if err != nil {
		return fmt.Errorf("giving up privileges: %w", err)
	}
	d.log.Info("confined", "to", privileges)
	d.log.Info("ready", "control", d.c.control, "hubs", d.c.hubs, "epoch", d.server.Epoch(), "version", daemon.Version())
	d.service.Ready()
	d.service.Status("serving " + d.c.control)
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-serving:
			return err
		case <-hangup:
			d.reload()
		}
	}
}

// close gives back what start has made, also halfway.
func (d *hubd) close() (err error) {
	err = d.relayer.close()
	if d.listener != nil { // after all that the next daemon of its name takes over
		err = errors.Join(err, d.listener.Close())
	}
	if d.fabric != nil {
		err = errors.Join(err, d.fabric.Close())
	}
	if d.arena != nil {
		err = errors.Join(err, d.arena.Close())
	}
	return err
}
