package oracle

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Func is a function of a package, as its source has it.
type Func struct {
	Receiver string // type of a method's receiver, without pointer
	Name     string
	Params   int
	Uses     map[string]bool // names in its body
	Test     bool            // in a test file
}

// String gives "Type.Method" or the name alone.
func (f Func) String() string {
	if f.Receiver == "" {
		return f.Name
	}
	return f.Receiver + "." + f.Name
}

// Source lists the functions of the package in the test's own folder, its
// tests' included.
func Source(t testing.TB) (funcs []Func) {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatal("no source here: ", err)
	}
	set := token.NewFileSet()
	for _, name := range files {
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		file, err := parser.ParseFile(set, name, src, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			if d, ok := d.(*ast.FuncDecl); ok {
				f := makeFunc(d)
				f.Test = strings.HasSuffix(name, "_test.go")
				funcs = append(funcs, f)
			}
		}
	}
	return funcs
}

func makeFunc(d *ast.FuncDecl) Func {
	f := Func{Name: d.Name.Name, Params: d.Type.Params.NumFields(), Uses: map[string]bool{}}
	if d.Recv != nil {
		typ := d.Recv.List[0].Type
		if star, ok := typ.(*ast.StarExpr); ok {
			typ = star.X
		}
		if id, ok := typ.(*ast.Ident); ok {
			f.Receiver = id.Name
		}
	}
	if d.Body != nil {
		ast.Inspect(d.Body, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok {
				f.Uses[id.Name] = true
			}
			return true
		})
	}
	return f
}
