package port

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cellhub/cellhub/dataplane/modules"
)

// impairment is one key.
type impairment struct {
	key string
	set func(*modules.Impairment, string) error
}

// impairments are the keys by which a port of any kind harms what it receives.
var impairments = []impairment{
	{"loss", func(i *modules.Impairment, v string) error { return part(&i.Loss, v) }},
	{"errors", func(i *modules.Impairment, v string) error { return part(&i.Errors, v) }},
	{"misinsert", func(i *modules.Impairment, v string) error { return part(&i.Misinsert, v) }},
	{"cdv", func(i *modules.Impairment, v string) (err error) {
		if i.CDV, err = time.ParseDuration(v); err != nil || i.CDV <= 0 || i.CDV > modules.MaxCDV {
			err = fmt.Errorf("how late what comes may be, such as 2ms; at most %v", modules.MaxCDV)
		}
		return err
	}},
	{"flap", func(i *modules.Impairment, v string) error {
		up, down, _ := strings.Cut(v, "/")
		var errs [2]error
		i.Up, errs[0] = time.ParseDuration(up)
		i.Down, errs[1] = time.ParseDuration(down)
		if errors.Join(errs[:]...) != nil || i.Up < minFlap || i.Down < minFlap {
			return fmt.Errorf("UP/DOWN, how long the port is up and then down, such as 10s/500ms; at least %v each", minFlap)
		}
		return nil
	}},
	{"seed", func(i *modules.Impairment, v string) (err error) {
		if i.Seed, err = strconv.ParseUint(v, 10, 64); err != nil || i.Seed == 0 || v[0] == '+' {
			err = errors.New("a number from 1, of 64 bits")
		}
		return err
	}},
}

// minFlap is the shortest time that a port is up or down.
const minFlap = time.Millisecond

func part(p *float64, v string) (err error) {
	if *p, err = strconv.ParseFloat(v, 64); err != nil || !(*p > 0 && *p <= 1) {
		err = errors.New("a part of all, above 0 and up to 1, such as 1e-3")
	}
	return err
}

// cutImpairment takes those keys out of a specification.
func cutImpairment(text string) (rest string, i modules.Impairment, err error) {
	where, given, any := strings.Cut(text, ",")
	if !any {
		return text, i, nil
	}
	seen := map[string]bool{}
	for option := range strings.SplitSeq(given, ",") {
		key, value, _ := strings.Cut(option, "=")
		n := slices.IndexFunc(impairments, func(o impairment) bool { return o.key == key })
		switch {
		case n < 0:
			where += "," + option
			continue
		case value == "":
			return text, i, fmt.Errorf("key %q has no value: %s=…", key, key)
		case seen[key]:
			return text, i, fmt.Errorf("%s: given twice; once is enough", option)
		}
		seen[key] = true
		if err := impairments[n].set(&i, value); err != nil {
			return text, i, fmt.Errorf("%s: %w", option, err)
		}
	}
	if i.Seed != 0 && !i.Any() {
		return text, i, errors.New("seed= is that of loss=, errors=, misinsert=, cdv= or flap=: add one")
	}
	return where, i, nil
}

// seeded is the impairment with a seed, drawn unless one was given; it is among the counters.
func seeded(i modules.Impairment) modules.Impairment {
	for i.Any() && i.Seed == 0 {
		i.Seed = rand.Uint64()
	}
	return i
}

// writeImpairment gives an impairment to add, as it is read.
func writeImpairment(i *modules.Impairment, add func(key string, given bool, value any)) {
	add("loss", i.Loss > 0, i.Loss)
	add("errors", i.Errors > 0, i.Errors)
	add("misinsert", i.Misinsert > 0, i.Misinsert)
	add("cdv", i.CDV > 0, i.CDV)
	add("flap", i.Up > 0, fmt.Sprintf("%v/%v", i.Up, i.Down))
	add("seed", i.Seed > 0, i.Seed)
}
