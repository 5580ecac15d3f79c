/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A kernel on a PC: where it, its initrd and what it is told go, and putting all of it there.
 *
 *     vmmp_e820_init(), vmmp_e820_add()     the machine's memory (vmmp/e820.h)
 *     vmmp_kernel_probe()                   what the file is (vmmp/image.h)
 *     vmmp_x86_plan()                       places everything; nothing is written yet
 *     vmmp_x86_load()                       writes it, and gives the first vCPU's state
 *
 * Only what the map calls RAM is used. The kernel goes to where it was linked or likes to be; the
 * initrd as high as it can reach; boot parameters, command line, descriptor and page tables to the
 * lowest free pages, so that none of it is in the way of another.
 *
 * Errors: as in vmmp/image.h, 0 or -errno and one line. Hostile files: any header is fine; nothing
 * is written outside of what was planned. Threads: no state is kept; the guest must not run yet.
 * Ownership: requests are read during the call only, but a plan is used with the same request.
 * Sources: Linux Documentation/arch/x86/boot.rst; Xen docs/misc/pvh.pandoc and
 * public/arch-x86/hvm/start_info.h.
 */
#pragma once

#include <sel4vmmplatsupport/vmmp/boot_x86.h>
#include <sel4vmmplatsupport/vmmp/image.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Most bytes of a seed that are handed on. */
#define VMMP_X86_SEED_MAX 64

struct vmmp_x86_load_request {
    const struct vmmp_kernel *kernel;               /**< As probed for this VM. */
    const struct vmmp_e820 *e820;                   /**< As the guest will see it. */
    const char *cmdline;                            /**< NULL: none. */
    const struct vmmp_file *initrd;                 /**< NULL: none. */
    uint64_t rsdp;                                  /**< Guest-physical; 0: to be searched for. */
    const struct vmmp_x86_framebuffer *framebuffer; /**< NULL: none. PVH knows none. */
    /** For the kernel's random numbers (SETUP_RNG_SEED, Linux 6.0); NULL: none. Not with PVH. */
    const void *seed;
    size_t seed_size; /**< At most VMMP_X86_SEED_MAX. */
};

/** Guest-physical addresses. A size of 0: there is none. */
struct vmmp_x86_plan {
    enum vmmp_x86_protocol protocol;
    uint64_t kernel;
    uint64_t kernel_size; /**< Until it has found its way about. */
    uint64_t entry;
    uint64_t initrd;
    uint64_t initrd_size;
    uint64_t boot_params; /**< A page: the zero page, or PVH's start_info. */
    uint64_t tables;      /**< VMMP_X86_TABLES_SIZE bytes. */
    uint64_t cmdline;
    uint64_t cmdline_size; /**< With its NUL. */
    uint64_t setup_data;
    uint64_t setup_data_size;
};

/**
 * -ENOSPC: something does not fit, and the message says what and how much RAM there is; -E2BIG: the
 * command line is longer than the kernel takes; -ENODATA: an empty initrd; -EINVAL: a bad request.
 */
int vmmp_x86_plan(const struct vmmp_x86_load_request *request, struct vmmp_x86_plan *plan,
                  struct vmmp_image_error *error);

/** -EFAULT if the map calls RAM what `memory` has not; else what reading and decoding return. */
int vmmp_x86_load(const struct vmmp_guest_memory *memory,
                  const struct vmmp_x86_load_request *request, const struct vmmp_x86_plan *plan,
                  struct vmmp_x86_entry *entry, struct vmmp_image_error *error);

#ifdef __cplusplus
}
#endif
