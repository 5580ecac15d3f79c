/* SPDX-License-Identifier: BSD-2-Clause */
/* The PCI function of a virtio device: identity, BARs, capabilities, INTx. */
#include <sel4vmmplatsupport/vmmp/virtio_pci.h>

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "virtio/virtio_doorbell.h"
#include "virtio/virtio_pci_registers.h"
#include "virtio/virtio_pci_spec.h"
#include "virtio/virtio_spec.h"

#define BELL_LEGACY 0u
#define BELL_MODERN 1u

#define LEGACY_SIZE_MINIMUM 64u
#define LEGACY_SIZE_MAXIMUM 65536u

/*
 * 4.1.2.1: ids of transitional devices, and the classes guests know such devices by. That of socket
 * devices is the compatible interface's: they have no legacy interface, and so no transitional id.
 */
static const struct type {
    uint16_t type;
    uint16_t legacy_id;
    uint32_t class_code;
} types[] = {
    { VIRTIO_ID_NET, 0x1000, 0x020000 },     { VIRTIO_ID_BLOCK, 0x1001, 0x010000 },
    { VIRTIO_ID_BALLOON, 0x1002, 0x00ff00 }, { VIRTIO_ID_CONSOLE, 0x1003, 0x078000 },
    { VIRTIO_ID_SCSI, 0x1004, 0x010000 },    { VIRTIO_ID_ENTROPY, 0x1005, 0x00ff00 },
    { VIRTIO_ID_9P, 0x1009, 0x00ff00 },      { VIRTIO_ID_VSOCK, 0x1012, 0x078000 },
};

#define CLASS_OTHER 0x00ff00u

static const struct type *find_type(uint16_t type)
{
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (types[i].type == type) {
            return &types[i];
        }
    }
    return NULL;
}

static_assert(VMMP_VIRTIO_PCI_VECTORS <= 64, "a bit for each vector");

/* ---- Interrupts ---- */

static void tell(struct vmmp_virtio_pci *pci, unsigned vector)
{
    if (pci->collecting && vector < VMMP_VIRTIO_PCI_VECTORS) {
        pci->vectors_wanted |= UINT64_C(1) << vector;
    } else {
        vmmp_pci_msix_notify(&pci->msix, vector);
    }
}

void vmmp_virtio_pci_kick(struct vmmp_virtio_pci *pci, unsigned queue)
{
    pci->collecting = pci->vectors_few;
    vmmp_virtio_kick(pci->device, queue);
    pci->collecting = false;
    for (unsigned vector = 0; pci->vectors_wanted; vector++) {
        if (pci->vectors_wanted >> vector & 1) {
            pci->vectors_wanted &= ~(UINT64_C(1) << vector);
            vmmp_pci_msix_notify(&pci->msix, vector);
        }
    }
}

static void interrupt(void *transport, int queue)
{
    struct vmmp_virtio_pci *pci = transport;
    struct vmmp_virtio_device *device = pci->device;
    if (!vmmp_pci_msix_enabled(&pci->msix)) {
        vmmp_pci_intx_set(&pci->function, true);
    } else if (queue == VMMP_VIRTIO_CONFIG_INTERRUPT) {
        tell(pci, pci->config_vector);
    } else {
        /* 4.1.4.5.1: ISR tells of queues only where INTx does. */
        device->isr &= (uint8_t)~VMMP_VIRTIO_ISR_QUEUE;
        tell(pci, device->queues[queue].vector);
    }
}

static void interrupt_clear(void *transport)
{
    struct vmmp_virtio_pci *pci = transport;
    vmmp_pci_intx_set(&pci->function, false);
}

/* Vectors of queues are reset with the queues. */
static void reset(void *transport)
{
    struct vmmp_virtio_pci *pci = transport;
    pci->config_vector = VMMP_VIRTIO_NO_VECTOR;
    vmmp_pci_msix_forget(&pci->msix);
}

static void msix_changed(void *cookie, bool enabled)
{
    struct vmmp_virtio_pci *pci = cookie;
    vmmp_pci_intx_set(&pci->function, !enabled && pci->device->isr != 0);
}

/* ---- Doorbells (4.1.5.2) ---- */

/* The face that the driver set the queue up on is where it notifies. */
static void queue_changed(void *transport, unsigned queue)
{
    struct vmmp_virtio_pci *pci = transport;
    const struct vmmp_virtio_queue *state = &pci->device->queues[queue];
    bool legacy = state->legacy_pfn != 0;
    unsigned face = legacy ? BELL_LEGACY : BELL_MODERN;
    struct virtio_doorbell_place place = {
        .address = pci->bells[face].address +
                   (legacy ? VIRTIO_PCI_QUEUE_NOTIFY
                           : MODERN_NOTIFY * MODERN_PAGE + queue * MODERN_NOTIFY_MULTIPLIER),
        .port = pci->bells[face].port,
        .size = 2,
        .match = legacy, /* Else each queue has a place of its own, and any value will do. */
    };
    bool there = state->vq.enabled && pci->bells[face].mapped;
    vmmp_virtio_doorbell_set(pci->device, queue, &pci->doorbells, there ? &place : NULL);
}

/* In the host's context. */
static void bar_mapped(void *cookie, unsigned bar, uint64_t address, bool mapped)
{
    struct vmmp_virtio_pci *pci = cookie;
    unsigned face = bar == VMMP_VIRTIO_PCI_BAR_LEGACY ? BELL_LEGACY : BELL_MODERN;
    bool port = false;
    if (bar == VMMP_VIRTIO_PCI_BAR_MSIX || !pci->doorbells.ops) {
        return;
    }
    if (mapped) {
        vmmp_pci_cpu_address(&pci->function, bar, &address, &port);
    }
    vmmp_context_enter(&pci->device->context);
    pci->bells[face].mapped = mapped;
    pci->bells[face].port = port;
    pci->bells[face].address = address;
    for (unsigned i = 0; i < pci->device->queue_count; i++) {
        queue_changed(pci, i);
    }
    vmmp_context_leave(&pci->device->context);
}

static const struct vmmp_pci_function_ops function_ops = { .bar_mapped = bar_mapped };

static const struct vmmp_virtio_transport_ops transport_ops = {
    .interrupt = interrupt,
    .interrupt_clear = interrupt_clear,
    .reset = reset,
    .queue_changed = queue_changed,
};

/* ---- The configuration access capability (4.1.4.9) ---- */

/*
 * What the capability points at, as the guest set it: a window, an offset and a width; NULL if that
 * is nothing it may point at (4.1.4.9.2).
 */
static struct vmmp_window *pointed_at(struct vmmp_virtio_pci *pci, uint32_t *offset,
                                      unsigned *length)
{
    unsigned at = pci->cfg_capability;
    unsigned bar = (unsigned)vmmp_pci_peek(&pci->function, at + VIRTIO_PCI_CAP_BAR, 1);
    uint32_t len = (uint32_t)vmmp_pci_peek(&pci->function, at + VIRTIO_PCI_CAP_LENGTH, 4);
    *offset = (uint32_t)vmmp_pci_peek(&pci->function, at + VIRTIO_PCI_CAP_OFFSET, 4);
    if ((len != 1 && len != 2 && len != 4) || *offset % len != 0) {
        return NULL;
    }
    *length = len;
    if (bar == VMMP_VIRTIO_PCI_BAR_LEGACY && pci->face != VMMP_VIRTIO_PCI_MODERN) {
        return &pci->legacy;
    }
    return bar == VMMP_VIRTIO_PCI_BAR_MODERN ? &pci->modern : NULL;
}

static uint32_t cfg_data_read(void *cookie, unsigned offset, unsigned size)
{
    struct vmmp_virtio_pci *pci = cookie;
    uint32_t at;
    unsigned length;
    struct vmmp_window *window = pointed_at(pci, &at, &length);
    (void)size;
    if (!window) {
        return UINT32_MAX;
    }
    uint64_t value = vmmp_pci_peek(&pci->function, pci->cfg_data.offset, 4);
    if (offset < length) {
        value &= ~vmmp_all_ones(length);
        value |= vmmp_window_read(window, at, length);
    }
    return (uint32_t)(value >> (8 * offset));
}

static void cfg_data_write(void *cookie, unsigned offset, unsigned size, uint32_t value)
{
    struct vmmp_virtio_pci *pci = cookie;
    uint32_t at;
    unsigned length;
    struct vmmp_window *window = pointed_at(pci, &at, &length);
    (void)size;
    (void)value;
    if (window && offset < length) {
        vmmp_window_write(window, at, length,
                          vmmp_pci_peek(&pci->function, pci->cfg_data.offset, length));
    }
}

/* ---- Setting up ---- */

/* One structure capability (4.1.4); `extra` is the field that two kinds have behind it, or NULL. */
static int add_capability(struct vmmp_virtio_pci *pci, uint8_t kind, uint8_t bar, uint32_t offset,
                          uint32_t length, const uint32_t *extra, const uint8_t *writable)
{
    uint8_t body[VIRTIO_PCI_CAP_SIZE + 4 - 2] = { 0 };
    size_t len = VIRTIO_PCI_CAP_SIZE - 2;
    body[0] = (uint8_t)(VIRTIO_PCI_CAP_SIZE + (extra ? 4 : 0));
    body[1] = kind;
    body[2] = bar;
    for (unsigned i = 0; i < 4; i++) {
        body[VIRTIO_PCI_CAP_OFFSET - 2 + i] = (uint8_t)(offset >> (8 * i));
        body[VIRTIO_PCI_CAP_LENGTH - 2 + i] = (uint8_t)(length >> (8 * i));
    }
    if (extra) {
        for (unsigned i = 0; i < 4; i++) {
            body[VIRTIO_PCI_CAP_EXTRA - 2 + i] = (uint8_t)(*extra >> (8 * i));
        }
        len += 4;
    }
    return vmmp_pci_add_capability(&pci->function, VIRTIO_PCI_CAP_VENDOR_ID, body, len, writable);
}

static int add_cfg_access(struct vmmp_virtio_pci *pci)
{
    uint8_t writable[VIRTIO_PCI_CAP_SIZE + 4 - 2] = { 0 };
    const uint32_t zero = 0;
    writable[VIRTIO_PCI_CAP_BAR - 2] = 0xff;
    memset(&writable[VIRTIO_PCI_CAP_OFFSET - 2], 0xff, 12);
    int at = add_capability(pci, VIRTIO_PCI_CAP_PCI_CFG, 0, 0, 0, &zero, writable);
    if (at < 0) {
        return at;
    }
    pci->cfg_capability = (uint8_t)at;
    pci->cfg_data = (struct vmmp_pci_register){
        .offset = (uint16_t)(at + (int)VIRTIO_PCI_CAP_EXTRA),
        .size = 4,
        .read = cfg_data_read,
        .write = cfg_data_write,
        .cookie = pci,
    };
    return vmmp_pci_add_register(&pci->function, &pci->cfg_data);
}

static int add_capabilities(struct vmmp_virtio_pci *pci)
{
    const struct vmmp_virtio_device *dev = pci->device;
    const uint32_t multiplier = MODERN_NOTIFY_MULTIPLIER;
    const struct {
        uint8_t kind;
        uint8_t page;
        uint32_t length;
        const uint32_t *extra;
    } rows[] = {
        { VIRTIO_PCI_CAP_COMMON_CFG, MODERN_COMMON, VIRTIO_PCI_COMMON_SIZE, NULL },
        { VIRTIO_PCI_CAP_NOTIFY_CFG, MODERN_NOTIFY, dev->queue_count * multiplier, &multiplier },
        { VIRTIO_PCI_CAP_ISR_CFG, MODERN_ISR, 1, NULL },
        { VIRTIO_PCI_CAP_DEVICE_CFG, MODERN_DEVICE, dev->ops->config_size, NULL },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].length == 0) {
            continue; /* 4.1.4.6: devices without configuration have no such capability. */
        }
        int at = add_capability(pci, rows[i].kind, VMMP_VIRTIO_PCI_BAR_MODERN,
                                rows[i].page * MODERN_PAGE, rows[i].length, rows[i].extra, NULL);
        if (at < 0) {
            return at;
        }
    }
    return add_cfg_access(pci);
}

static int add_modern(struct vmmp_virtio_pci *pci)
{
    pci->modern = (struct vmmp_window){
        .name = pci->device->ops->name,
        .ops = &vmmp_virtio_pci_modern_ops,
        .device = pci,
        .size = MODERN_BAR_SIZE,
        .context = &pci->device->context,
    };
    int result = vmmp_pci_add_bar(&pci->function, VMMP_VIRTIO_PCI_BAR_MODERN, VMMP_PCI_BAR_MEM64,
                                  MODERN_BAR_SIZE, &pci->modern);
    return result == 0 ? add_capabilities(pci) : result;
}

static int add_legacy(struct vmmp_virtio_pci *pci, uint32_t size)
{
    uint32_t needed = VIRTIO_PCI_CONFIG_MSIX + pci->device->ops->config_size;
    if (size == 0) {
        for (size = LEGACY_SIZE_MINIMUM; size < needed && size < LEGACY_SIZE_MAXIMUM;) {
            size *= 2;
        }
    }
    if (size < LEGACY_SIZE_MINIMUM || size > LEGACY_SIZE_MAXIMUM || (size & (size - 1)) != 0) {
        return -EINVAL;
    }
    pci->legacy = (struct vmmp_window){
        .name = pci->device->ops->name,
        .ops = &vmmp_virtio_pci_legacy_ops,
        .device = pci,
        .size = size,
        .context = &pci->device->context,
    };
    return vmmp_pci_add_bar(&pci->function, VMMP_VIRTIO_PCI_BAR_LEGACY, VMMP_PCI_BAR_IO, size,
                            &pci->legacy);
}

static int add_msix(struct vmmp_virtio_pci *pci, const struct vmmp_virtio_pci_options *options)
{
    unsigned wanted = pci->device->queue_count + 1u;
    unsigned most = options->vectors && options->vectors < VMMP_VIRTIO_PCI_VECTORS
                        ? options->vectors
                        : VMMP_VIRTIO_PCI_VECTORS;
    struct vmmp_pci_msix_config config = {
        .msi = options->msi,
        .vectors = pci->vectors,
        .count = wanted < most ? wanted : most,
        .bar = VMMP_VIRTIO_PCI_BAR_MSIX,
        .context = &pci->device->context,
        .changed = msix_changed,
        .cookie = pci,
    };
    return vmmp_pci_msix_init(&pci->msix, &pci->function, &config);
}

int vmmp_virtio_pci_init(struct vmmp_virtio_pci *pci, struct vmmp_virtio_device *device,
                         const struct vmmp_virtio_pci_options *options)
{
    static const struct vmmp_virtio_pci_options defaults;

    memset(pci, 0, sizeof(*pci));
    if (!device || !device->ops || device->queue_count > MODERN_PAGE / MODERN_NOTIFY_MULTIPLIER ||
        device->ops->config_size > MODERN_PAGE) {
        return -EINVAL;
    }
    options = options ? options : &defaults;
    if (options->interrupt_pin > 4 || options->class_code > 0xffffff ||
        (unsigned)options->face > VMMP_VIRTIO_PCI_LEGACY) {
        return -EINVAL;
    }
    const struct type *type = find_type(device->ops->type);
    if (!type && options->face == VMMP_VIRTIO_PCI_LEGACY) {
        return -EINVAL;
    }
    pci->device = device;
    pci->config_vector = VMMP_VIRTIO_NO_VECTOR;
    pci->vectors_few = options->vectors != 0;
    if (options->doorbells) {
        pci->doorbells = *options->doorbells;
    }
    bool transitional = type && device->ops->type != VIRTIO_ID_VSOCK;
    pci->face = options->face == VMMP_VIRTIO_PCI_TRANSITIONAL && !transitional
                    ? VMMP_VIRTIO_PCI_MODERN
                    : options->face;
    bool modern = pci->face == VMMP_VIRTIO_PCI_MODERN || !type;
    uint16_t modern_id = (uint16_t)(VIRTIO_PCI_DEVICE_MODERN + device->ops->type);
    uint32_t class_code = type ? type->class_code : CLASS_OTHER;
    const struct vmmp_pci_identity identity = {
        .vendor = VIRTIO_PCI_VENDOR,
        .device = modern ? modern_id : type->legacy_id,
        .class_code = options->class_code ? options->class_code : class_code,
        .revision = modern ? VIRTIO_PCI_REVISION_MODERN : VIRTIO_PCI_REVISION_LEGACY,
        .subsystem_vendor = VIRTIO_PCI_VENDOR,
        .subsystem = modern ? modern_id : device->ops->type,
        .interrupt_pin = options->interrupt_pin ? options->interrupt_pin : 1,
    };
    vmmp_pci_function_init(&pci->function, device->ops->name, &identity, &function_ops, pci);

    int result = 0;
    if (!modern) {
        result = add_legacy(pci, options->legacy_size);
    }
    if (result == 0 && pci->face != VMMP_VIRTIO_PCI_LEGACY) {
        result = add_modern(pci);
    }
    if (result == 0 && options->msi) {
        result = add_msix(pci, options);
    }
    if (result == 0) {
        vmmp_virtio_set_transport(device, &transport_ops, pci);
    }
    return result;
}

void vmmp_virtio_pci_fini(struct vmmp_virtio_pci *pci)
{
    /* First, for what completes meanwhile would interrupt through a function that goes away. */
    if (pci->device && pci->device->transport == pci) {
        vmmp_context_enter(&pci->device->context);
        vmmp_virtio_set_transport(pci->device, NULL, NULL);
        vmmp_context_leave(&pci->device->context);
    }
    vmmp_pci_unplug(&pci->function);
}
