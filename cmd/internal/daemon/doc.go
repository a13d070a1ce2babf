// Package daemon is what our long-running programs share: the service manager, and the version.
package daemon
