package address

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/cellhub/cellhub/signalling/internal/proof"
)

// Longest match over bits of an AESA (UNI 4.0 signalling, 3.0; PNNI 1.0, 5.2).
func TestPrefixBits(t *testing.T) {
	a := Address{AESA: aesa(t, "47.0005.80FFE1000000F20F2200.0020EA000EE0.07")}
	for text, want := range map[string]bool{
		"47/8": true, "47.0005/24": true, "47.0005.80/25": true, "47.0005.00/25": false, "47.0005.80FF/40": true,
		"47.0005.80FE/39": true, "47.0005.80FE/40": false, "47.0005.80FFE1000000F20F2200": true,
		"47.0005.80FFE1000000F20F2201": false, "47.0005.80FFE1000000F20F2200.0020EA000EE0.07": true,
		"47.0005.80FFE1000000F20F2200.0020EA000EE0.08": false, "47.0005.80FFE1000000F20F2200.0020EA000EE0.08/152": true,
		"39/0": true, "39/1": true, "39/2": false, "*": true, "+47*": false, "+47": false, "470005/24": true,
	} {
		p, err := ParsePrefix(text)
		if err != nil || p.Contains(a) != want {
			t.Errorf("%s: %v, %v, want %v", text, p.Contains(a), err, want)
		}
	}
	if w := Whole(a); w.Len() != 152 || !w.Contains(a) {
		t.Errorf("whole: %v", w)
	}
	if a.AESA.Prefix().Network().Len() != 104 || !a.AESA.Prefix().Network().Contains(a) {
		t.Error("network")
	}
}

// Prefixes of numbers, by digits.
func TestPrefixDigits(t *testing.T) {
	a := Address{Number: number(t, "358401975443")}
	for text, want := range map[string]bool{
		"+358*": true, "358*": true, "3.58*": true, "+359*": false, "+358401975443": true, "+358401975443*": true,
		"358401975443": true, "+3584019754431*": false, "+35840197544": false, "*": true, "39/0": false, "47/8": false,
	} {
		p, err := ParsePrefix(text)
		if err != nil || p.Contains(a) != want {
			t.Errorf("%s: %v, %v, want %v", text, p.Contains(a), err, want)
		}
	}
	// The network routes by the number, and carries the sub-address.
	a.AESA = aesa(t, "47.0005.80FFE1000000F20F2200.0020EA000EE0.07")
	if p, _ := ParsePrefix("47/8"); p.Contains(a) {
		t.Error("routed by the sub-address")
	}
	if p, _ := ParsePrefix("+358*"); !p.Contains(a) || Whole(a).Len() != 13 {
		t.Error("not routed by the number")
	}
	if (Prefix{}).Contains(Address{}) {
		t.Error("no address has a prefix")
	}
}

// Prefixes that are none.
func TestPrefixRefused(t *testing.T) {
	for text, want := range map[string]error{
		"": ErrSyntax, "/8": ErrSyntax, "47.00AA": ErrSyntax, "47/": ErrSyntax, "47/9": ErrSyntax, "47/-1": ErrSyntax,
		"47/256": ErrSyntax, "37/8": ErrAFI, "+*": ErrSyntax, "+12A*": ErrNumber, "47.0005.80FFE1000000F20F22.00.": ErrSyntax,
		"47.000A.80FFE1000000F20F2200": ErrIDI, "+1+47/8": ErrNumber, "1+47.0005.80FFE1000000F20F2200.0020EA000EE0.07": ErrSyntax,
		"+1+47.0005.80FFE1000000F20F2200.0020EA000EE0.07": ErrSyntax, "1:/73": ErrSyntax,
	} {
		p, err := ParsePrefix(text)
		if !errors.Is(err, want) && (err == nil || text != "+1+47/8") || p != (Prefix{}) {
			t.Errorf("%q: %v, %v; want %v", text, p, err, want)
		}
	}
	if _, err := BitPrefix(AESA{}, MaxBits+1); err == nil {
		t.Error("161 bits taken")
	}
}

func randomPrefix(rng *rand.Rand, a Address) Prefix {
	switch {
	case rng.IntN(20) == 0:
		return Prefix{}
	case !a.Number.IsZero() && rng.IntN(4) == 0:
		return Whole(a)
	case !a.Number.IsZero():
		n, _ := NewNumber(a.Number.Digits()[:1+rng.IntN(int(a.Number.length))])
		return DigitPrefix(n)
	}
	p, _ := BitPrefix(a.AESA, rng.IntN(MaxBits+1))
	return p
}

// What is written reads back, and contains what it was taken from.
func TestPrefixReadsBack(t *testing.T) {
	rng := proof.Seeded(t)
	for range 20000 {
		a := randomAddress(rng)
		p := randomPrefix(rng, a)
		if back, err := ParsePrefix(p.String()); err != nil || back != p {
			t.Fatalf("%s of %s: %v, %v", p, a, back, err)
		}
		if !p.Contains(a) {
			t.Fatalf("%s does not contain %s", p, a)
		}
	}
}

// A table gives what a search through all prefixes gives, in the same order.
func TestTable(t *testing.T) {
	rng := proof.Seeded(t)
	var table Table[int]
	var all []Prefix
	var addresses []Address
	for i := range 400 {
		a := randomAddress(rng)
		if i > 0 && rng.IntN(2) == 0 { // a neighbour
			a = addresses[rng.IntN(len(addresses))]
			a.AESA[19]++
		}
		addresses = append(addresses, a)
		p := randomPrefix(rng, a)
		if _, have := table.Get(p); !have {
			all = append(all, p)
		}
		table.Set(p, i)
	}
	for i, p := range all {
		if i%4 == 0 {
			table.Delete(p)
			table.Delete(p)
		}
	}
	for _, a := range addresses {
		checkMatches(t, &table, all, a)
	}
	for _, p := range all {
		table.Delete(p)
	}
	if _, _, ok := table.Lookup(addresses[0]); ok || table.Len() != 0 || len(table.order) != 0 || len(table.lengths) != 0 {
		t.Error("not empty at the end")
	}
}

func checkMatches(t *testing.T, table *Table[int], all []Prefix, a Address) {
	t.Helper()
	want := map[Prefix]bool{}
	longest := -1
	for i, p := range all {
		if i%4 != 0 && p.Contains(a) {
			want[p] = true
			longest = max(longest, p.Len())
		}
	}
	last := MaxBits + 1
	for p := range table.Matches(a) {
		if !want[p] || p.Len() > last {
			t.Fatalf("%s: %s, %v, after %d bits", a, p, want[p], last)
		}
		delete(want, p)
		last = p.Len()
	}
	if len(want) > 0 {
		t.Fatalf("%s: missed %v", a, want)
	}
	if p, _, ok := table.Lookup(a); ok != (longest >= 0) || ok && p.Len() != longest {
		t.Fatalf("%s: %s, want %d bits", a, p, longest)
	}
}

// Finding a route does not allocate.
func TestLookupDoesNotAllocate(t *testing.T) {
	var table Table[int]
	a := Address{AESA: aesa(t, "47.0005.80FFE1000000F20F2200.0020EA000EE0.07")}
	for bits := range MaxBits {
		p, _ := BitPrefix(a.AESA, bits)
		table.Set(p, bits)
	}
	if n := testing.AllocsPerRun(100, func() { table.Lookup(a) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
