/* SPDX-License-Identifier: BSD-2-Clause */
/* Devices of the board that are not the real ones. */
#include <stdio.h>

#include <sel4vmmplatsupport/plat/devices.h>
#include <sel4vmmplatsupport/plat/irq_combiner.h>
#include <sel4vmmplatsupport/plat/vmct.h>
#include <sel4vmmplatsupport/vmmp/exynos_combiner.h>
#include <sel4vmmplatsupport/vmmp/exynos_mct.h>
#include <sel4vmmplatsupport/vmmp/exynos_uart.h>

#include "compat/compat_vm.h"

#define UART2_FIFO 16

/* What attach() has made room for: 0, or -1 after freeing `model`. */
static int attach(vm_t *vm, struct vmmp_window *window, const struct device *device, void *model)
{
    struct vmmp_vm *native = vmmp_compat_vm(vm);

    if (vmmp_vm_attach_window(native, window, vmmp_gpa(device->pstart)) == 0) {
        return 0;
    }
    vmmp_log(&native->log, VMMP_LOG_ERROR, VMMP_LOG_CLIENT,
             "device %s at 0x%llx: the guest-physical range is taken or out of bounds",
             device->name, (unsigned long long)device->pstart);
    vmmp_compat_free(vm, model);
    return -1;
}

/* ---- The timer ---- */

static uint64_t no_time(void *cookie)
{
    (void)cookie;
    return 0;
}

static void never_armed(void *cookie, struct vmmp_timer *timer, uint64_t deadline_ns)
{
    (void)cookie, (void)timer, (void)deadline_ns;
}

static void never_cancelled(void *cookie, struct vmmp_timer *timer)
{
    (void)cookie, (void)timer;
}

static const struct vmmp_host_ops timeless = { .now = no_time,
                                               .timer_arm = never_armed,
                                               .timer_cancel = never_cancelled };

int vm_install_vmct(vm_t *vm)
{
    struct vmmp_exynos_mct *mct = vmmp_compat_calloc(vm, sizeof(*mct));

    if (!mct) {
        return -1;
    }
    struct vmmp_vm *native = vmmp_compat_vm(vm);
    struct vmmp_exynos_mct_config config = { .host = native->host, .log = &native->log };
    if (!vmmp_host_has_timers(&config.host)) {
        config.host = (struct vmmp_host){ &timeless, NULL };
    }
    if (vmmp_exynos_mct_init(mct, &config)) {
        vmmp_compat_free(vm, mct);
        return -1;
    }
    return attach(vm, &mct->window, &dev_vmct_timer, mct);
}

/* ---- The console ---- */

static size_t print(void *cookie, const uint8_t *bytes, size_t size)
{
    (void)cookie;
    fwrite(bytes, 1, size, stdout);
    fflush(stdout);
    return size;
}

int vm_install_vconsole(vm_t *vm)
{
    static const struct vmmp_serial_backend backend = { print, NULL };
    struct vmmp_exynos_uart *uart = vmmp_compat_calloc(vm, sizeof(*uart));

    if (!uart) {
        return -1;
    }
    struct vmmp_vm *native = vmmp_compat_vm(vm);
    const struct vmmp_uart_config config = { .host = native->host,
                                             .backend = &backend,
                                             .log = &native->log };
    if (vmmp_exynos_uart_init(uart, &config, UART2_FIFO)) {
        vmmp_compat_free(vm, uart);
        return -1;
    }
    return attach(vm, &uart->uart.window, &dev_vconsole, uart);
}

/* ---- The combiner ---- */

int vm_install_vcombiner(vm_t *vm)
{
    struct vmmp_exynos_combiner *combiner = vmmp_compat_calloc(vm, sizeof(*combiner));

    if (!combiner) {
        return -1;
    }
    struct vmmp_vm *native = vmmp_compat_vm(vm);
    const struct vmmp_exynos_combiner_config config = { .host = native->host,
                                                        .groups = VMMP_EXYNOS_COMBINER_GROUPS,
                                                        .log = &native->log };
    if (vmmp_exynos_combiner_init(combiner, &config)) {
        vmmp_compat_free(vm, combiner);
        return -1;
    }
    return attach(vm, &combiner->window, &dev_irq_combiner, combiner);
}
