package dataplane

// Here is the write queue of the process of that number when it stands on this hub, else
// nil: for a module that hands things straight to others of its kind, where a message would
// cost more than what it carries.
func (q *Queue) Here(id ProcID) *Queue {
	if p := q.hub.find(id); p != nil {
		return p.wq
	}
	return nil
}

// CanPost tells whether a message to the process of that number would not wait long: on this
// hub its queue has room, and not too much waits for the ring to another hub. Who posts data
// asks first, and sheds it otherwise; nobody is told when there is room again.
func (q *Queue) CanPost(id ProcID) bool {
	h := q.hub
	to := id.Hub()
	if to == h.index {
		p := h.numbers.find(id)
		if p == nil {
			return false
		}
		if to = p.rq.hub.index; to == h.index {
			return !p.wq.Full()
		}
	}
	return to < len(h.peers) && !h.peers[to].post.wq.Full()
}
