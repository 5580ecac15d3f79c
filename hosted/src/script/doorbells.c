/* SPDX-License-Identifier: BSD-2-Clause */
/* Doorbells as KVM has them: writes that become counts in eventfds. */
#include <errno.h>
#include <unistd.h>

#include <sel4vmmplatsupport/vmmp/window.h>

#include "script.h"

static bool is_of(const struct script_doorbell *bell, const struct vmmp_doorbell *doorbell)
{
    bool size = bell->size == doorbell->size || bell->size == 0 || doorbell->size == 0;
    return bell->gpa == doorbell->address && size &&
           (!bell->match || !doorbell->match || bell->value == doorbell->value);
}

/** Under the lock: NULL if there is none like it. */
static struct script_doorbell *find(struct script_vm *script, const struct vmmp_doorbell *doorbell)
{
    for (unsigned i = 0; i < script->doorbell_count; i++) {
        if (is_of(&script->doorbells[i], doorbell)) {
            return &script->doorbells[i];
        }
    }
    return NULL;
}

static int change(struct script_vm *script, const struct vmmp_doorbell *doorbell, int fd, bool add)
{
    struct script_doorbell *found = find(script, doorbell);
    if (!add) {
        if (!found || found->fd != fd) {
            script_record_text(script, "a doorbell at %#jx is removed that is not there",
                               (uintmax_t)doorbell->address);
            return -ENOENT;
        }
        *found = script->doorbells[--script->doorbell_count];
        return 0;
    }
    if (found) {
        return -EEXIST;
    }
    if (script->doorbell_count == SCRIPT_DOORBELLS) {
        return -ENOSPC;
    }
    script->doorbells[script->doorbell_count++] = (struct script_doorbell){
        .gpa = doorbell->address,
        .size = doorbell->size,
        .match = doorbell->match,
        .value = doorbell->value,
        .fd = fd,
    };
    return 0;
}

int script_doorbell(struct hosted_vm *hosted, const struct vmmp_doorbell *doorbell, int fd,
                    bool add)
{
    struct script_vm *script = hosted_vm_engine_state(hosted);
    if (doorbell->port) {
        return -EOPNOTSUPP;
    }
    pthread_mutex_lock(&script->lock);
    int error = change(script, doorbell, fd, add);
    pthread_mutex_unlock(&script->lock);
    return error;
}

bool script_doorbell_takes(struct script_vm *script, const struct hosted_mmio *access)
{
    const uint64_t one = 1;
    uint64_t value = access->reg & vmmp_all_ones(access->size);
    bool taken = false;
    pthread_mutex_lock(&script->lock);
    for (unsigned i = 0; access->is_write && i < script->doorbell_count && !taken; i++) {
        const struct script_doorbell *bell = &script->doorbells[i];
        if (bell->gpa == access->gpa && (bell->size == 0 || bell->size == access->size) &&
            (!bell->match || bell->value == value)) {
            taken = write(bell->fd, &one, sizeof one) == sizeof one;
        }
    }
    pthread_mutex_unlock(&script->lock);
    return taken;
}
