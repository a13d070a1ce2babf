package main

// up and down are who speaks in class SOCK: the hub passes on what the other has said.
const (
	up   = fromApplication | fromHub
	down = fromManager | fromHub
)

var classes = []*class{
	{
		n: 0, name: "HUB", goName: "Hub", body: hub, trailer: "tlv",
		doc: "the connection itself, and the hub's topology",
		types: []typ{
			{n: 1, name: "HELLO", from: fromClient, fds: 3, doc: "first message: role and definition's hash; reply: epoch, the client's number, and the shared region's descriptors"},
			{n: 2, name: "BYE", from: fromAny, doc: "the sender is about to close"},
			{n: 3, name: "PING", from: fromAny, doc: "nothing; the reply shows that the peer lives"},
			{n: 4, name: "ERROR", from: fromHub, doc: "a message could not be read: status says why, seq is the message's if that much was legible"},
			{n: 5, name: "RESYNC", from: fromManager | fromAdmin | fromObserver, doc: "asks for the whole state: a message each port, VC, connection, path and subscription, all with MORE, then DONE"},
			{n: 6, name: "DONE", from: fromHub | fromManager | fromAdmin, doc: "end of a dump; from a new MANAGER: what it has not claimed by now may close"},
			{n: 7, name: "FLUSH", from: fromAdmin, doc: "frees the data that waits in the stream of process a; b: 1 on its way up, 2 down, 0 both; reply: status, how many messages"},
			{n: 8, name: "REGISTER", from: fromAdmin, doc: "makes the event id in idx and val known, under name; with the flag GROUP it is sent to the group dst"},
			{n: 9, name: "UNREGISTER", from: fromAdmin, doc: "withdraws it"},
			{n: 10, name: "PUSH", from: fromAdmin, doc: "puts the module name under process a, towards the network; reply: its number"},
			{n: 11, name: "POP", from: fromAdmin, doc: "takes process a out of its stream"},
			{n: 12, name: "LINK", from: fromAdmin, doc: "joins process a, below, and process b, above"},
			{n: 13, name: "UNLINK", from: fromAdmin, doc: "parts process a from the one above it"},
			{n: 14, name: "OPEN", from: fromAdmin | fromApplication, doc: "makes a process of the module name; reply: its number; an APPLICATION's module has a service interface"},
			{n: 15, name: "CLOSE", from: fromAdmin | fromApplication, doc: "removes process a; of an APPLICATION its own"},
			{n: 16, name: "PAIR", from: fromAdmin, doc: "gives the multiplexor a another queue pair; reply: its number"},
			{n: 17, name: "REPLACE", from: fromAdmin, doc: "puts the module name in the place of process a's"},
			{n: 18, name: "MOVE", from: fromAdmin, doc: "moves process a to hub b"},
			{n: 19, name: "LIST", from: fromAdmin | fromObserver, doc: "lists what b says, a message each, all with MORE, then DONE"},
			{n: 20, name: "REGION", from: fromHub, fds: 3, doc: "another shared region of an application, number a, with its descriptors"},
		},
	},
	{
		n: 1, name: "SOCK", goName: "Sock", body: sock, trailer: "tlv",
		doc: "a connection, between an application and the hub (up) and between the hub and the manager (down)",
		types: []typ{
			{n: 1, name: "BIND", from: up, doc: "names the local end, or a PVC by TLV SECOND_END; conn 0, the reply brings the id"},
			{n: 2, name: "LISTEN", from: up, doc: "takes calls for the local address and SAP; conn 0, the reply brings the id"},
			{n: 3, name: "CONNECT", from: up, doc: "calls the remote address, or attaches to a PVC; conn 0 unless bound, the reply brings the id"},
			{n: 4, name: "ACCEPT", from: up, doc: "takes the offered call"},
			{n: 5, name: "REJECT", from: up, doc: "refuses the offered call, with a cause"},
			{n: 6, name: "CLOSE", from: up, doc: "the application lets go"},
			{n: 7, name: "OKAY", from: down, doc: "the connection carries data; to the application with TLV RING"},
			{n: 8, name: "FAIL", from: down, doc: "the call came to nothing, with a cause"},
			{n: 9, name: "INCOMING", from: down, doc: "a call; from a manager conn is the listener's, and the reply brings the new one's id, or ECONNREFUSED; to an application conn is the new one's, and TLV LISTENER names the listener"},
			{n: 10, name: "CLOSED", from: down, doc: "the far side or the network has released, with a cause"},
			{n: 11, name: "RELEASED", from: down, doc: "nothing is left of the connection: its id may be used again"},
			{n: 12, name: "MODIFY", from: up, doc: "asks for another traffic contract"},
			{n: 13, name: "ADDPARTY", from: up, goName: "AddParty", doc: "adds the remote address as a leaf; TLV LEAF"},
			{n: 14, name: "DROPPARTY", from: up, goName: "DropParty", doc: "drops a leaf; TLV LEAF"},
			{n: 15, name: "ALERTING", from: down, doc: "the called user is told and has not answered yet"},
		},
	},
	{
		n: 2, name: "ATM", goName: "ATM", body: atm, trailer: "tlv",
		doc: "associations and ports",
		types: []typ{
			{n: 1, name: "ADD", from: fromManager | fromAdmin, doc: "makes an association of port, VPI and VCI with conn or receiver; TLV COOKIE is the manager's"},
			{n: 2, name: "DEL", from: fromManager | fromAdmin, doc: "removes it"},
			{n: 3, name: "QUERY", from: fromManager | fromAdmin | fromObserver, doc: "tells what it is"},
			{n: 4, name: "STATS", from: fromManager | fromAdmin | fromObserver, doc: "tells what it has counted; TLV TEXT of a cross-connected VC says why the hub relays it, and is empty where the kernel does"},
			{n: 5, name: "MODIFY", from: fromManager | fromAdmin, doc: "changes its contract or marks"},
			{n: 6, name: "PORTUP", from: fromManager | fromAdmin, goName: "PortUp", doc: "lets the port carry"},
			{n: 7, name: "PORTDOWN", from: fromManager | fromAdmin, goName: "PortDown", doc: "drains the port and stops it; a second stops it at once"},
			{n: 8, name: "PORTSTAT", from: fromManager | fromAdmin | fromObserver, goName: "PortStat", doc: "tells what the port has counted"},
			{n: 9, name: "BINDSAP", from: fromManager | fromAdmin, goName: "BindSAP", doc: "gives the frames of a SAP that the Ethernet driver of process dst receives to the stream of receiver; no such driver is a MANAGER's"},
			{n: 10, name: "UNBINDSAP", from: fromManager | fromAdmin, goName: "UnbindSAP", doc: "ends that"},
			{n: 11, name: "FLOW", from: fromManager | fromAdmin, doc: "sets the receiver's water marks; that its queue is full or has drained EVENT tells"},
			{n: 12, name: "XCONNECT", from: fromManager | fromAdmin, goName: "XConnect", doc: "joins the VC and the one in TLV SECOND_END"},
			{n: 13, name: "ADDLEAF", from: fromManager | fromAdmin, goName: "AddLeaf", doc: "adds a leaf to a point-to-multipoint VC; TLVs LEAF and SECOND_END"},
			{n: 14, name: "DELLEAF", from: fromManager | fromAdmin, goName: "DelLeaf", doc: "removes it; TLV LEAF"},
			{n: 15, name: "OAM", from: fromManager | fromAdmin, goName: "OAM", doc: "says, in TLV TEXT, what is done about the OAM of a cross-connected VC where it comes in"},
			{n: 16, name: "LOOPBACK", from: fromManager | fromAdmin, doc: "sends an OAM loopback cell out of the VC's port; TLV TEXT says to where; STATS has the answer"},
		},
	},
	{
		n: 3, name: "SIG", goName: "Sig", body: sig, trailer: "octets",
		doc: "signalling cells and SDUs of managers without shared memory",
		types: []typ{
			{n: 1, name: "TX", from: fromManager, goName: "TX", doc: "to be sent"},
			{n: 2, name: "RX", from: fromHub, goName: "RX", doc: "was received; shed and counted when the manager is slow"},
		},
	},
	{
		n: 4, name: "MMI", goName: "MMI", body: mmi, trailer: "octets",
		doc: "modules",
		types: []typ{
			{n: 1, name: "PATH", from: fromPath | fromAdmin, doc: "opens a path by name and key; the reply's key is its handle; a wrong name or key is ENXIO"},
			{n: 2, name: "CMD", from: fromPath | fromAdmin, goName: "Cmd", doc: "a command to the module at the path's end"},
			{n: 3, name: "UNPATH", from: fromPath | fromAdmin, doc: "ends the path"},
		},
	},
	{
		n: 5, name: "EVT", goName: "Evt", body: evt, trailer: "tlv",
		doc: "events",
		types: []typ{
			{n: 1, name: "SUBSCRIBE", from: fromObserver | fromAdmin, doc: "asks for events by range of ids, kind and group"},
			{n: 2, name: "UNSUBSCRIBE", from: fromObserver | fromAdmin, doc: "ends what a SUBSCRIBE with the same fields began"},
			{n: 3, name: "EVENT", from: fromHub | fromAdmin, doc: "an event; from an ADMIN an alarm of an id that it has registered: the reply's status is how many it reached"},
			{n: 4, name: "LOST", from: fromHub, doc: "events were lost: ask for RESYNC"},
		},
	},
	{
		n: 6, name: "PRIM", goName: "Prim", body: hub, trailer: "octets",
		doc: "a primitive of a service interface, to or from a stream",
		types: []typ{
			{n: 1, name: "PRIMITIVE", from: fromHub | fromApplication, doc: "idx the interface, val its primitive, the trailer the primitive's block"},
		},
	},
}
