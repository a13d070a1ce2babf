package modules

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/cellhub/cellhub/aal"
)

// parseContract reads a traffic contract: "CATEGORY [pcr=N] [scr=N] [mbs=N] [mcr=N]
// [cdvt=DURATION] [clp0] [tag]", with rates in cells a second, and checks it.
func parseContract(words []string) (c aal.Contract, err error) {
	if len(words) == 0 {
		return c, fmt.Errorf("no category: %s", categories())
	}
	if c.Category, err = parseCategory(words[0]); err != nil {
		return c, err
	}
	for _, w := range words[1:] {
		if err := contractWord(&c, w); err != nil {
			return c, err
		}
	}
	if err := c.Check(); err != nil {
		return c, fmt.Errorf("%s: %w", strings.Join(words, " "), err)
	}
	return c, nil
}

func parseCategory(name string) (aal.Category, error) {
	for c := aal.UBR; c <= aal.UBRMCR; c++ {
		if c.String() == name {
			return c, nil
		}
	}
	return 0, fmt.Errorf("category %q: %s", name, categories())
}

func categories() string {
	names := make([]string, 0, aal.UBRMCR+1)
	for c := aal.UBR; c <= aal.UBRMCR; c++ {
		names = append(names, c.String())
	}
	return strings.Join(names, ", ")
}

func contractWord(c *aal.Contract, w string) error {
	name, value, given := strings.Cut(w, "=")
	if !given {
		switch w {
		case "clp0":
			c.CLP0 = true
		case "tag":
			c.Tagging = true
		default:
			return fmt.Errorf("%q: pcr=, scr=, mbs=, mcr=, cdvt=, clp0 or tag", w)
		}
		return nil
	}
	if name == "cdvt" {
		d, err := time.ParseDuration(value)
		if err != nil || d < 0 {
			return fmt.Errorf("cdvt %q: a time such as 250us", value)
		}
		c.CDVT = d
		return nil
	}
	field := map[string]*uint32{"pcr": &c.PCR, "scr": &c.SCR, "mbs": &c.MBS, "mcr": &c.MCR}[name]
	n, err := strconv.ParseUint(value, 10, 32)
	if field == nil || err != nil {
		return fmt.Errorf("%q: pcr=, scr=, mbs= or mcr= with a number, cdvt= with a time", w)
	}
	*field = uint32(n)
	return nil
}
