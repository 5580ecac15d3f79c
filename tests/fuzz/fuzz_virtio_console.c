/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A console with one port or several on a PCI host: configuration and registers of every offset and
 * width, rings in memory that changes under the device's eyes, a backend that takes what it likes
 * and calls back.
 */
#include "fuzz_console_bench.h"

/* The outside of a port has input, or takes output again. */
static void use_port(struct fuzz_input *in, unsigned queue, unsigned width)
{
    unsigned id = queue < 4 ? 0 : 1;
    vmmp_context_enter(&console.virtio.context);
    if (queue & 1) {
        vmmp_virtio_console_port_writable(&console, id);
    } else {
        const uint8_t *bytes;
        size_t size = fuzz_take(in, fuzz_u8(in), &bytes);
        FUZZ_CHECK(vmmp_virtio_console_port_receive(&console, id, bytes, size) <= size);
    }
    vmmp_virtio_console_resize(&console, 80, (uint16_t)width);
    vmmp_context_leave(&console.virtio.context);
}

static void step(struct fuzz_input *in)
{
    uint8_t choice = fuzz_u8(in);
    uint16_t queue = console.multiport ? choice % VMMP_VIRTIO_CONSOLE_QUEUES(PORTS) : choice & 1;
    unsigned width = fuzz_width(in);
    uint32_t offset;

    switch (fuzz_u8(in) % 21) {
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
        fuzz_ring_offer(in, &memory, queue, console.virtio.queues[queue].registers.size & 0xff,
                        fuzz_u8(in));
        break;
    case 12:
        kick(queue);
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
    case 17:
        use_port(in, queue, width);
        break;
    case 18:
        say(in);
        break;
    case 19: /* A buffer for a control message, mostly with room for one. */
        offer(2, FUZZ_RAM + 0x1d00, fuzz_u8(in), VIRTQ_DESC_F_WRITE);
        break;
    default:
        change_port(in);
        break;
    }
}

static const struct vmmp_irq_line_ops level_ops = { .level = level };

/* One port, or room for several, of which one is there. */
static void make(bool multiport, const struct vmmp_virtio_console_options *options,
                 const struct vmmp_log *log, const struct vmmp_host *device_host)
{
    const struct vmmp_virtio_console_ports many = { ports, queues, PORTS, policy & 1 };
    const struct vmmp_virtio_console_backend backend = backend_of(0);
    if (!multiport) {
        FUZZ_CHECK(
            !vmmp_virtio_console_init(&console, &backend, options, &memory, log, device_host));
        return;
    }
    FUZZ_CHECK(
        !vmmp_virtio_console_init_multiport(&console, &many, options, &memory, log, device_host));
    add_port(0, true);
}

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
    fuzz_memory_init(&memory, &in);
    FUZZ_CHECK(!vmmp_irq_line_init(&line, &level_ops, &high, NULL));
    FUZZ_CHECK(!vmmp_pci_host_init(&host, &config, NULL, NULL));
    make(how & 32, &options, &log, &device_host);
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
        check_ports();
    }
    vmmp_virtio_pci_fini(&pci);
    vmmp_virtio_console_fini(&console);
    FUZZ_CHECK(!queued && !high);
    vmmp_pci_host_fini(&host);
    vmmp_irq_line_fini(&line);
    return 0;
}
