/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/** Formats by which the compatible loader classifies files. */
enum img_type {
    IMG_BIN,
    IMG_ELF,
    IMG_UIMAGE,
    IMG_ABOOT,
    IMG_ZIMAGE,
    IMG_INITRD_GZ,
    IMG_DTB,
};

/** Nothing beyond the common part. */
struct guest_kernel_image_arch {
};
