/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vmmplatsupport/arch/guest_image_arch.h>

struct guest_kernel_image_arch client_image_arch = { true, "relocs", 0, 0, 0, 0 };
