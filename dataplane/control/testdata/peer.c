/* The other end of the tests of cellhub.h: a client in C.
 *
 *   peer layout      prints where the compiler puts each field, and its octets
 *   peer talk        over the socket 3: sends a message of each class, then answers one of
 *                    each class, having compared every field
 *   peer hello PATH  says HELLO to the hub at PATH and prints the reply */
#include "cellhub.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* The fields, with a value for each; W is what to do with one. */
#define HEADER(W, FLAGS, SEQ) \
    W(32, magic, 0x48554231) W(8, version, 1) W(16, flags, FLAGS) W(8, band, 3) W(8, cause, 16) W(32, status, 0) \
    W(32, src, 0x01020304) W(32, dst, 0x05060708) W(32, seq, SEQ) W(32, ack, 0) \
    W(64, conn, 0x1112131415161718) W(64, key, 0x2122232425262728) W(32, idx, 0x31323334) \
    W(32, val, 0x41424344) W(32, epoch, 0x51525354)
#define SOCK(W) \
    W(16, body.sock.port, 1) W(16, body.sock.backlog, 2) W(8, body.sock.aal, CELLHUB_AAL_34) \
    W(8, body.sock.service, CELLHUB_SERVICE_GFR) W(16, body.sock.maxsdu, 9188) \
    W(32, body.sock.pcr_forward, 3) W(32, body.sock.pcr_backward, 4) W(64, body.sock.sap, 5) \
    W(8, body.sock.local[0], 0x47) W(8, body.sock.local[19], 6) \
    W(8, body.sock.remote[0], 0x39) W(8, body.sock.remote[19], 7)
#define ATM(W) \
    W(16, body.atm.port, 1) W(16, body.atm.vpi, 4095) W(16, body.atm.vci, 65535) W(8, body.atm.aal, CELLHUB_AAL_5) \
    W(8, body.atm.direction, CELLHUB_DIRECTION_OUT) W(8, body.atm.service, CELLHUB_SERVICE_ABR) \
    W(8, body.atm.rxmode, CELLHUB_RX_META) W(16, body.atm.maxsdu, 2) W(32, body.atm.pcr_forward, 3) \
    W(32, body.atm.pcr_backward, 4) W(32, body.atm.scr_forward, 5) W(32, body.atm.scr_backward, 6) \
    W(32, body.atm.mbs, 7) W(32, body.atm.receiver, 8) W(32, body.atm.hiwat, 9) W(32, body.atm.lowat, 10) \
    W(64, body.atm.sap, 0x8000000000000001)
#define SIG(W) \
    W(16, body.sig.port, 1) W(16, body.sig.vpi, 2) W(16, body.sig.vci, 3) W(8, body.sig.header, 15) \
    W(8, body.sig.kind, CELLHUB_SIG_KIND_SAAL) W(64, body.sig.ns, 0x8182838485868788) \
    W(8, body.sig.payload[0], 4) W(8, body.sig.payload[47], 5)
#define MMI(W) \
    W(16, body.mmi.command, 255) W(8, body.mmi.direction, CELLHUB_DIRECTION_IN) W(8, body.mmi.namelen, 2) \
    W(32, body.mmi.arglen, 24) W(8, body.mmi.name[0], 'a') W(8, body.mmi.name[1], 'b') \
    W(8, body.mmi.inline_[0], 1) W(8, body.mmi.inline_[23], 2)
#define EVT(W) \
    W(32, body.evt.idx_first, 1) W(32, body.evt.idx_range, 2) W(32, body.evt.val_first, 3) \
    W(32, body.evt.val_range, 4) W(32, body.evt.mask, CELLHUB_EVENT_ALARM_CLEARED | CELLHUB_EVENT_REGISTERED) \
    W(32, body.evt.group, 5) W(64, body.evt.lost, 0x9192939495969798) W(64, body.evt.ns, 6)
#define HUB(W) \
    W(32, body.hub.a, 0xA1A2A3A4) W(32, body.hub.b, 0xB1B2B3B4) \
    W(8, body.hub.name[0], 'x') W(8, body.hub.name[1], 'y')

#define BODY(W, class_number) \
    switch (class_number) { \
    case CELLHUB_CLASS_SOCK: SOCK(W) break; \
    case CELLHUB_CLASS_ATM: ATM(W) break; \
    case CELLHUB_CLASS_SIG: SIG(W) break; \
    case CELLHUB_CLASS_MMI: MMI(W) break; \
    case CELLHUB_CLASS_EVT: EVT(W) break; \
    default: HUB(W) \
    }

#define be8(v) ((uint8_t)(v))
#define be16(v) cellhub_be16((uint16_t)(v))
#define be32(v) cellhub_be32((uint32_t)(v))
#define be64(v) cellhub_be64((uint64_t)(v))

#define PRINT(bits, field, value) \
    printf("%s %zu %zu\n", #field, offsetof(struct cellhub_message, field), sizeof(((struct cellhub_message *)0)->field));
#define SET(bits, field, value) m->field = be##bits(value);
#define SAME(bits, field, value) \
    if (be##bits(m->field) != (uint##bits##_t)(value)) { \
        fprintf(stderr, "class %d: %s\n", m->class_, #field); \
        return EBADMSG; \
    }

static int layout(void)
{
    printf("message 0 %zu\n", sizeof(struct cellhub_message));
    PRINT(8, class_, 0)
    PRINT(16, type, 0)
    PRINT(32, len, 0)
    HEADER(PRINT, 0, 0)
    SOCK(PRINT) ATM(PRINT) SIG(PRINT) MMI(PRINT) EVT(PRINT) HUB(PRINT)
    return 0;
}

static void set(struct cellhub_message *m, unsigned flags, unsigned seq)
{
    HEADER(SET, flags, seq)
    BODY(SET, m->class_)
}

static int same(const struct cellhub_message *m, unsigned flags, unsigned seq)
{
    HEADER(SAME, flags, seq)
    BODY(SAME, m->class_)
    return 0;
}

struct datagram {
    struct cellhub_message m;
    uint8_t trailer[CELLHUB_MAX_TRAILER];
};

static const uint8_t element[9] = {0x5A, 0x80, 0, 5, 0x88, 0, 0, 0, 0x64};

static int with_tlvs(uint8_t class_number)
{
    return class_number == CELLHUB_CLASS_SOCK || class_number == CELLHUB_CLASS_ATM || class_number == CELLHUB_CLASS_EVT;
}

static int put_trailer(struct datagram *d)
{
    size_t used = 0;
    struct cellhub_second_end end;
    end.port = cellhub_be16(1);
    end.vpi = cellhub_be16(2);
    end.vci = cellhub_be16(3);
    if (cellhub_tlv_put(d->trailer, sizeof d->trailer, &used, 0x5A, element, sizeof element) != 0 ||
        cellhub_tlv_put(d->trailer, sizeof d->trailer, &used, CELLHUB_TLV_SECOND_END, &end, sizeof end) != 0)
        return -1;
    d->m.len = cellhub_be32((uint32_t)used);
    d->m.flags = cellhub_be16((uint16_t)(cellhub_be16(d->m.flags) | CELLHUB_FLAG_TRAILER));
    return 0;
}

/* Whether the trailer is the one that put_trailer makes. */
static int same_trailer(const uint8_t *trailer, size_t len)
{
    size_t at = 0;
    uint16_t type, length;
    const uint8_t *value;
    struct cellhub_second_end end;
    if (cellhub_tlv_next(trailer, len, &at, &type, &value, &length) != 1 || type != 0x5A || length != sizeof element ||
        memcmp(value, element, length) != 0)
        return 0;
    if (cellhub_tlv_next(trailer, len, &at, &type, &value, &length) != 1 || type != CELLHUB_TLV_SECOND_END ||
        length != sizeof end)
        return 0;
    memcpy(&end, value, sizeof end);
    return cellhub_be16(end.port) == 1 && cellhub_be16(end.vpi) == 2 && cellhub_be16(end.vci) == 3 &&
           cellhub_tlv_next(trailer, len, &at, &type, &value, &length) == 0;
}

/* Answers one message: status 0 if it is the one expected. */
static int answer(int fd, struct datagram *d, uint8_t class_number)
{
    struct cellhub_message reply;
    ssize_t n = recv(fd, d, sizeof *d, 0);
    size_t len = cellhub_be32(d->m.len);
    int bad;
    if (n < (ssize_t)sizeof d->m || (size_t)n != sizeof d->m + len || d->m.class_ != class_number) {
        fprintf(stderr, "class %d: %zd octets\n", class_number, n);
        return 2;
    }
    bad = same(&d->m, CELLHUB_FLAG_HIPRI | (len > 0 ? CELLHUB_FLAG_TRAILER : 0), class_number + 1u);
    if (with_tlvs(class_number) && !same_trailer(d->trailer, len))
        bad = ENOMSG;
    reply = d->m;
    reply.flags = cellhub_be16(CELLHUB_FLAG_REPLY);
    reply.ack = cellhub_be32(cellhub_be32(d->m.ack) + 1);
    reply.len = 0;
    reply.status = cellhub_be32(0u - (uint32_t)bad);
    if (cellhub_status(&reply) != -bad || !cellhub_answers(&reply, &d->m) || cellhub_answers(&d->m, &d->m))
        return 2;
    return send(fd, &reply, sizeof reply, MSG_NOSIGNAL) == sizeof reply ? 0 : 2;
}

static int talk(int fd)
{
    static struct datagram d;
    uint8_t n;
    int failed = 0;
    for (n = 0; n <= CELLHUB_CLASS_PRIM; n++) {
        cellhub_init(&d.m, n, 1, 0);
        set(&d.m, CELLHUB_FLAG_SYNC | CELLHUB_FLAG_HIPRI, 100u + n);
        if (with_tlvs(n) && put_trailer(&d) != 0)
            return 2;
        if (send(fd, &d, sizeof d.m + cellhub_be32(d.m.len), MSG_NOSIGNAL) < 0)
            return 2;
    }
    for (n = 0; n <= CELLHUB_CLASS_PRIM && !failed; n++)
        failed = answer(fd, &d, n);
    return failed;
}

static int hello(const char *path)
{
    struct sockaddr_un hub;
    struct cellhub_message m;
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    memset(&hub, 0, sizeof hub);
    hub.sun_family = AF_UNIX;
    if (strlen(path) >= sizeof hub.sun_path)
        return 2;
    memcpy(hub.sun_path, path, strlen(path));
    cellhub_init(&m, CELLHUB_CLASS_HUB, CELLHUB_HUB_HELLO, 1);
    m.flags = cellhub_be16(CELLHUB_FLAG_SYNC);
    m.body.hub.a = cellhub_be32(CELLHUB_ROLE_OBSERVER);
    m.body.hub.b = cellhub_be32(CELLHUB_DEFINITION_HASH);
    memcpy(m.body.hub.name, "peer", 4);
    if (fd < 0 || connect(fd, (struct sockaddr *)&hub, sizeof hub) != 0 ||
        send(fd, &m, sizeof m, MSG_NOSIGNAL) != sizeof m || recv(fd, &m, sizeof m, 0) != sizeof m) {
        perror(path);
        return 2;
    }
    printf("status %d epoch %u number %u\n", (int)cellhub_status(&m), (unsigned)cellhub_be32(m.epoch),
           (unsigned)cellhub_be32(m.body.hub.a));
    return close(fd);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "layout") == 0)
        return layout();
    if (argc == 2 && strcmp(argv[1], "talk") == 0)
        return talk(3);
    if (argc == 3 && strcmp(argv[1], "hello") == 0)
        return hello(argv[2]);
    fprintf(stderr, "usage: peer layout | talk | hello PATH\n");
    return 2;
}
