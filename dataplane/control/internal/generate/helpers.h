/* Byte order: each of these turns a number of the machine into one of the message, and back. */
static inline uint16_t cellhub_be16(uint16_t v)
{
    uint8_t b[2];
    b[0] = (uint8_t)(v >> 8);
    b[1] = (uint8_t)v;
    memcpy(&v, b, sizeof v);
    return v;
}

static inline uint32_t cellhub_be32(uint32_t v)
{
    uint8_t b[4];
    int i;
    for (i = 3; i >= 0; i--) {
        b[i] = (uint8_t)v;
        v >>= 8;
    }
    memcpy(&v, b, sizeof v);
    return v;
}

static inline uint64_t cellhub_be64(uint64_t v)
{
    uint8_t b[8];
    int i;
    for (i = 7; i >= 0; i--) {
        b[i] = (uint8_t)v;
        v >>= 8;
    }
    memcpy(&v, b, sizeof v);
    return v;
}

/* Status of a message: below 0 it is -errno. */
static inline int32_t cellhub_status(const struct cellhub_message *m)
{
    uint32_t u = cellhub_be32(m->status);
    return u <= INT32_MAX ? (int32_t)u : -(int32_t)~u - 1;
}

/* Makes *m an empty message of a class and type, with the sender's next number. */
static inline void cellhub_init(struct cellhub_message *m, uint8_t message_class, uint16_t type, uint32_t seq)
{
    memset(m, 0, sizeof *m);
    m->magic = cellhub_be32(CELLHUB_MAGIC);
    m->version = CELLHUB_VERSION;
    m->class_ = message_class;
    m->type = cellhub_be16(type);
    m->seq = cellhub_be32(seq);
}

/* Whether *m answers *request: it keeps seq, has ack + 1, and says REPLY. */
static inline int cellhub_answers(const struct cellhub_message *m, const struct cellhub_message *request)
{
    return m->seq == request->seq && cellhub_be32(m->ack) == (uint32_t)(cellhub_be32(request->ack) + 1u) &&
           (cellhub_be16(m->flags) & CELLHUB_FLAG_REPLY) != 0;
}

/* Appends a TLV at *used octets of a trailer of room octets, and counts *used up. 0 is
 * done, -1 is no room. */
static inline int cellhub_tlv_put(uint8_t *trailer, size_t room, size_t *used, uint16_t type, const void *value, uint16_t length)
{
    size_t padded = 4 + (((size_t)length + 3) & ~(size_t)3);
    uint8_t *at;
    if (*used > room || room - *used < padded)
        return -1;
    at = trailer + *used;
    memset(at, 0, padded);
    at[0] = (uint8_t)(type >> 8);
    at[1] = (uint8_t)type;
    at[2] = (uint8_t)(length >> 8);
    at[3] = (uint8_t)length;
    if (length > 0)
        memcpy(at + 4, value, length);
    *used += padded;
    return 0;
}

/* Reads the TLV at *at of a trailer of len octets, and moves *at behind it. 1 is a TLV, 0
 * the end, -1 a fault. *value points into the trailer and has no alignment: memcpy it
 * into the TLV's struct. */
static inline int cellhub_tlv_next(const uint8_t *trailer, size_t len, size_t *at, uint16_t *type, const uint8_t **value, uint16_t *length)
{
    const uint8_t *p = trailer + *at;
    size_t i, padded;
    if (*at == len)
        return 0;
    if (*at > len || len - *at < 4)
        return -1;
    *type = (uint16_t)(p[0] << 8 | p[1]);
    *length = (uint16_t)(p[2] << 8 | p[3]);
    padded = ((size_t)*length + 3) & ~(size_t)3;
    if (len - *at - 4 < padded)
        return -1;
    for (i = *length; i < padded; i++)
        if (p[4 + i] != 0)
            return -1;
    *value = p + 4;
    *at += 4 + padded;
    return 1;
}
