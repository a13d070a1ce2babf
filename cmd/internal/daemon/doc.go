// Package daemon is what our long-running programs share: flags, the service manager, and the version.
package daemon
