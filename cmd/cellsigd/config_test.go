package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestConfig(t *testing.T) {
	for want, text := range map[string]string{
		"":                              "interfaces: [{port: 1, side: network, version: \"3.1\", vcis: [32, 99], ilmi: {prefixes: [47.0005.80FFE1000000F20F2200]}}]\nroutes: {47.0005: [1]}",
		"no interface":                  "name: x",
		"side":                          "interfaces: [{port: 1}]",
		"version":                       "interfaces: [{port: 1, side: user, version: \"2\"}]",
		"vcis":                          "interfaces: [{port: 1, side: user, vcis: [5, 99]}]",
		"esis":                          "interfaces: [{port: 1, side: user, ilmi: {prefixes: [47.0005.80FFE1000000F20F2200]}}]",
		"port 1 has":                    "interfaces: [{port: 1, side: user}, {port: 1, side: user}]",
		"a port from":                   "interfaces: [{port: 0, side: user}]",
		"route":                         "interfaces: [{port: 1, side: user}]\nroutes: {nonsense: [1]}",
		"x.yaml:4:5: ":                  "interfaces:\n  - port: 1\n    side: user\n  - port: 2\n    side: nobody\n",
		"x.yaml:4:3: ":                  "interfaces:\n- {port: 1, side: user}\nroutes:\n  nonsense: [1]\n",
		"x.yaml:5:3: ":                  "interfaces:\n- {port: 1, side: user}\nroutes:\n  47.0005/24: [1]\n  \"47.0005.80/32\": [1, 9]\n",
		"x.yaml:3:3: ":                  "interfaces:\n- {port: 1, side: user}\n- {port: 1, side: user}\n",
		"x.yaml:1:36: ":                 "interfaces: [{port: 1, side: user, colour: red}]",
		"port 9: no such":               "interfaces: [{port: 1, side: user}]\nroutes: {\"*\": [1, 9]}",
		"x.yaml:3:3: ip \"a\": address": "interfaces: [{port: 1, side: user}]\nip:\n  a: {tun: x}\n",
		"atmarp: not an IPv4 address":   "interfaces: [{port: 1, side: user}]\nip: {a: {tun: x, address: 10.0.0.0/24, atm: 47.0005.80FFE1000000F20F2200.0020EA000EE0.00}}",
		"20 octets":                     "interfaces: [{port: 1, side: user}]\nip: {a: {tun: x, address: 10.0.0.1/24, atm: +358401975443}}",
		"no neighbour":                  "interfaces: [{port: 1, side: user}]\nip: {a: {tun: x, address: 10.0.0.1/24, atm: 47.0005.80FFE1000000F20F2200.0020EA000EE0.00, routes: {10.1.0.0/16: 10.2.0.1}}}",
		"pvc://PORT/VPI/VCI":            "interfaces: [{port: 1, side: user}]\nip: {a: {tun: x, address: 10.0.0.1/24, atm: 47.0005.80FFE1000000F20F2200.0020EA000EE0.00, pvcs: [32]}}",
		"idle \"soon\"":                 "interfaces: [{port: 1, side: user}]\nip: {a: {tun: x, address: 10.0.0.1/24, atm: 47.0005.80FFE1000000F20F2200.0020EA000EE0.00, idle: soon}}",
		"x.yaml:2:92: ip \"b\": tun x":  "interfaces: [{port: 1, side: user}]\nip: {a: {tun: x, address: 10.0.0.1/24, atm: 47.0005.80FFE1000000F20F2200.0020EA000EE0.00}, b: {tun: x, address: 10.0.0.2/24, atm: 47.0005.80FFE1000000F20F2200.0020EA000EE1.00}}",
		"is that of route":              "interfaces: [{port: 1, side: user}]\nroutes: {47.0005/24: [1], 470005/24: [1]}",
	} {
		name := filepath.Join(t.TempDir(), "x.yaml")
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, _, err := readConfig(name)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v; want %q", text, err, want)
		}
	}
}
