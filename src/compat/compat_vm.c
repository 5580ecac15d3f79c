/* SPDX-License-Identifier: BSD-2-Clause */
#include "compat/compat_vm.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* In front of what vmmp_compat_calloc() returns. */
struct block {
    struct block *next;
    max_align_t memory[];
};

static struct compat_vm {
    vm_t *vm; /* NULL: free */
    struct vmmp_vm native;
    struct block *blocks;
    void *arch;
    void *crossvm;
    bool soft_off;
} compat_vms[VMMP_COMPAT_VMS];

static void log_to_stderr(void *cookie, enum vmmp_log_level level, enum vmmp_log_origin origin,
                          const char *message)
{
    (void)cookie;
    fprintf(stderr, "vmm: %s (%s): %s\n", vmmp_log_level_name(level), vmmp_log_origin_name(origin),
            message);
}

const struct vmmp_log vmmp_compat_default_log = {
    .sink = log_to_stderr,
    .level = VMMP_LOG_WARNING,
};

struct vmmp_vm *vmmp_compat_vm(vm_t *vm)
{
    int free_slot = -1;

    if (!vm) {
        return NULL;
    }
    for (int i = 0; i < VMMP_COMPAT_VMS; i++) {
        if (compat_vms[i].vm == vm) {
            return &compat_vms[i].native;
        }
        if (!compat_vms[i].vm && free_slot < 0) {
            free_slot = i;
        }
    }
    if (free_slot < 0) {
        vmmp_log(&vmmp_compat_default_log, VMMP_LOG_ERROR, VMMP_LOG_CLIENT,
                 "more than %d VMs at once; release one with vmmp_compat_release()",
                 VMMP_COMPAT_VMS);
        return NULL;
    }
    compat_vms[free_slot].vm = vm;
    vmmp_vm_init(&compat_vms[free_slot].native, vm, &vmmp_compat_default_log, NULL);
    return &compat_vms[free_slot].native;
}

int vmmp_compat_set_log(vm_t *vm, const struct vmmp_log *log)
{
    struct vmmp_vm *native = vmmp_compat_vm(vm);

    if (!native) {
        return -ENOSPC;
    }
    native->log = *log;
    return 0;
}

static struct compat_vm *find(const vm_t *vm)
{
    for (int i = 0; vm && i < VMMP_COMPAT_VMS; i++) {
        if (compat_vms[i].vm == vm) {
            return &compat_vms[i];
        }
    }
    return NULL;
}

void **vmmp_compat_arch(vm_t *vm)
{
    struct compat_vm *compat = vmmp_compat_vm(vm) ? find(vm) : NULL;

    return compat ? &compat->arch : NULL;
}

void **vmmp_compat_crossvm(vm_t *vm)
{
    struct compat_vm *compat = vmmp_compat_vm(vm) ? find(vm) : NULL;

    return compat ? &compat->crossvm : NULL;
}

int vmmp_compat_set_soft_off(vm_t *vm, bool soft_off)
{
    struct compat_vm *compat = vmmp_compat_vm(vm) ? find(vm) : NULL;

    if (!compat) {
        return -ENOSPC;
    }
    compat->soft_off = soft_off;
    return 0;
}

bool vmmp_compat_soft_off(const vm_t *vm)
{
    const struct compat_vm *compat = find(vm);

    return compat && compat->soft_off;
}

void *vmmp_compat_calloc(vm_t *vm, size_t size)
{
    struct compat_vm *compat = vmmp_compat_vm(vm) ? find(vm) : NULL;

    if (!compat || size > SIZE_MAX - sizeof(struct block)) {
        return NULL;
    }
    struct block *block = calloc(1, sizeof(*block) + size);
    if (!block) {
        return NULL;
    }
    block->next = compat->blocks;
    compat->blocks = block;
    return block->memory;
}

void vmmp_compat_free(vm_t *vm, void *memory)
{
    struct compat_vm *compat = find(vm);

    for (struct block **link = compat ? &compat->blocks : NULL; link && *link;
         link = &(*link)->next) {
        struct block *block = *link;
        if (block->memory == memory) {
            *link = block->next;
            free(block);
            return;
        }
    }
}

void vmmp_compat_release(vm_t *vm)
{
    struct compat_vm *compat = find(vm);

    if (!compat) {
        return;
    }
    vmmp_vm_fini(&compat->native);
    while (compat->blocks) {
        vmmp_compat_free(vm, compat->blocks->memory);
    }
    memset(compat, 0, sizeof(*compat));
}
