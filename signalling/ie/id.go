package ie

import "fmt"

// ID is the identifier of an information element, octet 1.
type ID uint8

// Identifiers (Q.2931, table 4-3; Q.2951; Q.2957; Q.2971; UNI 4.0). They are
// of codeset 0.
const (
	NarrowbandBearerID    ID = 0x04
	CauseID               ID = 0x08
	CallStateID           ID = 0x14
	ProgressIndicatorID   ID = 0x1e
	NotificationID        ID = 0x27
	TransitDelayID        ID = 0x42
	ConnectedNumberID     ID = 0x4c
	ConnectedSubaddressID ID = 0x4d
	EndpointReferenceID   ID = 0x54
	EndpointStateID       ID = 0x55
	AALParametersID       ID = 0x58
	TrafficDescriptorID   ID = 0x59
	ConnectionID          ID = 0x5a
	OAMTrafficID          ID = 0x5b
	QoSParameterID        ID = 0x5c
	HighLayerID           ID = 0x5d
	BearerCapabilityID    ID = 0x5e
	LowLayerID            ID = 0x5f
	LockingShiftID        ID = 0x60
	NonLockingShiftID     ID = 0x61
	SendingCompleteID     ID = 0x62
	RepeatIndicatorID     ID = 0x63
	CallingNumberID       ID = 0x6c
	CallingSubaddressID   ID = 0x6d
	CalledNumberID        ID = 0x70
	CalledSubaddressID    ID = 0x71
	TransitNetworkID      ID = 0x78
	RestartIndicatorID    ID = 0x79
	NarrowbandLowLayerID  ID = 0x7c
	NarrowbandHighLayerID ID = 0x7d
	UserUserID            ID = 0x7e
	GenericIdentifierID   ID = 0x7f
	MinimumTrafficID      ID = 0x81
	AlternativeTrafficID  ID = 0x82
	ABRSetupID            ID = 0x84
	ReportTypeID          ID = 0x89
	ABRAdditionalID       ID = 0xe4
	LeafCallIdentifierID  ID = 0xe8
	LeafParametersID      ID = 0xe9
	LeafSequenceID        ID = 0xea
	ConnectionScopeID     ID = 0xeb
	ExtendedQoSID         ID = 0xec
	MinimumDesiredRateID  ID = 0xf0
)

func (id ID) String() string {
	if d := table[id]; d != nil {
		return d.name
	}
	return fmt.Sprintf("element 0x%02x", uint8(id))
}

// Access says whether the element is access information, which a network may
// drop and report by cause 43 instead of refusing the call (Q.2931, 5.6.8.2).
func (id ID) Access() bool { return table[id] != nil && table[id].access }
