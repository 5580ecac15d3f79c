/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory of the guest: mapped without reserving swap, so that a guest costs what it touches.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hosted.h"

/** Huge pages need both sides aligned: guests' RAM starts at multiples of this. */
#define HUGE_PAGE_SIZE ((size_t)2 << 20)

/** False, with a message, if RAM of this size in all cannot be had on this machine. */
static bool host_has(const struct hosted_vm *hosted, uint64_t total)
{
    if (!hosted->engine->memory_is_real) {
        return true;
    }
    long pages = sysconf(_SC_PHYS_PAGES);
    long page_size = sysconf(_SC_PAGESIZE);
    if (pages <= 0 || page_size <= 0) {
        return true;
    }
    uint64_t memory = (uint64_t)pages * (uint64_t)page_size;
    if (total <= memory) {
        return true;
    }
    hosted_say(hosted, VMMP_LOG_ERROR, VMMP_LOG_CLIENT,
               "the guest's memory would be %ju MiB, and the host has %ju MiB: give it less",
               (uintmax_t)(total >> 20), (uintmax_t)(memory >> 20));
    return false;
}

/** Maps `size` bytes, on a huge page's border if they are that many. */
static void *map_aligned(size_t size, int flags, int fd, off_t offset)
{
    size_t align = size >= HUGE_PAGE_SIZE ? HUGE_PAGE_SIZE : HOSTED_PAGE_SIZE;
    if (size > SIZE_MAX - align) {
        return MAP_FAILED;
    }
    size_t room = size + align - HOSTED_PAGE_SIZE;
    uint8_t *base = mmap(NULL, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED) {
        return MAP_FAILED;
    }
    size_t before = (size_t)(-(uintptr_t)base & (align - 1));
    uint8_t *host =
        mmap(base + before, size, PROT_READ | PROT_WRITE, flags | MAP_FIXED, fd, offset);
    if (host == MAP_FAILED) {
        munmap(base, room);
        return MAP_FAILED;
    }
    if (before) {
        munmap(base, before);
    }
    if (room - before - size) {
        munmap(host + size, room - before - size);
    }
    return host;
}

/** Under the tables' lock: room for `size` bytes in the VM's file, made when first needed. */
static int file_extend(struct hosted_vm *hosted, size_t size, off_t *offset)
{
    if (hosted->memory_fd < 0) {
        hosted->memory_fd = memfd_create("guest", MFD_CLOEXEC);
        if (hosted->memory_fd < 0) {
            return -errno;
        }
    }
    off_t end;
    if (__builtin_add_overflow(hosted->memory_end, size, &end) ||
        ftruncate(hosted->memory_fd, end)) {
        return -ENOMEM;
    }
    *offset = hosted->memory_end;
    hosted->memory_end = end;
    return 0;
}

static int pages_map(struct hosted_vm *hosted, struct hosted_pages *pages)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    int fd = -1;
    if (pages->is_file) {
        pthread_rwlock_wrlock(&hosted->tables);
        int error = file_extend(hosted, pages->size, &pages->offset);
        pthread_rwlock_unlock(&hosted->tables);
        if (error) {
            return error;
        }
        flags = MAP_SHARED | MAP_NORESERVE;
        fd = hosted->memory_fd;
    }
    void *host = map_aligned(pages->size, flags, fd, pages->offset);
    if (host == MAP_FAILED) {
        return -ENOMEM;
    }
    pages->host = host;
    if (!pages->is_file && pages->size >= HUGE_PAGE_SIZE) {
        /* Only faster: a kernel without them is as good. */
        (void)madvise(host, pages->size, MADV_HUGEPAGE);
    }
    return 0;
}

void *hosted_pages_allocate(struct hosted_vm *hosted, size_t size)
{
    pthread_rwlock_rdlock(&hosted->tables);
    uint64_t total = hosted->pages_total + size;
    pthread_rwlock_unlock(&hosted->tables);

    if (size == 0 || size & HOSTED_PAGE_MASK || !host_has(hosted, total)) {
        return NULL;
    }
    struct hosted_pages *pages =
        hosted_permit(hosted, HOSTED_CALL_PAGES) ? calloc(1, sizeof(*pages)) : NULL;
    if (pages) {
        pages->size = size;
        pages->is_file = hosted->engine->memory_is_file;
        if (pages_map(hosted, pages)) {
            free(pages);
            pages = NULL;
        }
    }
    if (!pages) {
        hosted_say(hosted, VMMP_LOG_ERROR, VMMP_LOG_HOST,
                   "the host has no %ju KiB of memory for the guest", (uintmax_t)(size >> 10));
        return NULL;
    }
    pthread_rwlock_wrlock(&hosted->tables);
    pages->next = hosted->pages;
    hosted->pages = pages;
    hosted->pages_total += size;
    pthread_rwlock_unlock(&hosted->tables);
    return pages->host;
}

static void pages_unmap(struct hosted_vm *hosted, struct hosted_pages *pages)
{
    munmap(pages->host, pages->size);
    if (pages->is_file) {
        /* The place in the file is not used again: give back what was in it. */
        (void)fallocate(hosted->memory_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                        pages->offset, (off_t)pages->size);
    }
    free(pages);
}

void hosted_pages_release(struct hosted_vm *hosted, void *host)
{
    struct hosted_pages *found = NULL;
    pthread_rwlock_wrlock(&hosted->tables);
    for (struct hosted_pages **link = &hosted->pages; *link; link = &(*link)->next) {
        if ((*link)->host == host) {
            found = *link;
            *link = found->next;
            hosted->pages_total -= found->size;
            break;
        }
    }
    pthread_rwlock_unlock(&hosted->tables);
    if (found) {
        pages_unmap(hosted, found);
    }
}

void hosted_pages_free(struct hosted_vm *hosted)
{
    while (hosted->pages) {
        struct hosted_pages *pages = hosted->pages;
        hosted->pages = pages->next;
        pages_unmap(hosted, pages);
    }
    if (hosted->memory_fd >= 0) {
        close(hosted->memory_fd);
    }
}

int hosted_memory_file(struct hosted_vm *hosted, const void *host, int *fd, uint64_t *offset)
{
    int result = -ENOENT;
    pthread_rwlock_rdlock(&hosted->tables);
    for (const struct hosted_pages *pages = hosted->pages; pages; pages = pages->next) {
        uintptr_t distance = (uintptr_t)host - (uintptr_t)pages->host;
        if (distance < pages->size && pages->is_file) {
            *fd = hosted->memory_fd;
            *offset = (uint64_t)pages->offset + distance;
            result = 0;
            break;
        }
    }
    pthread_rwlock_unlock(&hosted->tables);
    return result;
}
