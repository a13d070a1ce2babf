package port

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane/modules"
)

// The tables that are always there.
const (
	QoSDefault = "default" // by category and CLP
	QoSInner   = "inner"   // packets tell their own DSCP, the rest is as in default
)

// QoSBuiltIn are the names of those.
var QoSBuiltIn = []string{QoSDefault, QoSInner}

// QoSTables are the tables that ports may name. The zero value has the built-in ones.
type QoSTables struct {
	mu     sync.Mutex
	tables map[string]*modules.QoS
}

// Find gives a table by its name.
func (t *QoSTables) Find(name string) (*modules.QoS, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if q := t.tables[name]; q != nil {
		return q, nil
	}
	var table *modules.QoSTable
	switch name {
	case QoSDefault:
		table = DefaultQoS()
	case QoSInner:
		table = DefaultQoS()
		CopyInner(table, 0, modules.MaxDSCP)
	default:
		names := slices.Sorted(maps.Keys(t.tables))
		for _, n := range QoSBuiltIn {
			if !slices.Contains(names, n) {
				names = append(names, n)
			}
		}
		return nil, fmt.Errorf("no such table: %s", strings.Join(names, ", "))
	}
	return t.keep(name, table), nil
}

func (t *QoSTables) keep(name string, table *modules.QoSTable) *modules.QoS {
	if t.tables == nil {
		t.tables = map[string]*modules.QoS{}
	}
	q := t.tables[name]
	if q == nil {
		q = modules.NewQoS(table)
		t.tables[name] = q
	} else {
		q.Set(table)
	}
	return q
}

// Set gives a table other contents, for the ports that have it too, or adds it. What ports have is
// never taken away.
func (t *QoSTables) Set(name string, table *modules.QoSTable) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.keep(name, table)
}

// mark gives all of DSCP, TC and PCP.
func mark(dscp, tc, pcp uint8) modules.Marking {
	return modules.Marking{DSCP: dscp, TC: tc, PCP: pcp, Given: modules.GivenDSCP | modules.GivenTC | modules.GivenPCP}
}

// DefaultQoS is a table by RFC 4594's service classes: CBR is telephony (EF), rt-VBR video (AF4), nrt-VBR
// data that must be fast (AF2), UBR with a minimum data of high throughput (AF1), and UBR the rest.
// CLP 1 raises the drop precedence and leaves the class, so that a VC keeps its order (RFC 2597); TC and PCP
// have no drop precedence. Below PCP 0 stands 1, so AF1 has 0.
func DefaultQoS() *modules.QoSTable {
	t := new(modules.QoSTable)
	t.Cells[aal.CBR] = [2]modules.Marking{mark(46, 5, 5), mark(46, 5, 5)}
	t.Cells[aal.RealTimeVBR] = [2]modules.Marking{mark(34, 4, 4), mark(36, 4, 4)}
	t.Cells[aal.VBR] = [2]modules.Marking{mark(18, 2, 2), mark(20, 2, 2)}
	t.Cells[aal.UBRMCR] = [2]modules.Marking{mark(10, 1, 0), mark(12, 1, 0)}
	t.Cells[aal.UBR] = [2]modules.Marking{mark(0, 0, 0), mark(0, 0, 0)}
	return t
}

// CopyInner has packets of the DSCPs first to last tell their own (RFC 2983, the uniform model); TC and PCP
// are its first three bits, the class selector.
func CopyInner(t *modules.QoSTable, first, last uint8) {
	t.ByInner = true
	for d := int(first); d <= int(last); d++ {
		t.Inner[d] = mark(uint8(d), uint8(d)>>3, uint8(d)>>3)
	}
}

func (s *Spec) setQoS(v string) error {
	if len(v) > maxTableName {
		return fmt.Errorf("the name of a table, of at most %d octets", maxTableName)
	}
	s.QoS = v
	return nil
}

const maxTableName = 31

// resolveQoS finds the table that the specification names.
func (s *Spec) resolveQoS(t *QoSTables) (err error) {
	if s.QoS == "" {
		return nil
	}
	if s.table, err = t.Find(s.QoS); err != nil {
		err = fmt.Errorf("qos=%s: %w", s.QoS, err)
	}
	return err
}

// builtIn are the tables of ports outside a daemon.
var builtIn QoSTables
