package modules

import (
	"math/rand/v2"
	"testing"
)

// Keys come and go at random; what the index finds is what a map has.
func TestVCIndex(t *testing.T) {
	rnd := rand.New(rand.NewPCG(seed(t), 1))
	var index vcIndex
	model := map[uint32]uint32{}
	for i := range 20_000 {
		key := uint32(1 + rnd.IntN(600))
		if rnd.IntN(2) == 0 {
			key <<= 20 // neighbours in the VPI
		}
		switch _, there := model[key]; {
		case there:
			index.remove(key)
			delete(model, key)
		case len(model) < 400:
			index.add(key, uint32(i))
			model[key] = uint32(i)
		}
		for probe := range 3 {
			key := key + uint32(probe)
			place, ok := index.find(key)
			if want, there := model[key]; ok != there || place != want {
				t.Fatalf("step %d: key %#x: %d %v, want %d %v", i, key, place, ok, want, there)
			}
		}
		if index.count != len(model) {
			t.Fatalf("step %d: %d keys, want %d", i, index.count, len(model))
		}
	}
}
