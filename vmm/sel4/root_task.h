/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an seL4 root task begins with: allocators made from the kernel's boot information, and the
 * notification that its interrupts arrive by. One thread.
 */
#pragma once

#include <platsupport/io.h>
#include <sel4/sel4.h>
#include <simple/simple.h>
#include <vka/object.h>
#include <vka/vka.h>
#include <vspace/vspace.h>

/** Badges of vCPUs are small numbers: libsel4vm's. */
#define ROOT_TASK_INTERRUPT_BADGE ((seL4_Word)1 << 16)

struct root_task {
    simple_t simple;
    vka_t vka;
    vspace_t vspace;
    ps_io_ops_t io_ops;
    vka_object_t endpoint; /**< Where the guest's faults arrive, and the notification with them. */
    vka_object_t notification;
};

/** Once. 0; -1 (said) if the kernel has not given enough memory. */
int root_task_init(struct root_task *root);

/**
 * Has the host's interrupt `irq` delivered to the endpoint with ROOT_TASK_INTERRUPT_BADGE.
 * `handler` is what acknowledges it. 0 or -1.
 */
int root_task_interrupt(struct root_task *root, int irq, seL4_CPtr *handler);
