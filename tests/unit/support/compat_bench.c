/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/compat_bench.h"

#include <string.h>

#include "compat/compat_pci.h"

#define BUFFERS_SIZE 0x60000

/* What is made lives for ever: kept here, so that nothing counts as lost. */
static void *kept[128];
static unsigned kept_count;

static void keep(void *made)
{
    kept[kept_count++ % (sizeof(kept) / sizeof(kept[0]))] = made;
}

uint64_t compat_bench_in(struct compat_bench *bench, unsigned offset, unsigned size)
{
    unsigned value = 0;
    assert_int_equal(emulate_io_handler(bench->ports, bench->iobase + offset, true, size, &value),
                     0);
    return value;
}

void compat_bench_out(struct compat_bench *bench, unsigned offset, unsigned size, uint64_t value)
{
    unsigned data = (unsigned)value;
    assert_int_equal(emulate_io_handler(bench->ports, bench->iobase + offset, false, size, &data),
                     0);
}

uint32_t compat_bench_pci(struct compat_bench *bench, unsigned device, unsigned offset,
                          unsigned size)
{
    bool failed = false;
    const vmm_pci_address_t address = { 0, (uint8_t)device, 0 };
    uint32_t value = (uint32_t)vmmp_compat_pci_read(bench->pci, address, offset, size, &failed);
    assert_false(failed);
    return value;
}

/* ---- The device's ports, as a window for the driver ---- */

static uint64_t ports_read(void *bench, uint64_t offset, unsigned size)
{
    return compat_bench_in(bench, (unsigned)offset, size);
}

static void ports_write(void *bench, uint64_t offset, unsigned size, uint64_t value)
{
    compat_bench_out(bench, (unsigned)offset, size, value);
}

static const struct vmmp_window_ops ports_ops = { ports_read, ports_write };

/* ---- The VM ---- */

void compat_bench_init(struct compat_bench *bench)
{
    fixture_init(&bench->f, NULL);
    assert_int_equal(vmm_pci_init(&bench->pci), 0);
    assert_int_equal(vmm_io_port_init(&bench->ports, 0x1000), 0);
    keep(bench->pci);
    keep(bench->ports);
    assert_int_equal(vmmp_compat_set_log(&bench->f.vm, &bench->f.log), 0);
}

void compat_bench_fini(struct compat_bench *bench)
{
    fixture_fini(&bench->f);
}

void compat_bench_connect(struct compat_bench *bench, unsigned iobase)
{
    bench->iobase = iobase;
    bench->device_ports =
        (struct vmmp_window){ .name = "ports", .ops = &ports_ops, .device = bench, .size = 0x100 };
    virtio_driver_init(&bench->driver, &virtio_driver_pci_legacy, &bench->device_ports,
                       &vmmp_compat_vm(&bench->f.vm)->memory, FIXTURE_RAM_BASE, 0x400000);
    bench->buffers = virtio_driver_alloc(&bench->driver, BUFFERS_SIZE, 4096);
}

void compat_bench_probe(struct compat_bench *bench, uint64_t wanted, unsigned queues)
{
    bench->driver.next_gpa = bench->buffers + BUFFERS_SIZE;
    bench->next = 0;
    assert_true(virtio_driver_start(&bench->driver, wanted, queues));
}

uint64_t compat_bench_room(struct compat_bench *bench, uint32_t size)
{
    uint64_t at = bench->buffers + bench->next;
    bench->next += (size + 127) & ~127u;
    assert_true(bench->next <= BUFFERS_SIZE);
    return at;
}

void *compat_bench_at(struct compat_bench *bench, uint64_t gpa, uint32_t size)
{
    return virtio_driver_at(&bench->driver, gpa, size ? size : 1);
}

uint64_t compat_bench_offer(struct compat_bench *bench, unsigned queue, const void *bytes,
                            uint32_t size, bool writable)
{
    uint64_t at = compat_bench_room(bench, size);
    const struct virtio_driver_buffer buffer = { at, size, writable };
    if (bytes) {
        memcpy(compat_bench_at(bench, at, size), bytes, size);
    }
    virtio_driver_add(&bench->driver, queue, &buffer, 1);
    virtio_driver_kick(&bench->driver, queue);
    return at;
}

bool compat_bench_take(struct compat_bench *bench, unsigned queue, void *bytes, uint32_t most,
                       uint32_t *len)
{
    uint32_t head;
    if (!virtio_driver_used(&bench->driver, queue, &head, len)) {
        return false;
    }
    uint64_t gpa = vmmp_le64_get(bench->driver.queues[queue].desc[head].addr);
    assert_true(*len <= most);
    if (*len > 0) {
        memcpy(bytes, compat_bench_at(bench, gpa, *len), *len);
    }
    return true;
}
