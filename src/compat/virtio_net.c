/* SPDX-License-Identifier: BSD-2-Clause */
/* <sel4vmmplatsupport/drivers/virtio_net.h> over vmmp/virtio_net.h. */
#include <sel4vmmplatsupport/drivers/virtio_net.h>

#include <errno.h>
#include <string.h>

#include <sel4vmmplatsupport/drivers/virtio.h>
#include <sel4vmmplatsupport/vmmp/virtio_net.h>

#include "compat/compat_vm.h"
#include "compat/virtio_pci_emul.h"

#define QUEUE_SIZE  128u
#define BUFFER_SIZE 2048u
/* In each direction. */
#define BUFFERS 64u

#define FEATURE_MAC (UINT64_C(1) << 5) /* virtio 1.2, 5.1.3 */

#define MTU_DEFAULT 1500

enum buffer_state {
    BUFFER_FREE,
    BUFFER_OFFERED,   /* Inside raw_tx. */
    BUFFER_COMPLETED, /* And complete before raw_tx has returned. */
    BUFFER_CLIENT,    /* Enqueued, or to be received into. */
};

struct net_buffer {
    struct net_buffer *next; /* While it is free. */
    enum buffer_state state;
    _Alignas(max_align_t) uint8_t bytes[BUFFER_SIZE];
};

struct net_pool {
    struct net_buffer *free;
    struct net_buffer buffers[BUFFERS];
};

struct net {
    struct vmmp_compat_virtio virtio; /* First: the client's handle leads here. */
    virtio_net_t client;
    struct eth_driver driver;
    struct vmmp_virtio_net model;
    struct net_pool tx;
    struct net_pool rx;
    uint64_t oversized;
    uint64_t failed;
    struct vmmp_log_limit oversized_limit;
    struct vmmp_log_limit absent_limit;
};

/* ---- Buffers ---- */

static void put(struct net_pool *pool, struct net_buffer *buffer)
{
    buffer->state = BUFFER_FREE;
    buffer->next = pool->free;
    pool->free = buffer;
}

static struct net_buffer *take(struct net_pool *pool)
{
    struct net_buffer *buffer = pool->free;
    if (buffer) {
        pool->free = buffer->next;
    }
    return buffer;
}

static void fill_pool(struct net_pool *pool)
{
    for (unsigned i = BUFFERS; i > 0; i--) {
        put(pool, &pool->buffers[i - 1]);
    }
}

/* The buffer that the client has, or NULL after saying that it has not. */
static struct net_buffer *held(struct net *net, struct net_pool *pool, void *cookie)
{
    uintptr_t offset = (uintptr_t)cookie - (uintptr_t)pool->buffers;
    struct net_buffer *buffer = cookie;
    if (offset < sizeof(pool->buffers) && offset % sizeof(pool->buffers[0]) == 0 &&
        (buffer->state == BUFFER_CLIENT || buffer->state == BUFFER_OFFERED)) {
        return buffer;
    }
    vmmp_log(net->model.virtio.log, VMMP_LOG_ERROR, VMMP_LOG_CLIENT,
             "virtio-net: a buffer was completed that the client did not have: give each cookie "
             "back once, to the interface it comes from");
    return NULL;
}

/* ---- From the guest ---- */

static int call_raw_tx(struct net *net, struct net_buffer *buffer, unsigned len)
{
    uintptr_t address = (uintptr_t)buffer->bytes;
    ethif_raw_tx raw_tx = net->driver.i_fn.raw_tx;
    buffer->state = BUFFER_OFFERED;
    return raw_tx ? raw_tx(&net->driver, 1, &address, &len, buffer) : ETHIF_TX_FAILED;
}

static bool transmit(void *cookie, unsigned pair, const struct vmmp_iovec *iov, unsigned count,
                     size_t len)
{
    struct net *net = cookie;
    (void)pair;
    if (len > BUFFER_SIZE) {
        net->oversized++;
        vmmp_log_guest(net->model.virtio.log, &net->oversized_limit,
                       "virtio-net: frame of %zu bytes dropped, they may have %u (%llu so far)",
                       len, BUFFER_SIZE, (unsigned long long)net->oversized);
        return true;
    }
    struct net_buffer *buffer = take(&net->tx);
    if (!buffer) {
        return false;
    }
    vmmp_iovec_read(iov, count, 0, buffer->bytes, len);
    int result = call_raw_tx(net, buffer, (unsigned)len);
    if (result == ETHIF_TX_ENQUEUED && buffer->state == BUFFER_OFFERED) {
        buffer->state = BUFFER_CLIENT;
        return true;
    }
    net->failed += result == ETHIF_TX_FAILED;
    put(&net->tx, buffer);
    return true;
}

static void tx_complete(void *cb_cookie, void *cookie)
{
    struct net *net = cb_cookie;
    struct net_buffer *buffer = held(net, &net->tx, cookie);
    if (buffer && buffer->state == BUFFER_OFFERED) {
        buffer->state = BUFFER_COMPLETED;
    } else if (buffer) {
        put(&net->tx, buffer);
        vmmp_virtio_net_writable(&net->model);
    }
}

/* ---- To the guest ---- */

static uintptr_t allocate_rx_buf(void *cb_cookie, size_t size, void **cookie)
{
    struct net *net = cb_cookie;
    struct net_buffer *buffer = size <= BUFFER_SIZE ? take(&net->rx) : NULL;
    if (!buffer) {
        return 0;
    }
    buffer->state = BUFFER_CLIENT;
    *cookie = buffer;
    return (uintptr_t)buffer->bytes;
}

/* Whether the client's buffers make a frame. */
static bool gather(struct net *net, unsigned count, void **cookies, const unsigned *lens,
                   struct vmmp_iovec *iov)
{
    for (unsigned i = 0; i < count; i++) {
        struct net_buffer *buffer = held(net, &net->rx, cookies[i]);
        if (!buffer) {
            return false;
        }
        if (lens[i] > BUFFER_SIZE) {
            vmmp_log(net->model.virtio.log, VMMP_LOG_ERROR, VMMP_LOG_CLIENT,
                     "virtio-net: %u bytes received into a buffer of %u", lens[i], BUFFER_SIZE);
            return false;
        }
        iov[i] = (struct vmmp_iovec){ buffer->bytes, lens[i] };
    }
    return true;
}

static void rx_complete(void *cb_cookie, unsigned count, void **cookies, unsigned *lens)
{
    struct net *net = cb_cookie;
    struct vmmp_iovec iov[BUFFERS];
    if (count == 0) {
        return;
    }
    count = count < BUFFERS ? count : BUFFERS;
    if (gather(net, count, cookies, lens, iov) &&
        vmmp_virtio_net_receive(&net->model, 0, iov, count) == -EAGAIN) {
        net->model.stats.rx_dropped++;
    }
    for (unsigned i = 0; i < count; i++) {
        struct net_buffer *buffer = held(net, &net->rx, cookies[i]);
        if (buffer) {
            put(&net->rx, buffer);
        }
    }
}

static void inject(void *cookie)
{
    struct net *net = cookie;
    if (net->driver.i_fn.raw_handleIRQ) {
        net->driver.i_fn.raw_handleIRQ(&net->driver, 0);
    }
}

/* ---- What the client has not replaced ---- */

/* A guest can bring this about as often as it likes. */
static void say_absent(struct eth_driver *driver, const char *function)
{
    struct net *net = driver->cb_cookie;
    vmmp_log_guest(net->model.virtio.log, &net->absent_limit,
                   "virtio-net: the client has no %s: set it in the backend", function);
}

static int absent_tx(struct eth_driver *driver, unsigned num, uintptr_t *phys, unsigned *len,
                     void *cookie)
{
    (void)num, (void)phys, (void)len, (void)cookie;
    say_absent(driver, "raw_tx");
    return ETHIF_TX_FAILED;
}

static void absent_irq(struct eth_driver *driver, int irq)
{
    (void)irq;
    say_absent(driver, "raw_handleIRQ");
}

static void absent_poll(struct eth_driver *driver)
{
    say_absent(driver, "raw_poll");
}

static void absent_print_state(struct eth_driver *driver)
{
    say_absent(driver, "print_state");
}

static void absent_low_level_init(struct eth_driver *driver, uint8_t *mac, int *mtu)
{
    (void)mac, (void)mtu;
    say_absent(driver, "low_level_init");
}

struct raw_iface_funcs virtio_net_default_backend(void)
{
    return (struct raw_iface_funcs){
        .raw_tx = absent_tx,
        .raw_handleIRQ = absent_irq,
        .raw_poll = absent_poll,
        .print_state = absent_print_state,
        .low_level_init = absent_low_level_init,
    };
}

/* ---- Making one ---- */

static int make_model(struct net *net, struct vmmp_vm *vmmp)
{
    const struct vmmp_virtio_net_backend backend = { .transmit = transmit, .cookie = net };
    struct vmmp_virtio_net_options options = {
        .queue_size = QUEUE_SIZE,
        .features_off = VMMP_COMPAT_VIRTIO_DEVICE_BITS & ~FEATURE_MAC,
    };
    int mtu = MTU_DEFAULT;
    /* For what the client's function may say or call. */
    net->model.virtio.log = &vmmp->log;
    if (net->driver.i_fn.low_level_init) {
        net->driver.i_fn.low_level_init(&net->driver, options.mac, &mtu);
    }
    return vmmp_virtio_net_init(&net->model, &backend, &options, &vmmp->memory, &vmmp->log,
                                &vmmp->host);
}

static void fill_client(struct net *net, vm_t *vm, const struct raw_iface_funcs *backend)
{
    net->virtio.emul.vm = vm;
    net->client.emul = &net->virtio.emul;
    net->client.emul_driver = &net->driver;
    net->client.emul_driver_funcs = *backend;
    net->driver.eth_data = &net->client;
    net->driver.i_fn = *backend;
    net->driver.i_cb.tx_complete = tx_complete;
    net->driver.i_cb.rx_complete = rx_complete;
    net->driver.i_cb.allocate_rx_buf = allocate_rx_buf;
    net->driver.cb_cookie = net;
    net->driver.dma_alignment = (int)sizeof(uintptr_t);
    if (vm->io_ops) {
        net->client.ioops = *vm->io_ops;
        net->driver.io_ops = *vm->io_ops;
    }
}

virtio_net_t *common_make_virtio_net(vm_t *vm, vmm_pci_space_t *pci, vmm_io_port_list_t *ioport,
                                     ioport_range_t ioport_range, ioport_type_t port_type,
                                     unsigned int interrupt_pin, unsigned int interrupt_line,
                                     struct raw_iface_funcs backend)
{
    const struct vmmp_compat_virtio_place place = {
        .pci = pci,
        .ports = ioport,
        .range = ioport_range,
        .type = port_type,
        .interrupt_pin = interrupt_pin,
        .interrupt_line = interrupt_line,
        .command = 3,
        .class_code = VIRTIO_PCI_CLASS_NET,
    };
    struct vmmp_vm *vmmp = vmmp_compat_vm(vm);
    struct net *net = vmmp_compat_calloc(vm, sizeof(*net));
    if (!net) {
        return NULL;
    }
    fill_pool(&net->tx);
    fill_pool(&net->rx);
    fill_client(net, vm, &backend);
    int first =
        make_model(net, vmmp) == 0
            ? vmmp_compat_virtio_plug(&net->virtio, vm, &net->model.virtio, &place, inject, net)
            : -1;
    if (first < 0) {
        vmmp_compat_free(vm, net);
        return NULL;
    }
    net->client.iobase = (unsigned)first;
    return &net->client;
}
