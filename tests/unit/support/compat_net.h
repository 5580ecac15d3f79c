/* SPDX-License-Identifier: BSD-2-Clause */
/* A network device of the compatible interface: its client, and the legacy driver of its guest. */
#pragma once

#include <sel4vmmplatsupport/drivers/virtio_net.h>

#include "support/compat_bench.h"
#include "virtio/virtio_spec.h"

#define HEADER     10u
#define BUFFER     2048u
#define BUFFERS    64u /* As many as the library has in each direction. */
#define F_MAC      (1u << 5)
#define RX         0
#define TX         1
#define MOST_SENT  512
#define FRAME_HEAD 14u

struct compat_net {
    struct compat_bench bench;
    virtio_net_t *net;
    uint8_t mac[6]; /* That the client gives. */
    void *own;      /* The client's eth_data. */
    int answer;     /* Of raw_tx. */
    bool complete_inside;
    bool echo;
    unsigned sent;
    unsigned lens[MOST_SENT];
    uint8_t marks[MOST_SENT]; /* The byte after the addresses and the type. */
    void *cookies[MOST_SENT];
    uint8_t last[BUFFER];
};

/** The address that the client gives at first. */
extern const uint8_t compat_net_mac[6];

/** The one there is: low_level_init has no cookie of the client's yet. */
extern struct compat_net *compat_net;

int compat_net_setup(void **state);
int compat_net_teardown(void **state);

/* ---- The client ---- */

/** Receives a frame; false if the library has no buffer for it. */
bool compat_net_give(const void *frame, unsigned len);
void compat_net_complete(void *cookie);
struct raw_iface_funcs compat_net_backend(void);
virtio_net_t *compat_net_make(ioport_range_t range, ioport_type_t type,
                              struct raw_iface_funcs backend);

/* ---- The guest ---- */

void compat_net_probe(void);
/** A frame of `len` bytes with a number in it, in descriptors of `piece` bytes. */
void compat_net_queue_frame(unsigned len, uint8_t mark, unsigned piece);
void compat_net_kick(unsigned queue);
/** Descriptors that came back, of frames that were sent. */
unsigned compat_net_returned(unsigned queue);
uint8_t compat_net_status(void);
