// Package q2931 is the signalling of switched ATM calls: ITU-T Q.2931 and
// Q.2971, and the ATM Forum's UNI 3.0, UNI 3.1 and UNI Signalling 4.0.
package q2931
