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

// MachineCPU is the time that all processors of the machine have been busy
// since it started, softirq and the work of other users included, from the
// first line of /proc/stat.
func MachineCPU() time.Duration {
	data, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	line, _, _ := strings.Cut(string(data), "\n")
	fields := strings.Fields(line)
	var busy time.Duration
	// cpu user nice system idle iowait irq softirq steal …
	for i, f := range fields {
		if i >= 1 && i <= 8 && i != 4 && i != 5 {
			busy += ticks(f)
		}
	}
	return busy
}

func ticks(s string) time.Duration {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0
	}
	return time.Duration(n) * (time.Second / userHZ)
}
