/* SPDX-License-Identifier: BSD-2-Clause */
/* Registers of the transports, and configuration space (virtio 1.2, 4.1 and 4.2). */
#include "testing/virtio_hostile.h"

#include "virtio/virtio_mmio_spec.h"
#include "virtio/virtio_pci_spec.h"

static uint64_t get(const struct vmmp_virtio_hostile *hostile, uint64_t offset, unsigned size)
{
    return vmmp_window_read(hostile->driver->device, offset, size);
}

static void put(const struct vmmp_virtio_hostile *hostile, uint64_t offset, unsigned size,
                uint64_t value)
{
    vmmp_window_write(hostile->driver->device, offset, size, value);
}

/* Where the registers of a queue are, and what else differs. */
struct layout {
    uint32_t select;
    uint32_t enable; /* Legacy: the page number. */
    unsigned count;  /* Of the others: size and addresses. */
    uint32_t queue[8];
    unsigned select_size, enable_size, first_size;
    uint32_t limit; /* Says how many entries a queue may have. */
};

static const struct layout modern = {
    .select = VIRTIO_PCI_COMMON_Q_SELECT,
    .enable = VIRTIO_PCI_COMMON_Q_ENABLE,
    .count = 7,
    .queue = { VIRTIO_PCI_COMMON_Q_SIZE, VIRTIO_PCI_COMMON_Q_DESCLO, VIRTIO_PCI_COMMON_Q_DESCHI,
               VIRTIO_PCI_COMMON_Q_AVAILLO, VIRTIO_PCI_COMMON_Q_AVAILHI, VIRTIO_PCI_COMMON_Q_USEDLO,
               VIRTIO_PCI_COMMON_Q_USEDHI },
    .select_size = 2,
    .enable_size = 2,
    .first_size = 2,
    .limit = VIRTIO_PCI_COMMON_Q_SIZE,
};

static const struct layout mmio = {
    .select = VIRTIO_MMIO_QUEUE_SEL,
    .enable = VIRTIO_MMIO_QUEUE_READY,
    .count = 7,
    .queue = { VIRTIO_MMIO_QUEUE_NUM, VIRTIO_MMIO_QUEUE_DESC_LOW, VIRTIO_MMIO_QUEUE_DESC_HIGH,
               VIRTIO_MMIO_QUEUE_DRIVER_LOW, VIRTIO_MMIO_QUEUE_DRIVER_HIGH,
               VIRTIO_MMIO_QUEUE_DEVICE_LOW, VIRTIO_MMIO_QUEUE_DEVICE_HIGH },
    .select_size = 4,
    .enable_size = 4,
    .first_size = 4,
    .limit = VIRTIO_MMIO_QUEUE_NUM_MAX,
};

static const struct layout ports = {
    .select = VIRTIO_PCI_QUEUE_SEL,
    .enable = VIRTIO_PCI_QUEUE_PFN,
    .select_size = 2,
    .enable_size = 4,
    .first_size = 2,
    .limit = VIRTIO_PCI_QUEUE_NUM,
};

static const struct layout *layout_of(const struct vmmp_virtio_hostile *hostile)
{
    const struct vmmp_virtio_driver_transport *transport = hostile->driver->transport;
    return transport->legacy ? &ports : transport == &vmmp_virtio_driver_mmio ? &mmio : &modern;
}

static unsigned register_size(const struct layout *layout, unsigned i)
{
    return i == 0 ? layout->first_size : 4;
}

/* Every width and alignment; where a window has pages, the beginning and the end of each. */
HOSTILE_PLAY(every_register)
{
    (void)what;
    uint64_t end = hostile->driver->device->size + 16;
    for (unsigned width = 1; width <= 8; width *= 2) {
        for (uint64_t offset = 0; offset < end; offset++) {
            uint64_t in_page = offset % MODERN_PAGE;
            if (in_page >= 0x140 && in_page < MODERN_PAGE - 16) {
                continue;
            }
            uint64_t value = get(hostile, offset, width);
            if (width < 8 && value >> (8 * width)) {
                return "more was read than was asked for";
            }
            if (offset + width > hostile->driver->device->size && value != vmmp_all_ones(width)) {
                return "what is behind the window is not all-ones";
            }
            put(hostile, offset, width, UINT64_MAX);
            put(hostile, offset, width, vmmp_virtio_hostile_junk(hostile));
            put(hostile, offset, width, 0);
        }
        if (hostile->settle) {
            hostile->settle(hostile->cookie);
        }
    }
    return NULL;
}

/* Registers of a queue that works have no effect (CVE-2026-5747). */
HOSTILE_PLAY(frozen_queue)
{
    static const uint32_t values[] = { 1, 0, UINT32_MAX, 0x8000, 3 };
    (void)what;
    const struct layout *layout = layout_of(hostile);
    uint64_t before[8];

    for (unsigned queue = 0; queue < hostile->queues; queue++) {
        put(hostile, layout->select, layout->select_size, queue);
        uint64_t enabled = get(hostile, layout->enable, layout->enable_size);
        for (unsigned i = 0; i < layout->count; i++) {
            before[i] = get(hostile, layout->queue[i], register_size(layout, i));
        }
        for (unsigned v = 0; v < HOSTILE_LENGTH(values); v++) {
            for (unsigned i = 0; i < layout->count; i++) {
                put(hostile, layout->queue[i], register_size(layout, i), values[v]);
            }
            if (values[v] != 0) { /* That is a request to stop it. */
                put(hostile, layout->enable, layout->enable_size, values[v]);
            }
        }
        for (unsigned i = 0; i < layout->count; i++) {
            if (get(hostile, layout->queue[i], register_size(layout, i)) != before[i]) {
                return "a register of a queue that works was changed";
            }
        }
        if (get(hostile, layout->enable, layout->enable_size) != enabled) {
            return "a queue that works was enabled differently";
        }
    }
    return NULL;
}

/* Queues that do not exist have no size, no address and cannot be enabled. */
HOSTILE_PLAY(missing_queue)
{
    static const unsigned numbers[] = { 40, 64, 255, 256, 0x7fff, 0x8000, 0xfffe, 0xffff };
    (void)what;
    const struct layout *layout = layout_of(hostile);

    for (unsigned n = 0; n < HOSTILE_LENGTH(numbers); n++) {
        put(hostile, layout->select, layout->select_size, numbers[n]);
        for (unsigned i = 0; i < layout->count; i++) {
            put(hostile, layout->queue[i], register_size(layout, i), 0x1000);
        }
        put(hostile, layout->enable, layout->enable_size, 1);
        if (get(hostile, layout->limit, layout->first_size) != 0 ||
            get(hostile, layout->enable, layout->enable_size) != 0) {
            return "a queue that does not exist has a size";
        }
        for (unsigned i = 0; i < layout->count; i++) {
            if (get(hostile, layout->queue[i], register_size(layout, i)) != 0) {
                return "a queue that does not exist has registers";
            }
        }
    }
    return NULL;
}

/* `what`: a size that is no power of two, 0, or more than there may be. */
HOSTILE_PLAY(bad_size)
{
    const uint32_t *size = what;
    struct vmmp_virtio_driver_queue *queue = hostile_queue(hostile);
    uint64_t areas[3];
    if (!vmmp_virtio_driver_negotiate(hostile->driver, hostile->wanted)) {
        return "FEATURES_OK was refused";
    }
    areas[0] = queue->desc_gpa;
    areas[1] = queue->avail_gpa;
    areas[2] = queue->used_gpa;
    hostile->driver->transport->set_queue(hostile->driver->device, hostile->queue, *size, areas[0],
                                          areas[1], areas[2]);
    vmmp_virtio_driver_ready(hostile->driver);
    hostile->driver->transport->kick(hostile->driver->device, hostile->queue);
    if (hostile_status(hostile) & VIRTIO_STATUS_NEEDS_RESET) {
        return NULL;
    }
    const struct layout *layout = layout_of(hostile);
    put(hostile, layout->select, layout->select_size, hostile->queue);
    return get(hostile, layout->enable, layout->enable_size) == 0
               ? NULL
               : "a queue of an impossible size works";
}

HOSTILE_PLAY(read_only_registers)
{
    static const uint32_t of_mmio[] = {
        VIRTIO_MMIO_MAGIC,         VIRTIO_MMIO_VERSION,          VIRTIO_MMIO_DEVICE_ID,
        VIRTIO_MMIO_VENDOR_ID,     VIRTIO_MMIO_DEVICE_FEATURES,  VIRTIO_MMIO_QUEUE_NUM_MAX,
        VIRTIO_MMIO_SHM_LEN_LOW,   VIRTIO_MMIO_SHM_LEN_HIGH,     VIRTIO_MMIO_SHM_BASE_LOW,
        VIRTIO_MMIO_SHM_BASE_HIGH, VIRTIO_MMIO_INTERRUPT_STATUS, VIRTIO_MMIO_CONFIG_GENERATION,
    };
    static const uint32_t of_pci[] = { VIRTIO_PCI_COMMON_DF, VIRTIO_PCI_COMMON_Q_NOFF,
                                       VIRTIO_PCI_COMMON_NUMQ, VIRTIO_PCI_COMMON_CFGGENERATION,
                                       VIRTIO_PCI_COMMON_Q_NDATA };
    (void)what;
    bool pci = layout_of(hostile) == &modern;
    unsigned count = (unsigned)(pci ? HOSTILE_LENGTH(of_pci) : HOSTILE_LENGTH(of_mmio));
    for (unsigned i = 0; i < count; i++) {
        uint32_t offset = pci ? of_pci[i] : of_mmio[i];
        /* A byte at a time, or the register beside it would be written too. */
        unsigned size = pci ? 1 : 4;
        uint64_t before = get(hostile, offset, size);
        put(hostile, offset, size, UINT64_MAX);
        put(hostile, offset, size, 0);
        if (get(hostile, offset, size) != before) {
            return "a read-only register was written";
        }
    }
    return NULL;
}

/* Registers take effect as a whole; parts of the others may be written. */
HOSTILE_PLAY(odd_accesses)
{
    static const uint64_t offsets[] = { VIRTIO_MMIO_QUEUE_NOTIFY, VIRTIO_MMIO_STATUS,
                                        VIRTIO_MMIO_QUEUE_READY, VIRTIO_MMIO_INTERRUPT_ACK,
                                        VIRTIO_MMIO_QUEUE_RESET };
    (void)what;
    for (unsigned i = 0; i < HOSTILE_LENGTH(offsets); i++) {
        for (unsigned shift = 0; shift < 4; shift++) {
            for (unsigned width = 1; width <= 2; width++) {
                get(hostile, offsets[i] + shift, width);
                put(hostile, offsets[i] + shift, width, 0);
                put(hostile, offsets[i] + shift, width, UINT64_MAX);
            }
        }
    }
    return NULL;
}

/* ---- Configuration space ---- */

HOSTILE_PLAY(function_configuration)
{
    (void)what;
    struct vmmp_pci_function *function = hostile->function;
    uint64_t identity = vmmp_pci_function_read(function, 0, 4);
    uint64_t class = vmmp_pci_function_read(function, 8, 4);
    uint64_t command = vmmp_pci_function_read(function, 4, 2);
    uint64_t bars[6];
    for (unsigned i = 0; i < 6; i++) {
        bars[i] = vmmp_pci_function_read(function, 0x10 + 4 * i, 4);
    }
    for (unsigned width = 1; width <= 4; width *= 2) {
        for (unsigned offset = 0; offset < 0x110; offset++) {
            vmmp_pci_function_read(function, offset, width);
            vmmp_pci_function_write(function, offset, width, UINT64_MAX);
            vmmp_pci_function_write(function, offset, width, vmmp_virtio_hostile_junk(hostile));
            vmmp_pci_function_write(function, offset, width, 0);
        }
    }
    vmmp_pci_function_write(function, 4, 2, 0);
    for (unsigned i = 0; i < 6; i++) {
        vmmp_pci_function_write(function, 0x10 + 4 * i, 4, bars[i]);
        if (vmmp_pci_function_read(function, 0x10 + 4 * i, 4) != bars[i]) {
            return "a BAR does not come back";
        }
    }
    vmmp_pci_function_write(function, 4, 2, command);
    if (vmmp_pci_function_read(function, 0, 4) != identity ||
        vmmp_pci_function_read(function, 8, 4) != class) {
        return "the function's identity was changed";
    }
    return NULL;
}

static unsigned find_capability(struct vmmp_pci_function *function, unsigned type)
{
    unsigned at = (unsigned)vmmp_pci_function_read(function, 0x34, 1);
    for (unsigned i = 0; at != 0 && i < 48; i++) {
        if (vmmp_pci_function_read(function, at, 1) == VIRTIO_PCI_CAP_VENDOR_ID &&
            vmmp_pci_function_read(function, at + 3, 1) == type) {
            return at;
        }
        at = (unsigned)vmmp_pci_function_read(function, at + 1, 1);
    }
    return 0;
}

/* 4.1.4.9: whatever BAR, offset and length it names. */
HOSTILE_PLAY(access_capability)
{
    static const uint32_t offsets[] = { 1,          2,          3,          0x3ffd,
                                        0x3ffe,     0x3fff,     0x4000,     0x4001,
                                        0x7fffffff, 0x80000000, 0xfffffffc, 0xffffffff };
    (void)what;
    struct vmmp_pci_function *function = hostile->function;
    unsigned at = find_capability(function, VIRTIO_PCI_CAP_PCI_CFG);
    if (at == 0) {
        return NULL; /* The legacy face alone has none. */
    }
    for (unsigned bar = 0; bar < 8; bar++) {
        for (unsigned i = 0; i < HOSTILE_LENGTH(offsets); i++) {
            for (uint32_t length = 0; length < 9; length++) {
                vmmp_pci_function_write(function, at + VIRTIO_PCI_CAP_BAR, 1, bar);
                vmmp_pci_function_write(function, at + VIRTIO_PCI_CAP_OFFSET, 4, offsets[i]);
                vmmp_pci_function_write(function, at + VIRTIO_PCI_CAP_LENGTH, 4,
                                        length < 8 ? length : UINT32_MAX);
                for (unsigned size = 1; size <= 4; size *= 2) {
                    vmmp_pci_function_read(function, at + VIRTIO_PCI_CAP_EXTRA, size);
                }
                if (offsets[i] > 0x1000) { /* Nothing is there that a write could mean. */
                    vmmp_pci_function_write(function, at + VIRTIO_PCI_CAP_EXTRA, 4, UINT32_MAX);
                }
            }
        }
    }
    return NULL;
}

/* 4.1.5.1.2: a vector that the function does not have becomes NO_VECTOR. */
HOSTILE_PLAY(vectors)
{
    static const unsigned vectors[] = { 0, 1, 63, 64, 65, 2047, 2048, 0x7fff, 0xfffe };
    (void)what;
    for (unsigned i = 0; i < HOSTILE_LENGTH(vectors); i++) {
        put(hostile, VIRTIO_PCI_COMMON_MSIX, 2, vectors[i]);
        put(hostile, VIRTIO_PCI_COMMON_Q_SELECT, 2, i % 2 ? 0xffff : hostile->queue);
        put(hostile, VIRTIO_PCI_COMMON_Q_MSIX, 2, vectors[i]);
        uint64_t config = get(hostile, VIRTIO_PCI_COMMON_MSIX, 2);
        uint64_t queue = get(hostile, VIRTIO_PCI_COMMON_Q_MSIX, 2);
        if ((config != 0xffff && (config != vectors[i] || config >= 64)) ||
            (queue != 0xffff && (queue != vectors[i] || queue >= 64 || i % 2))) {
            return "a vector that does not exist was accepted";
        }
    }
    put(hostile, VIRTIO_PCI_COMMON_MSIX, 2, 0xffff);
    put(hostile, VIRTIO_PCI_COMMON_Q_SELECT, 2, hostile->queue);
    put(hostile, VIRTIO_PCI_COMMON_Q_MSIX, 2, 0xffff);
    return NULL;
}
