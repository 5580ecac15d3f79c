/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A device of the host's in the hands of a hostile guest: configuration space, registers, MSI-X'
 * table and pending bits, at every width and place; and a host that takes the device away. The fake
 * device says what must never happen to it.
 */
#include <unistd.h>

#include "fuzz_input.h"
#include "support/vfio_fake.h"

static struct vfio_fake fake;

static void step(struct fuzz_input *in)
{
    const uint64_t one = 1;
    uint8_t what = fuzz_u8(in);
    unsigned width = 1u << (what >> 6);
    unsigned offset = fuzz_u16(in);
    uint64_t value = fuzz_number(in, width);
    unsigned bar = what >> 3 & 7;
    uint64_t base = vmmp_pci_bar_address(&fake.function.pci, bar) - FAKE_MEMORY_BASE;

    switch (what & 7) {
    case 0:
    case 1:
        vmmp_pci_function_write(&fake.function.pci, offset & 0x1ff, width, value);
        break;
    case 2:
        vmmp_pci_function_read(&fake.function.pci, offset & 0x1ff, width);
        break;
    case 3:
    case 4:
        vmmp_window_write(&fake.host.memory, base + offset, width, value);
        break;
    case 5:
        vmmp_window_read(&fake.host.memory, base + offset, width);
        vmmp_window_read(&fake.host.ports, offset, width);
        break;
    case 6: /* The device interrupts. */
        if (fake.count) {
            FUZZ_CHECK(write(fake.fds[offset % fake.count], &one, sizeof(one)) > 0);
        }
        break;
    default:
        if (offset == 0x600d) {
            vfio_function_gone(&fake.function);
            fake.dead = true;
        }
        break;
    }
}

/* As the host's firmware has left it, whatever the guest does. */
static void check(const uint8_t real[256])
{
    if (fake.broken) {
        fprintf(stderr, "%s\n", fake.broken);
        abort();
    }
    FUZZ_CHECK(memcmp(real, fake.config, sizeof(fake.config)) == 0);
    FUZZ_CHECK(!fake.dead || fake.kind == VFIO_NO_INTERRUPTS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = { data, size };
    uint8_t real[256];
    uint8_t kind = fuzz_u8(&in);
    if (kind & 1) {
        vfio_fake_card(&fake);
    } else {
        vfio_fake_disk(&fake, kind & 2 ? 2048 : 65);
    }
    /* A device that describes itself badly; what is read of it is checked as well. */
    for (unsigned i = 0; i < (kind >> 2 & 3); i++) {
        fake.config[0x34 + fuzz_u8(&in) % (0x100 - 0x34)] = fuzz_u8(&in);
        fake.table_size = fake.pending_size = 0;
    }
    memcpy(real, fake.config, sizeof(real));
    FUZZ_CHECK(!vfio_fake_start(&fake));
    for (unsigned steps = 0; in.left && steps < 1000; steps++) {
        step(&in);
        check(real);
    }
    vfio_fake_stop(&fake);
    check(real);
    vfio_fake_free(&fake);
    return 0;
}
