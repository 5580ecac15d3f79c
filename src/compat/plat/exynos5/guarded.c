/* SPDX-License-Identifier: BSD-2-Clause */
/* Real devices of which a guest may use a part that never changes. */
#include <string.h>

#include <sel4vmmplatsupport/plat/devices.h>
#include <sel4vmmplatsupport/plat/vsdhc.h>
#include <sel4vmmplatsupport/plat/vsysreg.h>

#include "compat/compat_vm.h"
#include "compat/plat/exynos5/guarded.h"

/* UART: the data and the interrupts. */
#define UTXH   0x20
#define URXH   0x24
#define UINTP  0x30
#define UINTSP 0x34
#define UINTM  0x38

#define UART_BYTES 0x3c

/* SD/MMC: what starts the internal DMA, and what points it somewhere. */
#define CTRL    0x000
#define BMOD    0x080
#define PLDMND  0x084
#define DBADDR  0x088
#define DSCADDR 0x094
#define BUFADDR 0x098

#define CTRL_USE_INTERNAL_DMAC (1u << 25)
#define BMOD_SWR               (1u << 0)

static int install(vm_t *vm, const struct device *device, const struct page_mask *mask, size_t size)
{
    struct page_mask *copy = vmmp_compat_calloc(vm, sizeof(*copy));

    if (!copy) {
        return -1;
    }
    *copy = *mask;
    if (vm_install_generic_ac_device(vm, device, copy, size, VACDEV_MASK_ONLY)) {
        vmmp_compat_free(vm, copy);
        return -1;
    }
    return 0;
}

int vm_install_ac_uart(vm_t *vm, const struct device *d)
{
    static const uint32_t writable[] = { UTXH, URXH, UINTP, UINTSP, UINTM };
    struct page_mask mask = { .bytes = { 0 } };

    for (size_t i = 0; i < sizeof(writable) / sizeof(writable[0]); i++) {
        page_mask_set(&mask, writable[i], UINT32_MAX, true);
    }
    return install(vm, d, &mask, UART_BYTES);
}

static int install_sdhc(vm_t *vm, const struct device *device)
{
    static const uint32_t blocked[] = { PLDMND, DBADDR, DSCADDR, BUFADDR };
    struct page_mask mask;

    memset(&mask, 0xff, sizeof(mask));
    for (size_t i = 0; i < sizeof(blocked) / sizeof(blocked[0]); i++) {
        page_mask_set(&mask, blocked[i], UINT32_MAX, false);
    }
    page_mask_set(&mask, CTRL, CTRL_USE_INTERNAL_DMAC, false);
    page_mask_set(&mask, BMOD, ~BMOD_SWR, false);
    return install(vm, device, &mask, PAGE_BYTES);
}

int vm_install_nodma_sdhc0(vm_t *vm)
{
    return install_sdhc(vm, &dev_msh0);
}

int vm_install_nodma_sdhc2(vm_t *vm)
{
    return install_sdhc(vm, &dev_msh2);
}

int vm_install_vsysreg(vm_t *vm)
{
    struct page_mask mask;

    memset(&mask, 0xff, sizeof(mask));
    return install(vm, &dev_sysreg, &mask, PAGE_BYTES);
}
