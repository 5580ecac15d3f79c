/* SPDX-License-Identifier: BSD-2-Clause */
/* This library's devices as machines under test. */
#include "machine.h"

#include "vmmp_test.h"

#include <sel4vmmplatsupport/vmmp/blk_ram.h>
#include <sel4vmmplatsupport/vmmp/virtio_balloon.h>
#include <sel4vmmplatsupport/vmmp/virtio_blk.h>
#include <sel4vmmplatsupport/vmmp/virtio_console.h>
#include <sel4vmmplatsupport/vmmp/virtio_net.h>
#include <sel4vmmplatsupport/vmmp/virtio_rng.h>

#include "support/virtio_rig.h"

#define PORTS    2
#define REQUESTS 8
#define BACK     65536

struct ours {
    struct virtio_rig rig;
    struct vmmp_virtio_device *device;
    struct vmmp_window config;
    struct vmmp_virtio_rng rng;
    struct vmmp_virtio_blk blk;
    struct vmmp_virtio_blk_request requests[REQUESTS];
    struct vmmp_blk_ram disk;
    uint8_t sectors[MACHINE_DISK_SIZE];
    struct vmmp_virtio_net net;
    struct vmmp_virtio_console console;
    struct vmmp_virtio_console_port ports[PORTS];
    struct vmmp_virtio_queue port_queues[VMMP_VIRTIO_CONSOLE_QUEUES(PORTS)];
    struct vmmp_virtio_balloon balloon;
    uint8_t back[BACK]; /* What came out, frames one behind another, */
    size_t back_len;
    size_t frames[64]; /* and their lengths. */
    unsigned frame_count;
};

/* ---- Backends ---- */

static size_t fill(void *cookie, void *buffer, size_t len)
{
    (void)cookie;
    memset(buffer, 0xa5, len);
    return len;
}

static void keep(struct ours *ours, const struct vmmp_iovec *iov, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        assert_true(iov[i].len <= BACK - ours->back_len);
        memcpy(ours->back + ours->back_len, iov[i].base, iov[i].len);
        ours->back_len += iov[i].len;
    }
}

static bool transmit(void *cookie, unsigned pair, const struct vmmp_iovec *iov, unsigned count,
                     size_t len)
{
    struct ours *ours = cookie;
    (void)pair;
    assert_true(ours->frame_count < 64);
    keep(ours, iov, count);
    ours->frames[ours->frame_count++] = len;
    return true;
}

static size_t console_write(void *cookie, const struct vmmp_iovec *iov, unsigned count)
{
    struct ours *ours = cookie;
    size_t before = ours->back_len;
    keep(ours, iov, count);
    return ours->back_len - before;
}

static int discard(void *cookie, vmmp_gpa_t gpa, uint64_t len)
{
    (void)cookie, (void)gpa, (void)len;
    return 0;
}

static void settle(struct machine *machine)
{
    struct ours *ours = machine->cookie;
    while (virtio_rig_run(&ours->rig)) {
    }
}

static void input(struct machine *machine, const void *bytes, size_t len)
{
    struct ours *ours = machine->cookie;
    vmmp_context_enter(&ours->device->context);
    if (machine->device == DEVICE_NET) {
        struct vmmp_iovec iov = { (void *)(uintptr_t)bytes, len };
        vmmp_virtio_net_receive(&ours->net, 0, &iov, 1);
    } else {
        vmmp_virtio_console_port_receive(&ours->console, 0, bytes, len);
    }
    vmmp_context_leave(&ours->device->context);
    settle(machine);
}

static size_t output(struct machine *machine, void *bytes, size_t room)
{
    struct ours *ours = machine->cookie;
    size_t len = ours->back_len;
    if (machine->device == DEVICE_NET) {
        len = ours->frame_count > 0 ? ours->frames[0] : 0;
        ours->frame_count -= ours->frame_count > 0;
        memmove(ours->frames, ours->frames + 1, ours->frame_count * sizeof(ours->frames[0]));
    }
    assert_true(len <= room);
    memcpy(bytes, ours->back, len);
    ours->back_len -= len;
    memmove(ours->back, ours->back + len, ours->back_len);
    return len;
}

/* ---- Devices; what QEMU's can be told, they are told too ---- */

static int make_rng(struct ours *ours)
{
    const struct vmmp_entropy entropy = { fill, NULL };
    ours->device = &ours->rng.virtio;
    return vmmp_virtio_rng_init(&ours->rng, &entropy, NULL, &ours->rig.memory, &ours->rig.log,
                                &ours->rig.host);
}

static int make_blk(struct ours *ours)
{
    static const struct vmmp_virtio_blk_options options = { .id = MACHINE_DISK_ID,
                                                            .queue_size = MACHINE_QUEUE_SIZE };
    ours->device = &ours->blk.virtio;
    memset(ours->sectors, MACHINE_DISK_BYTE, sizeof(ours->sectors));
    vmmp_blk_ram_init(&ours->disk, ours->sectors, sizeof(ours->sectors), false);
    const struct vmmp_blk_backend backend = vmmp_blk_ram_backend(&ours->disk);
    return vmmp_virtio_blk_init(&ours->blk, &backend, ours->requests, REQUESTS, &options,
                                &ours->rig.memory, &ours->rig.log, &ours->rig.host);
}

static int make_net(struct ours *ours)
{
    const struct vmmp_virtio_net_backend backend = { .transmit = transmit, .cookie = ours };
    struct vmmp_virtio_net_options options = { .pairs = 1 };
    memcpy(options.mac, machine_mac, sizeof(options.mac));
    ours->device = &ours->net.virtio;
    return vmmp_virtio_net_init(&ours->net, &backend, &options, &ours->rig.memory, &ours->rig.log,
                                &ours->rig.host);
}

static int make_console(struct ours *ours)
{
    const struct vmmp_virtio_console_ports memory = { ours->ports, ours->port_queues, PORTS,
                                                      false };
    const struct vmmp_virtio_console_backend backend = { .write = console_write, .cookie = ours };
    const struct vmmp_virtio_console_port_options console = { .backend = backend,
                                                              .is_console = true };
    const struct vmmp_virtio_console_port_options port = { .backend = backend, .name = "port" };
    ours->device = &ours->console.virtio;
    int error = vmmp_virtio_console_init_multiport(&ours->console, &memory, NULL, &ours->rig.memory,
                                                   &ours->rig.log, &ours->rig.host);
    error = error ? error : vmmp_virtio_console_port_add(&ours->console, 0, &console);
    return error ? error : vmmp_virtio_console_port_add(&ours->console, 1, &port);
}

static int make_balloon(struct ours *ours)
{
    const struct vmmp_balloon_backend backend = { .discard = discard, .cookie = ours };
    const struct vmmp_virtio_balloon_options options = { .stats = true,
                                                         .reporting = true,
                                                         .deflate_on_oom = true };
    ours->device = &ours->balloon.virtio;
    return vmmp_virtio_balloon_init(&ours->balloon, &backend, &options, &ours->rig.memory,
                                    &ours->rig.log, &ours->rig.host);
}

static int (*const makers[DEVICES])(struct ours *ours) = {
    make_rng, make_blk, make_net, make_console, make_balloon,
};

/* ---- Transports ---- */

static uint64_t config_read(void *device, uint64_t offset, unsigned size)
{
    struct ours *ours = device;
    return vmmp_pci_function_read(&ours->rig.pci.function, (unsigned)offset, size);
}

static void config_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct ours *ours = device;
    vmmp_pci_function_write(&ours->rig.pci.function, (unsigned)offset, size, value);
}

static const struct vmmp_window_ops config_ops = { config_read, config_write };

static void send(void *cookie, uint64_t address, uint32_t data)
{
    (void)cookie, (void)address, (void)data;
}

static void connect(struct machine *machine, struct ours *ours)
{
    static const struct vmmp_msi_ops msi_ops = { send };
    static const struct vmmp_msi msi = { &msi_ops, NULL };
    const struct vmmp_virtio_pci_options options = {
        .face =
            machine->face == FACE_MODERN ? VMMP_VIRTIO_PCI_MODERN : VMMP_VIRTIO_PCI_TRANSITIONAL,
        .msi = &msi,
    };
    if (machine->face == FACE_MMIO) {
        machine->registers = virtio_rig_connect(&ours->rig, ours->device, &vmmp_virtio_driver_mmio);
        machine->transport = &vmmp_virtio_driver_mmio;
        return;
    }
    assert_int_equal(vmmp_virtio_pci_init(&ours->rig.pci, ours->device, &options), 0);
    virtio_rig_plug(&ours->rig, &ours->rig.pci);
    vmmp_pci_set_command(&ours->rig.pci.function, 0x7);
    ours->config = (struct vmmp_window){
        .name = "config", .ops = &config_ops, .device = ours, .size = VMMP_PCI_CONFIG_SIZE
    };
    machine->config = &ours->config;
    bool legacy = machine->face == FACE_LEGACY;
    machine->registers = legacy ? &ours->rig.pci.legacy : &ours->rig.pci.modern;
    machine->transport = legacy ? &vmmp_virtio_driver_pci_legacy : &vmmp_virtio_driver_pci_modern;
}

static void drop_line(void *cookie, enum vmmp_log_level level, enum vmmp_log_origin origin,
                      const char *message)
{
    (void)cookie, (void)level, (void)origin, (void)message;
}

void machine_ours_make(struct machine *machine, enum machine_device device, enum machine_face face)
{
    struct ours *ours = calloc(1, sizeof(*ours));
    assert_non_null(ours);
    virtio_rig_init(&ours->rig, true, false);
    ours->rig.log.sink = drop_line;
    ours->rig.now = 1;
    *machine = (struct machine){
        .device = device,
        .face = face,
        .memory = &ours->rig.memory,
        .ram = VIRTIO_RIG_RAM,
        .ram_end = VIRTIO_RIG_RAM + VIRTIO_RIG_RAM_SIZE,
        .nowhere = VIRTIO_RIG_RAM - 0x10000,
        .cookie = ours,
        .settle = settle,
        .input = input,
        .output = output,
    };
    assert_int_equal(makers[device](ours), 0);
    connect(machine, ours);
}

void machine_ours_unmake(struct machine *machine)
{
    struct ours *ours = machine->cookie;
    virtio_rig_disconnect(&ours->rig);
    switch (machine->device) {
    case DEVICE_RNG:
        vmmp_virtio_rng_fini(&ours->rng);
        break;
    case DEVICE_BLK:
        vmmp_virtio_blk_fini(&ours->blk);
        break;
    case DEVICE_NET:
        vmmp_virtio_net_fini(&ours->net);
        break;
    case DEVICE_CONSOLE:
        vmmp_virtio_console_fini(&ours->console);
        break;
    default:
        vmmp_virtio_balloon_fini(&ours->balloon);
        break;
    }
    virtio_rig_fini(&ours->rig);
    free(ours);
}
