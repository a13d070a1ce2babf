package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/cellhub/cellhub/signalling/address"
)

// defaultHosts is where linux-atm keeps the names of addresses.
const defaultHosts = "/etc/hosts.atm"

// hostsPath is the file of names unless a flag says otherwise.
func hostsPath() string {
	if p := os.Getenv("CELLHUB_HOSTS"); p != "" {
		return p
	}
	return defaultHosts
}

// readHosts reads the table of names. There need not be one where nobody has named one.
func (o *options) readHosts() (address.Hosts, error) {
	f, err := os.Open(o.hosts)
	if errors.Is(err, fs.ErrNotExist) && o.hosts == defaultHosts {
		return address.Hosts{}, nil
	}
	if err != nil {
		return address.Hosts{}, err
	}
	defer f.Close()
	h, err := address.ReadHosts(f)
	if err != nil {
		return address.Hosts{}, fmt.Errorf("%s: %w", o.hosts, err)
	}
	return h, nil
}

// resolve puts the address of a name in its place in svc://NAME[?sap=NUMBER]. All else stays
// as it is.
func (o *options) resolve(text string) (string, error) {
	rest, switched := strings.CutPrefix(text, "svc://")
	name, query, more := strings.Cut(rest, "?")
	if !switched || name == "" {
		return text, nil
	}
	h, err := o.readHosts()
	if err != nil {
		return "", err
	}
	a, err := h.Parse(name)
	switch {
	case err != nil:
		return "", usage("%q is no ATM end system address of 40 hexadecimal digits, and no name in %s", name, o.hosts)
	case !a.HasAESA():
		return "", usage("%s: %s: only end system addresses can be called from here", name, a)
	}
	if more {
		query = "?" + query
	}
	return fmt.Sprintf("svc://%x%s", a.AESA[:], query), nil
}
