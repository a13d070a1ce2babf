//go:build !amd64 || purego

package aal

// spread writes n cells of size octets with header h and the payloads at the
// start of src.
func spread(dst, src []byte, h Header, size, n int) { spreadGeneric(dst, src, h, size, n) }

// gather copies to dst the payloads of at most n cells of size octets, up to
// the first that stopBits ends. It gives the cells taken and the OR of the
// last octets of their headers.
func gather(dst, cells []byte, size, n int) (k int, seen uint8) {
	return gatherGeneric(dst, cells, size, n)
}
