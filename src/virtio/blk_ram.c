/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vmmplatsupport/vmmp/blk_ram.h>

#include <errno.h>
#include <string.h>

#include "virtio/blk_cursor.h"

/* Zeroing happens at once, so one request must not be too much of it. */
#define RANGE_MAX (UINT64_C(4) << 20)

static void info(void *cookie, struct vmmp_blk_info *info)
{
    const struct vmmp_blk_ram *ram = cookie;
    *info = (struct vmmp_blk_info){
        .capacity = ram->size,
        .read_only = ram->read_only,
        .stable_writes = true,
        .discard = true,
        .write_zeroes = true,
        .range_max = RANGE_MAX,
    };
}

static int work(const struct vmmp_blk_ram *ram, const struct vmmp_blk_request *request)
{
    if (request->op == VMMP_BLK_FLUSH) {
        return 0;
    }
    if (request->offset > ram->size || request->length > ram->size - request->offset) {
        return -EIO;
    }
    if (ram->read_only && request->op != VMMP_BLK_READ) {
        return -EROFS;
    }
    uint8_t *at = ram->memory + (size_t)request->offset;
    size_t length = (size_t)request->length;
    struct blk_cursor cursor = blk_cursor(request->iov, request->iov_count);
    switch (request->op) {
    case VMMP_BLK_READ:
        blk_cursor_put(&cursor, at, length);
        return 0;
    case VMMP_BLK_WRITE:
        blk_cursor_get(&cursor, at, length);
        return 0;
    case VMMP_BLK_DISCARD:
    case VMMP_BLK_WRITE_ZEROES:
        memset(at, 0, length);
        return 0;
    default:
        return -EOPNOTSUPP;
    }
}

static void submit(void *cookie, struct vmmp_blk_request *request)
{
    vmmp_blk_complete(request, work(cookie, request));
}

/* Nothing is ever under way. */
static void drain(void *cookie)
{
    (void)cookie;
}

static const struct vmmp_blk_ops ops = {
    .info = info,
    .submit = submit,
    .drain = drain,
};

int vmmp_blk_ram_init(struct vmmp_blk_ram *ram, void *memory, size_t size, bool read_only)
{
    if (!memory || size == 0 || size % VMMP_BLK_SECTOR != 0) {
        return -EINVAL;
    }
    *ram = (struct vmmp_blk_ram){ memory, size, read_only };
    return 0;
}

struct vmmp_blk_backend vmmp_blk_ram_backend(struct vmmp_blk_ram *ram)
{
    return (struct vmmp_blk_backend){ &ops, ram };
}
