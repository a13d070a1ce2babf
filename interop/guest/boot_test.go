package guest

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// A machine runs a script, and tells how it has ended.
func TestBoot(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	image, err := Prepare(ctx)
	if errors.Is(err, ErrTools) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	r, err := image.Boot(ctx, "modprobe atmtcp && modprobe clip && modprobe br2684 || exit 1\necho hello\nexit 7\n")
	if err != nil {
		t.Fatal(err)
	}
	status, err := r.Wait()
	if err != nil || status != 7 || !strings.Contains(r.Output(), "hello\n") {
		t.Errorf("status %d, %v\n%s", status, err, r.Output())
	}
}
