/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The version of the library.
 *
 * ABI policy: within one major version structures keep their layout and functions their
 * signatures; a minor version may append members to structures that the library alone allocates.
 * Version 0 makes no such promise for the native interface (vmmp_*); the compatible interface
 * (spec of the upstream headers) is stable from the first release on.
 */
#pragma once

#ifdef __cplusplus
extern "C" {
#endif

#define VMMP_VERSION_MAJOR 0
#define VMMP_VERSION_MINOR 1
#define VMMP_VERSION_PATCH 0

/**
 * The version of the library that was linked, "major.minor.patch".
 * Compare it with the VMMP_VERSION_* macros to find a header and a library that do not belong
 * together. The string is static; any thread may call this at any time.
 */
const char *vmmp_version(void);

#ifdef __cplusplus
}
#endif
