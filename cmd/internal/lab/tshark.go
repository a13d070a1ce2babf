package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
)

// ErrNoTshark says that tshark is not installed; tests skip on it.
var ErrNoTshark = errors.New("tshark is not installed")

// Tshark reads a capture with tshark and returns, for each frame that matches
// the display filter (all when it is empty), the values of the fields, in order.
// A field that occurs more than once has its values joined by commas, one that
// does not occur is empty. decodeAs holds rules for -d, such as
// "mpls.label==100,mplspwatmn1nocw".
func Tshark(ctx context.Context, file, filter string, decodeAs, fields []string) ([][]string, error) {
	path, err := exec.LookPath("tshark")
	if err != nil {
		return nil, ErrNoTshark
	}
	args := []string{"-n", "-r", file, "-T", "fields", "-E", "separator=/t"}
	if filter != "" {
		args = append(args, "-Y", filter)
	}
	for _, rule := range decodeAs {
		args = append(args, "-d", rule)
	}
	for _, field := range fields {
		args = append(args, "-e", field)
	}
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("lab: tshark: %w: %s", err, bytes.TrimSpace(stderr.Bytes()))
	}
	var rows [][]string
	for line := range strings.Lines(string(out)) {
		rows = append(rows, strings.Split(strings.TrimSuffix(line, "\n"), "\t"))
	}
	return rows, nil
}
