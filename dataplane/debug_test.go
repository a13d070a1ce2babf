//go:build hubdebug

package dataplane

import (
	"strings"
	"testing"

	"github.com/cellhub/cellhub/dataplane/block"
)

// caught runs fn and gives what it panics with.
func caught(fn func()) (why string) {
	defer func() {
		if r := recover(); r != nil {
			why, _ = r.(string)
		}
	}()
	fn()
	return ""
}

// TestDebugBuildCatchesBadModules: modules that do not do exactly one of forward, queue
// and free with their message.
func TestDebugBuildCatchesBadModules(t *testing.T) {
	for _, c := range []struct {
		name    string
		put     func(*Queue, Msg)
		service func(*Queue)
		says    string
	}{
		{name: "forgets", put: func(*Queue, Msg) {}, says: "neither forwarded, queued nor freed"},
		{name: "forwards twice", put: func(q *Queue, m Msg) { q.PutNext(m); q.PutNext(m) }, says: "write put: forwards block 1, which is free"},
		{name: "forwards after free", put: func(q *Queue, m Msg) { q.hub.Free(m); q.PutNext(m) }, says: "forwards block 1, which is free"},
		{name: "queues and forwards", put: func(q *Queue, m Msg) { q.PutQ(m); q.PutNext(m) }, says: "forwards block 1, which is queued"},
		{name: "forwards and queues", put: func(q *Queue, m Msg) { q.PutNext(m); q.PutQ(m) }, says: "queues block 1, which is free"},
		{name: "frees twice", put: func(q *Queue, m Msg) { q.hub.Free(m); q.hub.Free(m) }, says: "frees block 1, which is free"},
		{name: "queues twice", put: func(q *Queue, m Msg) { q.PutQ(m); q.PutQ(m) }, says: "queues block 1, which is queued"},
		{name: "frees its queue's", put: func(q *Queue, m Msg) { q.PutQ(m); q.hub.Free(m) }, says: "frees block 1, which is queued"},
		{name: "forgets what it took", put: (*Queue).PutQ, service: func(q *Queue) { q.GetQ() }, says: "write service: neither forwarded"},
		{name: "copies and forgets", put: func(q *Queue, m Msg) {
			m.Block = q.hub.Pool.Copy(m.Block)
			q.PutNext(m)
		}, says: "neither forwarded, queued nor freed its message, block 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			arena, err := block.NewArena(block.Config{Small: 16})
			if err != nil {
				t.Fatal(err)
			}
			defer arena.Close()
			h, err := NewHub(Config{Pool: arena.Pool(0)})
			if err != nil {
				t.Fatal(err)
			}
			f, err := connectHubs(h)
			if err != nil {
				t.Fatal(err)
			}
			r := &rig{t: t, arena: arena, hubs: []*Hub{h}, h: h, fabric: f}
			ids := r.chain((&end{}).bottom(), through("good"), Module{Name: c.name, WritePut: c.put, WriteService: c.service}, through("source"))
			_, w := r.queues(ids[3])
			why := caught(func() {
				w.PutNext(text(t, h, "x"))
				h.Pass()
			})
			if !strings.Contains(why, c.says) || !strings.Contains(why, `module "`+c.name+`"`) {
				t.Errorf("caught %q, want the module's name and %q", why, c.says)
			}
		})
	}
}

// TestDebugBuildLetsGoodModulesBe: what modules may do with a message's blocks.
func TestDebugBuildLetsGoodModulesBe(t *testing.T) {
	var kept Msg
	for name, put := range map[string]func(*Queue, Msg){
		"forwards": (*Queue).PutNext,
		"frees":    func(q *Queue, m Msg) { q.hub.Free(m) },
		"queues":   (*Queue).Forward,
		"replies":  (*Queue).Reply,
		"duplicates": func(q *Queue, m Msg) {
			m2 := m
			m2.Block = q.hub.Pool.Dup(m.Block)
			q.PutNext(m)
			q.PutNext(m2)
		},
		"copies": func(q *Queue, m Msg) {
			m2 := m
			m2.Block = q.hub.Pool.Copy(m.Block)
			q.hub.Free(m)
			q.PutNext(m2)
		},
		"pulls up": func(q *Queue, m Msg) {
			d := q.hub.Pool.Dup(m.Block)
			m.Block = q.hub.Pool.PullUp(m.Block, -1)
			q.PutNext(m)
			q.hub.Pool.Free(d)
		},
		"strips its first block": func(q *Queue, m Msg) {
			q.hub.Pool.Append(m.Block, q.hub.Pool.Copy(m.Block))
			first := m.Block
			m.Block = q.hub.Pool.Next(first)
			q.hub.Pool.FreeOne(first)
			q.PutNext(m)
		},
		"reassembles": func(q *Queue, m Msg) {
			if kept.Block == 0 {
				kept = Msg{Type: Data, Block: q.hub.Pool.Alloc(1)}
				q.hub.Pool.Append(kept.Block, m.Block)
				return
			}
			q.hub.Pool.Append(kept.Block, m.Block)
			kept.Len = uint32(q.hub.Pool.Size(kept.Block))
			q.PutNext(kept)
			kept = Msg{}
		},
		"frees and takes another": func(q *Queue, m Msg) {
			q.hub.Free(m)
			b := q.hub.Pool.Alloc(1) // the same
			q.hub.StartTimer(&Timer{Fire: func() { q.hub.Pool.Free(b) }}, 0)
		},
	} {
		t.Run(name, func(t *testing.T) {
			kept = Msg{}
			r := newRig(t, 2, block.Config{})
			e := &end{}
			bottom := r.add(r.hubs[1], e.bottom())
			ids := r.chain(Module{Name: name, WritePut: put, WriteService: passService}, through("source"))
			r.join(bottom, ids[0])
			_, w := r.queues(ids[1])
			for range 2 {
				w.PutNext(text(t, r.h, "x"))
				loan := r.h.Pool.Loan()
				if name != "duplicates" && name != "pulls up" && name != "reassembles" {
					r.h.Pool.Lend(loan, []byte("y"))
					w.PutNext(Msg{Type: Data, Block: loan, Len: 1})
				}
				r.h.Pool.Reclaim(loan)
				r.settle()
			}
			r.settle()
		})
	}
}
