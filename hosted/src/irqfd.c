/* SPDX-License-Identifier: BSD-2-Clause */
#include <hosted/irqfd.h>

#include <errno.h>

#include "hosted.h"

bool hosted_vm_has_irqfd(const vm_t *vm)
{
    const struct hosted_vm *hosted = hosted_vm_of(vm);
    return hosted->engine->message_fd && hosted->engine->irq_fd;
}

int hosted_vm_message_fd(vm_t *vm, int fd, uint64_t address, uint32_t data)
{
    struct hosted_vm *hosted = hosted_vm_of(vm);
    return hosted->engine->message_fd ? hosted->engine->message_fd(hosted, fd, address, data, true)
                                      : -EOPNOTSUPP;
}

void hosted_vm_message_fd_remove(vm_t *vm, int fd)
{
    struct hosted_vm *hosted = hosted_vm_of(vm);
    if (hosted->engine->message_fd) {
        (void)hosted->engine->message_fd(hosted, fd, 0, 0, false);
    }
}

int hosted_vm_irq_fd(vm_t *vm, int irq, int fd, int resample)
{
    struct hosted_vm *hosted = hosted_vm_of(vm);
    return hosted->engine->irq_fd ? hosted->engine->irq_fd(hosted, irq, fd, resample, true)
                                  : -EOPNOTSUPP;
}

void hosted_vm_irq_fd_remove(vm_t *vm, int irq, int fd, int resample)
{
    struct hosted_vm *hosted = hosted_vm_of(vm);
    if (hosted->engine->irq_fd) {
        (void)hosted->engine->irq_fd(hosted, irq, fd, resample, false);
    }
}
