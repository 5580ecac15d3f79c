/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/compat_net.h"

#include <sel4vmmplatsupport/drivers/virtio.h>

#include "vmmp_test.h"

const uint8_t compat_net_mac[6] = { 0x52, 0x54, 0, 0x12, 0x34, 0x56 };

struct compat_net *compat_net;

/* ---- The client ---- */

bool compat_net_give(const void *frame, unsigned len)
{
    const struct raw_iface_callbacks *cb = &compat_net->net->emul_driver->i_cb;
    void *cookie = NULL;
    uintptr_t buffer = cb->allocate_rx_buf(compat_net->net->emul_driver->cb_cookie, len, &cookie);
    if (!buffer) {
        return false;
    }
    memcpy((void *)buffer, frame, len);
    cb->rx_complete(compat_net->net->emul_driver->cb_cookie, 1, &cookie, &len);
    return true;
}

void compat_net_complete(void *cookie)
{
    compat_net->net->emul_driver->i_cb.tx_complete(compat_net->net->emul_driver->cb_cookie, cookie);
}

static int client_tx(struct eth_driver *driver, unsigned num, uintptr_t *phys, unsigned *len,
                     void *cookie)
{
    assert_ptr_equal(driver, compat_net->net->emul_driver);
    assert_ptr_equal(driver->eth_data, compat_net->own);
    assert_int_equal(num, 1);
    assert_in_range(len[0], FRAME_HEAD, BUFFER);
    assert_true(compat_net->sent < MOST_SENT);
    memcpy(compat_net->last, (void *)phys[0], len[0]);
    compat_net->lens[compat_net->sent] = len[0];
    compat_net->marks[compat_net->sent] = len[0] > FRAME_HEAD ? compat_net->last[FRAME_HEAD] : 0;
    compat_net->cookies[compat_net->sent++] = cookie;
    if (compat_net->complete_inside) {
        compat_net_complete(cookie);
    }
    if (compat_net->echo) {
        assert_true(compat_net_give((void *)phys[0], len[0]));
    }
    return compat_net->answer;
}

static void client_irq(struct eth_driver *driver, int irq)
{
    assert_ptr_equal(driver, compat_net->net->emul_driver);
    assert_int_equal(irq, 0);
    compat_net->bench.injected++;
}

static void client_init(struct eth_driver *driver, uint8_t *mac, int *mtu)
{
    const virtio_net_t *net = driver->eth_data;
    assert_ptr_equal(net->emul_driver, driver);
    assert_ptr_equal(net->emul->vm, &compat_net->bench.f.vm);
    assert_non_null(driver->cb_cookie);
    assert_non_null(driver->i_cb.tx_complete);
    assert_non_null(driver->i_cb.rx_complete);
    assert_non_null(driver->i_cb.allocate_rx_buf);
    memcpy(mac, compat_net->mac, 6);
    *mtu = 9000;
}

struct raw_iface_funcs compat_net_backend(void)
{
    struct raw_iface_funcs backend = virtio_net_default_backend();
    backend.raw_tx = client_tx;
    backend.raw_handleIRQ = client_irq;
    backend.low_level_init = client_init;
    return backend;
}

virtio_net_t *compat_net_make(ioport_range_t range, ioport_type_t type,
                              struct raw_iface_funcs backend)
{
    return common_make_virtio_net(&compat_net->bench.f.vm, compat_net->bench.pci,
                                  compat_net->bench.ports, range, type, 6, 82, backend);
}

int compat_net_setup(void **state)
{
    compat_net = calloc(1, sizeof(*compat_net));
    compat_bench_init(&compat_net->bench);
    memcpy(compat_net->mac, compat_net_mac, 6);
    compat_net->answer = ETHIF_TX_COMPLETE;
    compat_net->net =
        compat_net_make((ioport_range_t){ 0, 0, 0x400 }, IOPORT_FREE, compat_net_backend());
    assert_non_null(compat_net->net);
    assert_ptr_equal(compat_net->net->emul_driver->eth_data, compat_net->net);
    compat_net->own = compat_net; /* As libvirtio does. */
    compat_net->net->emul_driver->eth_data = compat_net->own;
    compat_bench_connect(&compat_net->bench, compat_net->net->iobase);
    *state = compat_net;
    return 0;
}

int compat_net_teardown(void **state)
{
    (void)state;
    compat_bench_fini(&compat_net->bench);
    free(compat_net);
    compat_net = NULL;
    return 0;
}

/* ---- The guest ---- */

void compat_net_probe(void)
{
    compat_bench_probe(&compat_net->bench, F_MAC, 2);
}

/* A frame of `len` bytes with a number in it, in descriptors of `piece` bytes. */
void compat_net_queue_frame(unsigned len, uint8_t mark, unsigned piece)
{
    struct virtio_driver_buffer parts[128];
    unsigned total = HEADER + len;
    uint64_t at = compat_bench_room(&compat_net->bench, total);
    uint8_t *bytes = compat_bench_at(&compat_net->bench, at, total);
    unsigned count = 0;
    memset(bytes, 0, HEADER);
    for (unsigned i = 0; i < len; i++) {
        bytes[HEADER + i] = (uint8_t)(i < FRAME_HEAD ? 0x10 + i : mark + (i - FRAME_HEAD));
    }
    for (unsigned done = 0; done < total; done += piece) {
        assert_true(count < 128);
        parts[count++] =
            (struct virtio_driver_buffer){ at + done, piece < total - done ? piece : total - done,
                                           false };
    }
    virtio_driver_add(&compat_net->bench.driver, TX, parts, count);
}

void compat_net_kick(unsigned queue)
{
    virtio_driver_kick(&compat_net->bench.driver, queue);
}

unsigned compat_net_returned(unsigned queue)
{
    uint32_t head, len;
    unsigned count = 0;
    while (virtio_driver_used(&compat_net->bench.driver, queue, &head, &len)) {
        assert_int_equal(len, 0);
        count++;
    }
    return count;
}

uint8_t compat_net_status(void)
{
    return (uint8_t)compat_bench_in(&compat_net->bench, 0x12, 1);
}
