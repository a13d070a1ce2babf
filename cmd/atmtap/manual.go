package main

// manual is what --help prints.
const manual = `NAME
    atmtap - carry a TAP or TUN device over an ATM virtual channel

SYNOPSIS
    atmtap --tap NAME | --tun NAME  --vc VPI/VCI  --port SPEC
           [--encap llc|vcmux] [--mtu N] [--mac MAC] [--capture FILE]
           [--gso auto|on|off] [--offload auto|on|off] [--bpffs DIR]
           [--latency TIME] [--spin] [--silence TIME]
           [--continuity check|loopback|off]
           [--hub[=PATH]] [--json] [--force]
    atmtap --help | --version

DESCRIPTION
    atmtap joins a TAP device (Ethernet frames) or a TUN device (IP packets)
    of this host to an ATM virtual channel, and carries the channel as a
    pseudowire to another host. It runs in the foreground. A device that does
    not exist is made and brought up, and is removed at the end; one that
    exists is taken, and left as it was. Give the device its addresses with
    ip-address(8).

    On a terminal one line shows the losses by cause and the rates. What
    happens to the tunnel is told on stderr, a line each.

    Interfaces are followed by their kernel number: one that is renamed, and a
    device that is moved to another network namespace, stays in use. A device
    that atmtap made and somebody deletes is made again. When the carrier's
    interface is deleted, one that gets its name afterwards is taken. The
    carrier's MTU is followed and, over UDP, what routers report of the path.
    While the carrier does not work, or the peer's host refuses what is sent,
    or no way leads there, the device has no carrier either; a peer that is
    silent keeps it, unless --silence says otherwise.

OPTIONS
    --tap NAME       bridge the TAP device NAME: Ethernet frames without FCS
    --tun NAME       route the TUN device NAME: IPv4 and IPv6 packets
    --vc VPI/VCI     the virtual channel, VPI 0 to 4095, VCI 32 to 65535;
                     vpi.vci is read too
    --port SPEC      what carries it:
        eth:IFNAME,label=OUT[/IN][,mode=MODE][,peer=MAC]
                     MPLS on Ethernet (RFC 4717 over RFC 3032). Without peer=
                     frames go to 01:00:5e:90:00:00, which RFC 7213 has for
                     point-to-point links, and any sender's are taken.
        udp:LOCAL:PORT,remote=HOST:PORT[,label=OUT[/IN]][,mode=MODE]
                [,checksum=off][,entropy=off]
                     MPLS in UDP (RFC 7510; its port is 6635). The label is 16
                     unless given. Only the remote host's datagrams are taken,
                     from whatever port they come. A name is looked up again
                     when the peer is silent or the network changes. A
                     link-local address needs its interface: [fe80::1%eth0].
                     checksum=off: IPv6 datagrams without checksum (RFC 6935),
                     sent and taken; others' are refused and counted. Both
                     ends must use the same. Datagrams leave from a port of
                     49152 to 65535 that the label chooses, so that routers
                     and receivers spread tunnels (RFC 7510, section 3);
                     entropy=off: from the local port, for firewalls and
                     address translators that want it so.
        label        16 to 1048575; what we send, and what we take if it differs
        mode         n1       cells, N-to-one without control word (default)
                     n1cw     cells, N-to-one with control word
                     vcc      cells of one VC, without VPI and VCI
                     vpc      cells of one VP, without its VPI
                     aal5pdu  a frame is the payloads of an AAL5 PDU's cells,
                              trailer included, or of a part of them that
                              the carrier holds; OAM cells between
                     port, portcw   as n1 and n1cw, for a whole port of the
                              far end (RFC 4816): idle and unassigned cells
                              are left out
                     aal5sdu  one AAL5 SDU a frame: no cell tax, but the
                              carrier's MTU must hold it, or frag=on
                     Both ends must use the same. All but port are RFC 4717's;
                     with those of one VC, or VP, each end numbers it as it
                     likes.
        More, after a comma each:
        vc=VPI/VCI, vp=VPI   which VC, or VP, a mode of one carries: that of
                     --vc, unless given
        outer=L[/L[/L]]  labels of the network put before ours, outermost first;
                     received ones are popped, up to 8 labels in all
        tc=0..7, ttl=1..255   of the labels (0 and 255)
        vlan=1..4094 Ethernet: frames have this 802.1Q tag, both ways
        driver=packet|xdp|auto
                     Ethernet: how frames are moved. packet (default) is
                     AF_PACKET; xdp AF_XDP, by an XDP program on the interface,
                     of which it has one: only one such port is on an
                     interface, and tcpdump does not see its frames. auto is
                     xdp where that can be had, else packet; a note says which.
                     With vlan=, xdp needs tags left in the frame (ethtool -K
                     IFNAME rxvlan off).
        dscp=0..63   UDP: code point of the datagrams (46 is EF)
        qos=TABLE    by which table DSCP, traffic class and VLAN priority of a
                     frame follow what is in it: inner, the packet's own DSCP;
                     default, its VC's category and CLP. cellhubd(8) has others
        ecn=copy     UDP: datagrams take the ECN field of the IP packets in them
                     when these agree (RFC 6040, normal mode). Only towards a
                     peer that passes marks on to the packets, as atmtap always
                     does; a packet that met congestion and cannot be marked is
                     dropped (default off: compatibility mode)
        seq=on       all but n1 and port: frames are numbered, late and repeated
                     ones dropped (RFC 4385); both ends
        frag=on      aal5sdu, with seq=on, at both ends: an SDU that no frame
                     holds goes in up to 64 fragments (RFC 4623), and is put
                     together at the far end, where half a second is the most
                     that they may take
        cells=N      all but aal5sdu: at most N cells in a frame that is sent,
                     for peers with such a limit (default: as many as fit)
        pack=TIME    all but aal5sdu: cells wait so long for others to share a
                     frame, as in 200us; at most 1s (default: those at hand).
                     In aal5pdu they wait for the end of their PDU, at most
                     10ms unless told
        For laboratories, harm to what comes in:
        loss=P, errors=P, misinsert=P   the part, up to 1, of cells (aal5sdu: of
                     SDUs) that is lost, has a wrong bit, comes on another VC
        cdv=TIME     what comes is late by up to TIME, in order; at most 10s
        flap=UP/DOWN the port is up, and then down, so long, again and again
        seed=N       the same seed does the same to the same traffic (default:
                     drawn; impair_seed in the summary)
    --encap llc|vcmux
                     RFC 2684 encapsulation (default llc)
    --mtu N          MTU of the device (default 1500, or what an existing
                     device has). A TAP's frames with a VLAN tag are 4 octets
                     longer; in aal5sdu the carrier must hold those too.
    --mac MAC        MAC address of the TAP (default: one that stays the same
                     from start to start, or what an existing device has)
    --capture FILE   write the AAL5 PDUs of both directions to FILE, as ERF in
                     pcap (link type 197), for Wireshark and tshark; the
                     trailer of each is rebuilt from its SDU; a FIFO needs
                     its reader first
    --gso auto|on|off
                     super-frames: many frames of a flow in one call of the
                     kernel, the same frames on the wire. auto (default) uses
                     the kinds that a self-test has shown to work; on, all that
                     the kernel takes; off, none
    --offload auto|on|off
                     on: the kernel carries the tunnel, by programs of tc, and
                     no frame comes to user space. For --tap with mode=aal5sdu,
                     the same frames on the wire (UDP without checksum, so IPv6
                     wants checksum=off). NAME is a veth then, whose other end
                     is NAME-net; what the programs can't carry (OAM cells,
                     SDUs of another form, frames that are too long, marked
                     datagrams) goes by NAME-hub and this process. When it is
                     killed the tunnel goes on; the next atmtap of that NAME
                     takes it over, and its end removes it. auto: in user space
                     where the kernel cannot, and a note says why. off
                     (default): in user space.
                     Over a virtual link (veth, bridge) a program at the far
                     end would see super-frames and unfinished checksums, and
                     a card may not find TCP behind a label stack: there NAME
                     sends neither. --gso on has it send both, some times as
                     fast: where the far end is a kernel too, or the card can.
                     What atmtap in user space sends in trains over such a
                     link, the programs leave to this process. Checksums
                     of received datagrams are not verified. With --hub the
                     daemon carries what the programs leave, and this process
                     only puts them there and follows what changes; when the
                     daemon dies it ends, and the tunnel goes on.
    --bpffs DIR      where the kernel's tunnels are pinned (default
                     /run/cellhub/bpf, mounted if it is not); empty: nowhere,
                     the tunnel ends with the process
    --latency TIME   under load, frames wait up to TIME for others that are
                     handled with them, which costs less processor time a
                     frame; at most 10ms (default 20us; 0: none waits). A
                     frame that comes alone never waits
    --spin           never sleep: a processor is used up, and round trips are
                     shorter, if there is one to give away. Without it atmtap
                     waits awake only while the last frames say that the next
                     one is near
    --continuity check|loopback|off
                     the device has its carrier only while the VC proves, end
                     to end, that it carries: check, by continuity check cells
                     (I.610), which both ends send and want then, and as long as
                     no AIS comes; loopback, by a loopback cell a second, which
                     any end answers: 5 seconds without one coming back are the
                     end. Default off
    --silence TIME   when nothing has come from the peer for so long, though
                     frames went to it, the device loses its carrier; every
                     10 s it has it again, to try. For tunnels over which both
                     ends speak (1s or more, as in 30s; default: never)
    --json           no live line; on stdout one JSON object a line for each
                     thing that happens, with "time", "event" and "text", and
                     at the end the summary, whose event is "summary"
    --hub[=PATH]     have the running cellhubd carry it whose control socket is
                     PATH, or what CELLHUB_CONTROL says, else
                     /run/cellhub/control: as long as atmtap runs. A port
                     that the daemon has by the same SPEC is used, and FILE is
                     the daemon's to write
    --force          allow a reserved VCI, below 32
    -h, --help       this page
    --version        the version, and the Go that built it

SIGNALS
    SIGINT, SIGTERM  the end: what was made is removed, what was taken is left
                     as it was, and a summary is printed
    SIGHUP           what is gone is tried again at once, names are looked up;
                     from a terminal that has gone it is the end

ENVIRONMENT
    CELLHUB_CONTROL  as PATH of --hub
    NOTIFY_SOCKET    the service manager's, sd_notify(3): READY=1 when all is
                     set up, STATUS= each second, RELOADING=1, STOPPING=1

EXIT STATUS
    0  ended by a signal
    1  it ran, and could not end as it should: one line on stderr says why
    2  it could not start as asked; one line on stderr says why and what to do

CAPABILITIES
    CAP_NET_ADMIN for the device, CAP_NET_RAW for eth ports, and both for the
    self-test of --gso auto: without, there are no super-frames. CAP_BPF and
    CAP_NET_ADMIN besides for driver=xdp, and CAP_IPC_LOCK or a limit of locked
    memory (RLIMIT_MEMLOCK) of 16 MB. CAP_BPF and CAP_NET_ADMIN for
    --offload, Linux 6.6, and CAP_SYS_ADMIN to mount a bpffs. CAP_SYS_ADMIN
    to look after a device in another network namespace, where there is one.

EXAMPLES
    A tunnel between two network namespaces of one host, over Ethernet:

        ip netns add left && ip netns add right
        ip link add eth0 netns left type veth peer name eth0 netns right
        ip -n left link set eth0 up && ip -n right link set eth0 up
        ip netns exec left atmtap --tap atm0 --vc 0/100 \
            --port eth:eth0,label=100 &
        ip netns exec right atmtap --tap atm0 --vc 0/100 \
            --port eth:eth0,label=100 &
        sleep 1
        ip -n left addr add 192.0.2.1/24 dev atm0
        ip -n right addr add 192.0.2.2/24 dev atm0
        ip netns exec left ping -c 3 192.0.2.2
        kill %1 %2; wait; ip netns del left; ip netns del right

    Routed IP in AAL5 SDU mode over UDP, with a capture:

        ip netns add left && ip netns add right
        ip link add eth0 netns left type veth peer name eth0 netns right
        ip -n left addr add 192.0.2.1/24 dev eth0
        ip -n right addr add 192.0.2.2/24 dev eth0
        ip -n left link set eth0 up && ip -n right link set eth0 up
        ip netns exec left atmtap --tun atm0 --vc 1/32 --encap vcmux \
            --mtu 1464 \
            --port udp:192.0.2.1:6635,remote=192.0.2.2:6635,mode=aal5sdu \
            --capture atm0.pcap &
        ip netns exec right atmtap --tun atm0 --vc 1/32 --encap vcmux \
            --mtu 1464 \
            --port udp:192.0.2.2:6635,remote=192.0.2.1:6635,mode=aal5sdu &
        sleep 1
        ip -n left addr add 198.51.100.1/24 dev atm0
        ip -n right addr add 198.51.100.2/24 dev atm0
        ip netns exec left ping -c 3 198.51.100.2
        kill %1 %2; wait; ip netns del left; ip netns del right
        tshark -r atm0.pcap -o erf.aal5_type:unspecified

SEE ALSO
    ip-address(8), ip-tuntap(8), tshark(1); RFC 2684, RFC 4717, RFC 7510.
`
