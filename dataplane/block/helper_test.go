package block

import "testing"

// newPoolOf is the one pool of a fresh arena, to which all must have come back at the end.
func newPoolOf(t *testing.T, c Config) *Pool {
	t.Helper()
	if c.Small == 0 {
		c.Small = 256
	}
	a, err := NewArena(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for i := range a.Hubs() {
			if blocks, views := a.Pool(i).InUse(); blocks+views != 0 {
				t.Errorf("pool %d after the end: %d blocks and %d views are out", i, blocks, views)
			}
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return a.Pool(0)
}

// octets is the data of a message, of all its blocks.
func octets(p *Pool, b ID) (data []byte) {
	for ; b != 0; b = p.Next(b) {
		data = append(data, p.Bytes(b)...)
	}
	return data
}
