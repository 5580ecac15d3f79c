/* SPDX-License-Identifier: BSD-2-Clause */
/* What loading an image by name has in common, on every architecture. */
#pragma once

#include <sel4vmmplatsupport/guest_image.h>

#include "compat/compat_vm.h"
#include "compat/guest_image_file.h"

struct compat_load {
    vm_t *vm;
    struct vmmp_vm *native;
    struct compat_file file;
    struct vmmp_image_error error;
};

/** Opens the file. 0, or -1 with a message in the log. */
int vmmp_compat_load_begin(struct compat_load *load, vm_t *vm, const char *name);
/** Closes it. `err` is 0 or an error, whose message goes to the log: 0 or -1. */
int vmmp_compat_load_end(struct compat_load *load, int err);

/** -ENOSPC unless the range is RAM that nothing else has. */
int vmmp_compat_load_check(struct compat_load *load, uint64_t address, uint64_t size);
/** What was written there is the guest's from now on: its caches are cleaned, RAM is allocated. */
void vmmp_compat_load_claim(struct compat_load *load, uint64_t address, uint64_t size);
/** Both, around loading `kernel`, or the file verbatim if that is NULL. */
int vmmp_compat_load_place(struct compat_load *load, const struct vmmp_kernel *kernel,
                           uint64_t address, uint64_t size);
