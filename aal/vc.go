package aal

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// MaxVPI is the largest virtual path identifier of an NNI header (12 bits);
// MaxUNIVPI is that of a UNI header (8 bits) (I.361, 2.2).
const (
	MaxVPI    = 1<<12 - 1
	MaxUNIVPI = 1<<8 - 1
	MaxVCI    = 1<<16 - 1
)

// FirstUserVCI is the lowest VCI for users: those below it are reserved in
// every virtual path (I.361, table 2; TM 4.1 and UNI 3.1 allot 16 to 31).
const FirstUserVCI = 32

// VC names a virtual channel on a link. VPI is at most [MaxVPI].
type VC struct{ VPI, VCI uint16 }

var errVCForm = errors.New("want VPI/VCI in decimal, as 0/100")

// ParseVC reads "vpi/vci", or "vpi.vci" as linux-atm writes it, in decimal.
// The error is one line and quotes s.
func ParseVC(s string) (VC, error) {
	i := strings.IndexAny(s, "/.")
	if i < 0 {
		return VC{}, fmt.Errorf("VC %q: %w", s, errVCForm)
	}
	vpi, err := parseID("VPI", s[:i], MaxVPI)
	if err != nil {
		return VC{}, fmt.Errorf("VC %q: %w", s, err)
	}
	vci, err := parseID("VCI", s[i+1:], MaxVCI)
	if err != nil {
		return VC{}, fmt.Errorf("VC %q: %w", s, err)
	}
	return VC{VPI: vpi, VCI: vci}, nil
}

func parseID(name, s string, limit uint64) (uint16, error) {
	v, err := strconv.ParseUint(s, 10, 64)
	switch {
	case errors.Is(err, strconv.ErrSyntax):
		return 0, errVCForm
	case err != nil || v > limit:
		return 0, fmt.Errorf("%s %s is out of range 0 to %d", name, s, limit)
	}
	return uint16(v), nil
}

// String gives "vpi/vci".
func (vc VC) String() string {
	b := make([]byte, 0, len("4095/65535"))
	b = strconv.AppendUint(b, uint64(vc.VPI), 10)
	b = append(b, '/')
	return string(strconv.AppendUint(b, uint64(vc.VCI), 10))
}

// Reserved tells whether the VCI is below [FirstUserVCI].
func (vc VC) Reserved() bool { return vc.VCI < FirstUserVCI }
