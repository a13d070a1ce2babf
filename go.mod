module github.com/cellhub/cellhub

go 1.26.0

require (
	github.com/go-asn1-ber/asn1-ber v1.5.8
	github.com/google/gopacket v1.1.19
	github.com/songgao/water v0.0.0-20200317203138-2b4b6d7c09d8
	github.com/spf13/pflag v1.0.10
	github.com/vishvananda/netlink v1.3.1
	github.com/vishvananda/netns v0.0.5
	golang.org/x/net v0.62.0
	golang.org/x/sys v0.49.0
)

require go.etcd.io/bbolt v1.5.0 // indirect
