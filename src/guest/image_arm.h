/* SPDX-License-Identifier: BSD-2-Clause */
/* Headers of ARM Linux kernels. */
#pragma once

#include "guest/image_internal.h"

/** -ENODATA if the file is shorter than its EFI header says. */
int vmmp_arm64_image_check(const struct vmmp_file *file, const uint8_t *head,
                           struct vmmp_image_error *error);

bool vmmp_zboot_recognise(const uint8_t *head, size_t size);
/** Sets where in the file the compressed kernel is. */
int vmmp_zboot_parse(struct vmmp_kernel *kernel, const uint8_t *head,
                     struct vmmp_image_error *error);

bool vmmp_zimage_recognise(const uint8_t *head, size_t size);
int vmmp_zimage_parse(struct vmmp_kernel *kernel, const uint8_t *head,
                      struct vmmp_image_error *error);
