/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vm/guest_vm.h>
#include <sel4vmmplatsupport/arch/guest_boot_init.h>

int client_guest_boot_init(vm_vcpu_t *vcpu, seL4_Word entry, seL4_Word dtb)
{
    return vcpu_set_bootargs(vcpu, entry, 0xffffffff, dtb);
}
