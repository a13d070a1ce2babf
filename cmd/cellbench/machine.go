package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// machine is where a run took place.
type machine struct {
	Kernel     string  `json:"kernel"`
	Processor  string  `json:"processor"`
	Processors int     `json:"processors"`
	Memory     float64 `json:"memory_gib"`
	System     string  `json:"system"`
	Go         string  `json:"go"`
}

func thisMachine() machine {
	var name unix.Utsname
	_ = unix.Uname(&name)
	var info unix.Sysinfo_t
	_ = unix.Sysinfo(&info)
	return machine{
		Kernel:     unix.ByteSliceToString(name.Release[:]) + " " + unix.ByteSliceToString(name.Machine[:]),
		Processor:  keyed("/proc/cpuinfo", "model name", ":"),
		Processors: runtime.NumCPU(),
		Memory:     float64(info.Totalram) * float64(info.Unit) / (1 << 30),
		System:     strings.Trim(keyed("/etc/os-release", "PRETTY_NAME", "="), `"`),
		Go:         runtime.Version(),
	}
}

// String is one line.
func (m machine) String() string {
	return fmt.Sprintf("%s, %d × %s, %.0f GiB, Linux %s, %s", m.System, m.Processors, m.Processor, m.Memory, m.Kernel, m.Go)
}

// keyed is the value of the first line of a file that has the key.
func keyed(file, key, separator string) string {
	data, _ := os.ReadFile(file)
	for line := range strings.Lines(string(data)) {
		if k, v, ok := strings.Cut(line, separator); ok && strings.TrimSpace(k) == key {
			return strings.TrimSpace(v)
		}
	}
	return "unknown"
}

// loadAverage is the first figure of /proc/loadavg.
func loadAverage() string {
	data, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	first, _, _ := strings.Cut(string(data), " ")
	return first
}
