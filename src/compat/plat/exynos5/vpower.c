/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vmmplatsupport/plat/vpower.h>

#include <sel4vmmplatsupport/plat/devices.h>
#include <sel4vmmplatsupport/vmmp/access_control.h>

#include "compat/compat_vm.h"
#include "compat/plat/exynos5/guarded.h"
#include "sel4/memory.h"

#define SWRESET         0x0400
#define PS_HOLD_CONTROL 0x330c

#define PS_HOLD_EN   (1u << 31)
#define PS_HOLD_DIR  (1u << 9)
#define PS_HOLD_DATA (1u << 8)
#define PS_HOLD_BITS (PS_HOLD_EN | PS_HOLD_DIR | PS_HOLD_DATA)

#define PAGES 5

struct power {
    struct vmmp_access_control control;
    struct vmmp_context context;
    struct page_mask mask[PAGES];
    volatile void *registers;
    vm_t *vm;
    vm_power_cb shutdown_cb;
    void *shutdown_token;
    vm_power_cb reboot_cb;
    void *reboot_token;
};

static void call(struct power *power, vm_power_cb callback, void *token)
{
    if (callback && callback(power->vm, token) != 0) {
        power->control.window.failed = true;
    }
}

static uint64_t power_read(void *device, uint64_t offset, unsigned size)
{
    struct power *power = device;
    return vmmp_mapped_registers.read((void *)(uintptr_t)power->registers, offset, size);
}

/* Only what the mask lets through comes here, merged with what was there. */
static void power_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct power *power = device;
    uint64_t word = offset & ~UINT64_C(3);

    if (word == SWRESET) {
        if (value != 0) {
            call(power, power->reboot_cb, power->reboot_token);
        }
        return;
    }
    unsigned shift = 8 * (unsigned)(offset - word);
    uint32_t lanes = (uint32_t)(vmmp_all_ones(size) << shift);
    uint32_t old = (uint32_t)power_read(device, word, 4);
    uint32_t merged = ((old & ~lanes) | (uint32_t)(value << shift)) & PS_HOLD_BITS;
    /* An output that is low lets the supply go, enabled or not: Linux writes 0x5200. */
    if ((merged & (PS_HOLD_DIR | PS_HOLD_DATA)) == PS_HOLD_DIR) {
        call(power, power->shutdown_cb, power->shutdown_token);
    } else {
        vmmp_mapped_registers.write((void *)(uintptr_t)power->registers, word, 4, merged);
    }
}

static const struct vmmp_window_ops power_ops = { power_read, power_write };

static void set_mask(struct power *power)
{
    page_mask_set(&power->mask[0], SWRESET, UINT32_MAX, true);
    page_mask_set(&power->mask[PS_HOLD_CONTROL / PAGE_BYTES], PS_HOLD_CONTROL % PAGE_BYTES,
                  PS_HOLD_BITS, true);
}

int vm_install_vpower(vm_t *vm, vm_power_cb shutdown_cb, void *shutdown_token,
                      vm_power_cb reboot_cb, void *reboot_token)
{
    struct vmmp_vm *native = vmmp_compat_vm(vm);
    struct power *power = vmmp_compat_calloc(vm, sizeof(*power));
    const char *what = "out of memory";

    if (power) {
        what = "its registers cannot be mapped";
        power->registers = vmmp_sys_map_registers(vm, dev_alive.pstart, dev_alive.size);
    }
    if (power && power->registers) {
        what = "the guest-physical range is taken or out of bounds";
        power->vm = vm;
        power->shutdown_cb = shutdown_cb;
        power->shutdown_token = shutdown_token;
        power->reboot_cb = reboot_cb;
        power->reboot_token = reboot_token;
        power->control = (struct vmmp_access_control){
            .window = { .name = dev_alive.name,
                        .size = dev_alive.size,
                        .context = &power->context },
            .registers = &power_ops,
            .device = power,
            .mask = power->mask[0].bytes,
            .mask_size = sizeof(power->mask),
            .mask_denied = true,
        };
        set_mask(power);
        vmmp_access_control_init(&power->control);
        if (!vmmp_vm_attach_window(native, &power->control.window, vmmp_gpa(dev_alive.pstart))) {
            return 0;
        }
    }
    vmmp_compat_free(vm, power);
    vmmp_log(native ? &native->log : NULL, VMMP_LOG_ERROR, VMMP_LOG_CLIENT, "device %s: %s",
             dev_alive.name, what);
    return -1;
}
