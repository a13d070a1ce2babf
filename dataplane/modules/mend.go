package modules

import (
	"encoding/binary"

	"github.com/cellhub/cellhub/aal"
)

// MaxMendedVCs is on how many VCs at once a PDU whose CRC is to be mended may be under way.
const MaxMendedVCs = 4096

// mender puts the right CRC into AAL5 PDUs, for peers that send another: whoever comes after, here or
// beyond a switch, need not know. What was damaged on the way is then not found, but by its length.
type mender struct {
	open   vcIndex  // VCs with a PDU under way, by the place of its CRC
	crcs   []uint32 // of what has come of it
	free   []uint32
	mended uint64
	passed uint64 // cells that were not looked at: too many VCs
}

// cells looks at cells as they come.
func (m *mender) cells(cells []byte) {
	for ; len(cells) >= aal.CellSize; cells = cells[aal.CellSize:] {
		if h := aal.ReadHeader(cells); h.User() && h.VC() != (aal.VC{}) {
			m.cell(h, cells[aal.HeaderSize:aal.CellSize])
		}
	}
}

func (m *mender) cell(h aal.Header, payload []byte) {
	key := uint32(Key(h.VC()))
	place, begun := m.open.find(key)
	crc := uint32(0)
	if begun {
		crc = m.crcs[place]
	}
	if !h.AUU() {
		if !begun {
			if m.open.count == MaxMendedVCs {
				m.passed++
				return
			}
			place = m.take()
			m.open.add(key, place)
		}
		m.crcs[place] = aal.UpdateCRC32(crc, payload)
		return
	}
	const at = aal.PayloadSize - 4
	if right := aal.UpdateCRC32(crc, payload[:at]); right != binary.BigEndian.Uint32(payload[at:]) {
		binary.BigEndian.PutUint32(payload[at:], right)
		m.mended++
	}
	if begun {
		m.open.remove(key)
		m.free = append(m.free, place)
	}
}

// take is a free place.
func (m *mender) take() uint32 {
	if n := len(m.free); n > 0 {
		i := m.free[n-1]
		m.free = m.free[:n-1]
		return i
	}
	m.crcs = append(m.crcs, 0)
	return uint32(len(m.crcs) - 1)
}
