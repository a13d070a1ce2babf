package main

import (
	"strings"
	"testing"
)

// FuzzConfig: any text is a configuration or a fault that names the file.
func FuzzConfig(f *testing.F) {
	for _, seed := range []string{
		"", "interfaces:\n- {port: 1, side: user}\nroutes: {47.0005/24: [1]}\n", "interfaces: [{port: 1, side: network, ilmi: {}}]",
		"routes: {? : [", "interfaces: &a [*a]", "a: !!binary x", "- 1\n-", "interfaces: {0: {}}\nroutes: [1]", "%YAML 9\n--- |\n x\n...\n---\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 4096 {
			return
		}
		c, _, err := parseConfig("x.yaml", []byte(text))
		if err != nil && !strings.HasPrefix(err.Error(), "x.yaml:") {
			t.Errorf("%v", err)
		}
		if err == nil && len(c.Interfaces) == 0 {
			t.Error("neither interfaces nor a fault")
		}
	})
}
