package daemon

import (
	"errors"
	"fmt"

	"github.com/elastic/go-seccomp-bpf"
	"github.com/elastic/go-seccomp-bpf/arch"
	"github.com/landlock-lsm/go-landlock/landlock"
	landlocksys "github.com/landlock-lsm/go-landlock/landlock/syscall"
)

// Sandbox says whether the process shuts itself in.
type Sandbox int

// What there is of it.
const (
	SandboxAuto Sandbox = iota // with what the kernel has
	SandboxOn                  // with all of it, or not at all
	SandboxOff
)

var sandboxWords = [...]string{"auto", "on", "off"}

// MarshalText gives the word of the command line.
func (s Sandbox) MarshalText() ([]byte, error) { return []byte(sandboxWords[s]), nil }

// UnmarshalText reads auto, on or off.
func (s *Sandbox) UnmarshalText(text []byte) error {
	for i, word := range sandboxWords {
		if word == string(text) {
			*s = Sandbox(i)
			return nil
		}
	}
	return errors.New("auto, on or off")
}

// Folders are what of the file system the process may open from then on; paths that do not
// exist are left out.
type Folders struct {
	Read    []string // folders, with all that is below
	Write   []string // folders too, where files may be made
	Devices []string // files to read, write and control
}

// landlockABI is the latest whose rights we know: it has those of ioctl on devices.
const landlockABI = 5

// restrictPaths takes the rest of the file system away from every thread, by Landlock. What is
// open stays so. It gives the version of the kernel's Landlock; 0: there is none.
func restrictPaths(f Folders) (int, error) {
	version, err := landlocksys.LandlockGetABIVersion()
	if err != nil || version < 1 {
		return 0, nil // the error says no more than that
	}
	err = landlock.V5.BestEffort().RestrictPaths(
		landlock.RODirs("/proc/self"), // which is looked at afterwards
		landlock.RODirs(f.Read...).IgnoreIfMissing(),
		landlock.RWDirs(f.Write...).IgnoreIfMissing(),
		landlock.RWFiles(f.Devices...).IgnoreIfMissing().WithIoctlDev(),
	)
	if err != nil {
		return 0, fmt.Errorf("landlock: %w", err)
	}
	return min(version, landlockABI), nil
}

// refusedCalls are system calls that no daemon of ours makes and that lead out of where it is:
// other programs, other processes, the kernel's own state. Names that an architecture does not
// have are left out.
var refusedCalls = []string{
	"execve", "execveat", "fork", "vfork",
	"ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "pidfd_getfd", "kcmp",
	"mount", "umount2", "pivot_root", "chroot", "move_mount", "open_tree", "fsopen", "fsmount", "fsconfig", "fspick", "mount_setattr",
	"swapon", "swapoff", "quotactl", "quotactl_fd", "acct",
	"unshare", "personality", "setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setgroups", "setfsuid", "setfsgid",
	"init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "reboot", "syslog",
	"bpf", "perf_event_open", "userfaultfd", "io_uring_setup", "io_uring_enter", "io_uring_register",
	"add_key", "request_key", "keyctl", "open_by_handle_at", "name_to_handle_at", "fanotify_init",
	"settimeofday", "clock_settime", "clock_adjtime", "adjtimex", "sethostname", "setdomainname",
	"iopl", "ioperm", "modify_ldt", "mknod", "mknodat", "vhangup", "lookup_dcookie", "nfsservctl", "uselib",
}

// refuseCalls has the kernel answer refusedCalls with EPERM in every thread, by seccomp. It gives
// their number; 0: the kernel has no seccomp, or the library not this architecture. bpf stays where it is needed.
func refuseCalls(bpf bool) (int, error) {
	table, err := arch.GetInfo("")
	if err != nil || !seccomp.Supported() {
		return 0, nil
	}
	var names []string
	for _, name := range refusedCalls {
		if _, known := table.SyscallNames[name]; known && !(bpf && name == "bpf") {
			names = append(names, name)
		}
	}
	err = seccomp.LoadFilter(seccomp.Filter{
		NoNewPrivs: true, Flag: seccomp.FilterFlagTSync,
		Policy: seccomp.Policy{
			DefaultAction: seccomp.ActionAllow,
			Syscalls:      []seccomp.SyscallGroup{{Action: seccomp.ActionErrno, Names: names}},
		},
	})
	if err != nil {
		return 0, fmt.Errorf("seccomp: %w", err)
	}
	return len(names), nil
}

// shutIn applies what the kernel has of both, and says what that is.
func (s Sandbox) shutIn(f Folders, bpf bool) (said []string, calls int, err error) {
	if s == SandboxOff {
		return []string{"no sandbox"}, 0, nil
	}
	version, err := restrictPaths(f)
	if err != nil {
		return nil, 0, err
	}
	if calls, err = refuseCalls(bpf); err != nil {
		return nil, 0, err
	}
	said = []string{"no Landlock", "no seccomp"}
	if version > 0 {
		said[0] = fmt.Sprintf("Landlock %d", version)
	}
	if calls > 0 {
		said[1] = fmt.Sprintf("seccomp (%d calls refused)", calls)
	}
	if s == SandboxOn && (version == 0 || calls == 0) {
		return said, calls, fmt.Errorf("%s, %s: the kernel must have both, or take --sandbox auto", said[0], said[1])
	}
	return said, calls, nil
}
