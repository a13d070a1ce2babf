// Package thread is what a hub asks of the system for its thread: a processor, rest, and sleep until a descriptor
// is ready or somebody rings.
package thread
