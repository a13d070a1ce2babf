package nic

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// ethtool's table of features, by name: linux/ethtool.h, and net/ethtool/common.c for the names.
const (
	ethtoolFeatures  = 4       // ETH_SS_FEATURES
	featureNameBytes = 32      // ETH_GSTRING_LEN
	maxFeatures      = 32 * 16 // more than there are
)

// features calls found for each feature that is on.
func features(fd int, name string, found func(string)) error {
	count := struct {
		command, reserved uint32
		mask              uint64
		count             uint32
	}{command: unix.ETHTOOL_GSSET_INFO, mask: 1 << ethtoolFeatures}
	if err := ethtool(fd, name, unsafe.Pointer(&count)); err != nil {
		return err
	}
	if count.mask == 0 || count.count > maxFeatures {
		return unix.EOPNOTSUPP
	}
	var names struct {
		command, set, count uint32
		names               [maxFeatures][featureNameBytes]byte
	}
	names.command, names.set, names.count = unix.ETHTOOL_GSTRINGS, ethtoolFeatures, count.count
	if err := ethtool(fd, name, unsafe.Pointer(&names)); err != nil {
		return err
	}
	var state struct {
		command, size uint32
		blocks        [maxFeatures / 32]struct{ available, requested, active, neverChanged uint32 }
	}
	state.command, state.size = unix.ETHTOOL_GFEATURES, (count.count+31)/32
	if err := ethtool(fd, name, unsafe.Pointer(&state)); err != nil {
		return err
	}
	for i := range count.count {
		if state.blocks[i/32].active>>(i%32)&1 != 0 {
			found(unix.ByteSliceToString(names.names[i][:]))
		}
	}
	return nil
}

// tunFeatures are the names of what TUNSETOFFLOAD switches.
var tunFeatures = map[string]uint{
	"tx-checksum-ip-generic":       unix.TUN_F_CSUM,
	"tx-tcp-segmentation":          unix.TUN_F_TSO4,
	"tx-tcp6-segmentation":         unix.TUN_F_TSO6,
	"tx-tcp-ecn-segmentation":      unix.TUN_F_TSO_ECN,
	"tx-udp-segmentation":          unix.TUN_F_USO4 | unix.TUN_F_USO6,
	"tx-udp_tnl-segmentation":      tunFTunnel,
	"tx-udp_tnl-csum-segmentation": tunFTunnelSum,
}

// Of linux/if_tun.h since 6.17.
const (
	tunFTunnel    = 0x80  // TUN_F_UDP_TUNNEL_GSO
	tunFTunnelSum = 0x100 // TUN_F_UDP_TUNNEL_GSO_CSUM
)

// tunOffload reads which offloads are on: with them the kernel hands over frames without checksums, and longer than
// the MTU, which a reader without IFF_VNET_HDR cannot mend.
func tunOffload(name string) (offload uint, err error) {
	fd, err := controlSocket()
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	err = features(fd, name, func(feature string) { offload |= tunFeatures[feature] })
	if err == unix.EOPNOTSUPP {
		err = nil // it has no such table, so no such offloads
	}
	return offload, err
}

// offloads says what the kernel may leave to us for these kinds. A kernel switches UDP for both versions of IP or none.
func (k kinds) offloads() uint {
	offload := uint(unix.TUN_F_CSUM)
	if k&kindTCP4 != 0 {
		offload |= unix.TUN_F_TSO4 | unix.TUN_F_TSO_ECN
	}
	if k&kindTCP6 != 0 {
		offload |= unix.TUN_F_TSO6 | unix.TUN_F_TSO_ECN
	}
	if k&kindsUDP == kindsUDP {
		offload |= unix.TUN_F_USO4 | unix.TUN_F_USO6
	}
	return offload
}

// setKinds has the kernel hand over super-frames of these kinds, as far as it knows them, and returns those.
func setKinds(fd int, k kinds) kinds {
	for _, fewer := range [...]kinds{k, k & kindsTCP} {
		if setOffload(fd, fewer.offloads()) == nil {
			return fewer
		}
	}
	_ = setOffload(fd, 0)
	return noKind
}
