package ilmi

// Object identifiers of the MIB: system (RFC 1213) and ATM Forum
// (af-ilmi-0065, ATM-FORUM-MIB and its address registration and service
// registry modules; RFC 2601 to 2603 for services).
var (
	oidSystem = OID{1, 3, 6, 1, 2, 1, 1}
	oidForum  = OID{1, 3, 6, 1, 4, 1, 353}

	oidSysDescr    = oidSystem.with(1, 0)
	oidSysObjectID = oidSystem.with(2, 0)
	oidSysUpTime   = oidSystem.with(3, 0)
	oidSysContact  = oidSystem.with(4, 0)
	oidSysName     = oidSystem.with(5, 0)
	oidSysLocation = oidSystem.with(6, 0)
	oidSysServices = oidSystem.with(7, 0)

	oidUNI              = oidForum.with(2)
	oidPort             = oidUNI.with(1, 1, 1) // a column, then the port: 0
	oidMyIPAddress      = oidUNI.with(1, 2, 0)
	oidMySystem         = oidUNI.with(1, 4, 0)
	oidLayer            = oidUNI.with(2, 1, 1)
	oidAddressStatus    = oidUNI.with(6, 1, 1, 3)
	oidAddressScope     = oidUNI.with(6, 1, 1, 4)
	oidPrefixStatus     = oidUNI.with(7, 1, 1, 3)
	oidServiceAddress   = oidUNI.with(8, 1, 1, 3)
	oidServiceParameter = oidUNI.with(8, 1, 1, 5)
	oidRegistration     = oidUNI.with(11, 1, 1)

	oidUnknownTransmission = oidForum.with(1, 2, 1)
	oidUnknownMedium       = oidForum.with(1, 3, 1)
	oidNothing             = OID{0, 0}
)

// Services that a registry may name.
var (
	ServiceLECS   = oidForum.with(1, 5, 1) // LAN emulation configuration server
	ServiceANS    = oidForum.with(1, 5, 2) // ATM name server
	ServiceATMARP = oidForum.with(1, 5, 3) // RFC 2601
	ServiceMARS   = oidForum.with(1, 5, 4) // RFC 2602
	ServiceNHRP   = oidForum.with(1, 5, 5) // RFC 2603
)

// Columns of the port and layer tables. The port is 0: the interface that the
// request came by.
const (
	colPortIndex        = 1
	colPortTransmission = 3
	colPortMedium       = 4
	colPortStatus       = 5
	colPortSpecific     = 6
	colPortName         = 7
	colPortIdentifier   = 8

	colLayerIndex          = 1
	colLayerMaxVPCs        = 2
	colLayerMaxVCCs        = 3
	colLayerConfiguredVPCs = 4
	colLayerConfiguredVCCs = 5
	colLayerMaxVPIBits     = 6
	colLayerMaxVCIBits     = 7
	colLayerUNIType        = 8
	colLayerUNIVersion     = 9
	colLayerDeviceType     = 10
	colLayerILMIVersion    = 11
	colLayerNNIVersion     = 12
	colLayerMaxSVPCVPI     = 13
	colLayerMaxSVCCVPI     = 14
	colLayerMinSVCCVCI     = 15

	colRegistrationIndex  = 1
	colRegistrationStatus = 2
)

// Values of the MIB.
const (
	statusValid   = 1 // of a row of addresses or prefixes
	statusInvalid = 2

	portInService = 2

	registrationSupported   = 1
	registrationUnsupported = 2
)

func portColumn(c uint32) OID         { return oidPort.with(c, 0) }
func layerColumn(c uint32) OID        { return oidLayer.with(c, 0) }
func registrationColumn(c uint32) OID { return oidRegistration.with(c, 0) }
