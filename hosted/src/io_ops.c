/* SPDX-License-Identifier: BSD-2-Clause */
/* The platform services that a client passes to vm_init(). */
#include <stdlib.h>
#include <string.h>

#include <hosted/vm.h>

static int io_malloc(void *cookie, size_t size, void **ptr)
{
    (void)cookie;
    *ptr = malloc(size);
    return *ptr ? 0 : -1;
}

static int io_calloc(void *cookie, size_t count, size_t size, void **ptr)
{
    (void)cookie;
    *ptr = calloc(count, size);
    return *ptr ? 0 : -1;
}

static int io_free(void *cookie, size_t size, void *ptr)
{
    (void)cookie;
    (void)size;
    free(ptr);
    return 0;
}

void hosted_io_ops_init(ps_io_ops_t *io_ops)
{
    memset(io_ops, 0, sizeof(*io_ops));
    io_ops->malloc_ops.malloc = io_malloc;
    io_ops->malloc_ops.calloc = io_calloc;
    io_ops->malloc_ops.free = io_free;
}
