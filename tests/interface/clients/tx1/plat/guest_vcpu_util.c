/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vmmplatsupport/plat/guest_vcpu_util.h>

_Static_assert(sizeof(PLAT_CPU_COMPAT) == sizeof("arm,cortex-a57") &&
                   !__builtin_memcmp(PLAT_CPU_COMPAT, "arm,cortex-a57", sizeof("arm,cortex-a57")),
               "another CPU");
