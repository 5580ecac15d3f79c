/* SPDX-License-Identifier: BSD-2-Clause */
#include "sel4/service.h"

#include <vka/capops.h>
#include <vka/vka.h>

int vmmp_sys_install_service(vm_t *vm, seL4_CPtr service, seL4_Word index, seL4_Word badge)
{
    cspacepath_t from;
    cspacepath_t to = { .root = vm->cspace.cspace_obj.cptr,
                        .capPtr = index,
                        .capDepth = VM_CSPACE_SIZE_BITS };

    vka_cspace_make_path(vm->vka, service, &from);
    return vka_cnode_mint(&to, &from, seL4_AllRights, badge);
}
