// Package oracle is for tests: it writes what this project made to capture
// files, and gives tshark's and tcpdump's decode of them as a second opinion.
// A test skips in one line where the tool is missing.
package oracle
