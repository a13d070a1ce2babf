// Package guest boots a Linux that still has ATM in its kernel, in a virtual machine, as a
// peer whose code is not ours: Debian 12's kernel with its atmtcp, AF_ATMPVC, AF_ATMSVC,
// RFC 2684 and Classical IP, and linux-atm's daemons.
//
//	image, err := guest.Prepare(ctx)              made once, kept in the user's cache
//	run := image.Boot(ctx, script)                in the caller's network namespace
//	run.Output()                                  what the script has written so far
//	status, err := run.Wait()
//
// The machine has one processor, emulated, and one network card that reaches nothing but
// the host's loopback, as 10.0.2.2: there "atmtcp virtual connect 10.0.2.2 PORT" finds an
// atmtcp port of ours. It has no disk: kernel, programs and the script are its initial file
// system, and what the script writes comes out of a serial line.
//
// Two things in Debian's present kernel keep ATM daemons from working; patch.go undoes them
// in our copies of the modules.
//
// Needs, installed: qemu-system-x86, busybox-static, atm-tools, br2684ctl, libatm1-dev, a C
// compiler; and apt-get, to fetch the kernel's package, which is unpacked and not installed.
package guest
