package nic

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// PacketSockets counts the packet sockets, of whatever program, that see each frame of an EtherType on the interface of that
// number, in the network namespace of the calling thread: each costs the kernel a look at every such frame.
func PacketSockets(index int, etherType uint16) (int, error) {
	f, err := os.Open("/proc/thread-self/net/packet")
	if err != nil {
		return 0, fmt.Errorf("packet sockets: %w", err)
	}
	defer f.Close()
	protocol, at, n := fmt.Sprintf("%04x", etherType), strconv.Itoa(index), 0
	lines := bufio.NewScanner(f)
	for lines.Scan() { // sk RefCnt Type Proto Iface R Rmem User Inode
		if fields := strings.Fields(lines.Text()); len(fields) > 4 && fields[3] == protocol && fields[4] == at {
			n++
		}
	}
	if err := lines.Err(); err != nil {
		return 0, fmt.Errorf("packet sockets: %w", err)
	}
	return n, nil
}
