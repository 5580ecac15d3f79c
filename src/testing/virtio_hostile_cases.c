/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of hostile cases. */
#include "testing/virtio_hostile.h"

#include "testing/virtio_hostile_chain.h"

#define N VMMP_VIRTIO_DRIVER_NEXT
#define W VMMP_VIRTIO_DRIVER_WRITABLE
#define I VMMP_VIRTIO_DRIVER_INDIRECT
#define NONE                    \
    {                           \
        AT_BUFFER, 0, ABSENT, 0 \
    }
#define SPLIT        VMMP_VIRTIO_HOSTILE_SPLIT
#define PACKED       VMMP_VIRTIO_HOSTILE_PACKED
#define BOTH         VMMP_VIRTIO_HOSTILE_BOTH
#define INDIRECT_BIT (UINT64_C(1) << VIRTIO_F_INDIRECT_DESC)

/* One chain of up to three descriptors, the rest as it is. */
#define CHAIN(...)                \
    &(const struct hostile_chain) \
    {                             \
        { __VA_ARGS__ },          \
        {                         \
            NONE, NONE, NONE      \
        }                         \
    }
/* A table behind the first descriptor, whose length and flags are given. */
#define TABLE(len, flags, ...)                       \
    &(const struct hostile_chain)                    \
    {                                                \
        { { AT_TABLE, len, flags, 0 }, NONE, NONE }, \
        {                                            \
            __VA_ARGS__                              \
        }                                            \
    }
#define NUMBER(value) \
    &(const int)      \
    {                 \
        value         \
    }
#define LENGTH(value) \
    &(const uint32_t) \
    {                 \
        value         \
    }
#define AREA(...)                   \
    &(const struct hostile_address) \
    {                               \
        __VA_ARGS__                 \
    }

#define RING(what_it_does, kinds, ends, how, ...)                                            \
    {                                                                                        \
        .name = "ring: " what_it_does, .category = VMMP_VIRTIO_HOSTILE_RING, .rings = kinds, \
        .outcome = VMMP_VIRTIO_##ends, .play = vmmp_hostile_##how, __VA_ARGS__               \
    }
#define STATE(what_it_does, kinds, ends, how, ...)                                             \
    {                                                                                          \
        .name = "state: " what_it_does, .category = VMMP_VIRTIO_HOSTILE_STATE, .rings = kinds, \
        .outcome = VMMP_VIRTIO_##ends, .play = vmmp_hostile_##how, __VA_ARGS__                 \
    }
#define PCI(what_it_does, ends, how, ...)                                                 \
    {                                                                                     \
        .name = "pci: " what_it_does, .category = VMMP_VIRTIO_HOSTILE_PCI, .rings = BOTH, \
        .outcome = VMMP_VIRTIO_##ends, .play = vmmp_hostile_##how, __VA_ARGS__            \
    }
#define MMIO(what_it_does, ends, how, ...)                                                  \
    {                                                                                       \
        .name = "mmio: " what_it_does, .category = VMMP_VIRTIO_HOSTILE_MMIO, .rings = BOTH, \
        .transports = VMMP_VIRTIO_HOSTILE_ON_MMIO, .outcome = VMMP_VIRTIO_##ends,           \
        .play = vmmp_hostile_##how, __VA_ARGS__                                             \
    }

#define MODERN (VMMP_VIRTIO_HOSTILE_ON_MODERN | VMMP_VIRTIO_HOSTILE_ON_MMIO)
#define ON_PCI (VMMP_VIRTIO_HOSTILE_ON_MODERN | VMMP_VIRTIO_HOSTILE_ON_LEGACY)

const struct vmmp_virtio_hostile_case vmmp_virtio_hostile_cases[] = {
    /* 2.7.6, 2.7.13: the available ring. */
    RING("the index runs ahead by the queue's size and one", SPLIT, BREAKS, index_jump,
         .what = NUMBER(BEYOND)),
    RING("the index goes back by one", SPLIT, BREAKS, index_jump, .what = NUMBER(0xffff)),
    RING("the index jumps by half of its range", SPLIT, BREAKS, index_jump, .what = NUMBER(0x8000)),
    RING("a head right behind the table", SPLIT, BREAKS, head, .what = NUMBER(BEYOND)),
    RING("head 65535", SPLIT, BREAKS, head, .what = NUMBER(0xffff)),
    RING("head 32768", SPLIT, BREAKS, head, .what = NUMBER(0x8000)),
    RING("one buffer as often as the queue has entries", SPLIT, SURVIVES, same_head),
    /* 2.7.5.2: chains. */
    RING("a descriptor that is its own next one", SPLIT, BREAKS, chain,
         .what = CHAIN({ AT_BUFFER, 16, N | W, 0 }, NONE, NONE)),
    RING("an empty descriptor that is its own next one", SPLIT, BREAKS, chain,
         .what = CHAIN({ AT_BUFFER, 0, N | W, 0 }, NONE, NONE)),
    RING("a loop of two", SPLIT, BREAKS, chain,
         .what = CHAIN({ AT_BUFFER, 16, N | W, 1 }, { AT_BUFFER, 16, N | W, 0 }, NONE)),
    RING("a loop of empty ones behind the first", SPLIT, BREAKS, chain,
         .what = CHAIN({ AT_BUFFER, 16, N | W, 1 }, { AT_BUFFER, 0, N | W, 2 },
                       { AT_BUFFER, 0, N | W, 1 })),
    RING("a chain around the whole ring", BOTH, BREAKS, whole_ring, .what = LENGTH(16)),
    RING("a chain of empty buffers around the whole ring", BOTH, BREAKS, whole_ring,
         .what = LENGTH(0)),
    RING("the next one is right behind the table", SPLIT, BREAKS, chain,
         .what = CHAIN({ AT_BUFFER, 16, N | W, BEYOND }, NONE, NONE)),
    RING("the next one is 65535", SPLIT, BREAKS, chain,
         .what = CHAIN({ AT_BUFFER, 16, N | W, 0xffff }, NONE, NONE)),
    RING("a readable buffer behind a writable one", BOTH, BREAKS, chain,
         .what = CHAIN({ AT_BUFFER, 16, N | W, 1 }, { AT_BUFFER, 16, 0, 0 }, NONE)),
    RING("chains of every length with junk in them", BOTH, SURVIVES, long_chains),
    /* Addresses. */
    RING("a buffer that is not in RAM", BOTH, BREAKS, chain,
         .what = CHAIN({ AT_NOWHERE, 16, W, 0 }, NONE, NONE)),
    RING("a readable buffer that is not in RAM", BOTH, BREAKS, chain,
         .what = CHAIN({ AT_NOWHERE, 16, 0, 0 }, NONE, NONE)),
    RING("a buffer that leaves RAM", BOTH, BREAKS, chain,
         .what = CHAIN({ AT_END, 9, W, 0 }, NONE, NONE)),
    RING("a readable buffer that leaves RAM", BOTH, BREAKS, chain,
         .what = CHAIN({ AT_END, 0x1000, 0, 0 }, NONE, NONE)),
    RING("a buffer whose end wraps around", BOTH, BREAKS, chain,
         .what = CHAIN({ AT_TOP, 16, W, 0 }, NONE, NONE)),
    RING("a buffer whose end is address 0", BOTH, BREAKS, chain,
         .what = CHAIN({ AT_TOP, 8, W, 0 }, NONE, NONE)),
    RING("a readable buffer whose end wraps around", BOTH, BREAKS, chain,
         .what = CHAIN({ AT_TOP, UINT32_MAX, 0, 0 }, NONE, NONE)),
    RING("a buffer of 4 GiB", BOTH, BREAKS, chain,
         .what = CHAIN({ AT_BUFFER, UINT32_MAX, W, 0 }, NONE, NONE)),
    RING("a readable buffer of 4 GiB", BOTH, BREAKS, chain,
         .what = CHAIN({ AT_BUFFER, UINT32_MAX, 0, 0 }, NONE, NONE)),
    RING("the last of three is not in RAM", BOTH, BREAKS, chain,
         .what =
             CHAIN({ AT_BUFFER, 16, N, 1 }, { AT_BUFFER, 16, N | W, 2 }, { AT_NOWHERE, 1, W, 0 })),
    RING("buffers that are the ring itself", BOTH, SURVIVES, ring_as_buffer),
    /* 2.7.5.3, 2.8.7: indirect tables. */
    RING("a table that was not negotiated", BOTH, BREAKS, chain,
         .what = TABLE(16, I, { AT_BUFFER, 16, W, 0 }, NONE, NONE), .without = INDIRECT_BIT),
    RING("a table of no bytes", BOTH, BREAKS, chain,
         .what = TABLE(0, I, { AT_BUFFER, 16, W, 0 }, NONE, NONE)),
    RING("a table of 15 bytes", BOTH, BREAKS, chain,
         .what = TABLE(15, I, { AT_BUFFER, 16, W, 0 }, NONE, NONE)),
    RING("a table of 17 bytes", BOTH, BREAKS, chain,
         .what = TABLE(17, I, { AT_BUFFER, 16, W, 0 }, NONE, NONE)),
    RING("a table of 4 GiB", BOTH, BREAKS, chain,
         .what = TABLE(0xfffffff0u, I, { AT_BUFFER, 16, W, 0 }, NONE, NONE)),
    RING("a table longer than the queue", BOTH, BREAKS, large_table),
    RING("a table that is not in RAM", BOTH, BREAKS, chain,
         .what = CHAIN({ AT_NOWHERE, 16, I, 0 }, NONE, NONE)),
    RING("a table that leaves RAM", BOTH, BREAKS, chain,
         .what = CHAIN({ AT_END, 16, I, 0 }, NONE, NONE)),
    RING("a table whose end wraps around", BOTH, BREAKS, chain,
         .what = CHAIN({ AT_TOP, 16, I, 0 }, NONE, NONE)),
    RING("a table that goes on outside", BOTH, BREAKS, chain,
         .what =
             &(const struct hostile_chain){
                 { { AT_TABLE, 16, I | N, 1 }, { AT_BUFFER, 16, W, 0 }, NONE },
                 { { AT_BUFFER, 16, W, 0 }, NONE, NONE } }),
    RING("a table in a table", SPLIT, BREAKS, chain,
         .what = TABLE(32, I, { AT_TABLE, 16, I, 0 }, { AT_BUFFER, 16, W, 0 }, NONE)),
    RING("a table that loops", SPLIT, BREAKS, chain,
         .what = TABLE(48, I, { AT_BUFFER, 16, N | W, 1 }, { AT_BUFFER, 16, N | W, 2 },
                       { AT_BUFFER, 0, N | W, 0 })),
    RING("a table whose entry is its own next one", SPLIT, BREAKS, chain,
         .what = TABLE(16, I, { AT_BUFFER, 0, N | W, 0 }, NONE, NONE)),
    RING("a table that leads out of itself", SPLIT, BREAKS, chain,
         .what = TABLE(32, I, { AT_BUFFER, 16, N | W, 2 }, { AT_BUFFER, 16, W, 0 }, NONE)),
    RING("a table with a buffer that is not in RAM", BOTH, BREAKS, chain,
         .what = TABLE(16, I, { AT_NOWHERE, 16, W, 0 }, NONE, NONE)),
    RING("a table with a readable buffer behind a writable one", BOTH, BREAKS, chain,
         .what = TABLE(32, I, { AT_BUFFER, 16, N | W, 1 }, { AT_BUFFER, 16, 0, 0 }, NONE)),
    RING("a table behind a buffer", PACKED, BREAKS, chain,
         .what = &(
             const struct hostile_chain){ { { AT_BUFFER, 16, N, 1 }, { AT_TABLE, 16, I, 0 }, NONE },
                                          { { AT_BUFFER, 16, W, 0 }, NONE, NONE } }),
    /* 2.8: what only packed rings have. */
    RING("a chain goes on where nothing is available", PACKED, BREAKS, unavailable_rest),
    RING("entries of another lap", PACKED, IGNORES, other_lap),
    RING("one buffer id for all, beyond the ring", PACKED, SURVIVES, any_id),
    /* Contents of all kinds. */
    RING("junk in every descriptor", BOTH, SURVIVES, junk_ring),
    RING("junk in the event suppression of both sides", BOTH, IGNORES, junk_events),

    /* 2.1, 3.1: what has its time. */
    STATE("a kick before DRIVER_OK", BOTH, SURVIVES, kick_before_ok),
    STATE("a kick after FAILED", BOTH, SURVIVES, kick_after_failed),
    STATE("a kick after a reset", BOTH, SURVIVES, kick_after_reset),
    STATE("kicks of all queues that there are not", BOTH, IGNORES, kick_any_queue),
    STATE("features that were not offered", BOTH, SURVIVES, unknown_features, .transports = MODERN),
    STATE("features after they are final", BOTH, IGNORES, late_features),
    STATE("status bits are cleared", BOTH, IGNORES, cleared_status),
    STATE("DRIVER_OK without FEATURES_OK", BOTH, SURVIVES, no_features_ok),
    STATE("the driver writes DEVICE_NEEDS_RESET", BOTH, IGNORES, claimed_needs_reset),
    STATE("resets with buffers in flight, again and again", BOTH, SURVIVES, many_resets),
    STATE("DRIVER_OK without a queue", BOTH, SURVIVES, no_queues),
    STATE("every status", BOTH, SURVIVES, every_status),
    STATE("every byte of configuration, at every width", BOTH, SURVIVES, configuration),
    /* 2.7: where queues may be. */
    STATE("descriptors that are not in RAM", BOTH, SURVIVES, bad_address,
          .what = AREA(0, AT_NOWHERE, 0)),
    STATE("the driver's area is not in RAM", BOTH, SURVIVES, bad_address,
          .what = AREA(1, AT_NOWHERE, 0), .transports = MODERN),
    STATE("the device's area is not in RAM", BOTH, SURVIVES, bad_address,
          .what = AREA(2, AT_NOWHERE, 0), .transports = MODERN),
    STATE("descriptors leave RAM", BOTH, SURVIVES, bad_address, .what = AREA(0, AT_END, 0)),
    STATE("the driver's area leaves RAM", BOTH, SURVIVES, bad_address, .what = AREA(1, AT_END, 0),
          .transports = MODERN),
    STATE("the device's area leaves RAM", BOTH, SURVIVES, bad_address, .what = AREA(2, AT_END, 0),
          .transports = MODERN),
    STATE("descriptors wrap around", BOTH, SURVIVES, bad_address, .what = AREA(0, AT_TOP, 0)),
    STATE("the driver's area wraps around", BOTH, SURVIVES, bad_address, .what = AREA(1, AT_TOP, 0),
          .transports = MODERN),
    STATE("the device's area wraps around", BOTH, SURVIVES, bad_address, .what = AREA(2, AT_TOP, 0),
          .transports = MODERN),
    STATE("descriptors at address 0", BOTH, SURVIVES, bad_address, .what = AREA(0, AT_ZERO, 0)),
    STATE("misaligned descriptors", BOTH, SURVIVES, bad_address, .what = AREA(0, AT_BUFFER, 8),
          .transports = MODERN),
    STATE("the driver's area is misaligned", BOTH, SURVIVES, bad_address,
          .what = AREA(1, AT_BUFFER, 1), .transports = MODERN),
    STATE("the device's area is misaligned", BOTH, SURVIVES, bad_address,
          .what = AREA(2, AT_BUFFER, 2), .transports = MODERN),
    STATE("a queue of no entries", BOTH, SURVIVES, bad_size, .what = LENGTH(0),
          .transports = MODERN),
    STATE("a queue of three entries", SPLIT, SURVIVES, bad_size, .what = LENGTH(3),
          .transports = MODERN),
    STATE("a queue of 32769 entries", BOTH, SURVIVES, bad_size, .what = LENGTH(0x8001),
          .transports = MODERN),
    STATE("a queue of 65535 entries", BOTH, SURVIVES, bad_size, .what = LENGTH(0xffff),
          .transports = MODERN),

    /* 4.1 */
    PCI("every register, at every width and alignment", SURVIVES, every_register,
        .transports = ON_PCI),
    PCI("registers of queues that work", IGNORES, frozen_queue, .transports = ON_PCI),
    PCI("registers of queues that there are not", IGNORES, missing_queue, .transports = ON_PCI),
    PCI("registers that only the device writes", IGNORES, read_only_registers,
        .transports = VMMP_VIRTIO_HOSTILE_ON_MODERN),
    PCI("interrupt vectors that there are not", IGNORES, vectors,
        .transports = VMMP_VIRTIO_HOSTILE_ON_MODERN),
    PCI("every byte of configuration space", IGNORES, function_configuration, .transports = ON_PCI,
        .needs_function = true),
    PCI("the access capability names anything", IGNORES, access_capability, .transports = ON_PCI,
        .needs_function = true),
    /* 4.2 */
    MMIO("every register, at every width and alignment", SURVIVES, every_register),
    MMIO("registers of queues that work", IGNORES, frozen_queue),
    MMIO("registers of queues that there are not", IGNORES, missing_queue),
    MMIO("registers that only the device writes", IGNORES, read_only_registers),
    MMIO("parts of registers that take effect as a whole", SURVIVES, odd_accesses),
};

const unsigned vmmp_virtio_hostile_count = HOSTILE_LENGTH(vmmp_virtio_hostile_cases);
