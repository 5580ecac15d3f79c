/* SPDX-License-Identifier: BSD-2-Clause */
#include "host.h"

#include <stdio.h>

#include <sel4vm/guest_ram.h>
#include <sel4vmmplatsupport/guest_vcpu_util.h>

/* Frames of 2 MiB: a guest with 256 MiB has 128 of them. */
static vm_frame_t next_frame(uintptr_t addr, void *cookie)
{
    vm_t *vm = cookie;
    vm_frame_t frame = { seL4_CapNull, seL4_NoRights, 0, 0 };
    vka_object_t object;

    if (vka_alloc_frame(vm->vka, seL4_LargePageBits, &object)) {
        printf("vmm: no memory for the guest's RAM at 0x%zx\n", (size_t)addr);
        return frame;
    }
    frame.cptr = object.cptr;
    frame.rights = seL4_AllRights;
    frame.vaddr = addr;
    frame.size_bits = seL4_LargePageBits;
    return frame;
}

static int add_ram(vm_t *vm, uintptr_t base, size_t size)
{
    size_t rest = size & (((size_t)1 << seL4_LargePageBits) - 1);

    if (rest) {
        printf("vmm: the guest's RAM must be a multiple of %u MiB\n",
               1u << (seL4_LargePageBits - 20));
        return -1;
    }
    return vm_ram_register_at_custom_iterator(vm, base, size, next_frame, vm);
}

struct machine_host host_functions(void)
{
    return (struct machine_host){ .add_ram = add_ram, .add_cpu = create_vmm_plat_vcpu };
}
