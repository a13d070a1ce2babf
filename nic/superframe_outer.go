package nic

// outer is the headers of a tunnel over UDP that a super-frame lies in.
type outer struct {
	ip, tp int    // where IP and UDP begin; tp is 0 when there is no tunnel
	sums   bool   // UDP has a checksum
	sum    uint32 // of the pseudo header without its length
	id     uint16 // IPv4: of the first frame
}

// find sets where the headers lie. False: they make no sense. IPv6 has no extension headers there.
func (o *outer) find(frame []byte, v *vnet, bare bool) bool {
	if !bare {
		o.ip, _ = network(frame)
	}
	end := min(int(v.sumStart), len(frame))
	if o.ip+ip4Header+udpHeader > end {
		return false
	}
	p := frame[o.ip:]
	switch p[0] >> 4 {
	case 4:
		o.tp = o.ip + 4*int(p[0]&15)
		if int(get16(p[ip4Length:])) != len(p) || p[ip4Protocol] != protocolUDP || o.tp < o.ip+ip4Header {
			return false
		}
		o.id = get16(p[ip4ID:])
	case 6:
		o.tp = o.ip + ip6Header
		if int(get16(p[ip6Length:])) != len(p)-ip6Header || p[ip6Next] != protocolUDP {
			return false
		}
	default:
		return false
	}
	if o.tp+udpHeader > end {
		return false
	}
	udp := frame[o.tp:]
	o.sums = v.flags&tunnelSum != 0
	o.sum = uint32(get16(udp[udpSum:])) + 0xffff - uint32(uint16(len(udp)))
	return true
}

// put completes the headers of frame n, whose inner ones are complete.
func (o *outer) put(frame []byte, n int) {
	udp := frame[o.tp:]
	put16(udp[udpLength:], uint16(len(udp)))
	if o.sums {
		put16(udp[udpSum:], 0)
		check := ^fold32(o.sum + uint32(len(udp)) + sumOctets(udp))
		if check == 0 {
			check = 0xffff
		}
		put16(udp[udpSum:], check)
	}
	ip := frame[o.ip:o.tp]
	if ip[0]>>4 == 6 {
		put16(ip[ip6Length:], uint16(len(udp)))
		return
	}
	put16(ip[ip4Length:], uint16(len(ip)+len(udp)))
	put16(ip[ip4ID:], o.id+uint16(n))
	put16(ip[ip4Sum:], 0)
	put16(ip[ip4Sum:], ^uint16(sumOctets(ip)))
}
