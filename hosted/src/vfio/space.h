/* SPDX-License-Identifier: BSD-2-Clause */
/* Containers and groups of VFIO; where things are in /dev and /sys. */
#pragma once

#include <stdint.h>

#include <hosted/vfio.h>

#define VFIO_PATH   256
#define VFIO_GROUPS 16

struct vfio_group {
    int number;
    int fd;
    unsigned users; /**< 0: the place is free. */
    unsigned given; /**< Of its devices, those that a guest has. */
};

struct hosted_vfio_space {
    const char *root;
    const struct vmmp_log *log;
    int fd; /**< The container. */
    struct vfio_group groups[VFIO_GROUPS];
    bool has_iommu;
    unsigned guests;                 /**< Devices that have been given. */
    struct vmmp_guest_memory memory; /**< What is mapped. */
};

/** Puts what is wrong into `error`; returns -`number`. */
int vfio_wrong(char error[HOSTED_VFIO_ERROR], int number, const char *format, ...)
    VMMP_PRINTF(3, 4);

/* groups.c */

/**
 * The group of the device at `address`, which is found fit to be given away, in the container.
 * NULL: *result is -errno (said).
 */
struct vfio_group *vfio_group_get(struct hosted_vfio_space *space, const char *address, int *result,
                                  char error[HOSTED_VFIO_ERROR]);
void vfio_group_put(struct hosted_vfio_space *space, struct vfio_group *group);

/* space.c */

/** Lets devices reach the memory, or a further one do so. 0, or -errno (said). */
int vfio_memory_map(struct hosted_vfio_space *space, const struct vmmp_guest_memory *memory);
void vfio_memory_unmap(struct hosted_vfio_space *space);
