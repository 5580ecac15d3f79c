/* SPDX-License-Identifier: BSD-2-Clause */
/* What a driver reads and writes before there are rings. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "script.h"
#include "virtio/virtio_mmio_spec.h"
#include "virtio/virtio_pci_spec.h"
#include "virtio/virtio_spec.h"

/* ---- PCI configuration space ---- */

static uint32_t config(struct run *run, unsigned offset, unsigned size)
{
    return (uint32_t)vmmp_window_read(run->machine->config, offset, size);
}

static void set_config(struct run *run, unsigned offset, unsigned size, uint32_t value)
{
    vmmp_window_write(run->machine->config, offset, size, value);
}

static void note_bars(struct run *run)
{
    for (unsigned i = 0; i < 6; i++) {
        unsigned offset = 0x10 + 4 * i;
        uint32_t was = config(run, offset, 4);
        set_config(run, offset, 4, UINT32_MAX);
        uint32_t mask = config(run, offset, 4);
        set_config(run, offset, 4, was);
        uint32_t type = mask & 1 ? 1 : mask & 0xf;
        uint32_t size = mask ? ~(mask & (mask & 1 ? ~3u : ~15u)) + 1 : 0;
        note(run, step("BAR %u type", i), "%x", type);
        note(run, step("BAR %u size", i), "%x", size);
        i += !(mask & 1) && (mask & 4);
    }
}

static void note_capability(struct run *run, unsigned at)
{
    unsigned id = config(run, at, 1);
    if (id == 0x11) {
        note(run, "MSI-X vectors", "%u", (config(run, at + 2, 2) & 0x7ff) + 1);
        note(run, "MSI-X table", "%x", config(run, at + 4, 4));
        note(run, "MSI-X pending bits", "%x", config(run, at + 8, 4));
    }
    if (id != VIRTIO_PCI_CAP_VENDOR_ID) {
        return;
    }
    static const char *const names[] = { "", "common", "notify", "ISR", "device", "access" };
    unsigned type = config(run, at + 3, 1);
    const char *name = type < 6 ? names[type] : "unknown";
    note(run, step("%s structure", name), "%u bytes in BAR %u from %x length %x",
         config(run, at + 2, 1), config(run, at + VIRTIO_PCI_CAP_BAR, 1),
         config(run, at + VIRTIO_PCI_CAP_OFFSET, 4), config(run, at + VIRTIO_PCI_CAP_LENGTH, 4));
    if (type == VIRTIO_PCI_CAP_NOTIFY_CFG) {
        note(run, "notify multiplier", "%u", config(run, at + VIRTIO_PCI_CAP_EXTRA, 4));
    }
}

static void note_capabilities(struct run *run)
{
    char list[64] = "";
    size_t used = 0;
    unsigned at = config(run, 0x34, 1);
    for (unsigned i = 0; at && i < 16; i++) {
        unsigned id = config(run, at, 1);
        used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%x", used ? " " : "", id);
        if (id == VIRTIO_PCI_CAP_VENDOR_ID) {
            used +=
                (size_t)snprintf(list + used, sizeof(list) - used, "/%u", config(run, at + 3, 1));
        }
        note_capability(run, at);
        at = config(run, at + 1, 1);
    }
    note(run, "capabilities", "%s", list);
}

static void note_header(struct run *run)
{
    static const struct {
        const char *name;
        unsigned offset, size;
    } fields[] = {
        { "vendor", 0, 2 },
        { "device", 2, 2 },
        { "command", 4, 2 },
        { "status", 6, 2 },
        { "revision", 8, 1 },
        { "interface", 9, 1 },
        { "class", 10, 2 },
        { "cache line", 12, 1 },
        { "latency", 13, 1 },
        { "header type", 14, 1 },
        { "BIST", 15, 1 },
        { "CardBus", 0x28, 4 },
        { "subsystem vendor", 0x2c, 2 },
        { "subsystem", 0x2e, 2 },
        { "ROM", 0x30, 4 },
        { "reserved 35", 0x35, 1 },
        { "reserved 38", 0x38, 4 },
        { "interrupt pin", 0x3d, 1 },
        { "min grant", 0x3e, 1 },
        { "max latency", 0x3f, 1 },
    };
    for (unsigned i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        note(run, fields[i].name, "%x", config(run, fields[i].offset, fields[i].size));
    }
    set_config(run, 4, 2, 0xffff);
    note(run, "command with all bits", "%x", config(run, 4, 2));
    set_config(run, 4, 2, 0x7);
    for (unsigned i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if (strchr("vdricsm", fields[i].name[0]) && fields[i].offset != 4) {
            set_config(run, fields[i].offset, fields[i].size, 0);
            note(run, step("%s after writing 0", fields[i].name), "%x",
                 config(run, fields[i].offset, fields[i].size));
        }
    }
    set_config(run, 0x3c, 1, 0xb);
    note(run, "interrupt line", "%x", config(run, 0x3c, 1));
}

void play_identity(struct run *run)
{
    if (!run->machine->config) {
        note(run, "magic", "%" PRIx64, peek(run, VIRTIO_MMIO_MAGIC, 4));
        note(run, "version", "%" PRIx64, peek(run, VIRTIO_MMIO_VERSION, 4));
        note(run, "device", "%" PRIx64, peek(run, VIRTIO_MMIO_DEVICE_ID, 4));
        note(run, "vendor", "%" PRIx64, peek(run, VIRTIO_MMIO_VENDOR_ID, 4));
        return;
    }
    note_header(run);
    note_bars(run);
    note_capabilities(run);
}

/* ---- Features and status ---- */

void play_features(struct run *run)
{
    const struct vmmp_virtio_driver_transport *transport = run->machine->transport;
    uint64_t offered = transport->features(run->machine->registers);
    for (unsigned i = 0; i < (transport->legacy ? 32u : 64u); i++) {
        note(run, step("bit %u", i), "%u", (unsigned)(offered >> i & 1));
    }
    if (transport->legacy) {
        return;
    }
    const struct {
        const char *name;
        uint64_t features;
    } sets[] = {
        { "none", 0 },
        { "VERSION_1", BIT(VIRTIO_F_VERSION_1) },
        { "all but VERSION_1", offered & ~BIT(VIRTIO_F_VERSION_1) },
        { "all", offered },
        { "all and one not offered", offered | BIT(60) },
        { "VERSION_1 and one not offered", BIT(VIRTIO_F_VERSION_1) | BIT(47) },
    };
    for (unsigned i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
        reset(run);
        set_status(run, 1);
        set_status(run, 3);
        transport->set_features(run->machine->registers, sets[i].features);
        set_status(run, 0xb);
        note(run, step("FEATURES_OK with %s", sets[i].name), "%x", status(run));
    }
}

static void note_status(struct run *run, const char *name, const uint8_t *writes, unsigned count,
                        bool version_1)
{
    char values[64] = "";
    size_t used = 0;
    reset(run);
    for (unsigned i = 0; i < count; i++) {
        if ((writes[i] & VIRTIO_STATUS_FEATURES_OK) && version_1) {
            run->machine->transport->set_features(run->machine->registers, BIT(VIRTIO_F_VERSION_1));
        }
        set_status(run, writes[i]);
        used += (size_t)snprintf(values + used, sizeof(values) - used, "%s%x", used ? " " : "",
                                 status(run));
    }
    note(run, name, "%s", values);
}

void play_status(struct run *run)
{
    static const struct {
        const char *name;
        uint8_t writes[6];
        uint8_t count;
        bool legacy;
    } rows[] = {
        { "one by one", { 1, 3, 0xb, 0xf, 0 }, 5, false },
        { "one by one", { 1, 3, 7, 0 }, 4, true },
        { "DRIVER_OK without FEATURES_OK", { 1, 3, 7 }, 3, false },
        { "all at once", { 0xf }, 1, false },
        { "FEATURES_OK alone", { 8 }, 1, false },
        { "DRIVER_OK alone", { 4 }, 1, true },
        { "FEATURES_OK twice", { 3, 0xb, 0xb, 0xf }, 4, false },
        { "bits taken back", { 1, 3, 1 }, 3, true },
        { "DRIVER_OK taken back", { 1, 3, 0xb, 0xf, 0xb, 0xf }, 6, false },
        { "FEATURES_OK taken back", { 1, 3, 0xb, 3, 0xb, 0xf }, 6, false },
        { "FAILED", { 1, 3, 0x83, 3 }, 4, true },
        { "FAILED while working", { 1, 3, 0xb, 0xf, 0x8f }, 5, false },
        { "NEEDS_RESET by the driver", { 1, 3, 0x43 }, 3, true },
        { "bits that mean nothing", { 1, 0x31, 0x33 }, 3, true },
        { "all bits", { 0xff, 0 }, 2, true },
    };
    bool legacy = run->machine->transport->legacy;
    note(run, "at first", "%x", status(run));
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (!legacy && rows[i].legacy && i == 1) {
            continue; /* It has the same name as the modern one. */
        }
        if (!legacy || rows[i].legacy) {
            note_status(run, rows[i].name, rows[i].writes, rows[i].count, !legacy);
        }
    }
}

/* ---- The modern interface on PCI ---- */

/* Number of queues whose registers are looked at. */
#define QUEUES 6u

static void note_register(struct run *run, const char *name, unsigned offset, unsigned size)
{
    note(run, name, "%" PRIx64, peek(run, offset, size));
}

static void select_queue(struct run *run, unsigned queue)
{
    poke(run, VIRTIO_PCI_COMMON_Q_SELECT, 2, queue);
}

static void note_common(struct run *run)
{
    note_register(run, "device feature select", VIRTIO_PCI_COMMON_DFSELECT, 4);
    note_register(run, "driver feature select", VIRTIO_PCI_COMMON_GFSELECT, 4);
    note_register(run, "configuration vector", VIRTIO_PCI_COMMON_MSIX, 2);
    note_register(run, "number of queues", VIRTIO_PCI_COMMON_NUMQ, 2);
    note_register(run, "generation", VIRTIO_PCI_COMMON_CFGGENERATION, 1);
    poke(run, VIRTIO_PCI_COMMON_DFSELECT, 4, 2);
    note_register(run, "device features of window 2", VIRTIO_PCI_COMMON_DF, 4);
    poke(run, VIRTIO_PCI_COMMON_DFSELECT, 4, 0xffffffff);
    note_register(run, "device feature select of the last window", VIRTIO_PCI_COMMON_DFSELECT, 4);
    note_register(run, "device features of the last window", VIRTIO_PCI_COMMON_DF, 4);
    poke(run, VIRTIO_PCI_COMMON_DFSELECT, 4, 1);
    note_register(run, "high device features in bytes 1", VIRTIO_PCI_COMMON_DF + 1, 1);
    poke(run, VIRTIO_PCI_COMMON_GFSELECT, 4, 1);
    poke(run, VIRTIO_PCI_COMMON_GF, 4, 1);
    note_register(run, "driver features of window 1", VIRTIO_PCI_COMMON_GF, 4);
    poke(run, VIRTIO_PCI_COMMON_GFSELECT, 4, 2);
    note_register(run, "driver features of window 2", VIRTIO_PCI_COMMON_GF, 4);
    poke(run, VIRTIO_PCI_COMMON_NUMQ, 2, 1);
    note_register(run, "number of queues after writing it", VIRTIO_PCI_COMMON_NUMQ, 2);
    poke(run, VIRTIO_PCI_COMMON_MSIX, 2, 0);
    note_register(run, "configuration vector 0 without MSI-X", VIRTIO_PCI_COMMON_MSIX, 2);
    poke(run, VIRTIO_PCI_COMMON_MSIX, 2, 0x700);
    note_register(run, "configuration vector that there is not", VIRTIO_PCI_COMMON_MSIX, 2);
}

static void note_queue(struct run *run, unsigned i)
{
    select_queue(run, i);
    note(run, step("queue %u size", i), "%" PRIx64, peek(run, VIRTIO_PCI_COMMON_Q_SIZE, 2));
    note(run, step("queue %u vector", i), "%" PRIx64, peek(run, VIRTIO_PCI_COMMON_Q_MSIX, 2));
    note(run, step("queue %u enabled", i), "%" PRIx64, peek(run, VIRTIO_PCI_COMMON_Q_ENABLE, 2));
    note(run, step("queue %u notify offset", i), "%" PRIx64,
         peek(run, VIRTIO_PCI_COMMON_Q_NOFF, 2));
    note(run, step("queue %u addresses", i), "%" PRIx64 " %" PRIx64 " %" PRIx64,
         peek(run, VIRTIO_PCI_COMMON_Q_DESCLO, 4), peek(run, VIRTIO_PCI_COMMON_Q_AVAILLO, 4),
         peek(run, VIRTIO_PCI_COMMON_Q_USEDHI, 4));
}

static void note_queue_writes(struct run *run)
{
    static const uint16_t sizes[] = { 8, 32, 0, 3, 24, 0x400, 0x8000, 0xffff };
    select_queue(run, 0);
    note(run, "queue chosen", "%" PRIx64, peek(run, VIRTIO_PCI_COMMON_Q_SELECT, 2));
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        reset(run);
        select_queue(run, 0);
        poke(run, VIRTIO_PCI_COMMON_Q_SIZE, 2, sizes[i]);
        note(run, step("size after writing %x", sizes[i]), "%" PRIx64,
             peek(run, VIRTIO_PCI_COMMON_Q_SIZE, 2));
    }
    reset(run);
    select_queue(run, 0);
    poke(run, VIRTIO_PCI_COMMON_Q_DESCLO, 4, 0x12345000);
    poke(run, VIRTIO_PCI_COMMON_Q_DESCHI, 4, 0x9);
    note_register(run, "table address low", VIRTIO_PCI_COMMON_Q_DESCLO, 4);
    note_register(run, "table address high", VIRTIO_PCI_COMMON_Q_DESCHI, 4);
    poke(run, VIRTIO_PCI_COMMON_Q_ENABLE, 2, 0);
    note_register(run, "enabled after writing 0", VIRTIO_PCI_COMMON_Q_ENABLE, 2);
    poke(run, VIRTIO_PCI_COMMON_Q_ENABLE, 2, 2);
    note_register(run, "enabled after writing 2", VIRTIO_PCI_COMMON_Q_ENABLE, 2);
    poke(run, VIRTIO_PCI_COMMON_Q_RESET, 2, 1);
    note_register(run, "reset of a queue not enabled", VIRTIO_PCI_COMMON_Q_RESET, 2);
    reset(run);
    select_queue(run, 0);
    note_register(run, "table address after a reset", VIRTIO_PCI_COMMON_Q_DESCLO, 4);
}

static void note_widths(struct run *run)
{
    note_register(run, "two registers at once", VIRTIO_PCI_COMMON_MSIX, 4);
    note_register(run, "half of a register", VIRTIO_PCI_COMMON_NUMQ, 1);
    note_register(run, "other half of a register", VIRTIO_PCI_COMMON_NUMQ + 1, 1);
    note_register(run, "status and generation at once", VIRTIO_PCI_COMMON_STATUS, 2);
    note_register(run, "notification data", VIRTIO_PCI_COMMON_Q_NDATA, 2);
    note_register(run, "queue reset", VIRTIO_PCI_COMMON_Q_RESET, 2);
    note_register(run, "behind the registers", VIRTIO_PCI_COMMON_SIZE, 4);
    note_register(run, "far behind the registers", 0x200, 4);
    note_register(run, "ISR", MODERN_ISR * MODERN_PAGE, 1);
    note_register(run, "ISR as 4 bytes", MODERN_ISR * MODERN_PAGE, 4);
    note_register(run, "behind the ISR", MODERN_ISR * MODERN_PAGE + 8, 4);
    note_register(run, "a notification register read", MODERN_NOTIFY * MODERN_PAGE, 2);
}

void play_registers(struct run *run)
{
    note_common(run);
    reset(run);
    for (unsigned i = 0; i < QUEUES; i++) {
        note_queue(run, i);
    }
    select_queue(run, 0xffff);
    note_register(run, "size of a queue that cannot be", VIRTIO_PCI_COMMON_Q_SIZE, 2);
    note_register(run, "the queue that cannot be", VIRTIO_PCI_COMMON_Q_SELECT, 2);
    note_queue_writes(run);
    note_widths(run);
    note(run, "status at the end", "%x", status(run));
}

/* ---- The legacy interface ---- */

void play_legacy_registers(struct run *run)
{
    for (unsigned i = 0; i < QUEUES; i++) {
        poke(run, VIRTIO_PCI_QUEUE_SEL, 2, i);
        note(run, step("queue %u size", i), "%" PRIx64, peek(run, VIRTIO_PCI_QUEUE_NUM, 2));
        note(run, step("queue %u page", i), "%" PRIx64, peek(run, VIRTIO_PCI_QUEUE_PFN, 4));
    }
    poke(run, VIRTIO_PCI_QUEUE_SEL, 2, 0xffff);
    note_register(run, "size of a queue that cannot be", VIRTIO_PCI_QUEUE_NUM, 2);
    poke(run, VIRTIO_PCI_QUEUE_SEL, 2, 0);
    poke(run, VIRTIO_PCI_QUEUE_NUM, 2, 8);
    note_register(run, "size after writing it", VIRTIO_PCI_QUEUE_NUM, 2);
    poke(run, VIRTIO_PCI_QUEUE_PFN, 4, (run->mark >> 12) & 0xffffffff);
    note(run, "page", "%" PRIx64, peek(run, VIRTIO_PCI_QUEUE_PFN, 4) - (run->mark >> 12));
    poke(run, VIRTIO_PCI_QUEUE_PFN, 4, 0);
    note_register(run, "page after writing 0", VIRTIO_PCI_QUEUE_PFN, 4);
    note_register(run, "ISR", VIRTIO_PCI_ISR, 1);
    note_register(run, "driver features", VIRTIO_PCI_GUEST_FEATURES, 4);
    poke(run, VIRTIO_PCI_GUEST_FEATURES, 4, 1u << 28);
    note_register(run, "driver features after writing them", VIRTIO_PCI_GUEST_FEATURES, 4);
    note_register(run, "a notification register read", VIRTIO_PCI_QUEUE_NOTIFY, 2);
    note_register(run, "status and ISR at once", VIRTIO_PCI_STATUS, 2);
    note_register(run, "queue number in 4 bytes", VIRTIO_PCI_QUEUE_NUM, 4);
    note_register(run, "first byte of the features", VIRTIO_PCI_HOST_FEATURES, 1);
    poke(run, VIRTIO_PCI_QUEUE_NOTIFY, 2, 77);
    note(run, "status after a kick of no queue", "%x", status(run));
}

/* ---- MMIO ---- */

void play_mmio_registers(struct run *run)
{
    static const struct {
        const char *name;
        unsigned offset;
    } rest[] = {
        { "device features selector read", VIRTIO_MMIO_DEVICE_FEATURES_SEL },
        { "driver features read", VIRTIO_MMIO_DRIVER_FEATURES },
        { "driver features selector read", VIRTIO_MMIO_DRIVER_FEATURES_SEL },
        { "queue selector read", VIRTIO_MMIO_QUEUE_SEL },
        { "queue size read", VIRTIO_MMIO_QUEUE_NUM },
        { "queue ready", VIRTIO_MMIO_QUEUE_READY },
        { "notification read", VIRTIO_MMIO_QUEUE_NOTIFY },
        { "interrupt status", VIRTIO_MMIO_INTERRUPT_STATUS },
        { "interrupt acknowledge read", VIRTIO_MMIO_INTERRUPT_ACK },
        { "table address read", VIRTIO_MMIO_QUEUE_DESC_LOW },
        { "used address read", VIRTIO_MMIO_QUEUE_DEVICE_HIGH },
        { "shared memory length low", 0xb0 },
        { "shared memory length high", 0xb4 },
        { "shared memory base low", 0xb8 },
        { "shared memory base high", 0xbc },
        { "reserved", 0x58 },
    };
    for (unsigned i = 0; i < QUEUES; i++) {
        poke(run, VIRTIO_MMIO_QUEUE_SEL, 4, i);
        note(run, step("queue %u size", i), "%" PRIx64, peek(run, VIRTIO_MMIO_QUEUE_NUM_MAX, 4));
    }
    poke(run, VIRTIO_MMIO_QUEUE_SEL, 4, 0xffffffff);
    note_register(run, "size of a queue that cannot be", VIRTIO_MMIO_QUEUE_NUM_MAX, 4);
    poke(run, VIRTIO_MMIO_QUEUE_SEL, 4, 0);
    for (unsigned i = 0; i < sizeof(rest) / sizeof(rest[0]); i++) {
        note_register(run, rest[i].name, rest[i].offset, 4);
    }
    poke(run, VIRTIO_MMIO_QUEUE_READY, 4, 0);
    note_register(run, "ready after writing 0", VIRTIO_MMIO_QUEUE_READY, 4);
    note_register(run, "magic as 1 byte", VIRTIO_MMIO_MAGIC, 1);
    note_register(run, "magic as 2 bytes", VIRTIO_MMIO_MAGIC, 2);
    note_register(run, "status as 1 byte", VIRTIO_MMIO_STATUS, 1);
    note(run, "status at the end", "%x", status(run));
}

/* ---- Device configuration ---- */

#define CONFIG_BYTES 64u

static void note_bytes(struct run *run, const char *name, unsigned from)
{
    char bytes[40] = "";
    size_t used = 0;
    for (unsigned i = 0; i < 8; i++) {
        uint64_t byte = run->machine->transport->config_read(run->machine->registers, from + i, 1);
        used += (size_t)snprintf(bytes + used, sizeof(bytes) - used, "%s%02x", i ? " " : "",
                                 (unsigned)byte);
    }
    note(run, step("%s %u to %u", name, from, from + 7), "%s", bytes);
}

void play_configuration(struct run *run)
{
    const struct vmmp_virtio_driver_transport *transport = run->machine->transport;
    struct vmmp_window *window = run->machine->registers;
    /* Of the ports there are 64 with ours; what is behind them is nobody's. */
    unsigned bytes = transport->legacy ? 40 : CONFIG_BYTES;
    for (unsigned i = 0; i < bytes; i += 8) {
        note_bytes(run, "bytes", i);
    }
    for (unsigned size = 2; size <= 4; size += 2) {
        for (unsigned offset = 0; offset <= 12; offset += 4) {
            note(run, step("%u bytes at %u", size, offset), "%" PRIx64,
                 transport->config_read(window, offset, size));
        }
        note(run, step("%u bytes at 1", size), "%" PRIx64, transport->config_read(window, 1, size));
    }
    if (!transport->legacy) {
        note(run, "far behind", "%" PRIx64, transport->config_read(window, 0xe0, 4));
    }
    for (unsigned offset = 0; offset < 16; offset += 4) {
        uint64_t was = transport->config_read(window, offset, 4);
        transport->config_write(window, offset, 4, 0x01020304);
        note(run, step("after writing 4 bytes at %u", offset), "%" PRIx64,
             transport->config_read(window, offset, 4));
        transport->config_write(window, offset, 4, was);
        note(run, step("after writing them back at %u", offset), "%" PRIx64,
             transport->config_read(window, offset, 4));
    }
    note(run, "status at the end", "%x", status(run));
}
