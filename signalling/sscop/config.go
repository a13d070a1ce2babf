package sscop

import (
	"errors"
	"fmt"
	"time"
)

// Limits of a Config.
const (
	MaxInfo     = 65528 // octets of a message (k) or of user-to-user data (j)
	MaxElements = 16379 // elements of one STAT: what fits MaxPDUSize, and odd
	MaxWindow   = 8192  // SDs that may be under way to us
	MaxQueue    = 65536 // assured messages held for sending
	MaxUnits    = 1024  // UDs and MDs held while the layer below is busy, of each
	MaxRepeats  = 255   // MaxCC
)

// Config is the parameters of Q.2110, 7.6 and 7.7, and the sizes of buffers,
// which Q.2110 leaves open.
type Config struct {
	TimerCC         time.Duration // repeats BGN, END, RS and ER
	TimerPoll       time.Duration // between POLLs while SDs are unacknowledged
	TimerKeepAlive  time.Duration // between POLLs while nothing is, before Idle
	TimerNoResponse time.Duration // without a STAT for so long, the peer is gone
	TimerIdle       time.Duration // silence allowed when nothing is to be said

	MaxCC   int // how often BGN, END, RS and ER are sent at most; 1 to MaxRepeats
	MaxPD   int // SDs between POLLs at most
	MaxSTAT int // elements of one STAT that we send: odd, 3 to MaxElements

	K int // octets of a message at most, sent or received
	J int // octets of user-to-user data at most, sent or received

	Window int // SDs beyond VR(R) that we take: our credit to the peer; 1 to MaxWindow
	Queue  int // assured messages held, unsent or unacknowledged; 1 to MaxQueue

	// HoldCredit leaves it to Grant to open the window again. Without it each
	// SD that is delivered opens it by one.
	HoldCredit bool

	// AcceptAnyBGN takes every BGN in state Idle for a new one. Q.2110 refuses
	// one whose N(SQ) is that of the last by BGREJ; ATM Forum 97-0216 does
	// not, so that a peer that restarts without memory comes up at once.
	AcceptAnyBGN bool

	// LastSQ is VT(SQ), the last N(SQ) that this end has used: what the last
	// SequenceUsed action told, or 0 for a link that was never up.
	LastSQ uint8
}

// DefaultConfig gives the values for signalling at the UNI (Q.2130, 7, and the
// defaults of Q.2110, 7.7). The sizes of buffers are ours.
func DefaultConfig() Config {
	return Config{
		TimerCC:         time.Second,
		TimerPoll:       750 * time.Millisecond,
		TimerKeepAlive:  2 * time.Second,
		TimerNoResponse: 7 * time.Second,
		TimerIdle:       15 * time.Second,
		MaxCC:           4,
		MaxPD:           25,
		MaxSTAT:         67,
		K:               4096,
		J:               4096,
		Window:          256,
		Queue:           1024,
	}
}

// ErrConfig is wrapped by what New says of a Config.
var ErrConfig = errors.New("sscop: bad configuration")

func (c *Config) validate() error {
	within := func(name string, v, low, high int) error {
		if v < low || v > high {
			return fmt.Errorf("%w: %s is %d, not %d to %d", ErrConfig, name, v, low, high)
		}
		return nil
	}
	err := errors.Join(
		within("MaxCC", c.MaxCC, 1, MaxRepeats),
		within("MaxPD", c.MaxPD, 1, seqMask),
		within("MaxSTAT", c.MaxSTAT, 3, MaxElements),
		within("K", c.K, 1, MaxInfo),
		within("J", c.J, 0, MaxInfo-word),
		within("Window", c.Window, 1, MaxWindow),
		within("Queue", c.Queue, 1, MaxQueue),
	)
	for name, d := range map[string]time.Duration{
		"TimerCC": c.TimerCC, "TimerPoll": c.TimerPoll, "TimerKeepAlive": c.TimerKeepAlive,
		"TimerNoResponse": c.TimerNoResponse, "TimerIdle": c.TimerIdle,
	} {
		if d <= 0 {
			err = errors.Join(err, fmt.Errorf("%w: %s is %v", ErrConfig, name, d))
		}
	}
	if c.MaxSTAT%2 == 0 {
		err = errors.Join(err, fmt.Errorf("%w: MaxSTAT is even", ErrConfig))
	}
	if c.TimerNoResponse <= c.TimerPoll || c.TimerNoResponse <= c.TimerKeepAlive {
		err = errors.Join(err, fmt.Errorf("%w: TimerNoResponse must be longer than TimerPoll and TimerKeepAlive", ErrConfig))
	}
	return err
}
