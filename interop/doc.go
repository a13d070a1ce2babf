// Package interop has no code, only tests: cellhub against a Linux kernel's own ATM and
// linux-atm's daemons, in a virtual machine (package guest). Without what that needs they
// are skipped.
package interop
