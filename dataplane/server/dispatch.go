package server

import (
	"errors"
	"syscall"

	"github.com/cellhub/cellhub/dataplane/control"
)

// errBye ends a connection whose client has said that it leaves.
var errBye = errors.New("bye")

// errLater leaves a message without an answer until whoever decides has decided.
var errLater = errors.New("answered later")

// handler carries a message out. out is the answer: at first the message itself, without its
// trailer. An error is the answer instead, by its errno.
type handler func(s *Server, c *client, in, out *control.Packet) error

// handlers by class and type; none: the hub does not know how, yet may be asked.
var handlers = [...]map[control.Type]handler{
	control.ClassHub: {
		control.HubPing:    func(*Server, *client, *control.Packet, *control.Packet) error { return nil },
		control.HubBye:     func(*Server, *client, *control.Packet, *control.Packet) error { return errBye },
		control.HubOpen:    (*Server).open,
		control.HubClose:   (*Server).close,
		control.HubPush:    (*Server).push,
		control.HubPop:     (*Server).pop,
		control.HubLink:    (*Server).link,
		control.HubUnlink:  (*Server).change,
		control.HubPair:    (*Server).change,
		control.HubReplace: (*Server).replace,
		control.HubMove:    (*Server).move,
		control.HubFlush:   (*Server).flush,
		control.HubList:    (*Server).list,
		control.HubResync:  (*Server).resync,

		control.HubRegister:   (*Server).register,
		control.HubUnregister: (*Server).unregister,
		control.HubDone:       (*Server).claimed,
	},
	control.ClassATM: {
		control.ATMAdd:       (*Server).addVC,
		control.ATMDel:       (*Server).delVC,
		control.ATMQuery:     (*Server).queryVC,
		control.ATMStats:     (*Server).statVC,
		control.ATMFlow:      (*Server).flowVC,
		control.ATMBindSAP:   (*Server).bindSAP,
		control.ATMUnbindSAP: (*Server).unbindSAP,
		control.ATMModify:    (*Server).modifyVC,
		control.ATMPortUp:    (*Server).portUp,
		control.ATMPortDown:  (*Server).portDown,
		control.ATMPortStat:  (*Server).portStat,
		control.ATMXConnect:  (*Server).xconnect,
		control.ATMAddLeaf:   (*Server).addLeaf,
		control.ATMDelLeaf:   (*Server).delLeaf,
		control.ATMOAM:       func(s *Server, c *client, in, out *control.Packet) error { return s.oam(c, in, control.CarrierOAM) },
		control.ATMLoopback:  func(s *Server, c *client, in, out *control.Packet) error { return s.oam(c, in, control.CarrierPing) },
	},
	control.ClassSock: nil,
	control.ClassSig:  {control.SigTX: (*Server).sigTX},
	control.ClassMMI: {
		control.MMIPath:   (*Server).openPath,
		control.MMICmd:    (*Server).command,
		control.MMIUnpath: (*Server).closePath,
	},
	control.ClassEvt: {
		control.EvtSubscribe:   (*Server).subscribe,
		control.EvtUnsubscribe: (*Server).unsubscribe,
		control.EvtEvent:       (*Server).alarm,
	},
	control.ClassPrim: {control.PrimPrimitive: (*Server).primitive},
}

// dispatch refuses what the client may not say, and carries out what it may.
func (s *Server) dispatch(c *client, in, out *control.Packet) error {
	hello := in.Class == control.ClassHub && in.Type == control.HubHello
	switch {
	case c.role == 0 && !hello:
		return syscall.EPROTO
	case c.role != 0 && hello:
		return syscall.EISCONN
	case hello && in.Epoch != 0, !hello && in.Epoch != s.epoch:
		return syscall.ESTALE
	case hello:
		return s.hello(c, in, out)
	case !c.role.May(in.Class, in.Type):
		return syscall.EPERM
	case c.role == control.RoleApplication && in.Class == control.ClassHub && in.Type == control.HubOpen:
		return s.openPrim(c, in, out)
	case c.role == control.RoleApplication && in.Class == control.ClassHub && in.Type == control.HubClose:
		return s.closePrim(c, in)
	}
	if in.Class == control.ClassATM && (in.Conn == 0 || ofPort(in.Type)) {
		if err := c.mayTouch(in.ATM().Port); err != nil {
			return err
		}
	}
	if in.Class == control.ClassSock {
		return s.sock(c, in, out)
	}
	h := handlers[in.Class][in.Type]
	if h == nil {
		return syscall.EOPNOTSUPP
	}
	return h(s, c, in, out)
}

// ofPort tells which messages of class ATM name a port by their body alone, whatever their conn.
func ofPort(t control.Type) bool {
	return t == control.ATMPortUp || t == control.ATMPortDown || t == control.ATMPortStat
}
