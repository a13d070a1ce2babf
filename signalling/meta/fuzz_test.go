package meta

import (
	"bytes"
	"testing"
	"time"
)

// What can be read is written to the same octets.
func FuzzDecode(f *testing.F) {
	for _, s := range samples {
		cell, err := Encode(s.m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(cell[:])
	}
	f.Add([]byte{1, 1, 1})
	f.Fuzz(func(t *testing.T, cell []byte) {
		if len(cell) == CellPayload { // else nothing would get past the CRC
			cell = bytes.Clone(cell)
			order.PutUint32(cell[crcAt:], crc(cell[:crcAt]))
		}
		m, err := Decode(cell)
		if err != nil {
			return
		}
		if back, err := Encode(m); err != nil || !bytes.Equal(back[:], cell) {
			t.Fatalf("%x: %v: %x, %v", cell, m, back, err)
		}
	})
}

// Whole machines, by sequences of events: two users and a network, time,
// messages that are lost, repeated, spoilt with a CRC that fits, or made up.
// Nothing panics, and no channel is kept twice.
func FuzzMachine(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15})
	f.Add(bytes.Repeat([]byte{0, 16, 5, 6, 9, 3, 22, 9, 9}, 12))
	f.Fuzz(func(t *testing.T, script []byte) {
		n, err := NewNetwork(networkConfig)
		must(t, err)
		var users []*User
		for seed := range uint64(2) {
			cfg := userConfig
			cfg.Seed = seed
			u, err := NewUser(cfg)
			must(t, err)
			users = append(users, u)
		}
		var now time.Duration
		var air [][CellPayload]byte
		for i, b := range script {
			u := users[b>>4&1]
			switch b & 0xF {
			case 0:
				_ = u.Request(now)
			case 1:
				_ = u.Release(now)
			case 2:
				_ = n.Check(now, 40*uint16(b>>5&1))
			case 3:
				_ = n.Remove(now, 40+uint16(b>>5))
			case 4:
				n.Start(now)
			case 5, 6:
				now += time.Duration(b>>5) * 300 * time.Millisecond
				n.HandleTimeout(now)
				users[0].HandleTimeout(now)
				users[1].HandleTimeout(now)
			case 7: // lost
				air = air[min(1, len(air)):]
			case 8: // spoilt, or made up
				cell := [CellPayload]byte{Discriminator, Version, b >> 5}
				if len(air) > 0 {
					cell = air[0]
				}
				for j := 0; j+1 < len(script)-i && j < 8; j += 2 {
					cell[2+script[i+j]%12] = script[i+j+1]
				}
				order.PutUint32(cell[crcAt:], crc(cell[:crcAt]))
				_, _, _ = n.Receive(now, cell[:]), users[0].Receive(now, cell[:]), users[1].Receive(now, cell[:])
			default: // heard by all, and kept if b says so
				if len(air) > 0 {
					cell := air[0]
					_, _, _ = n.Receive(now, cell[:]), users[0].Receive(now, cell[:]), users[1].Receive(now, cell[:])
					if b&0x80 == 0 {
						air = air[1:]
					}
				}
			}
			for _, actions := range [][]Action{n.Actions(), users[0].Actions(), users[1].Actions()} {
				for _, a := range actions {
					if a.Kind == Send {
						air = append(air, a.Cell)
					}
				}
			}
			for k := 1; k < len(n.channels); k++ {
				if n.channels[k-1].a >= n.channels[k].a {
					t.Fatal("channels out of order, or twice")
				}
			}
		}
	})
}
