/* SPDX-License-Identifier: BSD-2-Clause */
/* The console of the board that is not the real one. */
#include <string.h>

#include <sel4vmmplatsupport/plat/devices.h>
#include <sel4vmmplatsupport/vmmp/cadence_uart.h>

#include "compat/compat_vm.h"

#define INPUT_SIZE 512

/*
 * The interface names no console, so there is one. It is free when its window is not attached: as
 * after vmmp_compat_release(), or in zeroed .bss.
 */
static struct {
    struct vmmp_cadence_uart cadence;
    struct vmmp_irq_line line;
    print_func_t print;
    struct vmmp_log_limit lost;
    uint8_t input[INPUT_SIZE];
    unsigned head;
    unsigned count;
} console;

static size_t print(void *cookie, const uint8_t *bytes, size_t size)
{
    (void)cookie;
    for (size_t i = 0; i < size && console.print; i++) {
        console.print(bytes[i]);
    }
    return size;
}

static size_t take_input(void *cookie, uint8_t *bytes, size_t room)
{
    size_t taken = 0;

    (void)cookie;
    for (; taken < room && console.count; taken++) {
        bytes[taken] = console.input[console.head];
        console.head = (console.head + 1) % INPUT_SIZE;
        console.count--;
    }
    return taken;
}

static int attach(struct vmmp_vm *native)
{
    static const struct vmmp_serial_backend backend = { print, take_input };

    if (vmmp_vm_irq_line_init(native, &console.line, VCONSOLE_IRQ)) {
        return vmmp_compat_device_error(native->vm, &dev_vconsole,
                                        "its interrupt cannot be registered (is there a vCPU, and "
                                        "is the interrupt free?)");
    }
    const struct vmmp_uart_config config = {
        .host = native->host, .irq = &console.line, .backend = &backend, .log = &native->log
    };
    if (vmmp_cadence_uart_init(&console.cadence, &config)) {
        return vmmp_compat_device_error(native->vm, &dev_vconsole, "out of memory");
    }
    if (vmmp_vm_attach_window(native, &console.cadence.uart.window,
                              vmmp_gpa(dev_vconsole.pstart))) {
        vmmp_uart_fini(&console.cadence.uart);
        return vmmp_compat_device_error(native->vm, &dev_vconsole,
                                        "the guest-physical range is taken or out of bounds");
    }
    return 0;
}

int vm_install_vconsole(vm_t *vm, print_func_t func)
{
    struct vmmp_vm *native = vmmp_compat_vm(vm);

    if (!native) {
        return -1;
    }
    if (console.cadence.uart.window.vm) {
        return vmmp_compat_device_error(vm, &dev_vconsole, "the program has a console already");
    }
    memset(&console, 0, sizeof(console));
    console.print = func;
    return attach(native);
}

void vuart_handle_irq(int c)
{
    if (!console.cadence.uart.window.vm) {
        return;
    }
    if (console.count == INPUT_SIZE) {
        vmmp_log_guest(console.cadence.uart.config.log, &console.lost,
                       "vconsole: input lost: the guest does not read it");
        return;
    }
    console.input[(console.head + console.count) % INPUT_SIZE] = (uint8_t)c;
    console.count++;
    vmmp_uart_notify(&console.cadence.uart);
}
