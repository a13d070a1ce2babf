package control

// Commands of a carrier's own, for what cross-connects. Their argument is text. A connection
// is "PORT VPI/VCI", or "PORT VPI/*" for a path, where PORT is the carrier's own number; a way
// out is the number of the carrier's process before that; a contract is "CATEGORY [pcr=N]
// [scr=N] [mbs=N] [mcr=N] [cdvt=DURATION] [clp0] [tag]", CATEGORY being ubr, cbr, rt-vbr,
// nrt-vbr or ubr+, and rates cells a second.
//
// A cross-connect of both ways is a reservation and a connection for each: first both are
// reserved, where the cells leave, and then connected, where they come in. Nothing has to be
// undone where they leave when what comes in is disconnected, but what was reserved.
const (
	CarrierConnect    Type = FirstModuleCommand + iota // "CONNECTION PROCESS CONNECTION [merge]"
	CarrierDisconnect                                  // "CONNECTION"
	CarrierAddLeaf                                     // "CONNECTION NAME PROCESS CONNECTION"; NAME is a number, 0 is Connect's
	CarrierDropLeaf                                    // "CONNECTION NAME"
	CarrierReserve                                     // "CONNECTION [shape] [frames] [weight=N] [CONTRACT]"
	CarrierRelease                                     // "CONNECTION"
	CarrierPolice                                      // "CONNECTION CONTRACT"
	CarrierCounts                                      // "CONNECTION"; gives "NAME N" lines, and of what was lost last "NAME N AGO", in nanoseconds
	CarrierOAM                                         // "CONNECTION segment [source] [sink] [pm=…] [id=HEX]", "CONNECTION id=HEX", "CONNECTION off"; of a path that ends there "CONNECTION end"
	CarrierPing                                        // "CONNECTION segment" or "CONNECTION end", [id=HEX]; the answer is among Counts
	CarrierPorts                                       // gives what each port has counted, a line each
	CarrierAdmit                                       // "CONNECTION CONTRACT": a reservation for a VC that ends here; CarrierRelease takes it back
)

// Commands of the module aal5, which is the end of its VC, with the words of CarrierOAM and CarrierPing.
const (
	EndOAM  Type = FirstModuleCommand + 1 + iota // "[segment] [source] [sink] [pm=…] [id=HEX]", "off"
	EndPing                                      // "segment" or "end", [id=HEX]
)
