//go:build !amd64 || purego

package aal

// withFeatures runs f with each set of processor features that is there.
func withFeatures(f func(name string)) { f("generic") }
