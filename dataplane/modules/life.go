package modules

// close, leave and arrive do with what a port has beside its frames what happens to the port.
func (p *port) close() {
	if p.f5 != nil {
		p.f5.leave()
	}
	if p.sar != nil {
		p.sar.close()
	}
	p.stopTimers()
}

func (p *port) stopTimers() {
	if x := p.cross; x != nil {
		p.carrier.hub.StopTimer(&x.alarm.timer)
		p.carrier.hub.StopTimer(&x.oam.timer)
	}
	if p.sched != nil {
		p.carrier.hub.StopTimer(&p.sched.timer)
	}
}

func (p *port) leave() {
	if p.f5 != nil {
		p.f5.leave()
	}
	if p.sar != nil {
		_ = p.sar.leave() // it never refuses
	}
	p.stopTimers()
}

func (p *port) arrive() {
	if p.f5 != nil {
		p.f5.resume(p.carrier.hub)
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
