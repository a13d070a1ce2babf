package port

import (
	"strings"
	"testing"
)

// Ports that are files: what is read, and what is refused, with the reason.
func TestFilePorts(t *testing.T) {
	for text, sdus := range map[string]bool{
		"pcap:/tmp/a.pcap": false, "pcap:/tmp/a.pcap,mode=cells": false, "pcap:/tmp/a.pcap,mode=aal5sdu": true,
		"replay:/tmp/a.pcap": false, "replay:/tmp/a.pcap,rate=353207": false,
	} {
		kind, _, _ := strings.Cut(text, ":")
		if c, err := Check(text); err != nil || c.SDUs != sdus || c.Key != kind+":/tmp/a.pcap" {
			t.Errorf("%s: %q, SDUs %t, %v", text, c.Key, c.SDUs, err)
		}
	}
	for text, want := range map[string][2]bool{ // HEC, CRC
		"gns3:192.0.2.1:1,remote=192.0.2.2:1": {}, "gns3:192.0.2.1:1,remote=192.0.2.2:1,hec=ignore": {true, false},
		"gns3:192.0.2.1:1,aal5crc=any,remote=192.0.2.2:1": {false, true}, "gns3:192.0.2.1:1,remote=192.0.2.2:1,hec=check,aal5crc=check": {},
	} {
		if g, _, err := parseTrunk(text); err != nil || g.IgnoreHEC != want[0] || g.AnyCRC != want[1] {
			t.Errorf("%s: %+v, %v", text, g, err)
		}
	}
	for text, want := range map[string]string{
		"gns3:192.0.2.1:1,remote=192.0.2.2:1,hec=no": "check or ignore", "gns3:192.0.2.1:1,remote=192.0.2.2:1,aal5crc=no": "check or any",
		"gns3:192.0.2.1:1,remote=192.0.2.2:1,crc=any": "gns3 takes remote=, hec= and aal5crc=",
		"pcap:": "a path from the root", "replay:a.pcap": "a path from the root", "pcap:/a,mode=n1": "cells or aal5sdu", "pcap:/a,rate=1": "pcap takes mode=",
		"replay:/a,mode=cells": "replay takes rate=", "replay:/a,rate=0": "1 to 4294967295", "replay:/a,rate=+1": "1 to 4294967295", "replay:/a,rate=": "1 to 4294967295",
	} {
		if _, err := Check(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
