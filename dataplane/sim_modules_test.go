package dataplane_test

import (
	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/modules"
)

func init() {
	dataplane.NewSimHead = func() dataplane.SimHead { return modules.NewHead(nil) }
	dataplane.SimWouldBlock, dataplane.SimTimeout = modules.ErrWouldBlock, modules.ErrTimeout
	dataplane.SimIoctlLimit = modules.IoctlTimeout
}
