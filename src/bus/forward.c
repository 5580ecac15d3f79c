/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vmmplatsupport/vmmp/forward.h>

#include <errno.h>
#include <stddef.h>

#include <sel4vmmplatsupport/vmmp/vm.h>

/* A request's life. */
enum state {
    FREE,
    TAKEN,    /* Being filled in, or being answered. */
    AT_ONCE,  /* Handed out; to be answered inside the call. */
    ANSWERED, /* The same, answered. */
    LATER,    /* Handed out; its vCPU waits. */
};

static bool change(struct vmmp_forward_request *request, uint32_t from, uint32_t to)
{
    return __atomic_compare_exchange_n(&request->state, &from, to, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_ACQUIRE);
}

static void put(struct vmmp_forward_request *request, uint32_t state)
{
    __atomic_store_n(&request->state, state, __ATOMIC_RELEASE);
}

static struct vmmp_forward_request *allocate(struct vmmp_forward *forward,
                                             const struct vmmp_window_access *access)
{
    for (unsigned i = 0; i < forward->request_count; i++) {
        struct vmmp_forward_request *request = &forward->requests[i];
        if (change(request, FREE, TAKEN)) {
            request->forward = forward;
            request->access = *access;
            request->offset = access->offset;
            request->size = access->size;
            request->is_write = access->is_write;
            request->value = access->value;
            return request;
        }
    }
    return NULL;
}

static void begin(void *device, const struct vmmp_window_access *access)
{
    struct vmmp_forward *forward = device;
    struct vmmp_forward_request *request = allocate(forward, access);

    if (!request) {
        vmmp_vm_complete_access(&forward->window, access, UINT64_MAX);
        return;
    }
    put(request, LATER);
    forward->request(forward->cookie, request);
}

static uint64_t at_once(struct vmmp_forward *forward, const struct vmmp_window_access *access)
{
    struct vmmp_forward_request *request = allocate(forward, access);
    uint64_t value = UINT64_MAX;

    if (!request) {
        return value;
    }
    put(request, AT_ONCE);
    forward->request(forward->cookie, request);
    /* Against a reply that comes just now, from another thread. */
    if (!change(request, AT_ONCE, TAKEN)) {
        while (__atomic_load_n(&request->state, __ATOMIC_ACQUIRE) != ANSWERED) {
        }
        value = request->answer;
    }
    put(request, FREE);
    return value;
}

static uint64_t forward_read(void *device, uint64_t offset, unsigned size)
{
    const struct vmmp_window_access access = { .offset = offset, .size = size };
    return at_once(device, &access);
}

static void forward_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    const struct vmmp_window_access access = {
        .offset = offset, .size = size, .is_write = true, .value = value
    };
    at_once(device, &access);
}

static const struct vmmp_window_ops forward_ops = { forward_read, forward_write };

int vmmp_forward_init(struct vmmp_forward *forward)
{
    if (!forward || !forward->window.name || !forward->window.size || !forward->request ||
        !forward->requests || !forward->request_count) {
        return -EINVAL;
    }
    for (unsigned i = 0; i < forward->request_count; i++) {
        forward->requests[i] = (struct vmmp_forward_request){ .forward = forward };
    }
    forward->window.ops = &forward_ops;
    forward->window.device = forward;
    forward->window.begin = begin;
    return 0;
}

bool vmmp_forward_reply(struct vmmp_forward_request *request, uint64_t value)
{
    if (change(request, LATER, TAKEN)) {
        struct vmmp_window_access access = request->access;
        const struct vmmp_window *window = &request->forward->window;
        /* Free first: once it is answered, the vCPU may be back with its next access. */
        put(request, FREE);
        vmmp_vm_complete_access(window, &access, value);
        return true;
    }
    if (change(request, AT_ONCE, TAKEN)) {
        request->answer = value;
        put(request, ANSWERED);
        return true;
    }
    return false;
}

unsigned vmmp_forward_abandon(struct vmmp_forward *forward)
{
    unsigned count = 0;

    for (unsigned i = 0; i < forward->request_count; i++) {
        count += vmmp_forward_reply(&forward->requests[i], UINT64_MAX);
    }
    return count;
}
