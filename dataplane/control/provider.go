package control

// What the module of a service interface and the hub's end of the control socket say to each
// other inside the hub, in the Info of a message of class PRIM.
const (
	ProviderPrimitive uint32 = iota // either way: a primitive's octets
	ProviderAttach                  // up: a line is wanted, of the number in Conn; down: it is below
	ProviderRefuse                  // down: there is none
	ProviderDetach                  // up: the line is to go; down: it has gone
)
