/* A client of cellhubd in C: attaches to a PVC, sends each line of its input as an SDU, and
 * prints each SDU that comes back; with "echo" instead it sends back what comes.
 *
 *     cc -std=c11 -D_GNU_SOURCE -I ../../dataplane/control -o atmecho atmecho.c
 *     ./atmecho /run/cellhub/control PORT VPI VCI [echo]
 *
 * One thread, one connection. dataplane/control/PROTOCOL.md has the messages, and
 * dataplane/region the shared memory. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "cellhub.h"

static int hub, pipe_fd, event_fd; /* control socket, where we are woken, what wakes the hub */
static uint32_t epoch, seq;
static uint8_t *mem;               /* the region */
static struct cellhub_region *region;
static struct cellhub_channel *channel;
static uint8_t *base;              /* of the channel */
static uint64_t bell_put, bell_got, tx_put, tx_free, rx_got, octets_put, octets_free;
static uint64_t *tx_end;           /* by slot: where its octets end */
static struct { struct cellhub_message m; uint8_t trailer[CELLHUB_MAX_TRAILER]; } in;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static uint64_t load64(const uint64_t *p) { return __atomic_load_n(p, __ATOMIC_SEQ_CST); }
static void store64(uint64_t *p, uint64_t v) { __atomic_store_n(p, v, __ATOMIC_SEQ_CST); }
static void arm(uint32_t *flag) { __atomic_store_n(flag, 1, __ATOMIC_SEQ_CST); }
static int wanted(uint32_t *flag)
{
    return __atomic_load_n(flag, __ATOMIC_SEQ_CST) != 0 && __atomic_exchange_n(flag, 0, __ATOMIC_SEQ_CST) != 0;
}

/* Receives a message into in, with descriptors if fds is not NULL; the octets of its trailer. */
static size_t receive(int *fds)
{
    union { struct cmsghdr align; char space[CMSG_SPACE(3 * sizeof(int))]; } control;
    struct iovec v = {&in, sizeof in};
    struct msghdr h = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space};
    ssize_t n = recvmsg(hub, &h, MSG_CMSG_CLOEXEC);
    struct cmsghdr *c = CMSG_FIRSTHDR(&h);
    if (n < (ssize_t)sizeof in.m)
        die("cellhubd has gone");
    if (fds != NULL && c != NULL && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(3 * sizeof(int)))
        memcpy(fds, CMSG_DATA(c), 3 * sizeof(int));
    return (size_t)n - sizeof in.m;
}

/* Sends m with a trailer and waits for its answer, which in holds then. */
static void call(struct cellhub_message *m, const void *trailer, size_t octets, int *fds)
{
    struct iovec v[2] = {{m, sizeof *m}, {(void *)trailer, octets}};
    struct msghdr h = {.msg_iov = v, .msg_iovlen = octets > 0 ? 2 : 1};
    m->epoch = cellhub_be32(epoch);
    if (octets > 0) {
        m->flags = cellhub_be16(CELLHUB_FLAG_TRAILER);
        m->len = cellhub_be32((uint32_t)octets);
    }
    if (sendmsg(hub, &h, MSG_NOSIGNAL) < 0)
        die("sendmsg");
    do
        receive(fds);
    while (!cellhub_answers(&in.m, m));
    if (cellhub_status(&in.m) < 0) {
        errno = -cellhub_status(&in.m);
        die("cellhubd refuses");
    }
}

/* Says who we are, and maps the region. */
static void hello(const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    struct cellhub_message m;
    struct stat st;
    int fds[3] = {-1, -1, -1};
    strncpy(to.sun_path, path, sizeof to.sun_path - 1);
    hub = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (hub < 0 || connect(hub, (struct sockaddr *)&to, sizeof to) < 0)
        die(path);
    cellhub_init(&m, CELLHUB_CLASS_HUB, CELLHUB_HUB_HELLO, ++seq);
    m.body.hub.a = cellhub_be32(CELLHUB_ROLE_APPLICATION);
    m.body.hub.b = cellhub_be32(CELLHUB_DEFINITION_HASH);
    memcpy(m.body.hub.name, "atmecho", 7);
    call(&m, NULL, 0, fds);
    epoch = cellhub_be32(in.m.epoch);
    pipe_fd = fds[1], event_fd = fds[2];
    if (fds[0] < 0 || fstat(fds[0], &st) < 0)
        die("no region");
    mem = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fds[0], 0);
    if (mem == MAP_FAILED)
        die("mmap");
    region = (struct cellhub_region *)mem;
    if (region->magic != CELLHUB_REGION_MAGIC || region->version != CELLHUB_REGION_VERSION)
        die("not our region");
}

/* Attaches to a PVC, and waits for OKAY, which says where its rings are. */
static void attach(unsigned port, unsigned vpi, unsigned vci)
{
    struct cellhub_message m;
    struct cellhub_second_end end = {0};
    struct cellhub_ring ring;
    uint8_t trailer[16];
    const uint8_t *value;
    size_t used = 0, at, len;
    uint16_t type, length;
    end.port = cellhub_be16((uint16_t)port);
    end.vpi = cellhub_be16((uint16_t)vpi);
    end.vci = cellhub_be16((uint16_t)vci);
    cellhub_tlv_put(trailer, sizeof trailer, &used, CELLHUB_TLV_SECOND_END, &end, sizeof end);
    cellhub_init(&m, CELLHUB_CLASS_SOCK, CELLHUB_SOCK_CONNECT, ++seq);
    m.body.sock.aal = CELLHUB_AAL_5;
    m.body.sock.maxsdu = cellhub_be16(9180);
    call(&m, trailer, used, NULL);
    for (;;) {
        len = receive(NULL);
        if (in.m.class_ != CELLHUB_CLASS_SOCK || in.m.type != cellhub_be16(CELLHUB_SOCK_OKAY))
            continue;
        for (at = 0; cellhub_tlv_next(in.trailer, len, &at, &type, &value, &length) == 1;)
            if (type == CELLHUB_TLV_RING && length == sizeof ring) {
                memcpy(&ring, value, sizeof ring);
                base = mem + cellhub_be64(ring.offset);
                channel = (struct cellhub_channel *)base;
                tx_end = calloc(channel->tx_entries, sizeof *tx_end);
                return;
            }
    }
}

/* Names our channel to the hub, and wakes it if it sleeps. */
static void ring_hub(void)
{
    struct cellhub_ring_head *bell = (struct cellhub_ring_head *)(mem + region->tx_bell);
    uint32_t *entries = (uint32_t *)(bell + 1);
    uint64_t one = 1;
    entries[bell_put++ & (region->entries - 1)] = channel->number;
    store64(&bell->published, bell_put);
    if (wanted(&region->hub_sleeps) && write(event_fd, &one, sizeof one) < 0)
        die("eventfd");
}

/* Sends an SDU; 0: there is no room. */
static int put(const void *sdu, size_t n)
{
    struct cellhub_ring_head *ring = (struct cellhub_ring_head *)(base + channel->tx_ring);
    struct cellhub_descriptor *slots = (struct cellhub_descriptor *)(ring + 1), d = {0};
    uint64_t mask = channel->tx_entries - 1, size = channel->tx_octets, released = load64(&ring->released), rest;
    if (released != tx_free) { /* what the hub has taken is free again */
        tx_free = released;
        octets_free = tx_end[(tx_free - 1) & mask];
    }
    if (tx_put == tx_free) /* nothing is under way: begin at the begin */
        octets_free = octets_put += (size - octets_put % size) % size;
    rest = size - octets_put % size;
    if (n > rest) /* an SDU lies in one piece */
        octets_put += rest;
    if (tx_put - tx_free == channel->tx_entries || octets_put + n - octets_free > size)
        return 0;
    d.offset = (uint32_t)(octets_put % size);
    d.length = (uint32_t)n;
    memcpy(base + channel->tx_area + d.offset, sdu, n);
    slots[tx_put & mask] = d;
    octets_put += n;
    tx_end[tx_put++ & mask] = octets_put;
    store64(&ring->published, tx_put);
    if (wanted(&channel->hub_wants_data))
        ring_hub();
    return 1;
}

/* Takes an SDU; 0: there is none. */
static size_t get(void *sdu, size_t room)
{
    struct cellhub_ring_head *ring = (struct cellhub_ring_head *)(base + channel->rx_ring);
    struct cellhub_descriptor *slots = (struct cellhub_descriptor *)(ring + 1), d;
    if (load64(&ring->published) == rx_got)
        return 0;
    d = slots[rx_got & (channel->rx_entries - 1)];
    if (d.length > room)
        die("SDU too long");
    memcpy(sdu, base + channel->rx_area + d.offset, d.length);
    store64(&ring->released, ++rx_got);
    if (wanted(&channel->hub_wants_room))
        ring_hub();
    return d.length;
}

/* Sleeps until there is an SDU, or room for one if that is wanted, or input; 1: input. */
static int doze(int input, int room)
{
    struct cellhub_ring_head *bell = (struct cellhub_ring_head *)(mem + region->rx_bell);
    struct pollfd p[3] = {{pipe_fd, POLLIN, 0}, {hub, POLLIN, 0}, {input, POLLIN, 0}};
    char wakes[64];
    arm(&channel->client_wants_data);
    arm(&channel->client_wants_room);
    arm(&region->client_sleeps);
    bell_got = load64(&bell->published); /* one channel: which ones were named says nothing new */
    store64(&bell->released, bell_got);
    if (room ? load64(&((struct cellhub_ring_head *)(base + channel->tx_ring))->released) != tx_free
             : load64(&((struct cellhub_ring_head *)(base + channel->rx_ring))->published) != rx_got)
        return 0;
    if (poll(p, input < 0 ? 2 : 3, -1) < 0 && errno != EINTR)
        die("poll");
    if ((p[0].revents & POLLIN) != 0 && read(pipe_fd, wakes, sizeof wakes) < 0)
        die("pipe");
    if ((p[1].revents & (POLLIN | POLLHUP)) != 0) {
        receive(NULL);
        if (in.m.type == cellhub_be16(CELLHUB_SOCK_CLOSED) || in.m.type == cellhub_be16(CELLHUB_SOCK_RELEASED))
            exit(0);
    }
    return input >= 0 && (p[2].revents & (POLLIN | POLLHUP)) != 0;
}

int main(int argc, char **argv)
{
    static char sdu[65536], line[9180];
    int echo = argc == 6 && strcmp(argv[5], "echo") == 0;
    size_t n, sent = 0, got = 0;
    int input = echo ? -1 : 0;
    if (argc < 5 || argc > 6 || (argc == 6 && !echo)) {
        fprintf(stderr, "usage: %s SOCKET PORT VPI VCI [echo]\n", argv[0]);
        return 2;
    }
    hello(argv[1]);
    attach((unsigned)atoi(argv[2]), (unsigned)atoi(argv[3]), (unsigned)atoi(argv[4]));
    fprintf(stderr, "attached\n");
    setvbuf(stdin, NULL, _IONBF, 0); /* what poll sees is what fgets sees */
    while (input == 0 || echo || got < sent) {
        int ready = doze(input, 0);
        while ((n = get(sdu, sizeof sdu)) > 0) {
            got++;
            if (!echo && (fwrite(sdu, 1, n, stdout) < n || fflush(stdout) != 0))
                die("stdout");
            while (echo && !put(sdu, n))
                doze(-1, 1);
        }
        if (!ready)
            continue;
        if (fgets(line, sizeof line, stdin) == NULL) {
            input = -1;
            continue;
        }
        while (!put(line, strlen(line)))
            doze(-1, 1);
        sent++;
    }
    return 0;
}
