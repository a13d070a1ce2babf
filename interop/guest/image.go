package guest

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
)

// Programs of the host's that the guest gets, with the libraries that they need.
var programs = []string{"busybox", "atmtcp", "atmsigd", "atmarpd", "atmarp", "ilmid", "esi", "atmaddr", "br2684ctl", "awrite", "aread"}

// Kernel modules that it gets, with those that they depend on.
var wanted = []string{"virtio_pci", "virtio_net", "af_packet", "veth", "atm", "atmtcp", "clip", "br2684", "llc2"}

//go:embed files/init.sh
var initScript []byte

// sources are programs of the guest's own, which are compiled for it.
//
//go:embed files/*.c
var sources embed.FS

// Image is a kernel and an initial file system.
type Image struct {
	kernel, initrd string
}

// ErrTools is a machine that lacks something that Prepare needs: it says what.
var ErrTools = errors.New("no guest can be made here")

// Prepare makes the image, or finds the one that it has made before. It needs some seconds
// and the package archive the first time; other processes wait meanwhile.
func Prepare(ctx context.Context) (*Image, error) {
	for _, name := range append([]string{"qemu-system-x86_64", "apt-get", "dpkg-deb", "gcc"}, programs...) {
		if _, err := find(name); err != nil {
			return nil, fmt.Errorf("%w: %s is missing", ErrTools, name)
		}
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	cache = filepath.Join(cache, "cellhub-guest")
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return nil, err
	}
	lock, err := os.Create(filepath.Join(cache, "lock"))
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return nil, err
	}
	own, err := ownSources()
	if err != nil {
		return nil, err
	}
	key := sha256.Sum256(fmt.Append(initScript, own, programs, wanted, format))
	dir := filepath.Join(cache, fmt.Sprintf("%x", key[:8]))
	image := &Image{kernel: filepath.Join(dir, "kernel"), initrd: filepath.Join(dir, "initrd")}
	if _, err := os.Stat(image.initrd); err == nil {
		return image, nil
	}
	return image, image.make(ctx, cache, dir)
}

// format changes when images are made in another way.
const format = 2

// find is where a program is; daemons are not on everybody's path.
func find(name string) (string, error) {
	for _, dir := range []string{"/usr/sbin", "/usr/bin", "/sbin", "/bin"} {
		if p := filepath.Join(dir, name); executable(p) {
			return p, nil
		}
	}
	return exec.LookPath(name)
}

func executable(p string) bool {
	s, err := os.Stat(p)
	return err == nil && s.Mode().IsRegular() && s.Mode()&0o111 != 0
}

func (i *Image) make(ctx context.Context, cache, dir string) error {
	work, err := os.MkdirTemp(cache, "work")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	kernel, err := unpackKernel(ctx, work)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	vmlinuz, err := os.ReadFile(filepath.Join(work, "boot", "vmlinuz-"+kernel))
	if err != nil {
		return err
	}
	if err := os.WriteFile(i.kernel, vmlinuz, 0o644); err != nil {
		return err
	}
	root, err := fileSystem(ctx, work, kernel)
	if err != nil {
		return err
	}
	temporary := i.initrd + ".new"
	if err := os.WriteFile(temporary, root, 0o644); err != nil {
		return err
	}
	return os.Rename(temporary, i.initrd)
}

// unpackKernel fetches the kernel's package, and gives its version.
func unpackKernel(ctx context.Context, work string) (version string, err error) {
	m := packageOfKernel(ctx, work)
	if m == nil && os.Geteuid() == 0 { // a fresh machine has no lists of packages
		if _, err := command(ctx, work, "apt-get", "-q", "-o", "Acquire::Retries=3", "update"); err != nil {
			return "", err
		}
		m = packageOfKernel(ctx, work)
	}
	if m == nil {
		return "", fmt.Errorf("%w: apt knows no kernel (apt-get update)", ErrTools)
	}
	if _, err := command(ctx, work, "apt-get", "-q", "-o", "Acquire::Retries=3", "-o", "APT::Sandbox::User=root", "download", "linux-image-"+m[1]); err != nil {
		return "", err
	}
	debs, err := filepath.Glob(filepath.Join(work, "*.deb"))
	if err != nil || len(debs) != 1 {
		return "", fmt.Errorf("%d packages of the kernel: %w", len(debs), errors.Join(err, ErrTools))
	}
	_, err = command(ctx, work, "dpkg-deb", "-x", debs[0], ".")
	return m[1], err
}

// packageOfKernel finds the version in the name of the kernel's package; nil: apt knows none.
func packageOfKernel(ctx context.Context, work string) []string {
	out, _ := command(ctx, work, "apt-cache", "depends", "linux-image-amd64")
	return regexp.MustCompile(`Depends: linux-image-(\S+)`).FindStringSubmatch(out)
}

func command(ctx context.Context, dir, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, bytes.TrimSpace(out))
	}
	return string(out), nil
}

// fileSystem is the guest's root.
func fileSystem(ctx context.Context, work, kernel string) ([]byte, error) {
	var a archive
	for _, d := range []string{"proc", "sys", "dev", "tmp", "run", "var/run", "var/log", "root"} {
		a.dir(d)
	}
	for _, d := range []string{"bin", "sbin", "lib", "lib64"} {
		a.dir("usr/" + d)
		a.link(d, "usr/"+d)
	}
	a.file("init", 0o755, initScript)
	a.file("etc/hosts", 0o644, []byte("127.0.0.1 localhost\n"))
	a.file("etc/hosts.atm", 0o644, nil)
	a.file("etc/passwd", 0o644, []byte("root::0:0:root:/root:/bin/sh\n"))
	err := errors.Join(addPrograms(ctx, &a), addOwn(ctx, &a, work), addModules(ctx, &a, work, kernel))
	if err != nil {
		return nil, err
	}
	a.end()
	var z bytes.Buffer
	w, err := gzip.NewWriterLevel(&z, gzip.BestSpeed)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(a.Bytes()); err != nil {
		return nil, err
	}
	err = w.Close()
	return z.Bytes(), err
}

// addPrograms adds the host's programs, and the libraries that the loader finds for them.
func addPrograms(ctx context.Context, a *archive) error {
	have := map[string]bool{}
	for _, name := range programs {
		p, err := find(name)
		if err != nil {
			return err
		}
		to := "usr/sbin/" + name
		if name == "busybox" {
			to = "usr/bin/busybox"
		}
		if err := a.copy(p, to); err != nil {
			return err
		}
		out, _ := command(ctx, "/", "ldd", p) // a static one has none
		for _, lib := range regexp.MustCompile(`(/\S+)`).FindAllString(out, -1) {
			if have[lib] {
				continue
			}
			have[lib] = true
			to := "usr/lib/x86_64-linux-gnu/" + filepath.Base(lib)
			if strings.HasPrefix(lib, "/lib64/") {
				to = "usr/lib64/" + filepath.Base(lib)
			}
			if err := a.copy(lib, to); err != nil {
				return err
			}
		}
	}
	return nil
}

// ownSources gives the texts of the guest's own programs by their names.
func ownSources() (map[string]string, error) {
	files, err := sources.ReadDir("files")
	if err != nil {
		return nil, err
	}
	texts := map[string]string{}
	for _, f := range files {
		text, err := sources.ReadFile("files/" + f.Name())
		if err != nil {
			return nil, err
		}
		texts[strings.TrimSuffix(f.Name(), ".c")] = string(text)
	}
	return texts, nil
}

// addOwn compiles and adds the guest's own programs.
func addOwn(ctx context.Context, a *archive, work string) error {
	texts, err := ownSources()
	if err != nil {
		return err
	}
	for name, text := range texts {
		source, made := filepath.Join(work, name+".c"), filepath.Join(work, name)
		if err := os.WriteFile(source, []byte(text), 0o644); err != nil {
			return err
		}
		if _, err := command(ctx, work, "gcc", "-O1", "-w", "-static", "-o", made, source, "-latm"); err != nil {
			return err
		}
		if err := a.copy(made, "usr/bin/"+name); err != nil {
			return err
		}
	}
	return nil
}

// addModules adds the wanted modules and what they depend on.
func addModules(ctx context.Context, a *archive, work, kernel string) error {
	paths := map[string]string{}
	all := filepath.Join(work, "lib", "modules", kernel)
	err := filepath.WalkDir(all, func(p string, _ fs.DirEntry, err error) error {
		if name, is := strings.CutSuffix(filepath.Base(p), ".ko"); is {
			paths[strings.ReplaceAll(name, "-", "_")] = p
		}
		return err
	})
	if err != nil {
		return err
	}
	base := filepath.Join(work, "root")
	into := filepath.Join(base, "lib", "modules", kernel)
	if err := os.MkdirAll(into, 0o755); err != nil {
		return err
	}
	done := map[string]bool{}
	depends := regexp.MustCompile(`\x00depends=([^\x00]*)\x00`)
	for left := wanted; len(left) > 0; {
		name := strings.ReplaceAll(left[len(left)-1], "-", "_")
		left = left[:len(left)-1]
		p, is := paths[name]
		if done[name] || !is { // built in
			continue
		}
		done[name] = true
		module, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		if m := depends.FindSubmatch(module); m != nil && len(m[1]) > 0 {
			left = append(left, strings.Split(string(m[1]), ",")...)
		}
		if module, err = patch(module); err != nil {
			return fmt.Errorf("%s of Linux %s: %w", name, kernel, err)
		}
		if err := os.WriteFile(filepath.Join(into, name+".ko"), module, 0o644); err != nil {
			return err
		}
	}
	builtin, err := os.ReadFile(filepath.Join(all, "modules.builtin"))
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(into, "modules.builtin"), builtin, 0o644); err != nil {
		return err
	}
	if _, err := command(ctx, work, "busybox", "depmod", "-b", base, kernel); err != nil {
		return err
	}
	return a.tree(into, "usr/lib/modules/"+kernel)
}
