/* SPDX-License-Identifier: BSD-2-Clause */
/* What the hosted libsel4vm counts, can be made to fail at, and complains about. */
#pragma once

#ifdef __cplusplus
extern "C" {
#endif

/** Calls of the host that a test can make fail (hosted/script.h: script_fail). */
enum hosted_call {
    HOSTED_CALL_RESERVE,      /**< vm_reserve_memory_at() and vm_reserve_anon_memory(). */
    HOSTED_CALL_MAP,          /**< Mapping memory into the guest. */
    HOSTED_CALL_PAGES,        /**< Allocating memory for the guest, or a page shared with it. */
    HOSTED_CALL_MAP_RAM,      /**< Mapping guest RAM into the VMM. */
    HOSTED_CALL_PHYSICAL,     /**< Getting at device memory of the host. */
    HOSTED_CALL_VCPU,         /**< vm_create_vcpu(). */
    HOSTED_CALL_IRQ_REGISTER, /**< vm_register_irq(). */
    HOSTED_CALL_CONTEXT,      /**< Making an execution context (context_init of vmmp/host.h). */
    HOSTED_CALL_COUNT,
};

/** Ways to misuse the fault protocol, for whoever handles a fault. */
enum hosted_misuse {
    HOSTED_MISUSE_COMPLETED_TWICE, /**< Advanced or restarted what was completed already. */
    HOSTED_MISUSE_NO_FAULT,        /**< An accessor was used with no fault in progress. */
    HOSTED_MISUSE_DIRECTION,       /**< Read data was set for a write. */
    HOSTED_MISUSE_RESULT,          /**< The callback's result contradicts what it did. */
    HOSTED_MISUSE_NEVER_COMPLETED, /**< A fault was still in progress when the VM was destroyed. */
    HOSTED_MISUSE_COUNT,
};

#ifdef __cplusplus
}
#endif
