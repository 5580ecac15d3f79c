/* SPDX-License-Identifier: BSD-2-Clause */
/* Arrays that grow. */
#include <stdlib.h>

#include "hosted.h"

void *hosted_array_grow(void *array, size_t count, size_t extra, size_t element)
{
    size_t total;
    size_t bytes;
    if (__builtin_add_overflow(count, extra, &total) ||
        __builtin_mul_overflow(total, element, &bytes)) {
        return NULL;
    }
    return realloc(array, bytes);
}
