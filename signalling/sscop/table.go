package sscop

// cell is what a signal does in a state: the handler, and the page of Q.2110
// (07/94) whose SDL it follows.
type cell struct {
	do   handler
	page uint8
}

// table is the machine: Q.2110, 8.2, Figure 20. A cell that is empty is a
// request that the state does not know, or a timer that does not run there.
var table = makeTable()

func makeTable() *[numStates][numSignals]cell {
	t := &[numStates][numSignals]cell{
		Idle:                  idleCells,
		OutgoingConnection:    outConnCells,
		IncomingConnection:    inConnCells,
		OutgoingDisconnection: outDiscCells,
		OutgoingResync:        outResyncCells,
		IncomingResync:        inResyncCells,
		OutgoingRecovery:      outRecCells,
		RecoveryResponse:      recCells,
		IncomingRecovery:      inRecCells,
		Ready:                 readyCells,
	}
	for s := Idle; s <= Ready; s++ { // any state, p. 73
		t[s][UD] = cell{unitDataCame, 73}
		t[s][MD] = cell{managementDataCame, 73}
		t[s][sigUnitDataRequest] = cell{unitData, 73}
		t[s][sigManagementRequest] = cell{managementData, 73}
	}
	return t
}

var idleCells = [numSignals]cell{
	BGN:                 {idleBGN, 31},
	BGAK:                {refusing('C'), 32},
	BGREJ:               {reporting('D'), 31},
	END:                 {idleEND, 31},
	ENDAK:               {ignore, 31},
	RS:                  {refusing('J'), 33},
	RSAK:                {refusing('K'), 33},
	ER:                  {refusing('L'), 31},
	ERAK:                {refusing('M'), 32},
	SD:                  {refusing('A'), 32},
	POLL:                {refusing('G'), 32},
	STAT:                {refusing('H'), 32},
	USTAT:               {refusing('I'), 32},
	sigEstablishRequest: {idleEstablish, 31},
	sigRetrieveRequest:  {retrieve, 33},
}

var outConnCells = [numSignals]cell{
	BGN:               {outConnBGN, 36},
	BGAK:              {outConnBGAK, 34},
	BGREJ:             {outConnBGREJ, 34},
	END:               {ignore, 34},
	ENDAK:             {ignore, 34},
	RS:                {ignore, 36},
	RSAK:              {ignore, 36},
	ER:                {ignore, 36},
	ERAK:              {ignore, 34},
	SD:                {ignore, 34},
	POLL:              {ignore, 34},
	STAT:              {ignore, 34},
	USTAT:             {ignore, 34},
	sigTimerCC:        {outConnTimerCC, 35},
	sigReleaseRequest: {releasing, 35},
}

var inConnCells = [numSignals]cell{
	BGN:                  {inConnBGN, 37},
	BGAK:                 {reporting('C'), 38},
	BGREJ:                {losing('D'), 38},
	END:                  {ended, 39},
	ENDAK:                {losing('F'), 37},
	RS:                   {reporting('J'), 39},
	RSAK:                 {reporting('K'), 39},
	ER:                   {reporting('L'), 37},
	ERAK:                 {reporting('M'), 39},
	SD:                   {breaking('A'), 38},
	POLL:                 {breaking('G'), 38},
	STAT:                 {breaking('H'), 38},
	USTAT:                {breaking('I'), 38},
	sigEstablishResponse: {inConnEstablish, 37},
	sigReleaseRequest:    {inConnRelease, 37},
	sigRetrieveRequest:   {retrieve, 39},
}

var outDiscCells = [numSignals]cell{
	BGN:                 {outDiscBGN, 42},
	BGAK:                {ignore, 40},
	BGREJ:               {outDiscDone, 41},
	END:                 {outDiscEND, 41},
	ENDAK:               {outDiscDone, 41},
	RS:                  {ignore, 42},
	RSAK:                {ignore, 42},
	ER:                  {ignore, 42},
	ERAK:                {ignore, 41},
	SD:                  {ignore, 40},
	POLL:                {ignore, 40},
	STAT:                {ignore, 40},
	USTAT:               {ignore, 40},
	sigTimerCC:          {outDiscTimerCC, 41},
	sigEstablishRequest: {outDiscEstablish, 40},
	sigRetrieveRequest:  {retrieve, 42},
}

var outResyncCells = [numSignals]cell{
	BGN:               {outResyncBGN, 43},
	BGAK:              {ignore, 45},
	BGREJ:             {losing('D'), 43},
	END:               {ended, 43},
	ENDAK:             {losing('F'), 43},
	RS:                {outResyncRS, 45},
	RSAK:              {outResyncRSAK, 45},
	ER:                {ignore, 43},
	ERAK:              {ignore, 45},
	SD:                {ignore, 45},
	POLL:              {ignore, 43},
	STAT:              {ignore, 44},
	USTAT:             {ignore, 44},
	sigTimerCC:        {outResyncTimerCC, 44},
	sigReleaseRequest: {releasing, 44},
}

var inResyncCells = [numSignals]cell{
	BGN:                {beganAnew, 47},
	BGAK:               {reporting('C'), 48},
	BGREJ:              {losing('D'), 46},
	END:                {ended, 46},
	ENDAK:              {losing('F'), 46},
	RS:                 {inResyncRS, 48},
	RSAK:               {reporting('K'), 48},
	ER:                 {reporting('L'), 47},
	ERAK:               {reporting('M'), 48},
	SD:                 {breaking('A'), 47},
	POLL:               {breaking('G'), 47},
	STAT:               {breaking('H'), 47},
	USTAT:              {breaking('I'), 47},
	sigReleaseRequest:  {releasing, 46},
	sigResyncResponse:  {inResyncResponse, 46},
	sigRetrieveRequest: {retrieve, 48},
}

var outRecCells = [numSignals]cell{
	BGN:               {beganAnew, 51},
	BGAK:              {reporting('C'), 49},
	BGREJ:             {losing('D'), 49},
	END:               {ended, 49},
	ENDAK:             {losing('F'), 49},
	RS:                {resynced, 52},
	RSAK:              {reporting('K'), 52},
	ER:                {outRecER, 51},
	ERAK:              {outRecERAK, 49},
	SD:                {ignore, 51},
	POLL:              {ignore, 51},
	STAT:              {ignore, 51},
	USTAT:             {ignore, 51},
	sigTimerCC:        {outRecTimerCC, 50},
	sigReleaseRequest: {releasing, 50},
	sigDataRequest:    {outRecData, 49},
	sigResyncRequest:  {resync, 51},
}

var recCells = [numSignals]cell{
	BGN:                {beganAnew, 55},
	BGAK:               {reporting('C'), 53},
	BGREJ:              {losing('D'), 53},
	END:                {ended, 53},
	ENDAK:              {losing('F'), 53},
	RS:                 {resynced, 54},
	RSAK:               {reporting('K'), 54},
	ER:                 {recER, 55},
	ERAK:               {ignore, 53},
	SD:                 {ignore, 53},
	POLL:               {ignore, 53},
	STAT:               {breaking('H'), 55},
	USTAT:              {breaking('I'), 55},
	sigReleaseRequest:  {releasing, 54},
	sigRecoverResponse: {recResponse, 54},
	sigResyncRequest:   {resync, 54},
	sigRetrieveRequest: {retrieve, 53},
}

var inRecCells = [numSignals]cell{
	BGN:                {beganAnew, 59},
	BGAK:               {reporting('C'), 59},
	BGREJ:              {losing('D'), 57},
	END:                {ended, 56},
	ENDAK:              {losing('F'), 57},
	RS:                 {resynced, 58},
	RSAK:               {reporting('K'), 58},
	ER:                 {inRecER, 59},
	ERAK:               {reporting('M'), 59},
	SD:                 {breaking('A'), 57},
	POLL:               {breaking('G'), 57},
	STAT:               {breaking('H'), 57},
	USTAT:              {breaking('I'), 57},
	sigReleaseRequest:  {releasing, 56},
	sigRecoverResponse: {inRecResponse, 56},
	sigResyncRequest:   {resync, 56},
	sigRetrieveRequest: {retrieve, 58},
}

var readyCells = [numSignals]cell{
	BGN:                {readyBGN, 61},
	BGAK:               {ignore, 60},
	BGREJ:              {losing('D'), 62},
	END:                {ended, 62},
	ENDAK:              {losing('F'), 62},
	RS:                 {readyRS, 62},
	RSAK:               {ignore, 60},
	ER:                 {readyER, 61},
	ERAK:               {ignore, 60},
	SD:                 {readySD, 66},
	POLL:               {readyPOLL, 67},
	STAT:               {readySTAT, 70},
	USTAT:              {readyUSTAT, 69},
	sigTimerPoll:       {readyTimerPoll, 63},
	sigTimerKeepAlive:  {readyTimerPoll, 63},
	sigTimerNoResponse: {breaking('P'), 63},
	sigTimerIdle:       {readyTimerIdle, 63},
	sigReleaseRequest:  {releasing, 60},
	sigDataRequest:     {queueData, 63},
	sigResyncRequest:   {resync, 60},
}
