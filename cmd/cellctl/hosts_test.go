package main

import (
	"os"
	"path/filepath"
	"testing"
)

// What a person may write for an end system, and what is called then.
func TestResolve(t *testing.T) {
	const aesa, octets = "47.0005.80FFE1000000F20F2200.0020EA000EE1.00", "47000580ffe1000000f20f22000020ea000ee100"
	file := filepath.Join(t.TempDir(), "hosts.atm")
	if err := os.WriteFile(file, []byte(aesa+" printer lp\n+358401975443 phone\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ hosts, text, want string }{
		{file, "svc://printer", "svc://" + octets},
		{file, "svc://LP?sap=7", "svc://" + octets + "?sap=7"},
		{file, "svc://" + aesa, "svc://" + octets},
		{file, "svc://", "svc://"},
		{file, "pvc://printer/0/32", "pvc://printer/0/32"},
		{file, "svc://phone", ""},
		{file, "svc://nobody", ""},
		{file + ".none", "svc://printer", ""},
		{"", "svc://" + aesa, ""},
	} {
		o := &options{hosts: c.hosts}
		if got, err := o.resolve(c.text); got != c.want || (err == nil) == (c.want == "") {
			t.Errorf("%s: %s, %v, want %s", c.text, got, err, c.want)
		}
	}
}
