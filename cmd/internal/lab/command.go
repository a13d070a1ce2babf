package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// gracePeriod is how long a process may take to end after SIGTERM before it is
// killed.
const gracePeriod = 3 * time.Second

// Cmd is a process in a host: an exec.Cmd that starts there. Set its Stdout,
// Stderr and Env before Start.
type Cmd struct {
	*exec.Cmd

	host *Host
	done chan struct{}
	err  error
}

// Command prepares a program to run in the host. When ctx ends, or the lab is
// closed, the process and those that it started get SIGTERM and, gracePeriod
// later, SIGKILL; when this process dies, it gets SIGKILL. It is in a process
// group of its own: an interrupt typed at the terminal reaches this process
// alone.
func (h *Host) Command(ctx context.Context, argv ...string) *Cmd {
	c := exec.CommandContext(ctx, argv[0], argv[1:]...)
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	c.WaitDelay = gracePeriod
	cmd := &Cmd{Cmd: c, host: h, done: make(chan struct{})}
	c.Cancel = func() error { return cmd.signal(syscall.SIGTERM) }
	return cmd
}

// Start forks the process from the host's thread, so that it begins in the
// host's namespace, and watches for its end.
func (c *Cmd) Start() error {
	if err := c.host.fork(c.Cmd.Start); err != nil {
		return fmt.Errorf("lab: %s: %w", c.host.Name, err)
	}
	c.host.mu.Lock()
	c.host.processes[c] = struct{}{}
	c.host.mu.Unlock()
	go func() {
		c.err = c.Cmd.Wait()
		_ = c.signal(syscall.SIGKILL) // what it left behind
		c.host.mu.Lock()
		delete(c.host.processes, c)
		c.host.mu.Unlock()
		close(c.done)
	}()
	return nil
}

// Done is closed when the process has ended and its output is complete.
func (c *Cmd) Done() <-chan struct{} { return c.done }

// Wait waits for the end of the process; any number of callers may.
func (c *Cmd) Wait() error {
	<-c.done
	return c.err
}

// Run starts the process and waits for its end.
func (c *Cmd) Run() error {
	if err := c.Start(); err != nil {
		return err
	}
	return c.Wait()
}

// Output runs the process and returns its standard output.
func (c *Cmd) Output() ([]byte, error) {
	var out bytes.Buffer
	c.Stdout = &out
	err := c.Run()
	return out.Bytes(), err
}

// CombinedOutput runs the process and returns all that it wrote.
func (c *Cmd) CombinedOutput() ([]byte, error) {
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	err := c.Run()
	return out.Bytes(), err
}

// Stop asks the process to end as a user would, by a signal (SIGINT or
// SIGTERM), waits for it, and kills it after gracePeriod. It returns what Wait
// returns. A command that was never started has ended.
func (c *Cmd) Stop(sig syscall.Signal) error {
	if c.Process == nil {
		return nil
	}
	_ = c.signal(sig)
	select {
	case <-c.done:
	case <-time.After(gracePeriod):
		_ = c.signal(syscall.SIGKILL)
	}
	return c.Wait()
}

// CPU is the processor time, user and system, that the process and those that
// it started have used so far; what has ended does not count.
func (c *Cmd) CPU() time.Duration { return groupCPU(c.Process.Pid) }

// signal sends a signal to the process and those that it started, as the
// terminal does; without any left it does nothing.
func (c *Cmd) signal(sig syscall.Signal) error {
	err := syscall.Kill(-c.Process.Pid, sig)
	if errors.Is(err, syscall.ESRCH) {
		return os.ErrProcessDone
	}
	return err
}

// endProcesses stops all that run in the host, at the same time.
func (h *Host) endProcesses() {
	h.mu.Lock()
	var running []*Cmd
	for c := range h.processes {
		running = append(running, c)
	}
	h.mu.Unlock()
	for _, c := range running {
		_ = c.signal(syscall.SIGTERM)
	}
	for _, c := range running {
		_ = c.Stop(syscall.SIGTERM)
	}
}
