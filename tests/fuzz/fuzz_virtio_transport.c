/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The register files of virtio's transports: a device that drains its queues, on a PCI host with
 * MSI-X (through a GICv2m frame) and doorbells, or over MMIO. Accesses of every offset and width to
 * configuration space, BARs, vector table and frame; BARs that move while doorbells are rung.
 */
#include <sel4vmmplatsupport/vmmp/gicv2m.h>
#include <sel4vmmplatsupport/vmmp/pci_host.h>
#include <sel4vmmplatsupport/vmmp/virtio_mmio.h>
#include <sel4vmmplatsupport/vmmp/virtio_pci.h>

#include "fuzz_input.h"
#include "fuzz_ring.h"
#include "virtio/virtio_mmio_spec.h"
#include "virtio/virtio_pci_spec.h"

#define MEMORY_BASE UINT64_C(0x10000000)
#define MEMORY_SIZE 0x100000u
#define MMIO_BASE   UINT64_C(0x0a000000)
#define FRAME       UINT64_C(0x08020000)
#define MESSAGES    4u
#define FIRST_INTID 80u
#define DEVICE      (1u << 3)
#define QUEUES      3u

static struct vmmp_guest_memory memory;
static struct vmmp_pci_host host;
static struct vmmp_virtio_device device;
static struct vmmp_virtio_queue queues[QUEUES];
static struct vmmp_virtio_pci pci;
static struct vmmp_virtio_mmio mmio;
static struct vmmp_gicv2m frame;
static struct vmmp_irq_line line;
static struct vmmp_irq_line messages[MESSAGES];
static bool over_mmio;
static bool high;
static int depth;
static unsigned said;
static unsigned bells; /* Added. */
static bool rung[QUEUES];
static uint8_t config[24];

/* ---- The device ---- */

static void config_read(struct vmmp_virtio_device *dev, uint32_t offset, uint8_t *to, unsigned size)
{
    (void)dev;
    FUZZ_CHECK(depth == 1 && offset < sizeof(config) && size <= sizeof(config) - offset);
    memcpy(to, config + offset, size);
}

static void config_write(struct vmmp_virtio_device *dev, uint32_t offset, const uint8_t *from,
                         unsigned size)
{
    (void)dev;
    FUZZ_CHECK(depth == 1 && offset < sizeof(config) && size <= sizeof(config) - offset);
    memcpy(config + offset, from, size);
}

static enum vmmp_virtio_progress process(struct vmmp_virtio_device *dev, unsigned queue)
{
    struct vmmp_iovec iov[VMMP_VIRTQUEUE_IOVECS(64)];
    struct vmmp_virtqueue_chain chain = { .iov = iov, .capacity = VMMP_VIRTQUEUE_IOVECS(64) };
    FUZZ_CHECK(depth == 1 && queue < QUEUES);
    while (vmmp_virtio_pop(dev, queue, &chain)) {
        vmmp_virtio_push(dev, queue, &chain.token, 0);
    }
    return VMMP_VIRTIO_DRAINED;
}

static void queue_reset(struct vmmp_virtio_device *dev, unsigned queue)
{
    (void)dev;
    FUZZ_CHECK(queue < QUEUES && !queues[queue].vq.enabled);
}

static const struct vmmp_virtio_ops device_ops = {
    .name = "fuzzed",
    .type = 3,
    .config_size = sizeof(config),
    .config_read = config_read,
    .config_write = config_write,
    .process = process,
    .queue_reset = queue_reset,
};

/* ---- What is around it ---- */

static void enter(void *cookie)
{
    (void)cookie;
    FUZZ_CHECK(++depth == 1);
}

static void leave(void *cookie)
{
    (void)cookie;
    FUZZ_CHECK(--depth == 0);
}

static int context_init(void *cookie, struct vmmp_context *context)
{
    (void)cookie;
    *context = (struct vmmp_context){ enter, leave, NULL };
    return 0;
}

static const struct vmmp_host_ops host_ops = { .context_init = context_init };

static void sink(void *cookie, enum vmmp_log_level log_level, enum vmmp_log_origin origin,
                 const char *message)
{
    (void)cookie, (void)log_level, (void)message;
    FUZZ_CHECK(origin == VMMP_LOG_GUEST);
    said++;
}

static void level(void *cookie, bool is_high)
{
    (void)cookie;
    high = is_high;
}

static void pulse(void *cookie)
{
    (void)cookie;
}

static int bell_add(void *cookie, struct vmmp_doorbell *doorbell)
{
    (void)cookie;
    FUZZ_CHECK(depth == 1 && doorbell->context == &device.context && !doorbell->added);
    if (over_mmio) {
        FUZZ_CHECK(doorbell->address == MMIO_BASE + VIRTIO_MMIO_QUEUE_NOTIFY);
    } else if (!doorbell->port) {
        FUZZ_CHECK(doorbell->address >= MEMORY_BASE &&
                   doorbell->address < MEMORY_BASE + MEMORY_SIZE);
    }
    bells++;
    return 0;
}

static bool bell_remove(void *cookie, struct vmmp_doorbell *doorbell)
{
    (void)cookie;
    FUZZ_CHECK(depth == 1 && doorbell->added && bells > 0);
    bells--;
    bool was = rung[doorbell->value];
    rung[doorbell->value] = false;
    return was;
}

static const struct vmmp_doorbell_ops bell_ops = { bell_add, bell_remove };
static const struct vmmp_doorbells doorbells = { &bell_ops, NULL };

/* ---- Steps ---- */

/* The host delivers what has been rung. */
static void deliver(unsigned queue)
{
    if (rung[queue] && queues[queue].doorbell.added) {
        rung[queue] = false;
        vmmp_context_enter(&device.context);
        queues[queue].doorbell.ring(&queues[queue].doorbell);
        vmmp_context_leave(&device.context);
    }
}

static void access_window(struct fuzz_input *in, struct vmmp_window *window)
{
    unsigned width = fuzz_width(in);
    uint64_t offset = fuzz_u16(in) % (window->size + 4);
    if (fuzz_u8(in) & 1) {
        vmmp_window_write(window, offset, width, fuzz_number(in, width));
    } else {
        vmmp_window_read(window, offset, width);
    }
}

static struct vmmp_window *registers(struct fuzz_input *in)
{
    if (over_mmio) {
        return &mmio.window;
    }
    struct vmmp_window *const windows[] = { &pci.modern, &pci.legacy, &pci.msix.window };
    return windows[fuzz_u8(in) % 3];
}

static void put(uint32_t modern, uint32_t in_mmio, unsigned size, uint64_t value)
{
    struct vmmp_window *window = over_mmio ? &mmio.window : &pci.modern;
    vmmp_window_write(window, over_mmio ? in_mmio : modern, over_mmio ? 4 : size, value);
}

static void put_address(uint32_t modern, uint32_t in_mmio, uint64_t address)
{
    struct vmmp_window *window = over_mmio ? &mmio.window : &pci.modern;
    vmmp_window_write(window, over_mmio ? in_mmio : modern, 8, address);
}

/* What a driver that behaves does first, in one step. */
static void start(struct fuzz_input *in)
{
    uint16_t size = (uint16_t)(1 << (fuzz_u8(in) & 6));
    put(VIRTIO_PCI_COMMON_STATUS, VIRTIO_MMIO_STATUS, 1, 0);
    put(VIRTIO_PCI_COMMON_STATUS, VIRTIO_MMIO_STATUS, 1, 3);
    put(VIRTIO_PCI_COMMON_GFSELECT, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 4, 1);
    put(VIRTIO_PCI_COMMON_GF, VIRTIO_MMIO_DRIVER_FEATURES, 4, 0x101);
    put(VIRTIO_PCI_COMMON_STATUS, VIRTIO_MMIO_STATUS, 1, 11);
    for (uint16_t queue = 0; queue < 2; queue++) {
        struct vmmp_virtqueue_config ring = fuzz_ring_config(queue, size, 0);
        put(VIRTIO_PCI_COMMON_Q_SELECT, VIRTIO_MMIO_QUEUE_SEL, 2, queue);
        put(VIRTIO_PCI_COMMON_Q_SIZE, VIRTIO_MMIO_QUEUE_NUM, 2, size);
        put_address(VIRTIO_PCI_COMMON_Q_DESCLO, VIRTIO_MMIO_QUEUE_DESC_LOW, ring.desc.gpa);
        put_address(VIRTIO_PCI_COMMON_Q_AVAILLO, VIRTIO_MMIO_QUEUE_DRIVER_LOW, ring.driver.gpa);
        put_address(VIRTIO_PCI_COMMON_Q_USEDLO, VIRTIO_MMIO_QUEUE_DEVICE_LOW, ring.device.gpa);
        if (!over_mmio) {
            vmmp_window_write(&pci.modern, VIRTIO_PCI_COMMON_Q_MSIX, 2, queue);
        }
        put(VIRTIO_PCI_COMMON_Q_ENABLE, VIRTIO_MMIO_QUEUE_READY, 2, 1);
    }
    put(VIRTIO_PCI_COMMON_STATUS, VIRTIO_MMIO_STATUS, 1, 15);
}

static void step(struct fuzz_input *in)
{
    unsigned queue = fuzz_u8(in) % QUEUES;
    unsigned width = fuzz_width(in);
    uint32_t offset;

    switch (fuzz_u8(in) % 12) {
    case 0:
        vmmp_pci_config_write(&host, DEVICE, fuzz_u8(in), width, fuzz_number(in, width));
        break;
    case 1:
        vmmp_pci_config_read(&host, DEVICE, fuzz_u8(in), width);
        break;
    case 2: /* BARs somewhere in the window, decoded or not. */
        vmmp_pci_config_write(&host, DEVICE, 0x20, 4, MEMORY_BASE + ((uint64_t)fuzz_u8(in) << 12));
        vmmp_pci_config_write(&host, DEVICE, 4, 2, fuzz_u8(in) & 7);
        break;
    case 3:
        offset = fuzz_u32(in) % MEMORY_SIZE;
        vmmp_window_write(&host.memory, offset, width, fuzz_number(in, width));
        break;
    case 4:
        access_window(in, &frame.window);
        break;
    case 5: /* A vector of the guest's, for the frame or not. */
        vmmp_window_write(&pci.msix.window, 16 * queue, 8, FRAME + (fuzz_u8(in) & 0x40u));
        vmmp_window_write(&pci.msix.window, 16 * queue + 8, 4, FIRST_INTID + (fuzz_u8(in) & 7u));
        vmmp_window_write(&pci.msix.window, 16 * queue + 12, 4, fuzz_u8(in) & 1);
        break;
    case 6:
        vmmp_pci_function_write(&pci.function, pci.msix.control.offset, 2, fuzz_u16(in));
        break;
    case 7:
        start(in);
        break;
    case 8:
        fuzz_ring_put(in, &memory, (uint16_t)queue);
        fuzz_ring_offer(in, &memory, (uint16_t)queue, queues[queue].registers.size & 0xff,
                        fuzz_u8(in));
        rung[queue] = queues[queue].doorbell.added;
        break;
    case 9:
        deliver(queue);
        break;
    case 10:
        vmmp_context_enter(&device.context);
        vmmp_virtio_config_changed(&device);
        vmmp_context_leave(&device.context);
        break;
    default:
        access_window(in, registers(in));
        break;
    }
}

static void check(void)
{
    unsigned added = 0;
    for (unsigned i = 0; i < QUEUES; i++) {
        added += queues[i].doorbell.added;
        FUZZ_CHECK(!queues[i].doorbell.added || queues[i].vq.enabled || device.status & 64);
        FUZZ_CHECK(queues[i].vector == VMMP_VIRTIO_NO_VECTOR || queues[i].vector < pci.msix.count);
    }
    FUZZ_CHECK(depth == 0 && added == bells && said < 400);
    if (over_mmio) {
        FUZZ_CHECK(high == (device.isr != 0));
    } else {
        FUZZ_CHECK(!high || !pci.msix.enabled);
    }
}

static void plug(uint8_t how, const struct vmmp_log *log)
{
    const struct vmmp_msi msi = vmmp_gicv2m_msi(&frame);
    const struct vmmp_virtio_pci_options options = { .face = (how & 3) % 2,
                                                     .msi = &msi,
                                                     .doorbells = &doorbells };
    const struct vmmp_virtio_mmio_options mmio_options = { .doorbells = &doorbells };
    static const uint16_t sizes[QUEUES] = { 64, 64, 1 };
    struct vmmp_host device_host = { &host_ops, NULL };

    over_mmio = how & 4;
    FUZZ_CHECK(
        !vmmp_virtio_init(&device, &device_ops, queues, sizes, QUEUES, &memory, log, &device_host));
    memset(&pci, 0, sizeof(pci));
    if (over_mmio) {
        static struct vmmp_vm *const somewhere = (struct vmmp_vm *)&memory; /* Only compared. */
        FUZZ_CHECK(!vmmp_virtio_mmio_init(&mmio, &device, &line, &mmio_options));
        mmio.window.vm = somewhere;
        mmio.window.base = MMIO_BASE;
    } else {
        FUZZ_CHECK(!vmmp_virtio_pci_init(&pci, &device, &options));
        FUZZ_CHECK(vmmp_pci_host_add(&host, &pci.function, 1, 0) == DEVICE);
    }
}

static void unplug(void)
{
    if (over_mmio) {
        vmmp_virtio_mmio_fini(&mmio);
    } else {
        vmmp_virtio_pci_fini(&pci);
    }
    FUZZ_CHECK(bells == 0);
    vmmp_virtio_fini(&device);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct vmmp_irq_line_ops level_ops = { .level = level };
    static const struct vmmp_irq_line_ops pulse_ops = { .pulse = pulse };
    struct fuzz_input in = { data, size };
    struct vmmp_log log = { sink, NULL, VMMP_LOG_DEBUG };
    struct vmmp_pci_line lines[] = { { &line, 32 } };
    struct vmmp_pci_host_config host_config = { .memory_base = MEMORY_BASE,
                                                .memory_size = MEMORY_SIZE,
                                                .port_size = 0x10000,
                                                .port_allocation_base = 0x1000,
                                                .lines = lines,
                                                .line_count = 1 };
    struct vmmp_gicv2m_config frame_config = {
        .address = FRAME, .first = FIRST_INTID, .count = MESSAGES, .lines = messages, .log = &log
    };

    said = 0;
    high = false;
    memset(rung, 0, sizeof(rung));
    fuzz_memory_init(&memory, &in);
    FUZZ_CHECK(!vmmp_irq_line_init(&line, &level_ops, NULL, NULL));
    for (unsigned i = 0; i < MESSAGES; i++) {
        FUZZ_CHECK(!vmmp_irq_line_init(&messages[i], &pulse_ops, NULL, NULL));
    }
    FUZZ_CHECK(!vmmp_gicv2m_init(&frame, &frame_config));
    FUZZ_CHECK(!vmmp_pci_host_init(&host, &host_config, NULL, NULL));
    plug(fuzz_u8(&in), &log);
    while (in.left > 0) {
        step(&in);
        check();
    }
    unplug();
    vmmp_pci_host_fini(&host);
    vmmp_gicv2m_fini(&frame);
    return 0;
}
