package lab

import "github.com/cellhub/cellhub/nic/link"

// offloadsOff switches the offloads of a device off.
func offloadsOff(dev string) error {
	return link.SetOffloads(dev, false, link.TCPSegmentation, link.Segmentation, link.Receive, link.SendChecksum, link.ReceiveChecksum)
}

// Offload switches an offload of a device on or off.
func (h *Host) Offload(dev string, which link.Offload, on bool) error {
	return h.on(func() error { return link.SetOffloads(dev, on, which) })
}
