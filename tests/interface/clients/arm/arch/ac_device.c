/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vm/guest_vm.h>
#include <sel4vmmplatsupport/arch/ac_device.h>

static unsigned char mask[0x1000];

int client_ac_device(vm_t *vm, const struct device *device, enum vacdev_default access)
{
    static const enum vacdev_action actions[] = { VACDEV_REPORT_ONLY, VACDEV_MASK_ONLY,
                                                  VACDEV_REPORT_AND_MASK };

    mask[0] = access == VACDEV_DEFAULT_ALLOW ? 0xff : VACDEV_DEFAULT_DENY ? 0 : 1;
    return vm_install_generic_ac_device(vm, device, mask, sizeof(mask), actions[2]);
}
