/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vm/guest_vm.h>
#include <sel4vmmplatsupport/arch/service.h>

int client_service(vm_t *vm, seL4_CPtr endpoint)
{
    return vmm_install_service(vm, endpoint, 5, 1u << 3);
}
