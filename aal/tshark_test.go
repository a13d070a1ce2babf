package aal

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// tshark is the second opinion: tests write what this package made to an ERF
// capture and compare tshark's decode with what went in.

// The ERF record types of ATM.
const (
	erfCell = 3 // four octets of header and 48 of payload
	erfAAL5 = 4 // four octets of header and a CPCS-PDU
)

const (
	pcapMagic   = 0xA1B2C3D4
	linktypeERF = 197
	erfSize     = 16
)

// erfCapture collects ERF records as a pcap file.
type erfCapture struct{ b []byte }

func newERFCapture() *erfCapture {
	var c erfCapture
	c.b = binary.BigEndian.AppendUint32(c.b, pcapMagic)
	c.b = append(c.b, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0)
	c.b = binary.BigEndian.AppendUint32(c.b, 1<<18)
	c.b = binary.BigEndian.AppendUint32(c.b, linktypeERF)
	return &c
}

// add appends one record: h without HEC, then the payload or the CPCS-PDU.
func (c *erfCapture) add(typ uint8, h Header, payload []byte) {
	n := uint32(erfSize + HeaderSize + len(payload))
	c.b = append(c.b, 0, 0, 0, 1, 0, 0, 0, 0)
	c.b = binary.BigEndian.AppendUint32(c.b, n)
	c.b = binary.BigEndian.AppendUint32(c.b, n)
	c.b = append(c.b, 0, 0, 0, 0, 1, 0, 0, 0, typ, 4)
	c.b = binary.BigEndian.AppendUint16(c.b, uint16(min(n, 0xFFFF)))
	c.b = append(c.b, 0, 0)
	c.b = binary.BigEndian.AppendUint16(c.b, uint16(min(n-erfSize, 0xFFFF)))
	c.b = binary.BigEndian.AppendUint32(c.b, uint32(h))
	c.b = append(c.b, payload...)
}

// fields runs tshark over the capture and gives the named fields of each
// record; several values of one field are joined by commas. It skips the test
// where tshark is missing.
func (c *erfCapture) fields(t *testing.T, options []string, names ...string) [][]string {
	t.Helper()
	args := append([]string{"-T", "fields", "-E", "separator=;"}, options...)
	for _, name := range names {
		args = append(args, "-e", name)
	}
	var rows [][]string
	for line := range strings.Lines(c.tshark(t, args...)) {
		rows = append(rows, strings.Split(strings.TrimSuffix(line, "\n"), ";"))
	}
	return rows
}

// details gives the labelled lines of each record's decode, those of the
// named protocols with their fields: what tshark says of a checksum is there
// only.
func (c *erfCapture) details(t *testing.T, protocols string, options ...string) []map[string]string {
	t.Helper()
	var rows []map[string]string
	for line := range strings.Lines(c.tshark(t, append([]string{"-O", protocols}, options...)...)) {
		if strings.HasPrefix(line, "Frame ") {
			rows = append(rows, map[string]string{})
		}
		line = strings.TrimSpace(line)
		if len(rows) == 0 {
			continue
		}
		label, value, _ := strings.Cut(line, ": ")
		rows[len(rows)-1][label] = value
	}
	return rows
}

// tshark runs it over the capture and gives its output, or skips the test.
func (c *erfCapture) tshark(t *testing.T, options ...string) string {
	t.Helper()
	path, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("tshark is not installed")
	}
	file := filepath.Join(t.TempDir(), "cells.erf.pcap")
	if err := os.WriteFile(file, c.b, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, append([]string{"-n", "-r", file}, options...)...)
	var out, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("tshark %v: %v\n%s", options, err, stderr.String())
	}
	return out.String()
}
