package ilmi

import (
	"flag"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/cellhub/cellhub/signalling/address"
	"github.com/cellhub/cellhub/signalling/internal/proof"
)

var seeds = flag.Int("seeds", 60, "how many seeds to simulate")

// Until both ends agree after the last fault: K polls of T, and two looks at
// the rows.
const simCalm = 20*time.Second + 2*7*5*time.Second

// flight is a PDU on its way, or one that is cut off by a restart.
type flight struct {
	to     int
	at     time.Duration
	octets []byte
}

// sim is a user and a network on a bad link.
type sim struct {
	*world
	rng      *rand.Rand
	air      []flight
	last     [2]time.Duration // the link keeps the order
	loss     float64
	configs  [2]Config
	ids      []Identifier
	prefixes []Prefix
}

func newSim(t testing.TB, seed uint64) *sim {
	w := newWorld(t)
	s := &sim{world: w, rng: rand.New(rand.NewPCG(seed, 1)), ids: []Identifier{host}, prefixes: []Prefix{hall}}
	s.loss = []float64{0, 0.05, 0.3, 0.6}[s.rng.IntN(4)]
	for i, e := range w.ends {
		s.configs[i] = e.cfg
		s.boot(i)
	}
	return s
}

// boot replaces a machine by a new one, as when its program starts again.
func (s *sim) boot(i int) {
	cfg := s.configs[i]
	cfg.FirstRequestID = int32(s.rng.Uint32() >> 1)
	s.ends[i] = newEnd(s.t, cfg)
	s.configure(i)
	s.ends[i].Start(s.now)
}

func (s *sim) configure(i int) {
	if i == 0 {
		must(s.t, s.ends[0].SetIdentifiers(s.now, s.ids))
	} else {
		must(s.t, s.ends[1].SetPrefixes(s.now, s.prefixes))
	}
}

// fault does one of the things that happen.
func (s *sim) fault() {
	i := s.rng.IntN(2)
	switch s.rng.IntN(6) {
	case 0:
		s.boot(i)
	case 1: // the link of one end goes down and up
		s.ends[i].Stop(s.now)
		s.ends[i].Start(s.now)
	case 2, 3:
		s.ids, s.prefixes = nil, nil
		for n := range 3 {
			if s.rng.IntN(2) == 0 {
				s.ids = append(s.ids, Identifier{Selector: byte(n)})
			}
			if s.rng.IntN(2) == 0 {
				s.prefixes = append(s.prefixes, NetPrefix(address.NetPrefix{0x49, byte(n)}))
			}
		}
		s.configure(0)
		s.configure(1)
	case 4:
		s.loss = s.rng.Float64() * 0.7
	case 5: // another device, on the same cable
		s.configs[i].Interface.Identifier++
		s.boot(i)
	}
}

// launch puts on the way what an end has to send.
func (s *sim) launch(i int) {
	for _, octets := range s.ends[i].take(s.t) {
		if s.rng.Float64() < s.loss {
			continue
		}
		delay := time.Duration(s.rng.Int64N(int64(50 * time.Millisecond)))
		if s.rng.IntN(50) == 0 {
			delay += time.Duration(s.rng.Int64N(int64(3 * time.Second)))
		}
		at := max(s.last[i], s.now+delay)
		s.last[i] = at
		s.air = append(s.air, flight{1 - i, at, octets})
	}
}

// step lets the next thing happen, and faults if there may be some.
func (s *sim) step(until time.Duration, faults bool) bool {
	next := until
	for _, e := range s.ends {
		if at, running := e.Timeout(); running {
			next = min(next, at)
		}
	}
	for _, f := range s.air {
		next = min(next, f.at)
	}
	s.now = max(s.now, next)
	for i := range s.ends {
		s.ends[i].HandleTimeout(s.now)
		s.launch(i)
	}
	for n := 0; n < len(s.air); {
		f := s.air[n]
		if f.at > s.now {
			n++
			continue
		}
		s.air = slices.Delete(s.air, n, n+1)
		if err := s.ends[f.to].Receive(s.now, f.octets); err != nil {
			s.t.Fatalf("%x: %v", f.octets, err)
		}
		s.launch(f.to)
	}
	if faults && s.rng.IntN(40) == 0 {
		s.fault()
		s.launch(0)
		s.launch(1)
	}
	return s.now < until
}

// agree compares what both ends know with what they should.
func (s *sim) agree(seed uint64) {
	t := s.t
	prefixes, addresses := map[string]bool{}, map[string]bool{}
	for _, p := range s.prefixes {
		prefixes[p.String()] = true
		for _, id := range s.ids {
			addresses[p.Address(id).String()] = true
		}
	}
	for _, c := range []struct {
		name      string
		got, want map[string]bool
	}{
		{"prefixes at the user", s.ends[0].tables, prefixes}, {"addresses at the network", s.ends[1].tables, addresses},
		{"registered by the user", s.ends[0].ours, addresses}, {"registered by the network", s.ends[1].ours, prefixes},
	} {
		if rows(c.got) != rows(c.want) {
			t.Fatalf("seed %d: %s: %s\nwant %s", seed, c.name, rows(c.got), rows(c.want))
		}
	}
	for i, e := range s.ends {
		if !e.up || e.State() == LinkFailing || len(e.theirs) > len(prefixes)*3 || len(e.Machine.ours) != len(e.ours)-countFalse(e.ours) {
			t.Fatalf("seed %d: end %d: %v, %d rows of ours, %d of theirs", seed, i, e.State(), len(e.Machine.ours), len(e.theirs))
		}
	}
}

func countFalse(m map[string]bool) (n int) {
	for _, v := range m {
		if !v {
			n++
		}
	}
	return n
}

func simulate(t testing.TB, seed uint64) {
	s := newSim(t, seed)
	for s.step(3*time.Minute, true) {
	}
	s.loss = 0
	for s.step(s.now+time.Minute, false) && len(s.air) > 0 { // late ones arrive
	}
	for until := s.now + simCalm; s.step(until, false); {
	}
	s.agree(seed)
}

// Two ends over a link that loses, delays and is cut, with ends that start
// again, change and are replaced: when it is calm again, what each should have
// is registered, and nothing else.
func TestSimulation(t *testing.T) {
	if *proof.Seed != 0 {
		simulate(t, *proof.Seed)
		return
	}
	first := rand.Uint64() | 1
	t.Logf("seeds from %d: one that fails is replayed with -seed", first)
	for i := range *seeds {
		simulate(t, first+uint64(i))
	}
}
