package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
)

// dpdkTest is DPDK's own test program, in Debian's package dpdk-dev.
const dpdkTest = "dpdk-test"

// rteRing lets dpdk-test time rte_ring, and takes the figures of the contest of
// rings from what it prints. It knows bursts of 8 and 32 only.
func rteRing(ctx context.Context, path string) ([]sample, error) {
	cmd := exec.CommandContext(ctx, path, "--no-huge", "-l", "0,1", "-m", "64", "--no-pci", "--log-level=lib.eal:debug",
		"--file-prefix=cellbench", "--no-telemetry")
	cmd.Stdin = strings.NewReader("ring_perf_autotest\nquit\n")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, bytes.TrimSpace(out[max(0, len(out)-maxOutput):]))
	}
	cycles, err := parseRing(out)
	if err != nil {
		return nil, err
	}
	all := make([]sample, 0, len(ringBursts)+1)
	for _, burst := range ringBursts {
		value := missing
		if ns, ok := cycles.two[burst]; ok {
			value = ns
		}
		all = append(all, sample{value: value})
	}
	return append(all, sample{value: cycles.one}), nil
}

// ringTimes are nanoseconds an entry of 16 octets, single producer and consumer,
// in bulk.
type ringTimes struct {
	one float64         // on one core, bursts of oneCoreBurst
	two map[int]float64 // between two cores, by burst
}

// parseRing reads the output of ring_perf_autotest. It counts in ticks of the
// TSC, whose rate EAL tells: on one core those of one bulk put and get, between
// two cores those of an entry, put and get added up although they happen at the
// same time (app/test/test_ring_perf.c). So the time that an entry takes between
// two cores is half of what is printed.
func parseRing(out []byte) (ringTimes, error) {
	times := ringTimes{one: missing, two: map[int]float64{}}
	var section string
	var khz float64
	lines := bufio.NewScanner(bytes.NewReader(out))
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if _, rate, ok := strings.Cut(line, "TSC frequency is ~"); ok {
			khz, _ = strconv.ParseFloat(strings.TrimSuffix(rate, " KHz"), 64)
		}
		if strings.HasPrefix(line, "### ") {
			section = strings.Trim(line, "# ")
		}
		var burst int
		var ticks float64
		if n, _ := fmt.Sscanf(line, "elem APIs: element size 16B: SP/SC: bulk (size: %d): %g", &burst, &ticks); n != 2 {
			continue
		}
		ns := ticks / (khz / 1e6)
		switch {
		case section == "Testing using two physical cores":
			times.two[burst] = ns / 2
		case section == "Testing bulk enq/deq" && burst == oneCoreBurst:
			times.one = ns / oneCoreBurst
		}
	}
	if khz <= 0 || len(times.two) == 0 {
		return times, errors.New("no figures in the output of ring_perf_autotest")
	}
	return times, lines.Err()
}
