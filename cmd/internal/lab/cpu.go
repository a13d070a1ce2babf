package lab

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// userHZ is the unit of the times in /proc: fixed at 100 a second on every
// architecture that Go runs on (USER_HZ, proc(5)).
const userHZ = 100

// groupCPU is the processor time of all threads of the processes of a group,
// from fields 5 (pgrp), 14 (utime) and 15 (stime) of /proc/PID/stat, proc(5).
func groupCPU(group int) time.Duration {
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	var total time.Duration
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		// Field 2, the name, may hold spaces; it ends at the last parenthesis.
		text := string(data)
		fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
		if len(fields) > 12 && fields[2] == strconv.Itoa(group) {
			total += ticks(fields[11]) + ticks(fields[12])
		}
	}
	return total
}

// CPUTimes is what the processors of the machine have spent their time on since
// it started, the work of all users together.
type CPUTimes struct {
	User    time.Duration // programs
	System  time.Duration // the kernel for them, and hardware interrupts
	SoftIRQ time.Duration // the network's receive side, mostly
	Steal   time.Duration // other machines on the same processors
}

// Busy is the time in which a processor was not free.
func (c CPUTimes) Busy() time.Duration { return c.User + c.System + c.SoftIRQ + c.Steal }

// Sub is what was added since an earlier reading.
func (c CPUTimes) Sub(before CPUTimes) CPUTimes {
	return CPUTimes{c.User - before.User, c.System - before.System, c.SoftIRQ - before.SoftIRQ, c.Steal - before.Steal}
}

// MachineCPU reads the times of the machine; they are 0 where the kernel does
// not tell.
func MachineCPU() CPUTimes {
	data, err := os.ReadFile("/proc/stat")
	if err != nil {
		return CPUTimes{}
	}
	return parseCPU(string(data))
}

// parseCPU takes the first line of /proc/stat, proc(5):
//
//	cpu user nice system idle iowait irq softirq steal …
func parseCPU(stat string) CPUTimes {
	line, _, _ := strings.Cut(stat, "\n")
	f := strings.Fields(line)
	if len(f) < 9 || f[0] != "cpu" {
		return CPUTimes{}
	}
	return CPUTimes{
		User:    ticks(f[1]) + ticks(f[2]),
		System:  ticks(f[3]) + ticks(f[6]),
		SoftIRQ: ticks(f[7]),
		Steal:   ticks(f[8]),
	}
}

func ticks(s string) time.Duration {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0
	}
	return time.Duration(n) * (time.Second / userHZ)
}
