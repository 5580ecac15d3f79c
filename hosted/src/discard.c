/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory that a guest has given up goes back to the host. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hosted.h"

/** Under the tables' lock: the VM's own memory that `host` lies in, or NULL. */
static const struct hosted_pages *pages_find(const struct hosted_vm *hosted, const uint8_t *host)
{
    for (const struct hosted_pages *pages = hosted->pages; pages; pages = pages->next) {
        if ((uintptr_t)host - (uintptr_t)pages->host < pages->size) {
            return pages;
        }
    }
    return NULL;
}

/** Whole pages of the host's inside [host, host + size), which lies in `pages`. */
static int discard_pages(const struct hosted_vm *hosted, const struct hosted_pages *pages,
                         uint8_t *host, size_t size)
{
    size_t mask = (size_t)sysconf(_SC_PAGESIZE) - 1;
    size_t before = -(uintptr_t)host & mask;
    if (size <= before) {
        return 0;
    }
    size = (size - before) & ~mask;
    host += before;
    if (size == 0) {
        return 0;
    }
    /* A hole in the file is one in every mapping of it; dropping the mapping would keep the pages.
     */
    int result = pages->is_file
                     ? fallocate(hosted->memory_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                 pages->offset + (host - pages->host), (off_t)size)
                     : madvise(host, size, MADV_DONTNEED);
    return result ? -errno : 0;
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

int hosted_vm_discard(vm_t *vm, uint64_t gpa, uint64_t size)
{
    struct hosted_vm *hosted = vm->hosted;
    int error = 0;
    pthread_rwlock_rdlock(&hosted->tables);
    while (size > 0) {
        const struct hosted_mapping *mapping = hosted_mapping_find(hosted, gpa);
        if (!mapping) {
            error = error ? error : -EFAULT;
            break;
        }
        uint8_t *host = mapping->host + (gpa - mapping->gpa);
        uint64_t piece = least(size, mapping->size - (gpa - mapping->gpa));
        const struct hosted_pages *pages = pages_find(hosted, host);
        if (pages) {
            piece = least(piece, pages->size - (uint64_t)(host - pages->host));
            int result = discard_pages(hosted, pages, host, (size_t)piece);
            error = error ? error : result;
        }
        gpa += piece;
        size -= piece;
    }
    pthread_rwlock_unlock(&hosted->tables);
    return error;
}
