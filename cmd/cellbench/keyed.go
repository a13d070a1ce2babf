package main

import (
	"bufio"
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"debug/buildinfo"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// The peers that have keys, and encrypt always: wireguard-go and nebula. They are
// built from their released modules by the module in peers/, so that ours does not
// depend on them.

// key is an end's identity for wireguard-go.
type key struct{ *ecdh.PrivateKey }

func newKey() (key, error) {
	k, err := ecdh.X25519().GenerateKey(rand.Reader)
	return key{k}, err
}

const wireguardPort = 51820

func wireguardLine(e end) ([]string, error) { return []string{e.program, "-f", e.dev}, nil }

// wireguardKeys tells a running wireguard-go its key and its peer, as wg(8) does:
// by lines to its socket (wireguard.com/xplatform).
func wireguardKeys(ctx context.Context, e end) error {
	conn, err := dialUnix(ctx, "/var/run/wireguard/"+e.dev+".sock")
	if err != nil {
		return err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		conn.SetDeadline(deadline)
	}
	_, err = fmt.Fprintf(conn, "set=1\nprivate_key=%x\nlisten_port=%d\npublic_key=%x\nendpoint=%v:%d\nallowed_ip=0.0.0.0/0\n\n",
		e.identity[0].Bytes(), wireguardPort, e.identity[1].PublicKey().Bytes(), e.to, wireguardPort)
	if err != nil {
		return err
	}
	answer, err := bufio.NewReader(conn).ReadString('\n')
	if err == nil && strings.TrimSpace(answer) != "errno=0" {
		err = fmt.Errorf("wireguard-go refused its configuration: %s", strings.TrimSpace(answer))
	}
	return err
}

// dialUnix connects to a socket that may not be there yet.
func dialUnix(ctx context.Context, path string) (net.Conn, error) {
	for {
		conn, err := (&net.Dialer{}).DialContext(ctx, "unix", path)
		if err == nil {
			return conn, nil
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(pollTime):
		}
	}
}

// nebulaConfig is what an end of nebula reads: one other host at a fixed address,
// everything allowed, the faster of its two ciphers.
const nebulaConfig = `pki:
  ca: %[1]s/ca.crt
  cert: %[1]s/%[2]s.crt
  key: %[1]s/%[2]s.key
static_host_map:
  "%[3]v": ["%[4]v:4242"]
lighthouse:
  am_lighthouse: false
listen:
  host: %[5]s
  port: 4242
cipher: aes
tun:
  dev: %[2]s
  mtu: %[6]d
logging:
  level: error
firewall:
  outbound:
    - {port: any, proto: any, host: any}
  inbound:
    - {port: any, proto: any, host: any}
`

// nebulaLine signs a certificate for the end, by an authority that the first end
// makes, and writes its configuration.
func nebulaLine(e end) ([]string, error) {
	cert := filepath.Join(filepath.Dir(e.program), "nebula-cert")
	ca := []string{"-ca-crt", e.dir + "/ca.crt", "-ca-key", e.dir + "/ca.key"}
	if e.first {
		if err := quietly(cert, "ca", "-name", "cellbench", "-out-crt", e.dir+"/ca.crt", "-out-key", e.dir+"/ca.key"); err != nil {
			return nil, err
		}
	}
	file := filepath.Join(e.dir, e.dev)
	sign := append([]string{"sign", "-name", e.dev, "-networks", e.inner[0].String(), "-out-crt", file + ".crt", "-out-key", file + ".key"}, ca...)
	if err := quietly(cert, sign...); err != nil {
		return nil, err
	}
	config := fmt.Appendf(nil, nebulaConfig, e.dir, e.dev, e.inner[1].Addr(), e.to, e.own(), e.mtu)
	if err := os.WriteFile(file+".yaml", config, 0o600); err != nil {
		return nil, err
	}
	return []string{e.program, "-config", file + ".yaml"}, nil
}

// quietly runs a program, and shows what it wrote when it fails.
func quietly(program string, args ...string) error {
	out, err := exec.Command(program, args...).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%s: %w: %s", filepath.Base(program), err, strings.TrimSpace(string(out)))
	}
	return err
}

const unknownVersion = "unknown version"

// moduleVersion reads, out of a program built with Go, which version of a module
// it was built of.
func moduleVersion(module string) func(program string) string {
	return func(program string) string {
		info, err := buildinfo.ReadFile(program)
		if err != nil {
			return unknownVersion
		}
		for _, m := range append(info.Deps, &info.Main) {
			if m.Path == module {
				return m.Version
			}
		}
		return unknownVersion
	}
}

// debianVersion asks dpkg for the version of a package.
func debianVersion(name string) func(program string) string {
	return func(string) string {
		out, err := exec.Command("dpkg-query", "-W", "-f", "${Version}", name).Output()
		if err != nil {
			return unknownVersion
		}
		return string(out)
	}
}
