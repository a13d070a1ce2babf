
/* The shared region, which HELLO's reply brings: package dataplane/region describes it. Unlike a
 * message it is in the machine's byte order. The words that the other side writes are read and
 * written by sequentially consistent atomic operations (__atomic_load_n and the like). */
#define CELLHUB_REGION_MAGIC UINT32_C(0x43485247)
#define CELLHUB_REGION_VERSION 1
#define CELLHUB_CHANNEL_MAGIC UINT32_C(0x43484348)
#define CELLHUB_CHANNEL_CELLS 1 /* runs of 52-octet cells, and no SDUs */
#define CELLHUB_CHANNEL_LOCAL 2 /* to another socket of this host */
#define CELLHUB_SDU_CLP 1  /* cell loss priority: is shed first */
#define CELLHUB_SDU_EFCI 2 /* congestion was met on the way */
#define CELLHUB_SDU_END 4  /* of a local channel: nothing follows, and nothing is in it */

/* The head of the region. */
struct cellhub_region {
    uint32_t magic, version;
    uint64_t octets;
    uint32_t entries;      /* of each doorbell ring */
    uint32_t tx_bell;      /* offset of the doorbell ring to the hub */
    uint32_t rx_bell;      /* offset of the doorbell ring from the hub */
    uint8_t zero1[100];
    uint32_t hub_sleeps;   /* 1: wake it, by 8 octets to the eventfd */
    uint8_t zero2[124];
    uint32_t client_sleeps; /* 1: the hub wakes us, by an octet in the pipe */
    uint8_t zero3[252];
};

/* The head of a channel, at the offset that TLV RING says. Offsets in it count from here. */
struct cellhub_channel {
    uint32_t magic, number;
    uint32_t tx_entries, rx_entries;
    uint32_t tx_octets, rx_octets; /* of the areas */
    uint32_t tx_ring, rx_ring;
    uint32_t tx_area, rx_area;
    uint32_t max_sdu, kind;
    uint8_t zero1[80];
    uint32_t hub_wants_data, hub_wants_room; /* 1: name the channel in the doorbell ring */
    uint8_t zero2[120];
    uint32_t client_wants_data, client_wants_room; /* 1: the hub names it */
    uint8_t zero3[120];
};

/* The head of a ring; its entries follow: u32 channel numbers, or descriptors. */
struct cellhub_ring_head {
    uint64_t published; /* by the producer */
    uint8_t zero1[120];
    uint64_t released;  /* by the consumer */
    uint8_t zero2[120];
};

struct cellhub_descriptor {
    uint32_t offset, length; /* in the area */
    uint32_t flags, uu;
    uint64_t ns; /* rx: when it was received, since 1970 */
    uint64_t zero1;
};

CELLHUB_ASSERT(sizeof(struct cellhub_region) == 512);
CELLHUB_ASSERT(offsetof(struct cellhub_region, hub_sleeps) == 128);
CELLHUB_ASSERT(offsetof(struct cellhub_region, client_sleeps) == 256);
CELLHUB_ASSERT(sizeof(struct cellhub_channel) == 384);
CELLHUB_ASSERT(offsetof(struct cellhub_channel, hub_wants_data) == 128);
CELLHUB_ASSERT(offsetof(struct cellhub_channel, client_wants_data) == 256);
CELLHUB_ASSERT(sizeof(struct cellhub_ring_head) == 256);
CELLHUB_ASSERT(offsetof(struct cellhub_ring_head, released) == 128);
CELLHUB_ASSERT(sizeof(struct cellhub_descriptor) == 32);
