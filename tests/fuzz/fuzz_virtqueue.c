/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rings of any content and place, straight on the virtqueue functions: what is handed out lies in
 * guest RAM, as much as it says, and no more often than the ring has entries.
 */
#include "fuzz_ring.h"

#define MOST_IOVECS VMMP_VIRTQUEUE_IOVECS(FUZZ_RING_MOST)
#define TOKENS      8u

static struct vmmp_guest_memory memory;
static struct vmmp_virtqueue vq;
static struct vmmp_iovec iov[MOST_IOVECS + 1];
static struct vmmp_virtqueue_token tokens[TOKENS];
static unsigned token_count;
static unsigned capacity;

static void enable(struct fuzz_input *in)
{
    uint8_t how = fuzz_u8(in);
    uint64_t features = (how & 1 ? UINT64_C(1) << VIRTIO_F_INDIRECT_DESC : 0) |
                        (how & 2 ? UINT64_C(1) << VIRTIO_F_EVENT_IDX : 0);
    uint32_t size = 1u << (how >> 2 & 7);
    if (how & 0x80) {
        uint8_t more = fuzz_u8(in);
        features |= more & 0x80 ? UINT64_C(1) << VIRTIO_F_IN_ORDER : 0;
        if (more & 0x7f) {
            features |= UINT64_C(1) << VIRTIO_F_RING_PACKED;
            size = more & 0x7f;
        }
    }
    struct vmmp_virtqueue_config config = fuzz_ring_config(0, size, features);
    if (how & 0x20) { /* Wherever the guest likes. */
        config.size = fuzz_u16(in);
        config.desc.gpa = FUZZ_RAM + fuzz_u16(in);
        config.driver.gpa = FUZZ_RAM + fuzz_u16(in);
        config.device.gpa = FUZZ_RAM + fuzz_u16(in);
    }
    capacity = how & 0x40 ? fuzz_u8(in) % MOST_IOVECS : MOST_IOVECS;
    bool started = vmmp_virtqueue_enable(&vq, &memory, &config);
    FUZZ_CHECK(started == vq.enabled && started == !vmmp_virtqueue_error(&vq));
    FUZZ_CHECK(!started || config.size <= FUZZ_RAM_SIZE / sizeof(struct virtq_desc));
}

static bool pop(void)
{
    struct vmmp_virtqueue_chain chain = { .iov = iov, .capacity = capacity };
    const struct vmmp_iovec guard = { &vq, 12345 };
    iov[capacity] = guard;
    bool popped = vmmp_virtqueue_pop(&vq, &chain);
    FUZZ_CHECK(memcmp(&iov[capacity], &guard, sizeof(guard)) == 0);
    if (!popped) {
        return false;
    }
    FUZZ_CHECK(vq.enabled && !vmmp_virtqueue_error(&vq));
    fuzz_ring_check_chain(&chain);
    FUZZ_CHECK(chain.token.writable == chain.writable_bytes);
    size_t room = vmmp_iovec_write(&iov[chain.readable], chain.writable, 1, "data", 5);
    FUZZ_CHECK(room <= 5 && room <= chain.writable_bytes);
    tokens[token_count++ % TOKENS] = chain.token;
    return true;
}

/* With the driver silent, no more chains than the ring has entries. */
static void drain(void)
{
    uint32_t count = 0;
    uint32_t size = vq.size;
    while (pop()) {
        FUZZ_CHECK(++count <= size);
    }
}

static void put(struct fuzz_input *in)
{
    if (vq.packed) {
        fuzz_ring_put_packed(in, &memory, &vq);
    } else {
        fuzz_ring_put(in, &memory, 0);
    }
}

static void step(struct fuzz_input *in)
{
    bool unshown = vq.packed ? vq.ring.unshown > 0 : vq.published != vq.next_used;
    bool interrupt;

    switch (fuzz_u8(in) % 14) {
    case 0:
        enable(in);
        break;
    case 1:
        fuzz_scribble(in, &memory);
        break;
    case 2:
    case 3:
    case 4:
        put(in);
        break;
    case 5:
        if (vq.packed) {
            put(in);
            put(in);
        } else {
            fuzz_ring_offer(in, &memory, 0, vq.size & 0xff, fuzz_u8(in));
        }
        break;
    case 6:
        pop();
        break;
    case 7:
        drain();
        break;
    case 8: /* Perhaps one that was pushed before, or belongs to an earlier life. */
        vmmp_virtqueue_push(&vq, &tokens[fuzz_u8(in) % TOKENS], fuzz_u32(in));
        break;
    case 9:
        interrupt = vmmp_virtqueue_flush(&vq);
        FUZZ_CHECK(vq.published == vq.next_used && vq.ring.unshown == 0 && !vq.batch.open);
        FUZZ_CHECK(unshown || !interrupt);
        break;
    case 10:
        vmmp_virtqueue_disable_notifications(&vq);
        break;
    case 11:
        if (vmmp_virtqueue_enable_notifications(&vq)) {
            /* A packed ring has no index: what was there may lie under what was just written. */
            FUZZ_CHECK(vq.packed || vmmp_virtqueue_pending(&vq) > 0);
        }
        break;
    case 12:
        vmmp_virtqueue_fail(&vq, "test");
        FUZZ_CHECK(!pop() && vmmp_virtqueue_error(&vq));
        break;
    default:
        vmmp_virtqueue_disable(&vq);
        FUZZ_CHECK(!pop() && !vmmp_virtqueue_flush(&vq));
        break;
    }
    fuzz_ring_check(&vq);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = { data, size };
    memset(&vq, 0, sizeof(vq));
    memset(tokens, 0, sizeof(tokens));
    token_count = 0;
    fuzz_memory_init(&memory, &in);
    enable(&in);
    while (in.left > 0) {
        step(&in);
    }
    return 0;
}
