// Package bpf is the classifier: a program in C that looks at each frame once, in the kernel, and says where it belongs.
// README.md tells what it reads and what it may say. The objects are committed, so that building wants no clang; package
// loader puts them into the kernel.
package bpf
