/* SPDX-License-Identifier: BSD-2-Clause */
#include "compat/compat_vm.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct {
    vm_t *vm; /* NULL: free */
    struct vmmp_vm native;
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

void vmmp_compat_release(vm_t *vm)
{
    for (int i = 0; vm && i < VMMP_COMPAT_VMS; i++) {
        if (compat_vms[i].vm == vm) {
            vmmp_vm_fini(&compat_vms[i].native);
            memset(&compat_vms[i], 0, sizeof(compat_vms[i]));
        }
    }
}
