package dlpi

// Primitives of CDI.
const (
	CDInfoReq       = 0x00
	CDInfoAck       = 0x01
	CDAttachReq     = 0x02
	CDDetachReq     = 0x03
	CDEnableReq     = 0x04
	CDDisableReq    = 0x05
	CDOKAck         = 0x06
	CDErrorAck      = 0x07
	CDEnableCon     = 0x08
	CDDisableCon    = 0x09
	CDErrorInd      = 0x0a
	CDAllowInputReq = 0x0b
	CDUnitdataReq   = 0x0d
	CDUnitdataInd   = 0x10
	CDHaltInputReq  = 0x11
)

// CDI is the interface's primitives. A frame is carried whole: its addresses are in it.
var CDI = Interface{prims: []layout{
	CDInfoReq:       {name: "CD_INFO_REQ", words: 1},
	CDInfoAck:       {name: "CD_INFO_ACK", words: 10},
	CDAttachReq:     {name: "CD_ATTACH_REQ", words: 2},
	CDDetachReq:     {name: "CD_DETACH_REQ", words: 1},
	CDEnableReq:     {name: "CD_ENABLE_REQ", words: 4, at: [2][2]int{{2, 3}}},
	CDDisableReq:    {name: "CD_DISABLE_REQ", words: 2},
	CDOKAck:         {name: "CD_OK_ACK", words: 3},
	CDErrorAck:      {name: "CD_ERROR_ACK", words: 5},
	CDEnableCon:     {name: "CD_ENABLE_CON", words: 2},
	CDDisableCon:    {name: "CD_DISABLE_CON", words: 2},
	CDErrorInd:      {name: "CD_ERROR_IND", words: 4},
	CDAllowInputReq: {name: "CD_ALLOW_INPUT_REQ", words: 1},
	0x0c:            {name: "CD_READ_REQ", words: 1},
	CDUnitdataReq:   {name: "CD_UNITDATA_REQ", words: 4, at: [2][2]int{{2, 3}}}, // cd_addr_type and cd_priority share a word
	0x0e:            {name: "CD_WRITE_READ_REQ", words: 1},
	CDUnitdataInd:   {name: "CD_UNITDATA_IND", words: 7, at: [2][2]int{{2, 3}, {5, 6}}},
	CDHaltInputReq:  {name: "CD_HALT_INPUT_REQ", words: 2},
	0x12:            {name: "CD_ABORT_OUTPUT_REQ", words: 1},
}}

// CDState is a device state of CDI.
type CDState uint32

// The states. CDAttaching and CDDetaching are Disabled and Unattached whose line has still to
// come or go: a user is told nothing meanwhile, and nothing is done for him.
const (
	CDUnattached   CDState = 0
	CDDisabled     CDState = 2
	CDEnabled      CDState = 4
	CDInputAllowed CDState = 6
	cdAttaching    CDState = 16
	cdDetaching    CDState = 17
)

// Codes of CD_ERROR_ACK and CD_ERROR_IND, and values of fields.
const (
	CDBadPPA    = 0x07
	CDBadPrim   = 0x08
	CDNotSupp   = 0x0d
	CDOutState  = 0x0e
	CDShort     = 0x0f
	CDWriteFail = 0x12

	cdLAN      = 2       // cd_class
	cdStyle2   = 1       // cd_ppa_style
	cdImplicit = 2 << 16 // cd_addr_type: the address is in the frame
)

// Rest is the SAP of frames that nobody else takes.
const Rest SAP = 4 << 40

var restOnly = []SAP{Rest}

// Line is the machine of CDI.
type Line struct {
	state CDState
	dev   Device
}

// NewLine makes one that is CD_UNATTACHED.
func NewLine() *Line { return new(Line) }

// Interface is CDI.
func (l *Line) Interface() *Interface { return &CDI }

// State is the device's state.
func (l *Line) State() CDState { return l.state }

// SAPs are what the others leave, while input is allowed.
func (l *Line) SAPs() []SAP {
	if l.state == CDInputAllowed {
		return restOnly
	}
	return nil
}

// cdRow is a primitive in the states where a user may say it, and what it leads to and is
// answered with; 0: what the step says.
type cdRow struct {
	states uint32
	next   CDState
	answer uint32
	do     Act
}

var cdRows = map[uint32]cdRow{
	CDAttachReq:     {1 << CDUnattached, cdAttaching, 0, ActAttach},
	CDDetachReq:     {1 << CDDisabled, cdDetaching, 0, ActDetach},
	CDEnableReq:     {1 << CDDisabled, CDEnabled, CDEnableCon, 0},
	CDDisableReq:    {1<<CDEnabled | 1<<CDInputAllowed, CDDisabled, CDDisableCon, ActTake},
	CDAllowInputReq: {1 << CDEnabled, CDInputAllowed, CDOKAck, ActTake},
	CDHaltInputReq:  {1 << CDInputAllowed, CDEnabled, CDOKAck, ActTake},
}

// Request takes a primitive.
func (l *Line) Request(in []byte) Step {
	p, err := CDI.Decode(in)
	number := p.Words[0]
	r, ours := cdRows[number]
	switch {
	case err == ErrShort:
		return l.refuse(number, CDShort)
	case err != nil || CDI.answer(number):
		return l.refuse(number, CDBadPrim)
	case number == CDInfoReq:
		return answer(words(CDInfoAck, uint32(l.shown()), uint32(l.dev.MaxFrame), macHeader, cdLAN, 0, 0, 0, 6, cdStyle2))
	case number == CDUnitdataReq:
		return l.unitdata(&p)
	case !ours:
		return l.refuse(number, CDNotSupp)
	case r.states>>l.state&1 == 0:
		return l.refuse(number, CDOutState)
	}
	l.state = r.next
	s := Step{Do: r.do, PPA: p.Words[1]}
	switch r.answer {
	case CDOKAck:
		s.Do, s.Answer = s.Do|ActAnswer, words(CDOKAck, uint32(l.state), number)
	case CDEnableCon, CDDisableCon:
		s.Do, s.Answer = s.Do|ActAnswer, words(r.answer, uint32(l.state))
	}
	return s
}

// shown is the state as users know it.
func (l *Line) shown() CDState {
	switch l.state {
	case cdAttaching:
		return CDUnattached
	case cdDetaching:
		return CDDisabled
	}
	return l.state
}

func (l *Line) refuse(number, code uint32) Step {
	return answer(words(CDErrorAck, uint32(l.shown()), number, code, 0))
}

func (l *Line) unitdata(p *Prim) Step {
	switch {
	case l.state != CDEnabled && l.state != CDInputAllowed:
		return l.refuse(CDUnitdataReq, CDOutState)
	case p.Words[1]&^0xFFFF != cdImplicit || len(p.Addr[0]) > 0:
		return l.refuse(CDUnitdataReq, CDNotSupp)
	case len(p.Data) < macHeader || len(p.Data) > l.dev.MaxFrame:
		return l.refuse(CDUnitdataReq, CDWriteFail)
	}
	return Step{Do: ActSend, Payload: p.Data}
}

// Attached ends an attach.
func (l *Line) Attached(d *Device) Step {
	switch {
	case l.state != cdAttaching:
		return Step{}
	case d == nil:
		l.state = CDUnattached
		return l.refuse(CDAttachReq, CDBadPPA)
	}
	l.state, l.dev = CDDisabled, *d
	return answer(words(CDOKAck, uint32(l.state), CDAttachReq))
}

// Detached ends a detach.
func (l *Line) Detached() Step {
	if l.state != cdDetaching {
		return Step{}
	}
	l.state, l.dev = CDUnattached, Device{}
	return answer(words(CDOKAck, uint32(l.state), CDDetachReq))
}

// Frame makes an indication of what has come.
func (l *Line) Frame(frame []byte) Step {
	if l.state != CDInputAllowed || len(frame) < macHeader {
		return Step{}
	}
	p := words(CDUnitdataInd, uint32(l.state), 0, 0, cdImplicit)
	p.Data = frame
	return answer(p)
}
