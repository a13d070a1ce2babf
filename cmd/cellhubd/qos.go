package main

import (
	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/cmd/internal/port"
	"github.com/cellhub/cellhub/dataplane/modules"
	"github.com/cellhub/cellhub/loader"
)

// setQoS gives ports the tables of the configuration. A port whose table changes marks its frames by it
// from then on, and is not touched otherwise; a table that the file has no more stays as it was.
func (d *hubd) setQoS() {
	if d.c.file.want == nil {
		return
	}
	for _, t := range d.c.file.want.QoS {
		d.opener.QoS.Set(t.Name, qosTable(&t))
	}
}

// qosCategories are the words of a configuration.
var qosCategories = map[string]aal.Category{
	"cbr": aal.CBR, "rt-vbr": aal.RealTimeVBR, "nrt-vbr": aal.VBR, "ubr+": aal.UBRMCR, "ubr": aal.UBR,
}

// qosTable is a table as ports have it.
func qosTable(t *loader.QoS) *modules.QoSTable {
	table := new(modules.QoSTable)
	for i := range t.Entries {
		e := &t.Entries[i]
		switch {
		case e.Copy:
			port.CopyInner(table, e.First, e.Last)
		case e.Category == "":
			table.ByInner = true
			for d := int(e.First); d <= int(e.Last); d++ {
				table.Inner[d] = marking(e)
			}
		default:
			cells := &table.Cells[qosCategories[e.Category]]
			if e.CLP0 {
				cells[0] = marking(e)
			}
			if e.CLP1 {
				cells[1] = marking(e)
			}
		}
	}
	return table
}

func marking(e *loader.QoSEntry) (m modules.Marking) {
	set := func(to *uint8, n int8, given modules.MarkingFields) {
		if n != loader.Unset {
			*to = uint8(n)
			m.Given |= given
		}
	}
	set(&m.DSCP, e.DSCP, modules.GivenDSCP)
	set(&m.TC, e.TC, modules.GivenTC)
	set(&m.PCP, e.PCP, modules.GivenPCP)
	return m
}
