// Package port reads port specifications, as command lines and later configuration
// files write them, and opens what they name:
//
//	eth:IFNAME,label=OUT[/IN][,mode=MODE][,peer=MAC][,driver=DRIVER]
//	udp:LOCAL:PORT,remote=HOST:PORT[,label=OUT[/IN]][,mode=MODE][,checksum=off][,entropy=off]
//
// MODE is n1, n1cw or aal5sdu; DRIVER packet, xdp or auto.
package port
