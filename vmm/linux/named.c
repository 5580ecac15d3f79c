/* SPDX-License-Identifier: BSD-2-Clause */
#include "named.h"

#include <stdlib.h>
#include <string.h>

struct named *named_take(struct named **list, const struct named_kind *kind, const char *name,
                         const struct vmmp_host *host)
{
    struct named *named = *list;
    while (named && strcmp(named->name, name) != 0) {
        named = named->next;
    }
    if (!named) {
        named = calloc(1, kind->size);
        if (!named || kind->init(named, host) != 0) {
            free(named);
            return NULL;
        }
        /* suboptions_parse() has seen to it that a name fits. */
        memcpy(named->name, name, strlen(name) + 1);
        named->next = *list;
        *list = named;
    }
    named->users++;
    return named;
}

void named_leave(struct named **list, const struct named_kind *kind, struct named *named)
{
    if (--named->users > 0) {
        return;
    }
    while (*list != named) {
        list = &(*list)->next;
    }
    *list = named->next;
    kind->fini(named);
    free(named);
}
