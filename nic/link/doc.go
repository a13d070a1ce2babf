// Package link sets up the kernel's network interfaces and namespaces over netlink: what an administrator would do by
// hand before frames can move.
//
// Every function acts in the network namespace of the calling thread. Namespace.Do runs a function in another one.
package link
