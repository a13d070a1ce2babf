package main

import "fmt"

// statusOf is one line about the traffic, for the service manager.
func statusOf(now snapshot) string {
	drops, _ := now.drops()
	line := fmt.Sprintf("%d PDUs to the network, %d to the host, %d drops", now.get("tap", "rx_frames"), now.get("tap", "tx_frames"), drops)
	if now.silence > 0 {
		line = "the peer is silent; " + line
	}
	return line
}
