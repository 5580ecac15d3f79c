/* SPDX-License-Identifier: BSD-2-Clause */
/* Chains as rows of a table, for vmmp_hostile_chain(). */
#pragma once

#include <stdint.h>

#define HOSTILE_TABLE 0x8000u /* Where indirect tables are, from the buffer on. */

enum hostile_place {
    AT_BUFFER,
    AT_NOWHERE,
    AT_END, /* Eight bytes before the end of RAM. */
    AT_TOP, /* Eight bytes before the end of addresses. */
    AT_ZERO,
    AT_TABLE,
};

#define BEYOND (-1)     /* `next`, a head: the size of the queue. */
#define ABSENT 0x10000u /* `flags`: the entry is left as it is. */

struct hostile_desc {
    enum hostile_place place;
    uint32_t len;
    unsigned flags;
    int next;
};

/* Entries from the first on; a table lies at AT_TABLE. */
struct hostile_chain {
    struct hostile_desc ring[3];
    struct hostile_desc table[3];
};

/* An area of a queue (0: descriptors, 1: the driver's, 2: the device's) and where it is. */
struct hostile_address {
    unsigned area;
    enum hostile_place place;
    uint64_t offset; /* AT_BUFFER: what is added to the right place. */
};
