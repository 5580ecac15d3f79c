/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vmmplatsupport/vmmp/version.h>

#define STRING(x)        #x
#define VERSION(a, b, c) STRING(a) "." STRING(b) "." STRING(c)

const char *vmmp_version(void)
{
    return VERSION(VMMP_VERSION_MAJOR, VMMP_VERSION_MINOR, VMMP_VERSION_PATCH);
}
