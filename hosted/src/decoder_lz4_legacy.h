/* SPDX-License-Identifier: BSD-2-Clause */
/* The older format of lz4, which `lz4 -l` writes and Linux packs itself in. */
#pragma once

#include <sel4vmmplatsupport/vmmp/image.h>

/** See struct vmmp_decoder. */
int hosted_decode_lz4_legacy(struct vmmp_source *source, struct vmmp_sink *sink);
