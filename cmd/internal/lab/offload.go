package lab

import "github.com/cellhub/cellhub/nic/link"

// offloadsOff switches the offloads of a device off.
func offloadsOff(dev string) error {
	return link.SetOffloads(dev, false, link.TCPSegmentation, link.Segmentation, link.Receive, link.SendChecksum, link.ReceiveChecksum)
}
