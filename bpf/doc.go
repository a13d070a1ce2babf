// Package bpf is what runs in the kernel, in C. The classifier looks at each frame once and says where it belongs: README.md
// tells what it reads and what it may say. The sorter shows the frames of a label to the socket that has asked for it, where many
// programs have sockets on one interface. The tunnel carries AAL5 SDUs between a pair of veths and an interface. The objects are
// committed, so that building wants no clang; packages loader/classifier and loader/tunnel put them into the kernel.
package bpf
