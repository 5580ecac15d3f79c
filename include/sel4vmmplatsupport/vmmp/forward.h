/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A window whose accesses are answered elsewhere: by another component, another program, at once or
 * later.
 *
 *     struct vmmp_forward_request requests[VCPUS];
 *     struct vmmp_forward forward = { .window = { .name = "clock", .size = 0x1000 },
 *                                     .request = send, .cookie = me,
 *                                     .requests = requests, .request_count = VCPUS };
 *     vmmp_forward_init(&forward);
 *     vmmp_vm_attach_window(&vmmp, &forward.window, base);
 *
 * Each access of the guest is one request. It is answered exactly once by vmmp_forward_reply(),
 * inside `request` or later; until then its vCPU stands still. A vCPU has one request at a time: as
 * many requests as vCPUs are enough; an access that finds none free reads all-ones or is dropped.
 *
 * On a bus (PCI, I/O ports), and on x86 under seL4, accesses cannot wait: what is not answered
 * inside `request` reads all-ones, and its later answer is ignored.
 *
 * Hostile guest: any offset inside the window, sizes of 1, 2, 4 and 8 at any alignment.
 * Threads: `request` is called from the vCPU's thread, several at once; replies come from any.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <sel4vmmplatsupport/vmmp/window.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vmmp_forward;

struct vmmp_forward_request {
    uint64_t offset;
    unsigned size;
    bool is_write;
    uint64_t value; /**< Write: what was written. */

    /* The library's own; zero at first. */
    struct vmmp_forward *forward;
    struct vmmp_window_access access;
    uint64_t answer;
    uint32_t state;
};

struct vmmp_forward {
    struct vmmp_window window; /**< To be attached; init fills in its device, ops and begin. */
    void (*request)(void *cookie, struct vmmp_forward_request *request);
    void *cookie;
    struct vmmp_forward_request *requests;
    unsigned request_count;
};

/**
 * Completes a structure whose other members are set. 0; -EINVAL without a name, a size, a function
 * or requests.
 */
int vmmp_forward_init(struct vmmp_forward *forward);

/**
 * Answers: `value` is what a read gives, and means nothing to a write. False if the request was
 * answered before or nobody waits for it.
 */
bool vmmp_forward_reply(struct vmmp_forward_request *request, uint64_t value);

/**
 * Answers what waits with all-ones: before the window is detached, when whoever answers is gone.
 * How many there were.
 */
unsigned vmmp_forward_abandon(struct vmmp_forward *forward);

#ifdef __cplusplus
}
#endif
