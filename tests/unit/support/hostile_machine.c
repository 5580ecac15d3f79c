/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/hostile_machine.h"

#include "vmmp_test.h"

#include <errno.h>

#include "virtio/virtio_spec.h"

/* RAM, from the bottom: rings and data of the attacked device; its 64 KiB; the honest one's. */
#define BUFFER       (VIRTIO_RIG_RAM + 0x300000)
#define OTHER        (VIRTIO_RIG_RAM + 0x340000)
#define OTHER_SIZE   0x80000
#define OTHER_LENGTH 64u

const char *const victim_names[VICTIMS] = {
    "console", "console with ports", "net", "blk", "rng", "balloon", "vsock"
};

/* ---- Backends that take everything ---- */

static bool fails(struct hostile_machine *machine)
{
    return ++machine->calls == machine->fail_at;
}

static size_t console_write(void *cookie, const struct vmmp_iovec *iov, unsigned count)
{
    struct hostile_machine *machine = cookie;
    size_t bytes = 0;
    for (unsigned i = 0; i < count; i++) {
        bytes += iov[i].len;
    }
    if (fails(machine)) {
        return 0;
    }
    machine->bytes += bytes;
    return bytes;
}

static bool net_transmit(void *cookie, unsigned pair, const struct vmmp_iovec *iov, unsigned count,
                         size_t len)
{
    struct hostile_machine *machine = cookie;
    size_t bytes = 0;
    (void)pair;
    for (unsigned i = 0; i < count; i++) {
        bytes += iov[i].len;
    }
    assert_int_equal(bytes, len);
    if (fails(machine)) {
        return false;
    }
    machine->bytes += len;
    return true;
}

static size_t entropy_fill(void *cookie, void *buffer, size_t len)
{
    if (cookie && fails(cookie)) {
        return 0;
    }
    memset(buffer, 0xa5, len);
    return len;
}

static int balloon_range(void *cookie, vmmp_gpa_t gpa, uint64_t len)
{
    struct hostile_machine *machine = cookie;
    assert_non_null(vmmp_guest_memory_span(machine->driver.memory, gpa, (size_t)len));
    if (fails(machine)) {
        return -EIO;
    }
    machine->bytes += len;
    return 0;
}

static void balloon_hinted(void *cookie, vmmp_gpa_t gpa, uint64_t len, bool in_kick)
{
    (void)in_kick;
    balloon_range(cookie, gpa, len);
}

static bool vsock_packet(void *cookie, const struct vmmp_vsock_packet *packet,
                         const struct vmmp_iovec *payload, unsigned count)
{
    struct hostile_machine *machine = cookie;
    size_t bytes = 0;
    for (unsigned i = 0; i < count; i++) {
        bytes += payload[i].len;
    }
    assert_int_equal(bytes, packet->len);
    if (fails(machine)) {
        return false;
    }
    machine->bytes += bytes;
    return true;
}

static bool vsock_fill(void *cookie, struct vmmp_vsock_packet *packet,
                       const struct vmmp_iovec *room, unsigned count, uint32_t size)
{
    struct hostile_machine *machine = cookie;
    if (machine->packets == 0) {
        return false;
    }
    machine->packets--;
    (void)size;
    if (fails(machine)) {
        return false;
    }
    *packet = (struct vmmp_vsock_packet){ .src_cid = 2, .dst_cid = 7, .type = 1, .op = 5 };
    packet->len = count > 0 ? (uint32_t)room[0].len : 0;
    if (count > 0) {
        memset(room[0].base, 0x5a, room[0].len);
    }
    return true;
}

static void disk_info(void *cookie, struct vmmp_blk_info *info)
{
    const struct hostile_machine *machine = cookie;
    machine->whole_disk.ops->info(machine->whole_disk.cookie, info);
}

static void disk_submit(void *cookie, struct vmmp_blk_request *request)
{
    struct hostile_machine *machine = cookie;
    if (fails(machine)) {
        vmmp_blk_complete(request, -EIO);
    } else {
        vmmp_blk_submit(&machine->whole_disk, request);
    }
}

static const struct vmmp_blk_ops disk_ops = { .info = disk_info, .submit = disk_submit };

/* ---- What makes a device look at a queue that it fills ---- */

static void provoke(void *cookie, unsigned queue)
{
    static uint8_t frame[64];
    struct hostile_machine *machine = cookie;
    const struct vmmp_iovec iov = { frame, sizeof(frame) };

    vmmp_context_enter(&machine->device->context);
    switch (machine->kind) {
    case VICTIM_CONSOLE:
        vmmp_virtio_console_receive(&machine->console, "input", 5);
        break;
    case VICTIM_CONSOLE_PORTS:
        vmmp_virtio_console_port_receive(&machine->console, queue / 4, "input", 5);
        vmmp_virtio_console_port_resize(&machine->console, 0, 80, 24);
        break;
    case VICTIM_NET:
        memset(frame, 0xff, 6); /* To all. */
        vmmp_virtio_net_receive(&machine->net, 0, &iov, 1);
        break;
    case VICTIM_VSOCK:
        machine->packets = 1;
        vmmp_virtio_vsock_wake(&machine->vsock);
        break;
    case VICTIM_BALLOON:
        vmmp_virtio_balloon_ask_stats(&machine->balloon);
        break;
    default:
        break;
    }
    vmmp_context_leave(&machine->device->context);
}

static void settle(void *cookie)
{
    struct hostile_machine *machine = cookie;
    for (unsigned i = 0; virtio_rig_run(&machine->rig); i++) {
        assert_true(i < 1000); /* Bounded work: nothing comes back for ever. */
    }
}

void hostile_machine_settle(struct hostile_machine *machine)
{
    settle(machine);
    vmmp_context_enter(&machine->device->context);
    switch (machine->kind) {
    case VICTIM_CONSOLE:
    case VICTIM_CONSOLE_PORTS:
        vmmp_virtio_console_writable(&machine->console);
        break;
    case VICTIM_NET:
        vmmp_virtio_net_writable(&machine->net);
        break;
    case VICTIM_RNG:
        vmmp_virtio_rng_ready(&machine->rng);
        break;
    case VICTIM_VSOCK:
        vmmp_virtio_vsock_resume(&machine->vsock);
        vmmp_virtio_vsock_wake(&machine->vsock);
        break;
    default:
        break;
    }
    vmmp_context_leave(&machine->device->context);
    settle(machine);
}

/* ---- The machine ---- */

static int make_console(struct hostile_machine *machine, bool ports)
{
    const struct vmmp_virtio_console_backend backend = { .write = console_write,
                                                         .cookie = machine };
    machine->device = &machine->console.virtio;
    if (!ports) {
        return vmmp_virtio_console_init(&machine->console, &backend, NULL, &machine->rig.memory,
                                        &machine->rig.log, &machine->rig.host);
    }
    const struct vmmp_virtio_console_ports memory = { machine->ports, machine->port_queues,
                                                      HOSTILE_PORTS, false };
    int error =
        vmmp_virtio_console_init_multiport(&machine->console, &memory, NULL, &machine->rig.memory,
                                           &machine->rig.log, &machine->rig.host);
    for (unsigned i = 0; !error && i < HOSTILE_PORTS; i++) {
        const struct vmmp_virtio_console_port_options options = { .backend = backend,
                                                                  .is_console = i == 0,
                                                                  .name = i ? "port" : NULL };
        error = vmmp_virtio_console_port_add(&machine->console, i, &options);
    }
    return error;
}

static int make_net(struct hostile_machine *machine)
{
    const struct vmmp_virtio_net_backend backend = { .transmit = net_transmit, .cookie = machine };
    const struct vmmp_virtio_net_options options = { .mac = { 2, 1, 2, 3, 4, 5 }, .pairs = 1 };
    machine->device = &machine->net.virtio;
    return vmmp_virtio_net_init(&machine->net, &backend, &options, &machine->rig.memory,
                                &machine->rig.log, &machine->rig.host);
}

static int make_blk(struct hostile_machine *machine)
{
    static const struct vmmp_virtio_blk_options options;
    machine->device = &machine->blk.virtio;
    vmmp_blk_ram_init(&machine->disk, machine->disk_memory, HOSTILE_DISK, false);
    machine->whole_disk = vmmp_blk_ram_backend(&machine->disk);
    const struct vmmp_blk_backend backend = { &disk_ops, machine };
    return vmmp_virtio_blk_init(&machine->blk, &backend, machine->requests, HOSTILE_REQUESTS,
                                &options, &machine->rig.memory, &machine->rig.log,
                                &machine->rig.host);
}

static int make_rng(struct hostile_machine *machine, struct vmmp_virtio_rng *rng)
{
    /* The honest one's source does not fail. */
    const struct vmmp_entropy entropy = { entropy_fill, rng == &machine->rng ? machine : NULL };
    return vmmp_virtio_rng_init(rng, &entropy, NULL, &machine->rig.memory, &machine->rig.log,
                                &machine->rig.host);
}

static int make_balloon(struct hostile_machine *machine)
{
    const struct vmmp_balloon_backend backend = { .discard = balloon_range,
                                                  .hinted = balloon_hinted,
                                                  .cookie = machine };
    const struct vmmp_virtio_balloon_options options = { .stats = true,
                                                         .reporting = true,
                                                         .hinting = true };
    machine->device = &machine->balloon.virtio;
    return vmmp_virtio_balloon_init(&machine->balloon, &backend, &options, &machine->rig.memory,
                                    &machine->rig.log, &machine->rig.host);
}

static int make_vsock(struct hostile_machine *machine)
{
    const struct vmmp_vsock_peer peer = { .packet = vsock_packet,
                                          .fill = vsock_fill,
                                          .cookie = machine };
    const struct vmmp_virtio_vsock_options options = { .guest_cid = 7, .seqpacket = true };
    machine->device = &machine->vsock.virtio;
    return vmmp_virtio_vsock_init(&machine->vsock, &peer, NULL, &options, &machine->rig.memory,
                                  &machine->rig.log, &machine->rig.host);
}

static int make_victim(struct hostile_machine *machine)
{
    switch (machine->kind) {
    case VICTIM_CONSOLE:
        return make_console(machine, false);
    case VICTIM_CONSOLE_PORTS:
        return make_console(machine, true);
    case VICTIM_NET:
        return make_net(machine);
    case VICTIM_BLK:
        return make_blk(machine);
    case VICTIM_RNG:
        machine->device = &machine->rng.virtio;
        return make_rng(machine, &machine->rng);
    case VICTIM_BALLOON:
        return make_balloon(machine);
    default:
        return make_vsock(machine);
    }
}

static void make_other(struct hostile_machine *machine)
{
    assert_int_equal(make_rng(machine, &machine->other), 0);
    assert_int_equal(vmmp_virtio_mmio_init(&machine->other_mmio, &machine->other.virtio,
                                           &machine->rig.line, NULL),
                     0);
    virtio_driver_init(&machine->other_driver, &virtio_driver_mmio, &machine->other_mmio.window,
                       &machine->rig.memory, OTHER, OTHER_SIZE);
    machine->other_buffer = virtio_driver_alloc(&machine->other_driver, 4096, 4096);
    assert_true(virtio_driver_start(&machine->other_driver, UINT64_MAX, 1));
}

static void discard_line(void *cookie, enum vmmp_log_level level, enum vmmp_log_origin origin,
                         const char *message)
{
    struct virtio_rig *rig = cookie;
    (void)level, (void)origin, (void)message;
    rig->messages++;
}

struct hostile_machine *hostile_machine_make(enum victim kind,
                                             const struct virtio_driver_transport *transport,
                                             bool defers, bool packed)
{
    struct hostile_machine *machine = calloc(1, sizeof(*machine));
    assert_non_null(machine);
    machine->kind = kind;
    virtio_rig_init(&machine->rig, defers, false);
    machine->rig.log.sink = discard_line;
    machine->rig.now = 1;
    assert_int_equal(make_victim(machine), 0);
    struct vmmp_window *window = virtio_rig_connect(&machine->rig, machine->device, transport);
    virtio_driver_init(&machine->driver, transport, window, &machine->rig.memory, VIRTIO_RIG_RAM,
                       BUFFER - VIRTIO_RIG_RAM);
    machine->driver.rings = packed ? UINT64_C(1) << VIRTIO_F_RING_PACKED : 0;
    machine->hostile = (struct vmmp_virtio_hostile){
        .driver = &machine->driver,
        .wanted = UINT64_MAX,
        .queues = machine->device->queue_count,
        .buffer = BUFFER,
        .ram_end = VIRTIO_RIG_RAM + VIRTIO_RIG_RAM_SIZE,
        .nowhere = VIRTIO_RIG_RAM - 0x10000,
        .function = transport == &virtio_driver_mmio ? NULL : &machine->rig.pci.function,
        .provoke = provoke,
        .settle = settle,
        .cookie = machine,
    };
    make_other(machine);
    return machine;
}

static void fini_victim(struct hostile_machine *machine)
{
    switch (machine->kind) {
    case VICTIM_CONSOLE:
    case VICTIM_CONSOLE_PORTS:
        vmmp_virtio_console_fini(&machine->console);
        break;
    case VICTIM_NET:
        vmmp_virtio_net_fini(&machine->net);
        break;
    case VICTIM_BLK:
        vmmp_virtio_blk_fini(&machine->blk);
        break;
    case VICTIM_RNG:
        vmmp_virtio_rng_fini(&machine->rng);
        break;
    case VICTIM_BALLOON:
        vmmp_virtio_balloon_fini(&machine->balloon);
        break;
    default:
        vmmp_virtio_vsock_fini(&machine->vsock);
        break;
    }
}

void hostile_machine_unmake(struct hostile_machine *machine)
{
    virtio_rig_disconnect(&machine->rig);
    fini_victim(machine);
    vmmp_virtio_mmio_fini(&machine->other_mmio);
    vmmp_virtio_rng_fini(&machine->other);
    virtio_rig_fini(&machine->rig);
    free(machine);
}

/* Queues that a device does not look at though it is kicked and provoked. */
static bool looks(const struct hostile_machine *machine, unsigned queue)
{
    switch (machine->kind) {
    case VICTIM_CONSOLE_PORTS:
        return queue == 3 || queue == 1; /* The others only when the driver has said it is ready. */
    case VICTIM_VSOCK:
        return queue < 2;
    case VICTIM_BALLOON:
        return queue < 2;
    default:
        return true;
    }
}

void hostile_machine_aim(struct hostile_machine *machine, unsigned queue)
{
    machine->hostile.queue = queue;
    machine->hostile.looks = looks(machine, queue);
}

void hostile_machine_check_other(struct hostile_machine *machine)
{
    struct virtio_driver *driver = &machine->other_driver;
    const struct virtio_driver_buffer buffer = { machine->other_buffer, OTHER_LENGTH, true };
    uint8_t *bytes = virtio_driver_at(driver, machine->other_buffer, OTHER_LENGTH + 1);
    uint32_t id;
    uint32_t len;

    memset(bytes, 0, OTHER_LENGTH + 1);
    virtio_driver_add(driver, 0, &buffer, 1);
    virtio_driver_kick(driver, 0);
    settle(machine);
    if (!virtio_driver_used(driver, 0, &id, &len) || len != OTHER_LENGTH || bytes[0] != 0xa5 ||
        bytes[OTHER_LENGTH - 1] != 0xa5 || bytes[OTHER_LENGTH] != 0) {
        fail_msg("%s: the honest device does not work any more", victim_names[machine->kind]);
    }
    driver->transport->isr(driver->device);
}
