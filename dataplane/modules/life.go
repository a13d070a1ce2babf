package modules

// close, leave and arrive do with what a port has beside its frames what happens to the port.
func (p *port) close() {
	for _, end := range p.oamEnds() {
		end.leave()
	}
	if p.sar != nil {
		p.sar.close()
	}
	p.impairer.drop()
	p.dropMerges()
	p.stopTimers()
	if p.frags != nil {
		p.dropFragments()
	}
}

func (p *port) stopTimers() {
	if x := p.cross; x != nil {
		p.carrier.hub.StopTimer(&x.alarm.timer)
		p.carrier.hub.StopTimer(&x.oam.timer)
	}
	if p.sched != nil {
		p.carrier.hub.StopTimer(&p.sched.timer)
	}
	if p.frags != nil {
		p.carrier.hub.StopTimer(&p.frags.timer)
	}
}

func (p *port) leave() {
	p.impairer.leave()
	p.dropMerges()
	for _, end := range p.oamEnds() {
		end.leave()
	}
	if p.sar != nil {
		_ = p.sar.leave() // it never refuses
	}
	p.stopTimers()
	if p.frags != nil { // an SDU under way does not move
		p.dropFragments()
	}
}

func (p *port) arrive() {
	p.impairer.arrive()
	for _, end := range p.oamEnds() {
		end.resume(p.carrier.hub)
	}
	if p.sar != nil {
		p.sar.resume(p.carrier.hub)
	}
	p.watchOAM()
	if p.sched != nil {
		p.drain()
	}
	if p.deaf() {
		p.raise()
	}
}

// oamEnds are the ends of VCs and paths that the port itself looks after.
func (p *port) oamEnds() (ends []*oamEnd) {
	if p.f5 != nil {
		ends = append(ends, p.f5)
	}
	for _, end := range p.f4 {
		ends = append(ends, end)
	}
	return ends
}
