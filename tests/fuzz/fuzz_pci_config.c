/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Configuration space, native and compatible: accesses of every way, width and alignment, BARs
 * that move on top of each other, and who answers where.
 */
#include "fuzz_pci_compat.h"
#include "fuzz_pci_native.h"

static void native_step(struct fuzz_input *in, uint8_t what)
{
    uint8_t how = fuzz_u8(in);
    unsigned bdf = how & 0x80 ? fuzz_u16(in) : (how & 0x10u) >> 1 | (how & 0x20u) >> 5;
    unsigned offset = how & 0x40 ? fuzz_u16(in) & 0xfff : fuzz_u8(in) & 0x3f;
    unsigned width = 1u << (how & 3);
    unsigned shift = host.settings.config_kind == VMMP_PCI_CONFIG_ECAM ? 12 : 8;
    uint64_t value = fuzz_number(in, width);
    uint32_t address = UINT32_C(0x80000000) | (uint32_t)bdf << 8 | (offset & 0xfc);

    switch (what % 6) {
    case 0:
        vmmp_pci_config_write(&host, bdf, offset, width, value);
        break;
    case 1:
        vmmp_window_write(&host.config, (uint64_t)bdf << shift | offset, width, value);
        vmmp_window_read(&host.config, (uint64_t)bdf << shift | offset, width);
        break;
    case 2:
        vmmp_window_write(&host.config_ports, 0, 4, address);
        vmmp_window_write(&host.config_ports, 4 | (offset & 3), width, value);
        break;
    case 3:
        vmmp_window_write(&host.config_ports, offset & 7, width, value);
        vmmp_window_read(&host.config_ports, offset & 7, width);
        break;
    case 4:
        vmmp_window_write(&host.memory, value % MEMORY_SIZE, width, value);
        vmmp_window_read(&host.ports, value & 0xffff, width);
        break;
    default: /* A function that leaves and comes back; number 0 of a device stays. */
        if (bdf < 16 && bdf % 8 == 1) {
            unsigned index = bdf / 8 * 2 + 1;
            vmmp_pci_host_remove(&host, &devices[index].function);
            plug(index);
        }
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = { data, size };
    struct vmmp_pci_host_config config = { .config_kind = fuzz_u8(&in) & 1 ? VMMP_PCI_CONFIG_CAM
                                                                           : VMMP_PCI_CONFIG_ECAM,
                                           .memory_base = MEMORY_BASE,
                                           .memory_size = MEMORY_SIZE,
                                           .port_size = 0x10000 };
    FUZZ_CHECK(!vmmp_pci_host_init(&host, &config, NULL, NULL));
    for (unsigned i = 0; i < FUNCTIONS; i++) {
        plug(i);
    }
    fuzz_compat_start();
    while (in.left > 0) {
        uint8_t what = fuzz_u8(&in);
        if (what & 0x80) {
            fuzz_compat_step(&in, what);
            continue;
        }
        native_step(&in, what);
        for (unsigned i = 0; i < FUNCTIONS * BARS; i++) {
            FUZZ_CHECK(vmmp_pci_peek(&devices[i / BARS].function, 0, 4) ==
                       (0x1af4 | (uint32_t)(i / BARS) << 16));
            if (devices[i / BARS].mapped[i % BARS]) {
                check_owner(i / BARS, i % BARS);
            }
        }
    }
    vmmp_pci_host_fini(&host);
    for (unsigned i = 0; i < FUNCTIONS * BARS; i++) {
        FUZZ_CHECK(devices[i / BARS].mapped[i % BARS] == 0);
    }
    return 0;
}
