package meta

import (
	"flag"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

var seeds = flag.Int("seeds", 300, "how many seeds to simulate")

// Until all agree after the last fault: two checks of all, with repetitions.
const simCalm = 2*time.Minute + 20*time.Second

// sim is users on one interface and the network: what the network says all
// hear, what a user says only the network does.
type sim struct {
	t        testing.TB
	rng      *rand.Rand
	now      time.Duration
	network  *Network
	users    []*User
	wants    []bool
	air      []flight
	loss     float64
	has      map[int]Action    // by user, what Ready told
	assigned map[uint16]Action // by channel, what Allocated told
}

type flight struct {
	at   time.Duration
	to   int // a user, or -1
	cell [CellPayload]byte
}

func newSim(t testing.TB, seed uint64) *sim {
	s := &sim{t: t, rng: rand.New(rand.NewPCG(seed, 3)), has: map[int]Action{}}
	s.loss = []float64{0, 0.1, 0.3}[s.rng.IntN(3)]
	s.bootNetwork()
	for i := range 1 + s.rng.IntN(10) { // of 12 channels
		s.users, s.wants = append(s.users, nil), append(s.wants, s.rng.IntN(2) == 0)
		s.bootUser(i)
	}
	return s
}

func (s *sim) bootNetwork() {
	cfg := NetworkConfig{First: 100, Last: 111, Broadcast: 2, Rate: 1000, Timers: DefaultTimers(), Seed: s.rng.Uint64()}
	n, err := NewNetwork(cfg)
	must(s.t, err)
	s.network, s.assigned = n, map[uint16]Action{}
	n.Start(s.now)
}

func (s *sim) bootUser(i int) {
	u, err := NewUser(UserConfig{Configuration: General, Profile: Profile([]byte{byte(i % 3)}), Rate: 10, Timers: DefaultTimers(), Seed: s.rng.Uint64()})
	must(s.t, err)
	s.users[i] = u
	delete(s.has, i)
}

// fault does one of the things that happen.
func (s *sim) fault() {
	i := s.rng.IntN(len(s.users))
	switch s.rng.IntN(8) {
	case 0:
		s.bootNetwork()
	case 1, 2: // a user starts again, without a word
		s.bootUser(i)
	case 3:
		s.loss = s.rng.Float64() * 0.5
	default:
		s.wants[i] = !s.wants[i]
	}
}

// launch puts on the way what machines have to send, and keeps what they tell.
func (s *sim) launch() {
	for _, a := range s.network.Actions() {
		switch a.Kind {
		case Send:
			for i := range s.users {
				s.fly(i, a.Cell)
			}
		case Allocated:
			if _, have := s.assigned[a.ChannelA]; have {
				s.t.Fatalf("channel %d allocated twice", a.ChannelA)
			}
			s.assigned[a.ChannelA] = a
		case Freed:
			if _, have := s.assigned[a.ChannelA]; !have {
				s.t.Fatalf("channel %d freed twice", a.ChannelA)
			}
			delete(s.assigned, a.ChannelA)
		}
	}
	for i, u := range s.users {
		for _, a := range u.Actions() {
			switch a.Kind {
			case Send:
				s.fly(-1, a.Cell)
			case Ready:
				s.has[i] = a
			case Gone:
				delete(s.has, i)
			}
		}
	}
}

func (s *sim) fly(to int, cell [CellPayload]byte) {
	if s.rng.Float64() < s.loss {
		return
	}
	if s.rng.IntN(100) == 0 {
		cell[s.rng.IntN(CellPayload)] ^= byte(1 + s.rng.IntN(255))
	}
	s.air = append(s.air, flight{s.now + time.Duration(s.rng.Int64N(int64(20*time.Millisecond))), to, cell})
}

// step lets the next thing happen.
func (s *sim) step(until time.Duration, faults bool) bool {
	next := until
	if faults {
		next = min(next, s.now+time.Duration(s.rng.Int64N(int64(time.Second))))
	}
	if at, running := s.network.Timeout(); running {
		next = min(next, at)
	}
	for _, u := range s.users {
		if at, running := u.Timeout(); running {
			next = min(next, at)
		}
	}
	for _, f := range s.air {
		next = min(next, f.at)
	}
	s.now = max(s.now, next)
	s.network.HandleTimeout(s.now)
	for _, u := range s.users {
		u.HandleTimeout(s.now)
	}
	s.launch()
	for n := 0; n < len(s.air); {
		f := s.air[n]
		if f.at > s.now {
			n++
			continue
		}
		s.air = slices.Delete(s.air, n, n+1)
		if f.to < 0 {
			_ = s.network.Receive(s.now, f.cell[:])
		} else {
			_ = s.users[f.to].Receive(s.now, f.cell[:])
		}
		s.launch()
	}
	if faults && s.rng.IntN(40) == 0 {
		s.fault()
	}
	for i, u := range s.users { // a user that wants a channel asks until it has one
		if s.wants[i] && u.State() == UserIdle {
			must(s.t, u.Request(s.now))
		}
		if !s.wants[i] && u.State() != UserIdle && u.State() != UserReleasing {
			must(s.t, u.Release(s.now))
		}
	}
	s.launch()
	return s.now < until
}

// agree compares what users have with what the network has assigned.
func (s *sim) agree(seed uint64) {
	if len(s.assigned) != len(s.has) {
		s.t.Fatalf("seed %d: %d assigned, %d users have one", seed, len(s.assigned), len(s.has))
	}
	taken := map[uint16]bool{}
	for i, want := range s.wants {
		a, have := s.has[i]
		b := s.assigned[a.ChannelA]
		if have != want || have && (taken[a.ChannelA] || a.ChannelB != b.ChannelB || a.Profile != b.Profile || s.users[i].State() != UserAssigned) {
			s.t.Fatalf("seed %d: user %d, %v: %+v, the network %+v", seed, i, s.users[i].State(), a, b)
		}
		taken[a.ChannelA] = true
	}
	if n := len(s.network.channels); n != len(s.assigned) {
		s.t.Fatalf("seed %d: %d channels kept, %d assigned", seed, n, len(s.assigned))
	}
}

func simulate(t testing.TB, seed uint64) {
	s := newSim(t, seed)
	for s.step(3*time.Minute, true) {
	}
	s.loss = 0
	for until := s.now + simCalm; s.step(until, false); {
	}
	s.agree(seed)
}

// Users that come, go and start again, and a network that does, over a link
// that loses and spoils: when it is calm again, each user that wants a channel
// has one of its own, the network knows, and nothing else is assigned.
func TestSimulation(t *testing.T) {
	if *oneSeed != 0 {
		simulate(t, *oneSeed)
		return
	}
	first := rand.Uint64() | 1
	t.Logf("seeds from %d: one that fails is replayed with -seed", first)
	for i := range *seeds {
		simulate(t, first+uint64(i))
	}
}
