/* SPDX-License-Identifier: BSD-2-Clause */
#include "root_task.h"

#include <stdint.h>
#include <stdio.h>

#include <allocman/bootstrap.h>
#include <allocman/vka.h>
#include <sel4platsupport/bootinfo.h>
#include <sel4platsupport/io.h>
#include <sel4utils/vspace.h>
#include <simple-default/simple-default.h>
#include <vka/capops.h>

/* For the allocator's book before it can map memory of its own, and the addresses it then has. */
#define POOL_SIZE         (4u << 20)
#define VIRTUAL_POOL_SIZE (128u << 20)

static char pool[POOL_SIZE];
static sel4utils_alloc_data_t vspace_data;

static int make_allocators(struct root_task *root, seL4_BootInfo *info)
{
    void *addresses = NULL;
    seL4_CPtr page_directory;

    simple_default_init_bootinfo(&root->simple, info);
    allocman_t *allocman = bootstrap_use_current_simple(&root->simple, POOL_SIZE, pool);
    if (!allocman) {
        return -1;
    }
    allocman_make_vka(&root->vka, allocman);
    page_directory = simple_get_pd(&root->simple);
    if (sel4utils_bootstrap_vspace_with_bootinfo_leaky(&root->vspace, &vspace_data, page_directory,
                                                       &root->vka, info)) {
        return -1;
    }
    reservation_t reservation =
        vspace_reserve_range(&root->vspace, VIRTUAL_POOL_SIZE, seL4_AllRights, 1, &addresses);
    if (!reservation.res) {
        return -1;
    }
    bootstrap_configure_virtual_pool(allocman, addresses, VIRTUAL_POOL_SIZE, page_directory);
    return 0;
}

int root_task_init(struct root_task *root)
{
    seL4_BootInfo *info = platsupport_get_bootinfo();

    if (!info || make_allocators(root, info)) {
        printf("vmm: no memory for the allocators\n");
        return -1;
    }
    if (sel4platsupport_new_io_ops(&root->vspace, &root->vka, &root->simple, &root->io_ops) ||
        vka_alloc_endpoint(&root->vka, &root->endpoint) ||
        vka_alloc_notification(&root->vka, &root->notification) ||
        seL4_TCB_BindNotification(simple_get_tcb(&root->simple), root->notification.cptr)) {
        printf("vmm: no memory for its kernel objects\n");
        return -1;
    }
    return 0;
}

int root_task_interrupt(struct root_task *root, int irq, seL4_CPtr *handler)
{
    cspacepath_t path;
    cspacepath_t badged;
    cspacepath_t notification;

    if (vka_cspace_alloc_path(&root->vka, &path) || vka_cspace_alloc_path(&root->vka, &badged)) {
        return -1;
    }
    vka_cspace_make_path(&root->vka, root->notification.cptr, &notification);
    if (vka_cnode_mint(&badged, &notification, seL4_AllRights, ROOT_TASK_INTERRUPT_BADGE) ||
        simple_get_IRQ_handler(&root->simple, irq, path) ||
        seL4_IRQHandler_SetNotification(path.capPtr, badged.capPtr)) {
        return -1;
    }
    *handler = path.capPtr;
    return seL4_IRQHandler_Ack(path.capPtr) ? -1 : 0;
}
