/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What devices of a process share by a name that the user gives, such as the switch of
 * --net switch=NAME: made when the first asks for it, gone when the last leaves it.
 *
 * Threads: the event loop's, as everything of devices.
 */
#pragma once

#include <stddef.h>

#include <sel4vmmplatsupport/vmmp/host.h>

#include "suboptions.h"

/** First member of the shared thing. */
struct named {
    struct named *next;
    char name[SUBOPTION_TEXT_MAX];
    unsigned users;
};

/** The things of one kind. */
struct named_kind {
    size_t size;
    int (*init)(struct named *named, const struct vmmp_host *host); /**< 0 or -errno. */
    void (*fini)(struct named *named);
};

/** The thing of that name in `*list`, made with `host` if there is none; NULL: no memory. */
struct named *named_take(struct named **list, const struct named_kind *kind, const char *name,
                         const struct vmmp_host *host);
/** For every named_take(). */
void named_leave(struct named **list, const struct named_kind *kind, struct named *named);
