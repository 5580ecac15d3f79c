/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Device descriptions and a list of them (compatible interface).
 *
 * A `struct device` says where a device is in the guest-physical and host-physical address space.
 * Single-threaded, like the whole compatible interface.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <sel4/sel4.h>
#include <sel4vm/guest_vm.h>

#ifdef __cplusplus
extern "C" {
#endif

struct device {
    const char *name; /**< For messages. */
    seL4_Word pstart; /**< First address, the same for guest and host. */
    seL4_Word size;   /**< In bytes. */
    /** Not called by the library; installers register handlers with libsel4vm instead. */
    int (*handle_device_fault)(vm_t *vm, vm_vcpu_t *vcpu, struct device *dev, uintptr_t addr,
                               size_t len);
    void *priv;
};

typedef struct device_list {
    struct device *devices; /**< Ascending by `pstart`; owned by the list. */
    int num_devices;
} device_list_t;

/** Makes `list` empty. 0, or -1 for NULL. */
int device_list_init(device_list_t *list);

/**
 * Copies `*d` into the list. Pointers that find_device_by_pa() returned are invalid afterwards.
 * Overlaps are not checked. 0; -1 for a NULL argument or when memory is short (the list is then as
 * it was).
 */
int add_device(device_list_t *dev_list, const struct device *d);

/** The device with pstart <= addr < pstart + size, or NULL. */
struct device *find_device_by_pa(device_list_t *dev_list, uintptr_t addr);

#ifdef __cplusplus
}
#endif
