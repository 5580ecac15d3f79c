/* SPDX-License-Identifier: BSD-2-Clause */
/* A virtio console as a PCI function, and its registers on every face. */
#pragma once

#include "vmmp_test.h"

#include <sel4vmmplatsupport/vmmp/virtio_console.h>

#include "support/virtio_rig.h"
#include "virtio/virtio_pci_spec.h"
#include "virtio/virtio_spec.h"

#define VERSION_1 (UINT64_C(1) << VIRTIO_F_VERSION_1)
#define PAGE(n)   ((n)*MODERN_PAGE)

static const unsigned widths[] = { 1, 2, 4, 8 };

struct bench {
    struct virtio_rig rig;
    struct vmmp_virtio_console console;
    struct vmmp_virtio_pci pci;
    struct virtio_driver driver;
    size_t written;
};

static inline size_t count_output(void *cookie, const struct vmmp_iovec *iov, unsigned count)
{
    struct bench *bench = cookie;
    size_t bytes = 0;
    for (unsigned i = 0; i < count; i++) {
        bytes += iov[i].len;
    }
    bench->written += bytes;
    return bytes;
}

static inline void make(struct bench *bench, const struct vmmp_virtio_pci_options *options)
{
    const struct vmmp_virtio_console_backend backend = { .write = count_output, .cookie = bench };
    const struct vmmp_virtio_console_options size = { 80, 25, 0 };
    memset(bench, 0, sizeof(*bench));
    virtio_rig_init(&bench->rig, true, false);
    assert_int_equal(vmmp_virtio_console_init(&bench->console, &backend, &size, &bench->rig.memory,
                                              &bench->rig.log, &bench->rig.host),
                     0);
    assert_int_equal(vmmp_virtio_pci_init(&bench->pci, &bench->console.virtio, options), 0);
    virtio_rig_plug(&bench->rig, &bench->pci);
    virtio_driver_init(&bench->driver, &virtio_driver_pci_modern, &bench->pci.modern,
                       &bench->rig.memory, VIRTIO_RIG_RAM, VIRTIO_RIG_RAM_SIZE);
}

static inline void unmake(struct bench *bench)
{
    vmmp_virtio_pci_fini(&bench->pci);
    vmmp_virtio_console_fini(&bench->console);
    virtio_rig_fini(&bench->rig);
}

static inline int setup(void **state)
{
    struct bench *bench = malloc(sizeof(*bench));
    make(bench, NULL);
    *state = bench;
    return 0;
}

static inline int teardown(void **state)
{
    unmake(*state);
    free(*state);
    return 0;
}

static inline uint32_t config(struct bench *bench, unsigned offset, unsigned size)
{
    return (uint32_t)vmmp_pci_function_read(&bench->pci.function, offset, size);
}

static inline uint64_t modern(struct bench *bench, uint64_t offset, unsigned size)
{
    return vmmp_window_read(&bench->pci.modern, offset, size);
}

static inline void modern_put(struct bench *bench, uint64_t offset, unsigned size, uint64_t value)
{
    vmmp_window_write(&bench->pci.modern, offset, size, value);
}

static inline uint64_t legacy(struct bench *bench, uint64_t offset, unsigned size)
{
    return vmmp_window_read(&bench->pci.legacy, offset, size);
}

static inline void legacy_put(struct bench *bench, uint64_t offset, unsigned size, uint64_t value)
{
    vmmp_window_write(&bench->pci.legacy, offset, size, value);
}

/* The offset of capability `kind`, or 0. */
static inline unsigned find_capability(struct bench *bench, unsigned kind)
{
    unsigned seen = 0;
    for (unsigned at = config(bench, 0x34, 1); at; at = config(bench, at + 1, 1)) {
        assert_true(at >= 0x40 && at % 4 == 0 && ++seen < 48);
        if (config(bench, at, 1) == 0x09 && config(bench, at + 3, 1) == kind) {
            return at;
        }
    }
    return 0;
}
