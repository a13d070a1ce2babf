package aal

import (
	"errors"
	"fmt"
	"time"
)

// ErrContract is returned for a traffic contract whose parameters are missing
// or do not go together.
var ErrContract = errors.New("aal: traffic contract is not consistent")

// Category is a service category of TM 4.1, 2. The last is UBR with a minimum
// rate that the network undertakes to carry.
type Category uint8

// The categories.
const (
	UBR Category = iota
	CBR
	RealTimeVBR
	VBR
	UBRMCR
	numCategories
)

var categoryNames = [numCategories]string{"ubr", "cbr", "rt-vbr", "nrt-vbr", "ubr+"}

// String gives the category in small letters.
func (c Category) String() string {
	if c < numCategories {
		return categoryNames[c]
	}
	return "unknown"
}

// Contract is the traffic of one direction of a connection (TM 4.1, 4.4 and
// 4.5; I.371, 5.3). Rates are cells a second. The conformance definition
// follows from the category and two options:
//
//	CBR.1   CBR
//	VBR.1   VBR, neither option
//	VBR.2   VBR, CLP0
//	VBR.3   VBR, CLP0 and Tagging
//	UBR.1   UBR
//	UBR.2   UBR, Tagging
type Contract struct {
	Category Category
	PCR      uint32        // peak, of all cells; with UBR 0 leaves it unpoliced
	SCR      uint32        // sustained; VBR only
	MBS      uint32        // largest burst at the peak rate, cells; VBR and UBR+MCR
	MCR      uint32        // minimum; UBR+MCR only
	CDVT     time.Duration // cell delay variation tolerance
	CLP0     bool          // SCR and MBS hold for cells with CLP 0 alone
	Tagging  bool          // cells above the second bucket are tagged, not discarded
}

// Check tells whether the parameters go together: ErrContract if not.
func (c Contract) Check() error {
	ok := c.CDVT >= 0 && c.CDVT <= maxTime
	switch c.Category {
	case UBR:
		ok = ok && c.SCR == 0 && c.MBS == 0 && c.MCR == 0 && !c.CLP0
	case CBR:
		ok = ok && c.PCR > 0 && c.SCR == 0 && c.MBS == 0 && c.MCR == 0 && !c.CLP0 && !c.Tagging
	case RealTimeVBR, VBR:
		ok = ok && c.SCR > 0 && c.SCR <= c.PCR && c.MBS > 0 && c.MCR == 0 && (c.CLP0 || !c.Tagging)
	case UBRMCR:
		ok = ok && c.MCR > 0 && c.MCR <= c.PCR && c.MBS > 0 && c.SCR == 0 && !c.CLP0 && c.Tagging
	default:
		ok = false
	}
	if !ok {
		return ErrContract
	}
	return nil
}

// Definition names the conformance definition: "VBR.3".
func (c Contract) Definition() string {
	switch c.Category {
	case CBR:
		return "CBR.1"
	case RealTimeVBR, VBR:
		switch {
		case c.Tagging:
			return "VBR.3"
		case c.CLP0:
			return "VBR.2"
		}
		return "VBR.1"
	case UBRMCR:
		return "UBR+MCR"
	}
	if c.Tagging {
		return "UBR.2"
	}
	return "UBR.1"
}

// String prints the contract on one line.
func (c Contract) String() string {
	s := fmt.Sprintf("%v %s", c.Category, c.Definition())
	for _, p := range [...]struct {
		name string
		v    uint32
	}{{"pcr", c.PCR}, {"scr", c.SCR}, {"mcr", c.MCR}, {"mbs", c.MBS}} {
		if p.v > 0 {
			s += fmt.Sprintf(" %s %d", p.name, p.v)
		}
	}
	return fmt.Sprintf("%s cdvt %v", s, c.CDVT)
}

// second gives the rate of the second bucket, 0 when there is none.
func (c Contract) second() uint32 {
	switch c.Category {
	case RealTimeVBR, VBR:
		return c.SCR
	case UBRMCR:
		return c.MCR
	}
	return 0
}

// buckets gives the two algorithms, with a tolerance on top of the burst's.
func (c Contract) buckets(tolerance time.Duration) (peak, second GCRA, err error) {
	if err := c.Check(); err != nil {
		return GCRA{}, GCRA{}, err
	}
	if c.PCR > 0 {
		if peak, err = rateGCRA(c.PCR, tolerance); err != nil {
			return GCRA{}, GCRA{}, err
		}
	}
	if rate := c.second(); rate > 0 {
		bt := BurstTolerance(c.PCR, rate, c.MBS)
		if second, err = rateGCRA(rate, bt+tolerance); err != nil {
			return GCRA{}, GCRA{}, err
		}
	}
	return peak, second, nil
}

func rateGCRA(rate uint32, limit time.Duration) (GCRA, error) {
	t, err := PerSecond(rate)
	if err != nil {
		return GCRA{}, err
	}
	return MakeGCRA(t, limit)
}
