/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Message-signalled interrupts: how a device's message reaches the guest's interrupt controller.
 *
 * A VMM has one destination per VM (vmmp/gicv2m.h makes one) and gives it to the functions that
 * may send. Where a host has none, functions do without MSI-X and interrupt by INTx.
 */
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vmmp_msi_ops {
    /**
     * The function writes `data` to `address`, both as the guest has programmed them: they are
     * data, and may be anything. Any thread, inside the function's context.
     */
    void (*send)(void *cookie, uint64_t address, uint32_t data);
};

/** `ops` NULL: there is no destination. */
struct vmmp_msi {
    const struct vmmp_msi_ops *ops;
    void *cookie;
};

#ifdef __cplusplus
}
#endif
