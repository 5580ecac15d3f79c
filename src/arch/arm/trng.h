/* SPDX-License-Identifier: BSD-2-Clause */
/* True Random Number Generator firmware interface (DEN0098). */
#pragma once

#include <sel4vmmplatsupport/vmmp/smccc.h>

/** Whether a function identifier is in TRNG's range. */
bool vmmp_trng_owns(uint32_t function);
/** Answers a call for one that is. */
void vmmp_trng_call(struct vmmp_smccc *smccc, struct vmmp_smccc_call *call);
