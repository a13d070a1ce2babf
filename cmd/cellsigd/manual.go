package main

// manual is what --help prints.
const manual = `NAME
    cellsigd - ATM signalling, as a daemon

SYNOPSIS
    cellsigd --config FILE [--control PATH] [--socket PATH] [--store FILE]
             [--graceful] [--log LEVEL]
    cellsigd --config FILE --check
    cellsigd --help | --version

DESCRIPTION
    cellsigd makes switched calls on the ports of a cellhubd(8): for
    applications on the same host, and from one port to another, as a switch.
    It is the manager of the ports that its configuration names, over the
    hub's control socket, and speaks UNI 3.0, 3.1 or 4.0 and ILMI there.

    When it ends, however it ends, its calls are cleared, unless --graceful;
    permanent VCs and cross-connects of others carry on. When the hub ends,
    cellsigd waits for it to come back. It runs in the foreground and logs to
    stderr.

OPTIONS
    --config FILE    interfaces, routes and hosts; read at the start
    --check          check the file, say what is wrong with it, and end
    --control PATH   the hub's control socket; default /run/cellhub/control
    --socket PATH    its own socket, for cellctl(8); default
                     /run/cellhub/signalling
    --store FILE     what must outlive it: sequence numbers of SSCOP, and
                     routes and neighbours added by cellctl; default
                     /var/lib/cellhub/signalling.db
    --graceful       take over established calls of the cellsigd before this
                     one. cellhubd holds them, and data flows, for as long as
                     its own --grace says; calls that were being made or
                     released end, and those whose peers do not agree. Peers
                     on interfaces with ILMI clear theirs, for ILMI starts anew
    --log LEVEL      the least that is logged: debug, info, warn or error.
                     debug has each message for and from the hub
    -h, --help       this page
    --version        the version, and the Go that built it

CONFIGURATION
    The file is YAML, of these keys and no others.

    name: NAME
        who it says it is to the hub; default cellsigd
    interfaces: [{port: NUMBER, side: SIDE, ...}, ...]
        port: NUMBER      of the hub
        side: user|network
                          as the peer is not; between switches, one of each
        version: "3.0"|"3.1"|"4.0"
                          of the UNI; default 4.0
        capacity: N       cells a second, each way, that calls may have in
                          all: CBR by its peak, VBR by its sustainable rate;
                          none: no limit
        vpis: N           VPIs from 0; default 1
        vcis: [FIRST, LAST]
                          for calls; default from 32 to 65535
        ilmi: {prefixes: [PREFIX, ...]} or {esis: [MAC, ...]}
                          what a network side gives, 13 octets each, or what
                          a user side has; none: no ILMI
    routes: {PREFIX: [PORT, ...], ...}
        where calls go: by the longest prefix, over the first of its ports
        that takes them. PREFIX is as in 47.0005/24, +358* or *. Addresses
        that ILMI has registered need none
    ip: {NAME: {tun: NAME, address: PREFIX, atm: ADDRESS, ...}, ...}
        Classical IP hosts (RFC 2225): a TUN device whose packets go by VCs.
        See PRIVILEGES
        tun: NAME         the device, which is made and set up, MTU 9180
        address: PREFIX   IPv4, with the length of the subnet's prefix
        atm: ADDRESS      its own, of 20 octets, at which it takes calls
        servers: [ADDRESS, ...]
                          the subnet's ATMARP servers, in the order in which
                          they are tried; none: it is the server
        pvcs: [PORT/VPI/VCI, ...]
                          permanent VCs of the hub's, for applications; who
                          is at the far end is asked by InATMARP
        routes: {PREFIX: ADDRESS, ...}
                          neighbours by which other subnets are reached, as
                          in the host's own routing table
        arp: {ADDRESS: ADDRESS, ...}
                          ATM addresses of neighbours, by their IP addresses
        idle: TIME        after which a VC without traffic is released;
                          default 20m

PRIVILEGES
    Without ip: it needs none but to reach the hub's socket as a manager. With
    it, it needs /dev/net/tun and CAP_NET_ADMIN, which the unit of systemd
    shuts out. Then the unit has a drop-in, cellsigd.service.d/ip.conf:

        [Service]
        CapabilityBoundingSet=CAP_NET_ADMIN
        PrivateDevices=no
        PrivateNetwork=no
        DeviceAllow=/dev/net/tun rw
        RestrictAddressFamilies=AF_INET AF_INET6 AF_NETLINK AF_PACKET

ENVIRONMENT
    CELLHUB_CONTROL  the hub's control socket
    NOTIFY_SOCKET    told READY=1 and STATUS= (systemd's Type=notify)

EXIT STATUS
    0  ended by a signal, or nothing is wrong with the file
    1  it ran, and had to end: another manager has one of the ports
    2  it could not start as asked; stderr says why

EXAMPLES
    A switch between two hosts:

        interfaces:
          - port: 1
            side: network
            ilmi: {prefixes: [47.0005.80FFE1000000F20F2200]}
          - port: 2
            side: network
            ilmi: {prefixes: [47.0005.80FFE1000000F20F2200]}

    A host of a logical IP subnet:

        interfaces: [{port: 1, side: user}]
        routes: {"*": [1]}
        ip:
          lis0:
            tun: ip0
            address: 192.0.2.1/24
            atm: 47.0005.80FFE1000000F20F2200.0020EA000EE0.00
            servers: [47.0005.80FFE1000000F20F2200.0020EA009999.00]

SEE ALSO
    cellhubd(8), cellctl(8)
`
