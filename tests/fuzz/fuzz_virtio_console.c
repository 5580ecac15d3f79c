/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A console on a PCI host: configuration and registers of every offset and width, rings in memory
 * that changes under the device's eyes, a backend that takes what it likes and calls back.
 */
#include "fuzz_console_bench.h"

static void step(struct fuzz_input *in)
{
    uint16_t queue = fuzz_u8(in) & 1;
    unsigned width = fuzz_width(in);
    uint32_t offset;

    switch (fuzz_u8(in) % 18) {
    case 0:
        vmmp_window_read(&host.config, DEVICE << 12 | fuzz_u16(in), width);
        break;
    case 1:
        offset = fuzz_u8(in);
        vmmp_pci_config_write(&host, DEVICE, offset, width, fuzz_number(in, width));
        break;
    case 2:
        vmmp_window_read(&pci.modern, fuzz_u16(in) & 0x3fff, width);
        break;
    case 3: /* The common structure, or another's first bytes. */
        offset = fuzz_u8(in);
        write_modern((offset & 0xc0) << 6 | (offset & 0x3f), width, fuzz_number(in, width));
        break;
    case 4:
        offset = fuzz_u16(in) & 0x3fff;
        write_modern(offset, width, fuzz_number(in, width));
        break;
    case 5:
        vmmp_window_read(&pci.legacy, fuzz_u8(in) & 63, width);
        break;
    case 6:
        offset = fuzz_u8(in) & 63;
        vmmp_window_write(&pci.legacy, offset, width, fuzz_number(in, width));
        break;
    case 7: /* Where BARs are, or are not. */
        offset = fuzz_u32(in) & 0x1fffff;
        vmmp_window_write(&host.memory, offset, width, fuzz_number(in, width));
        vmmp_window_read(&host.memory, offset, width);
        vmmp_window_write(&host.ports, offset & 0xffff, width, offset);
        break;
    case 8:
        fuzz_scribble(in, &memory);
        break;
    case 9:
    case 10:
        fuzz_ring_put(in, &memory, queue);
        break;
    case 11:
        fuzz_ring_offer(in, &memory, queue, console.queues[queue].registers.size & 0xff,
                        fuzz_u8(in));
        break;
    case 12:
        if (legacy) {
            vmmp_window_write(&pci.legacy, VIRTIO_PCI_QUEUE_NOTIFY, 2, queue);
        } else {
            write_modern(MODERN_NOTIFY * MODERN_PAGE + queue * MODERN_NOTIFY_MULTIPLIER, 2, queue);
        }
        break;
    case 13:
        legacy = fuzz_u8(in) & 1;
        legacy =
            pci.face == VMMP_VIRTIO_PCI_LEGACY || (legacy && pci.face != VMMP_VIRTIO_PCI_MODERN);
        start(fuzz_u32(in), (uint16_t)(1 << (fuzz_u8(in) & 7)));
        break;
    case 14:
        reset();
        break;
    case 15:
        policy = fuzz_u8(in);
        break;
    case 16:
        if (queued) {
            struct vmmp_work *work = queued;
            queued = NULL;
            vmmp_context_enter(work->context);
            work->run(work->cookie);
            vmmp_context_leave(work->context);
        }
        break;
    default:
        vmmp_context_enter(&console.virtio.context);
        if (queue) {
            vmmp_virtio_console_writable(&console);
        } else {
            const uint8_t *bytes;
            size_t size = fuzz_take(in, fuzz_u8(in), &bytes);
            FUZZ_CHECK(vmmp_virtio_console_receive(&console, bytes, size) <= size);
        }
        vmmp_virtio_console_resize(&console, 80, (uint16_t)width);
        vmmp_context_leave(&console.virtio.context);
        break;
    }
}

static const struct vmmp_virtio_console_backend backend = { .write = backend_write, .input_ready = input_ready };
static const struct vmmp_irq_line_ops level_ops = { .level = level };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = { data, size };
    struct vmmp_log log = { sink, NULL, VMMP_LOG_DEBUG };
    bool high = false;
    struct vmmp_irq_line line;
    struct vmmp_pci_line lines[] = { { &line, 32 } };
    uint8_t how = fuzz_u8(&in);
    struct vmmp_virtio_console_options options = { .cols = how & 8, .rows = 24 };
    struct vmmp_virtio_pci_options face = { .face = (how & 3) % 3 };
    struct vmmp_host device_host = { how & 4 ? &defers : &does_not_defer, &depth };
    struct vmmp_pci_host_config config = { .config_kind = VMMP_PCI_CONFIG_ECAM,
                                           .memory_base = MEMORY_BASE,
                                           .memory_size = 0x100000,
                                           .port_size = 0x10000,
                                           .port_allocation_base = 0x1000,
                                           .lines = lines,
                                           .line_count = 1 };

    input = &in;
    policy = 0;
    messages = 0;
    legacy = face.face == VMMP_VIRTIO_PCI_LEGACY;
    fuzz_memory_init(&memory);
    FUZZ_CHECK(!vmmp_irq_line_init(&line, &level_ops, &high, NULL));
    FUZZ_CHECK(!vmmp_pci_host_init(&host, &config, NULL, NULL));
    FUZZ_CHECK(
        !vmmp_virtio_console_init(&console, &backend, &options, &memory, &log, &device_host));
    if (how & 16) { /* So that inputs of this size have something left for later. */
        console.virtio.budget = (struct vmmp_virtio_budget){ 2, 8, 4096 };
    }
    FUZZ_CHECK(!vmmp_virtio_pci_init(&pci, &console.virtio, &face));
    FUZZ_CHECK(vmmp_pci_host_add(&host, &pci.function, 1, 0) == DEVICE);
    while (in.left > 0) {
        writes = 0;
        written = 0;
        step(&in);
        FUZZ_CHECK(depth == 0 && messages < 400);
        fuzz_ring_check(&console.queues[0].vq);
        fuzz_ring_check(&console.queues[1].vq);
    }
    vmmp_virtio_pci_fini(&pci);
    vmmp_virtio_console_fini(&console);
    FUZZ_CHECK(!queued && !high);
    vmmp_pci_host_fini(&host);
    vmmp_irq_line_fini(&line);
    return 0;
}
