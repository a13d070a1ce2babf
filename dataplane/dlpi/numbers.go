package dlpi

// Primitives of DLPI, numbered as in DLPI 2.0.0, appendix C.
const (
	InfoReq       = 0x00
	BindReq       = 0x01
	UnbindReq     = 0x02
	InfoAck       = 0x03
	BindAck       = 0x04
	ErrorAck      = 0x05
	OKAck         = 0x06
	UnitdataReq   = 0x07
	UnitdataInd   = 0x08
	UDErrorInd    = 0x09
	UDQOSReq      = 0x0a
	AttachReq     = 0x0b
	DetachReq     = 0x0c
	SubsUnbindReq = 0x15
	SubsBindReq   = 0x1b
	SubsBindAck   = 0x1c
	XIDReq        = 0x29
	XIDInd        = 0x2a
	XIDRes        = 0x2b
	XIDCon        = 0x2c
	TestReq       = 0x2d
	TestInd       = 0x2e
	TestRes       = 0x2f
	TestCon       = 0x30
	PhysAddrReq   = 0x31
	PhysAddrAck   = 0x32
)

// DLPI is the interface's primitives. Those that have a name alone are known and not supported.
var DLPI = Interface{prims: []layout{
	InfoReq:       {name: "DL_INFO_REQ", words: 1},
	BindReq:       {name: "DL_BIND_REQ", words: 5}, // dl_service_mode and dl_conn_mgmt share a word
	UnbindReq:     {name: "DL_UNBIND_REQ", words: 1},
	InfoAck:       {name: "DL_INFO_ACK", words: 19, at: [2][2]int{{3, 14}, {16, 17}}},
	BindAck:       {name: "DL_BIND_ACK", words: 6, at: [2][2]int{{2, 3}}},
	ErrorAck:      {name: "DL_ERROR_ACK", words: 4},
	OKAck:         {name: "DL_OK_ACK", words: 2},
	UnitdataReq:   {name: "DL_UNITDATA_REQ", words: 5, at: [2][2]int{{1, 2}}},
	UnitdataInd:   {name: "DL_UNITDATA_IND", words: 6, at: [2][2]int{{1, 2}, {3, 4}}},
	UDErrorInd:    {name: "DL_UDERROR_IND", words: 5, at: [2][2]int{{1, 2}}},
	UDQOSReq:      {name: "DL_UDQOS_REQ", words: 3, at: [2][2]int{{1, 2}}},
	AttachReq:     {name: "DL_ATTACH_REQ", words: 2},
	DetachReq:     {name: "DL_DETACH_REQ", words: 1},
	0x0d:          {name: "DL_CONNECT_REQ", words: 1},
	0x0f:          {name: "DL_CONNECT_RES", words: 1},
	0x11:          {name: "DL_TOKEN_REQ", words: 1},
	0x13:          {name: "DL_DISCONNECT_REQ", words: 1},
	SubsUnbindReq: {name: "DL_SUBS_UNBIND_REQ", words: 3, at: [2][2]int{{2, 1}}},
	0x17:          {name: "DL_RESET_REQ", words: 1},
	0x19:          {name: "DL_RESET_RES", words: 1},
	SubsBindReq:   {name: "DL_SUBS_BIND_REQ", words: 4, at: [2][2]int{{2, 1}}},
	SubsBindAck:   {name: "DL_SUBS_BIND_ACK", words: 3, at: [2][2]int{{2, 1}}},
	0x1d:          {name: "DL_ENABMULTI_REQ", words: 1},
	0x1e:          {name: "DL_DISABMULTI_REQ", words: 1},
	0x1f:          {name: "DL_PROMISCON_REQ", words: 1},
	0x20:          {name: "DL_PROMISCOFF_REQ", words: 1},
	0x21:          {name: "DL_DATA_ACK_REQ", words: 1},
	0x24:          {name: "DL_REPLY_REQ", words: 1},
	0x27:          {name: "DL_REPLY_UPDATE_REQ", words: 1},
	XIDReq:        {name: "DL_XID_REQ", words: 4, at: [2][2]int{{2, 3}}},
	XIDInd:        {name: "DL_XID_IND", words: 6, at: [2][2]int{{2, 3}, {4, 5}}},
	XIDRes:        {name: "DL_XID_RES", words: 4, at: [2][2]int{{2, 3}}},
	XIDCon:        {name: "DL_XID_CON", words: 6, at: [2][2]int{{2, 3}, {4, 5}}},
	TestReq:       {name: "DL_TEST_REQ", words: 4, at: [2][2]int{{2, 3}}},
	TestInd:       {name: "DL_TEST_IND", words: 6, at: [2][2]int{{2, 3}, {4, 5}}},
	TestRes:       {name: "DL_TEST_RES", words: 4, at: [2][2]int{{2, 3}}},
	TestCon:       {name: "DL_TEST_CON", words: 6, at: [2][2]int{{2, 3}, {4, 5}}},
	PhysAddrReq:   {name: "DL_PHYS_ADDR_REQ", words: 2},
	PhysAddrAck:   {name: "DL_PHYS_ADDR_ACK", words: 3, at: [2][2]int{{1, 2}}},
	0x33:          {name: "DL_SET_PHYS_ADDR_REQ", words: 1},
	0x34:          {name: "DL_GET_STATISTICS_REQ", words: 1},
}}

// State is an interface state of DLPI 2.0.0, appendix B; the others are of services that we have not.
type State uint32

// The states.
const (
	Unbound       State = 0 // attached
	Idle          State = 3 // bound
	Unattached    State = 4
	AttachPending State = 5
	DetachPending State = 6
)

// Codes of DL_ERROR_ACK and DL_UDERROR_IND.
const (
	BadSAP       = 0x00
	BadAddr      = 0x01
	OutState     = 0x03
	BadData      = 0x06
	Unsupported  = 0x07
	BadPPA       = 0x08
	BadPrim      = 0x09
	NotSupported = 0x12
	TooMany      = 0x13
	XIDAuto      = 0x19
	TestAuto     = 0x1a
)

// Values of fields.
const (
	CLDLS            = 0x02  // dl_service_mode: connectionless
	AutoXID          = 0x01  // dl_xidtest_flg
	AutoTest         = 0x02  // dl_xidtest_flg
	PollFinal        = 0x01  // dl_flag of XID and TEST
	PeerBind         = 0x01  // dl_subs_bind_class
	HierarchicalBind = 0x02  // dl_subs_bind_class
	style2           = 0x501 // dl_provider_style
	csmaCD           = 0x00  // dl_mac_type
	version2         = 2
)
