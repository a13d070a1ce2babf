package main

import (
	"cmp"
	"os"
	"path/filepath"
	"strings"

	"kernel.org/pub/linux/libs/security/libcap/cap"

	"github.com/cellhub/cellhub/cmd/internal/daemon"
	"github.com/cellhub/cellhub/dataplane/block"
	"github.com/cellhub/cellhub/dataplane/server"
	"github.com/cellhub/cellhub/loader"
)

// Blocks of each hub where the file says nothing: what is never used is never taken from the
// machine.
const (
	smallBlocks  = 1 << 15
	mediumBlocks = 1 << 12
	largeBlocks  = 1 << 10
)

// capabilities is what the daemon needs for devices that come later: interfaces, packet sockets, ports
// below 1024, the group of the socket, and TAPs that were moved to other namespaces.
var capabilities = []cap.Value{cap.NET_ADMIN, cap.NET_RAW, cap.NET_BIND_SERVICE, cap.CHOWN, cap.SYS_ADMIN}

// systemFolders are what the resolver, the user database and clocks are read from, and /proc and
// /sys. Files in /etc are replaced by others of their name, so that it is open as a whole.
var systemFolders = []string{"/etc", "/usr", "/lib", "/lib64", "/proc", "/sys", "/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager", "/run/connman"}

// settings is what the file says, or a file that says nothing.
func (c *config) settings() *loader.Config {
	if c.file.want == nil {
		return new(loader.Config)
	}
	return c.file.want
}

// sizes are the numbers of blocks without their place in the file.
func sizes(b loader.Blocks) [3]int { return [...]int{b.Small, b.Medium, b.Large} }

// blocks are those of the hubs.
func (c *config) blocks() block.Config {
	b := c.settings().Blocks
	return block.Config{
		Hubs: c.hubs, Small: cmp.Or(b.Small, smallBlocks), Medium: cmp.Or(b.Medium, mediumBlocks), Large: cmp.Or(b.Large, largeBlocks),
	}
}

// limits are what a user may have.
func (c *config) limits() server.Limits {
	u, most := c.settings().Sockets.User, server.DefaultLimits
	return server.Limits{
		Regions: cmp.Or(u.Applications, most.Regions), Octets: cmp.Or(u.Octets, most.Octets), Connections: cmp.Or(u.Connections, most.Connections),
	}
}

// serverConfig is what the server is made of.
func (d *hubd) serverConfig() server.Config {
	s := d.c.settings().Sockets
	c := server.Config{
		Fabric: d.fabric, Opener: d.opener, Access: d.c.access(), Log: d.log, Sockets: newSockets,
		RegionOctets: s.Region, Limits: d.c.limits(), Grace: d.c.grace, Connections: s.Connections,
	}
	if d.relay != nil {
		c.Relay = d.relay
	}
	return c
}

// confinement is what the daemon may do yet once it serves. Captures go to the folder of the
// control socket, to that of temporary files, and to those that the file names or uses.
func (d *hubd) confinement() daemon.Confinement {
	c := &d.c
	f := daemon.Folders{Read: systemFolders, Write: []string{os.TempDir()}, Devices: []string{"/dev/net/tun", os.DevNull}}
	if !strings.HasPrefix(c.control, "@") { // a name that is in no folder
		f.Write = append(f.Write, filepath.Dir(c.control))
	}
	f.Write = append(f.Write, c.settings().Captures...)
	for _, s := range c.settings().Streams {
		for _, part := range s.Modules {
			if _, file, ok := strings.Cut(part.Arg, " "); ok && part.Name == "capture" {
				f.Write = append(f.Write, filepath.Dir(file))
			}
		}
	}
	if c.file.name != "" {
		f.Read = append(f.Read, filepath.Dir(c.file.name))
		if name, err := filepath.EvalSymlinks(c.file.name); err == nil {
			f.Read = append(f.Read, filepath.Dir(name))
		}
	}
	if root := d.pins.Root(); root != "" {
		f.Write = append(f.Write, root)
	}
	return daemon.Confinement{Keep: capabilities, Sandbox: c.sandbox, Folders: f, BPF: d.relay != nil}
}
