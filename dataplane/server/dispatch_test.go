package server

import (
	"testing"

	"github.com/cellhub/cellhub/dataplane/control"
)

// Each type that a role may say is carried out by somebody: HELLO by dispatch itself, class SOCK by
// sock, which has tests of its own for each.
func TestEveryTypeIsCarriedOut(t *testing.T) {
	known := 0
	for c := control.ClassHub; c <= control.ClassPrim; c++ {
		for n := control.Type(1); n < 64; n++ {
			may := false
			for role := control.RoleManager; role <= control.RoleObserver; role++ {
				may = may || role.May(c, n)
			}
			switch by := handlers[c][n] != nil || c == control.ClassSock || c == control.ClassHub && n == control.HubHello; {
			case may && !by:
				t.Errorf("%s may be said, and nobody carries it out", control.TypeName(c, n))
			case !may && handlers[c][n] != nil:
				t.Errorf("%s is carried out, and nobody may say it", control.TypeName(c, n))
			case may:
				known++
			}
		}
	}
	if known < 50 {
		t.Errorf("%d types are known", known)
	}
}
