package node

import (
	"time"

	"github.com/cellhub/cellhub/signalling/ie"
	"github.com/cellhub/cellhub/signalling/q2931"
)

// Restart clears all calls of an interface, and has the peer do the same (Q.2931, 5.5): the
// remedy of an operator where the two disagree. The error is of q2931: a restart is under way
// already, or too many messages wait for the link. False: there is no such interface.
func (n *Node) Restart(now time.Duration, port uint16) (bool, error) {
	n.at(now)
	i := n.ifaces[port]
	if i == nil {
		return false, nil
	}
	err := i.step(&q2931.Event{Kind: q2931.RestartRequest, Elements: []ie.Element{ie.New(&ie.Restart{Class: ie.RestartAll})}})
	n.drain()
	return true, err
}
