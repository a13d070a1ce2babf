// Package port reads port specifications, as command lines and later configuration
// files write them, and opens what they name:
//
//	eth:IFNAME,label=OUT[/IN][,mode=MODE][,peer=MAC][,driver=DRIVER]
//	udp:LOCAL:PORT,remote=HOST:PORT[,label=OUT[/IN]][,mode=MODE][,checksum=off][,entropy=off]
//
// Ports that are a device by themselves are read by an Opener: atmtcp, gns3, pcap and replay.
//
// With rate=CELLS what is cross-connected to leave by the port is queued there, and admitted
// by reserve=TOTAL[/CBR/RT-VBR/NRT-VBR/UBR], in percent of that rate.
//
// MODE is n1, n1cw, port or portcw, for cells of any VC; vcc, aal5pdu or aal5sdu, for those of one, vc=VPI/VCI; or vpc, for
// those of one path, vp=VPI. DRIVER is packet, xdp or auto.
package port
