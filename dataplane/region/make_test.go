package region

import (
	"errors"
	"testing"
)

// TestMakeRefuses: a region that has no room for the doorbells of its channels, and for one of
// them, is none.
func TestMakeRefuses(t *testing.T) {
	for _, c := range []Config{{Octets: MinOctets, Channels: MaxChannels}, {Octets: MinOctets, Channels: 1 << 13}} {
		if r, passed, err := Make(c); !errors.Is(err, ErrRegion) {
			t.Errorf("%+v: %v", c, err)
			passed.Close()
			r.Close()
		}
	}
}
