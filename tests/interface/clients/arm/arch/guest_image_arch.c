/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vmmplatsupport/arch/guest_image_arch.h>

const enum img_type client_image_types[] = { IMG_BIN,    IMG_ELF,       IMG_UIMAGE, IMG_ABOOT,
                                             IMG_ZIMAGE, IMG_INITRD_GZ, IMG_DTB };
struct guest_kernel_image_arch client_image_arch;
