/* SPDX-License-Identifier: BSD-2-Clause */
/* <sel4/sel4.h> and the libraries whose types libsel4vm shows. */
#include <stdint.h>

#include <sel4/sel4.h>
#include <vka/object.h>
#include <vka/vka.h>
#include <vspace/vspace.h>
#include <simple/simple.h>
#include <platsupport/io.h>
#include <utils/util.h>

#include "check.h"

_Static_assert(sizeof(seL4_Word) == CONFIG_WORD_SIZE / 8, "seL4_Word has the flavour's size");
_Static_assert(sizeof(seL4_Word) == sizeof(uintptr_t), "and a pointer's");
_Static_assert((seL4_Word)-1 > 0, "and no sign");
CHECK_TYPE(seL4_CPtr, seL4_Word);
CHECK_VALUE(seL4_CapNull, 0);
CHECK_VALUE(seL4_PageBits, 12);
CHECK_VALUE(seL4_NoError, 0);
CHECK_MEMBER(seL4_CapRights_t, words[0], seL4_Word);
CHECK_MEMBER(seL4_MessageInfo_t, words[0], seL4_Word);
CHECK_TYPE(seL4_AllRights, seL4_CapRights_t);
CHECK_TYPE(seL4_CanRead, seL4_CapRights_t);
CHECK_TYPE(seL4_NoRights, seL4_CapRights_t);
CHECK_TYPE(seL4_ReadWrite, seL4_CapRights_t);

CHECK_MEMBER(vka_object_t, cptr, seL4_CPtr);
CHECK_MEMBER(vka_object_t, ut, seL4_Word);
CHECK_MEMBER(vka_object_t, type, seL4_Word);
CHECK_MEMBER(vka_object_t, size_bits, seL4_Word);
CHECK_MEMBER(cspacepath_t, capPtr, seL4_CPtr);
CHECK_MEMBER(cspacepath_t, capDepth, seL4_Word);
_Static_assert(sizeof(vka_t) + sizeof(vspace_t) + sizeof(simple_t) > 0, "complete types");

CHECK_MEMBER(ps_io_ops_t, io_mapper, ps_io_mapper_t);
CHECK_MEMBER(ps_io_ops_t, io_port_ops, ps_io_port_ops_t);
CHECK_MEMBER(ps_io_ops_t, dma_manager, ps_dma_man_t);
CHECK_MEMBER(ps_io_ops_t, malloc_ops, ps_malloc_ops_t);
CHECK_ORDER(ps_io_ops_t, io_mapper, io_port_ops);
CHECK_ORDER(ps_io_ops_t, io_port_ops, dma_manager);
CHECK_ORDER(ps_io_ops_t, dma_manager, malloc_ops);
CHECK_MEMBER(ps_io_mapper_t, cookie, void *);
CHECK_MEMBER(ps_io_mapper_t, io_map_fn, ps_io_map_fn_t);
CHECK_MEMBER(ps_io_mapper_t, io_unmap_fn, ps_io_unmap_fn_t);
CHECK_TYPE(ps_io_map_fn_t, void *(*)(void *, uintptr_t, size_t, int, ps_mem_flags_t));
CHECK_VALUE(PS_MEM_NORMAL, 0);
CHECK_TYPE(ps_dma_alloc_fn_t, void *(*)(void *, size_t, int, int, ps_mem_flags_t));
CHECK_TYPE(ps_dma_pin_fn_t, uintptr_t (*)(void *, void *, size_t));

CHECK_VALUE(BIT(12), 4096);
CHECK_VALUE(PAGE_SIZE_4K, 4096);
CHECK_VALUE(PAGE_BITS_4M, 22);

/* In seL4's libutils these are no constant expressions: nothing may use them as such. */
int vmmp_check_arithmetic(void);
int vmmp_check_arithmetic(void)
{
    return MASK(12) == 4095 && ROUND_UP(4097u, 4096u) == 8192 && ROUND_DOWN(4097u, 4096u) == 4096;
}
