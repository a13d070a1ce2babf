package main

// manual is what --help prints.
const manual = `NAME
    cellhubd - ATM and frame networking in user space, as a daemon

SYNOPSIS
    cellhubd [--config FILE] [--control PATH] [--hubs N] [--spin]
             [--grace TIME] [--relay MODE] [--bpffs DIR] [--sandbox MODE]
             [--log LEVEL]
    cellhubd --config FILE --check
    cellhubd --help | --version

DESCRIPTION
    cellhubd serves ports, streams and ATM virtual channels. They come from a
    configuration file, and from whoever may say so over the control socket:
    cellctl(8), applications, a signalling daemon. It runs in the foreground
    and logs to stderr.

    A port is a pseudowire on an Ethernet interface or a UDP address. A stream
    is a device such as a TAP and the modules under it. A PVC joins a VC of a
    port to a stream, or keeps it for an application.

OPTIONS
    --config FILE    read at the start, and again at SIGHUP
    --check          check the file, say what is wrong with it, and end
    --control PATH   the control socket; default /run/cellhub/control. It says
                     more than the file
    --hubs N         threads that carry traffic, 1 to 63; default 1. It says
                     more than the file
    --spin           hubs never sleep, all but as many as leave one processor
                     to others: round trips are as short as they can be, for
                     applications that spin too (client.Config.Spin)
    --grace TIME     how long calls and their cross-connects are held when
                     their signalling manager has gone, 0 to 10s; default 0s:
                     they end at once
    --relay MODE     whether the kernel relays cross-connects, see RELAYING:
                     auto, where it can; on, or not start; off. Default auto
    --bpffs DIR      where what the kernel relays is pinned, so that it goes on
                     when the daemon is killed; default /run/cellhub/bpf.
                     Empty: nowhere
    --sandbox MODE   Landlock and seccomp, see PRIVILEGES: auto, with what the
                     kernel has; on, with both or not at all; off. Default auto
    --log LEVEL      the least that is logged: debug, info, warn or error
    -h, --help       this page
    --version        the version, and the Go that built it

CONFIGURATION
    The file is YAML, of these keys and no others; all may be missing. Names
    consist of up to 31 letters, digits, - _ and . and are of one thing each.

    control: PATH
    control: {path: PATH, mode: OCTAL, group: GROUP}
        where the daemon listens, and who may connect
    access: {ROLE: {users: [USER, ...], groups: [GROUP, ...]}, ...}
        who may take a role, admin, manager, application, module or observer,
        besides root and the daemon's own user
    hubs: N
        as --hubs
    blocks: {small: N, medium: N, large: N}
        memory of each hub, in blocks of 2, 16 and 128 KiB; default 32768,
        4096 and 1024. The machine gives only what has been used
    sockets: {region: N, connections: N, grace: TIME, user: {...}}
        of applications: octets that each shares with a hub at first, a
        multiple of 4096, default 67108864, and each further time twice as
        many; connections at a time, default 1048576;
        grace is as --grace; user: {applications: N, octets: N,
        connections: N} is what one user may have, default 64, 4294967296
        and 131072
    relay: {connections: N, keep: yes|no}
        of the kernel: connections that it relays at most, default 65536, to
        1048576; keep: they go on when the daemon ends by a signal
    captures: [DIRECTORY, ...]
        where captures may be written to, besides the directory of the control
        socket, /tmp and the directories of the file's own captures
    qos: {NAME: {SORT: {dscp: N, tc: N, pcp: N}, ...}, ...}
        tables for ports with qos=NAME: what the network is told of a frame
        that has cells of a SORT: cbr, rt-vbr, nrt-vbr, ubr+ or ubr, the
        category of their VC, alone or with clp0 or clp1; or, before these,
        inner DSCP or inner DSCP-DSCP, of packets that streams send. dscp is
        the datagram's, a number or a name such as ef or af41, tc (or exp) that
        of the labels, pcp that of the VLAN tag; what is left out is as the
        port has it. inner: copy has packets tell their own DSCP, and its first
        three bits as tc and pcp. Two tables are there without a file: default,
        cbr ef, rt-vbr af41, nrt-vbr af21, ubr+ af11, with CLP 1 a drop
        precedence more, ubr be; and inner, which is default and inner: copy.
        A table that changes touches no port; frames are told by it from then on
    ports: {NAME: SPEC, ...}
    ports: {NAME: {spec: SPEC, number: N}, ...}
        SPEC is as atmtap(8) has it for --port; ports on one interface or one
        local address share a device, and differ by their labels; entropy= is
        the same for all on an address, and off unless it says on; modes vcc
        and aal5pdu want vc=VPI/VCI, and vpc vp=VPI. Others are
            atmtcp:HOST[:PORT]        linux-atm's atmtcp, over TCP: SDUs
            atmtcp:listen=ADDR[:PORT]
            gns3:LOCAL:PORT,remote=HOST:PORT[,hec=ignore][,aal5crc=any]
                                      a cell in each UDP datagram. aal5crc=any
                                      puts the right CRC into AAL5 PDUs that
                                      have another, as those of the bridge in
                                      Dynamips; all VCs are AAL5's then
            pcap:FILE[,mode=aal5sdu]  a file, anew, of the cells sent to the
                                      port, or of their AAL5 PDUs: ERF in pcap
            replay:FILE[,rate=CELLS]  such a file, played once, as its times
                                      say or at a rate, cells a second; it
                                      begins with the port's first VC, and
                                      stops while the port is down
        rate=CELLS is what a port of cells sends in a second: what comes to it
        across the switch is queued for it, and contracts reserve parts of it;
        reserve=TOTAL[/CBR/RT-VBR/NRT-VBR/UBR] says how many percent, of all
        and of each class.
        All take loss=, errors=, misinsert=, cdv=, flap= and seed= as well;
        what they did, and the seed, is among a port's counters.
        fd=NAME has the device made of a descriptor, see DESCRIPTORS; ports
        that share the device all have it
        number is 1 to 65535, and the lowest that is free unless given
    streams: {NAME: {top: MODULE, modules: [MODULE, ...], hub: N}, ...}
        hub is the one that it stands on, counted from 0; none: wherever it is.
        Ports are on hub 0.
        a MODULE is a name and an argument; modules are listed from the top to
        the network. At the top stand
            tap NAME [mtu=N] [mac=MAC] [gso=auto|on|off]
            tun NAME [mtu=N] [gso=auto|on|off]
            head                      nothing: for control messages
        NAME may be fd:NAME, a descriptor that is attached already. A device
        that is deleted is made again, with a new number and without the
        addresses that others gave it; its command "state" and the log say how
        it does, and tx_drop_down counts what is lost meanwhile
        and under them
            rfc2684 llc|vcmux bridged|routed
            toobig bridged|routed     tells senders of what is too long
            capture FILE              writes the PDUs that pass to FILE
            aal5                      makes cells of SDUs; not in aal5sdu mode
    pvcs: [{port: NAME, vc: VPI/VCI, ...}, ...]
        stream: NAME      what stands on it; none: an application may bind it
        aal: 0|5          what the daemon does for an application; default 0
        receive: aal|raw  what it gets: SDUs, or cells
        service: ubr|cbr|rt-vbr|vbr|ubr+mcr|abr|gfr
        pcr: N, scr: N    rates agreed on, cells a second, or {tx: N, rx: N}.
                          The port reserves what the service asks for of tx, or
                          refuses it (rate= and reserve= of its SPEC); what the
                          VC sends is held back until it conforms, with 2 ms of
                          CDVT, and the stream waits. scr of ubr+mcr is the
                          minimum; abr and gfr are kept to pcr alone
        mbs: N            cells of the longest burst at pcr
        direction: in|out|both
                          in only receives, out only sends; what goes or comes
                          the other way is dropped and counted
        maxsdu: N         octets of the longest SDU; refused when the port does
                          not send it
        hiwat: N, lowat: N
                          water marks of its queue, octets

    xconnects: [{from: PORT VPI/VCI, to: PORT VPI/VCI, ...}, ...]
        cells of each end become those of the other; VPI/* is a whole path
        one-way: yes      only what comes from from
        service, pcr, scr, mbs
                          its contract; tx is the way from from
        maxsdu: N         octets of the longest SDU; refused when a port of SDUs
                          at either end does not send it
        police: yes       judges cells by it where they come in
        shape: yes        holds them back to it where they leave
        relay: auto|on|off
                          who relays it, see RELAYING; default auto
        merge: yes        one way: whole AAL5 PDUs of from go to a VC that other
                          cross-connects with merge go to as well, and the
                          contract is that VC's, the same for all of them.
                          Cells of management do not pass. A VC that is not
                          AAL5 loses all of its cells
        options: WORDS    weight=N, a share of what UBR has; cdvt=TIME that
                          policing allows; clp0, tag, frames

    A file with a fault is not applied at all; each fault is told of with its
    line and column. What the system refuses, an interface that does not
    exist for instance, ends the daemon at the start. At SIGHUP it is logged,
    and all else is done.

    At SIGHUP only what is different changes. A VC that the file has as it had
    before loses no cell, nor does one whose rates change. A port that changes
    is closed and opened again, and so is a stream whose top changes; other
    modules are changed under traffic. What was made over the control socket
    stays, unless the file has something else of that name. control, hubs,
    blocks, sockets, relay and captures are read at the start only.

RELAYING
    A cross-connect between ports eth: and udp: is relayed by the kernel, in
    an XDP program on their interfaces, without waking the daemon. It is the
    daemon's where it is policed, shaped or queued by frames or weight, has
    leaves, or its OAM is looked after; where cells come by a port with seq=on
    or impairments, or leave by one with rate=; and between modes of cells and
    of SDUs. Cells that the kernel
    does not relay, and frames with them, come to the daemon as ever.

    A frame of cells may hold those of many VCs. So that no cell overtakes
    another of its VC, auto relays what comes from a port only if all its VCs
    leave by one other port that takes as long frames; one PVC on the port,
    and the daemon relays all of it. relay: on, of a cross-connect or as
    relay=on in a port's SPEC, relays nevertheless, for ports whose frames are
    of one VC each. cellctl show xconnects says who relays, and why.

    Datagrams that the kernel sends have no checksum (RFC 7510); over IPv6
    both ends must say checksum=off. The checksum of those that come with one
    is tested.

    What is relayed is pinned. Killed, the daemon leaves it at work, and the
    next one with the same --control takes it over: with the same
    configuration no cell is lost, and counters go on. What that has not goes
    once it is applied. Ended by SIGTERM it takes it along, unless relay: has
    keep: yes. At its end and at SIGHUP it logs how many frames were
    relayed, and how many it was given, by cause.

SIGNALS
    SIGINT, SIGTERM  the end
    SIGHUP           the configuration file is read again

PRIVILEGES
    Started as root, it gives up all capabilities but CAP_NET_ADMIN,
    CAP_NET_RAW, CAP_NET_BIND_SERVICE, CAP_CHOWN and CAP_SYS_ADMIN once the
    file has been applied, in every thread and for ever (no-new-privs). So
    captures of later must be to where its user may write.

    Then it shuts itself in. By Landlock it reads /etc, /usr, /lib, /proc,
    /sys, /run of name services and the directory of its configuration file,
    writes where captures may be, opens /dev/net/tun, and nothing else. By
    seccomp it starts no program, traces no process, mounts nothing, changes
    no user and loads no module into the kernel: EPERM. With a relay it may
    call bpf(2), to tell the kernel what to relay, and write to --bpffs. What
    it has of all this it logs once, after a look at each of its threads.

DESCRIPTORS
    Whoever starts it may pass open files, as systemd does: from descriptor 3
    on, LISTEN_FDS of them, for the process LISTEN_PID, each with a name of
    its own in LISTEN_FDNAMES. With those it needs no capability and may be
    any user, in a container for instance:
        control      the control socket, listening: AF_UNIX, SOCK_SEQPACKET.
                     --control, mode and group are not looked at then
        top: tap fd:NAME, top: tun fd:NAME
                     a file of /dev/net/tun, attached with IFF_NO_PI. Its
                     interface is up, or becomes so by who made it; it has
                     super-frames with IFF_VNET_HDR alone. Deleted, it
                     cannot be made again here
        eth:IFNAME,...,fd=NAME
                     a packet socket, SOCK_RAW. It stays with the interface
                     that has IFNAME at the start
        udp:LOCAL:PORT,...,fd=NAME
                     a UDP socket, bound to LOCAL:PORT or not yet
    They stay open until it ends, whatever streams and ports come and go.
    cellhubd.socket, a unit of systemd, passes control and keeps it while the
    daemon starts again.

    Of a service manager that keeps files (systemd, FileDescriptorStoreMax=)
    it has each TAP and TUN that it makes itself kept, as kept-IFNAME. Killed
    and started again, it goes on with them: they keep their numbers,
    addresses and routes. What its file has no use for then, and what leaves
    the configuration later, is let go.

ENVIRONMENT
    CELLHUB_CONTROL  as --control
    LISTEN_FDS, LISTEN_PID, LISTEN_FDNAMES
                     see DESCRIPTORS, sd_listen_fds(3)
    NOTIFY_SOCKET    the service manager's, sd_notify(3): READY=1, RELOADING=1,
                     STATUS=, STOPPING=1, FDSTORE=1, FDSTOREREMOVE=1

EXIT STATUS
    0  ended by a signal, or nothing is wrong with the file
    1  it ran, and could not end as it should
    2  it could not start as asked; stderr says why

EXAMPLES
    A subscriber behind a DSLAM:

        ports: {dslam: "eth:eth1,label=100"}
        streams:
          alice: {top: tap alice0, modules: [rfc2684 llc bridged, aal5]}
        pvcs:
          - {port: dslam, vc: 8/35, stream: alice, pcr: 4000}

SEE ALSO
    cellctl(8), atmtap(8)
`
