package client

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/cellhub/cellhub/dataplane/control"
)

// ErrAddress is an address that cannot be read.
var ErrAddress = errors.New("atm address")

// Addr is the address of a PVC, or of an end system and a service in it:
//
//	pvc://PORT/VPI/VCI            PORT is the hub's number of a port, or its name
//	svc://ADDRESS                 an ATM end system address: 40 hexadecimal digits, dots between
//	svc://ADDRESS?sap=NUMBER      octets are optional
//
// As the local address of a listener ADDRESS may be empty: whatever is called.
type Addr struct {
	PVC      bool
	Port     uint16
	PortName string // instead of Port
	VPI, VCI uint16
	AESA     [20]byte
	SAP      uint64 // 0 none
}

// Network is "pvc" or "svc".
func (a *Addr) Network() string {
	if a.PVC {
		return "pvc"
	}
	return "svc"
}

// String is the address as ParseAddr reads it.
func (a *Addr) String() string {
	if a.PVC {
		port := a.PortName
		if port == "" {
			port = strconv.Itoa(int(a.Port))
		}
		return fmt.Sprintf("pvc://%s/%d/%d", port, a.VPI, a.VCI)
	}
	s := "svc://"
	if a.AESA != ([20]byte{}) {
		s += hex.EncodeToString(a.AESA[:])
	}
	if a.SAP != 0 {
		s += "?sap=" + strconv.FormatUint(a.SAP, 10)
	}
	return s
}

var _ net.Addr = (*Addr)(nil)

// ParseAddr reads an address. ErrAddress: it is none.
func ParseAddr(s string) (*Addr, error) {
	scheme, rest, _ := strings.Cut(s, "://")
	switch scheme {
	case "pvc":
		return parsePVC(s, rest)
	case "svc":
		return parseSVC(s, rest)
	}
	return nil, fmt.Errorf("%w %q: pvc://PORT/VPI/VCI or svc://ADDRESS", ErrAddress, s)
}

func parsePVC(s, rest string) (*Addr, error) {
	f := strings.Split(rest, "/")
	if len(f) != 3 || f[0] == "" || len(f[0]) >= len(control.Name{}) {
		return nil, fmt.Errorf("%w %q: pvc://PORT/VPI/VCI", ErrAddress, s)
	}
	a := &Addr{PVC: true}
	if n, err := strconv.ParseUint(f[0], 10, 16); err == nil {
		a.Port = uint16(n)
	} else {
		a.PortName = f[0]
	}
	vpi, err := strconv.ParseUint(f[1], 10, 12)
	if err != nil {
		return nil, fmt.Errorf("%w %q: a VPI is 0 to 4095", ErrAddress, s)
	}
	vci, err := strconv.ParseUint(f[2], 10, 16)
	if err != nil {
		return nil, fmt.Errorf("%w %q: a VCI is 0 to 65535", ErrAddress, s)
	}
	a.VPI, a.VCI = uint16(vpi), uint16(vci)
	return a, nil
}

func parseSVC(s, rest string) (*Addr, error) {
	digits, query, _ := strings.Cut(rest, "?")
	a := &Addr{}
	if digits != "" {
		b, err := hex.DecodeString(strings.ReplaceAll(digits, ".", ""))
		if err != nil || len(b) != len(a.AESA) {
			return nil, fmt.Errorf("%w %q: an end system address has 40 hexadecimal digits", ErrAddress, s)
		}
		a.AESA = [20]byte(b)
	}
	if query != "" {
		value, ok := strings.CutPrefix(query, "sap=")
		sap, err := strconv.ParseUint(value, 0, 64)
		if !ok || err != nil {
			return nil, fmt.Errorf("%w %q: ?sap=NUMBER", ErrAddress, s)
		}
		a.SAP = sap
	}
	return a, nil
}
