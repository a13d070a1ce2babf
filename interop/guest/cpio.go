package guest

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
)

// archive is an initial file system: cpio, in the format "newc" (Linux,
// Documentation/driver-api/early-userspace/buffer-format.rst).
type archive struct {
	bytes.Buffer
	inode int
	dirs  []string // that are there
}

const (
	modeFile = 0o100000
	modeDir  = 0o040000
	modeLink = 0o120000
)

func (a *archive) entry(name string, mode int, content []byte) {
	a.inode++
	fmt.Fprintf(a, "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X",
		a.inode, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name)+1, 0)
	a.WriteString(name)
	a.WriteByte(0)
	a.pad()
	a.Write(content)
	a.pad()
}

func (a *archive) pad() {
	for a.Len()%4 != 0 {
		a.WriteByte(0)
	}
}

// dir makes a directory and those that it is in.
func (a *archive) dir(name string) {
	if name == "." || name == "/" || slices.Contains(a.dirs, name) {
		return
	}
	a.dir(path.Dir(name))
	a.dirs = append(a.dirs, name)
	a.entry(name, modeDir|0o755, nil)
}

// file adds a file under a name without a leading slash.
func (a *archive) file(name string, mode fs.FileMode, content []byte) {
	a.dir(path.Dir(name))
	a.entry(name, modeFile|int(mode.Perm()), content)
}

// copy adds a file of the host's under its own name, or another.
func (a *archive) copy(from, name string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	a.file(name, 0o755, content)
	return nil
}

// tree adds a directory of the host's with all that is in it.
func (a *archive) tree(root, name string) error {
	return filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		return a.copy(p, path.Join(name, rel))
	})
}

func (a *archive) link(name, to string) {
	a.dir(path.Dir(name))
	a.entry(name, modeLink|0o777, []byte(to))
}

// end ends the archive; another may follow in the same file.
func (a *archive) end() { a.entry("TRAILER!!!", 0, nil) }
