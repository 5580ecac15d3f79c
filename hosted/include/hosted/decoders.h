/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Decoders of compressed kernels, for struct vmmp_kernel_options: gzip, lz4 (frames and legacy
 * frames), xz, lzma and zstd, as far as the build found zlib, liblz4, liblzma and libzstd. Debian's
 * x86 kernels are packed with legacy lz4, xz and zstd. They stream: memory is a few dozen KiB for
 * gzip, up to 17 MiB for lz4 and up to 128 MiB for xz, lzma and zstd, whatever the input.
 *
 * Threads: any; each call has its own state.
 */
#pragma once

#include <stddef.h>

#include <sel4vmmplatsupport/vmmp/image.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The table and its length; both may be used as long as the program runs. */
const struct vmmp_decoder *hosted_decoders(size_t *count);

#ifdef __cplusplus
}
#endif
