/* SPDX-License-Identifier: BSD-2-Clause */
/* Threads that do requests with plain system calls, one each at a time. */
#define _FILE_OFFSET_BITS 64 /* Where a word has 32, too. */
#include "blk_file_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

/* Elements of one system call; a request may have more. */
#define ELEMENTS 64

/* ---- Data ---- */

/* The elements from `done` bytes on, as many as fit; returns how many. */
static int rest_of(const struct vmmp_blk_request *request, uint64_t done, struct iovec *to)
{
    int count = 0;
    for (unsigned i = 0; i < request->iov_count && count < ELEMENTS; i++) {
        const struct vmmp_iovec *iov = &request->iov[i];
        if (done >= iov->len) {
            done -= iov->len;
            continue;
        }
        to[count].iov_base = (uint8_t *)iov->base + done;
        to[count].iov_len = iov->len - (size_t)done;
        done = 0;
        count++;
    }
    return count;
}

/* A stable write is one call where the kernel and the file system have RWF_DSYNC, else two. */
static ssize_t write_at(const struct hosted_blk_file *file, const struct iovec *iov, int count,
                        off_t at, bool stable)
{
    ssize_t put = pwritev2(file->fd, iov, count, at, stable ? RWF_DSYNC : 0);
    if (put >= 0 || !stable || (errno != EOPNOTSUPP && errno != ENOSYS)) {
        return put;
    }
    put = pwritev(file->fd, iov, count, at);
    return put >= 0 && fdatasync(file->fd) != 0 ? -1 : put;
}

static ssize_t move_in_place(const struct hosted_blk_file *file,
                             const struct vmmp_blk_request *request, uint64_t done)
{
    struct iovec iov[ELEMENTS];
    int count = rest_of(request, done, iov);
    off_t at = (off_t)(request->offset + done);
    if (request->op == VMMP_BLK_READ) {
        return preadv(file->fd, iov, count, at);
    }
    return write_at(file, iov, count, at, request->stable);
}

/* Through memory that direct I/O can take. */
static ssize_t move_bounced(const struct blk_file_thread *thread,
                            const struct vmmp_blk_request *request, uint64_t done)
{
    const struct hosted_blk_file *file = thread->file;
    uint64_t left = request->length - done;
    size_t length = left < BLK_FILE_BOUNCE ? (size_t)left : BLK_FILE_BOUNCE;
    off_t at = (off_t)(request->offset + done);
    if (request->op == VMMP_BLK_READ) {
        ssize_t got = pread(file->fd, thread->bounce, length, at);
        if (got > 0) {
            vmmp_iovec_write(request->iov, request->iov_count, done, thread->bounce, (size_t)got);
        }
        return got;
    }
    vmmp_iovec_read(request->iov, request->iov_count, done, thread->bounce, length);
    struct iovec iov = { thread->bounce, length };
    return write_at(file, &iov, 1, at, request->stable);
}

static int transfer(const struct blk_file_thread *thread, struct vmmp_blk_request *request)
{
    uint64_t done = request->own[OWN_DONE].number;
    bool bounce = false;
    while (done < request->length) {
        ssize_t moved = bounce ? move_bounced(thread, request, done)
                               : move_in_place(thread->file, request, done);
        if (moved < 0 && errno == EINTR) {
            continue;
        }
        if (moved < 0 && errno == EINVAL && thread->bounce && !bounce) {
            bounce = true;
            continue;
        }
        if (moved <= 0) {
            return moved < 0 ? -errno : -EIO; /* 0: the file is shorter than it was. */
        }
        /* What was moved is whole blocks, or direct I/O cannot go on in place. */
        done += (uint64_t)moved;
    }
    return 0;
}

/* ---- Everything else ---- */

static int flush(const struct hosted_blk_file *file)
{
    return fdatasync(file->fd) == 0 ? 0 : -errno;
}

static int change_range(const struct hosted_blk_file *file, const struct vmmp_blk_request *request,
                        int mode)
{
    int result;
    do {
        result = fallocate(file->fd, mode | FALLOC_FL_KEEP_SIZE, (off_t)request->offset,
                           (off_t)request->length);
    } while (result != 0 && errno == EINTR);
    return result == 0 ? 0 : -errno;
}

static bool not_supported(int error)
{
    return error == -EOPNOTSUPP || error == -ENOSYS || error == -ENODEV;
}

static int write_zeroes(const struct hosted_blk_file *file, const struct vmmp_blk_request *request)
{
    for (uint64_t done = 0; done < request->length;) {
        uint64_t left = request->length - done;
        size_t length = left < BLK_FILE_BOUNCE ? (size_t)left : BLK_FILE_BOUNCE;
        ssize_t written = pwrite(file->fd, file->zeroes, length, (off_t)(request->offset + done));
        if (written < 0 && errno != EINTR) {
            return -errno;
        }
        done += written > 0 ? (uint64_t)written : 0;
    }
    return 0;
}

/* From what costs the least to what always works. */
static int zero(const struct hosted_blk_file *file, const struct vmmp_blk_request *request)
{
    int error = -EOPNOTSUPP;
    if (request->unmap) {
        error = change_range(file, request, FALLOC_FL_PUNCH_HOLE);
    }
    if (not_supported(error)) {
        error = change_range(file, request, FALLOC_FL_ZERO_RANGE);
    }
    if (not_supported(error)) {
        error = write_zeroes(file, request);
    }
    return error == 0 && request->stable ? flush(file) : error;
}

/* A discard is a hint: where it cannot be followed, nothing is wrong. */
static int discard(const struct hosted_blk_file *file, const struct vmmp_blk_request *request)
{
    int error = change_range(file, request, FALLOC_FL_PUNCH_HOLE);
    return not_supported(error) ? 0 : error;
}

static int work(const struct blk_file_thread *thread, struct vmmp_blk_request *request)
{
    switch (request->op) {
    case VMMP_BLK_READ:
    case VMMP_BLK_WRITE:
        return transfer(thread, request);
    case VMMP_BLK_FLUSH:
        return flush(thread->file);
    case VMMP_BLK_DISCARD:
        return discard(thread->file, request);
    case VMMP_BLK_WRITE_ZEROES:
        return zero(thread->file, request);
    default:
        return -EOPNOTSUPP;
    }
}

static void *thread_main(void *cookie)
{
    const struct blk_file_thread *thread = cookie;
    struct hosted_blk_file *file = thread->file;
    pthread_mutex_lock(&file->lock);
    while (!file->stop) {
        struct vmmp_blk_request *request = blk_file_list_take(&file->queue);
        if (!request) {
            pthread_cond_wait(&file->work, &file->lock);
            continue;
        }
        pthread_mutex_unlock(&file->lock);
        int error = work(thread, request);
        pthread_mutex_lock(&file->lock);
        request->own[OWN_ERROR].number = (uint64_t)-error;
        bool first = !file->finished.head;
        blk_file_list_add(&file->finished, request);
        if (first) {
            blk_file_notify(file);
        }
        pthread_cond_signal(&file->progress);
    }
    pthread_mutex_unlock(&file->lock);
    return NULL;
}

/* ---- For the backend ---- */

int blk_file_threads_start(struct hosted_blk_file *file, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct blk_file_thread *thread = &file->threads[i];
        thread->file = file;
        if (file->options.direct) {
            thread->bounce = aligned_alloc(BLK_FILE_ALIGNMENT, BLK_FILE_BOUNCE);
            if (!thread->bounce) {
                return -ENOMEM;
            }
        }
        int error = pthread_create(&thread->thread, NULL, thread_main, thread);
        if (error != 0) {
            free(thread->bounce);
            return -error;
        }
        file->thread_count++;
    }
    return 0;
}

void blk_file_threads_stop(struct hosted_blk_file *file)
{
    pthread_mutex_lock(&file->lock);
    file->stop = true;
    pthread_cond_broadcast(&file->work);
    pthread_mutex_unlock(&file->lock);
    for (unsigned i = 0; i < file->thread_count; i++) {
        pthread_join(file->threads[i].thread, NULL);
        free(file->threads[i].bounce);
    }
    file->thread_count = 0;
}

void blk_file_threads_add(struct hosted_blk_file *file, struct vmmp_blk_request *request)
{
    file->with_threads++;
    blk_file_list_add(&file->collected, request);
}

void blk_file_threads_commit(struct hosted_blk_file *file)
{
    if (!file->collected.head) {
        return;
    }
    bool several = file->collected.head != file->collected.tail;
    pthread_mutex_lock(&file->lock);
    blk_file_list_move(&file->queue, &file->collected);
    if (several) {
        pthread_cond_broadcast(&file->work);
    } else {
        pthread_cond_signal(&file->work);
    }
    pthread_mutex_unlock(&file->lock);
}

static void complete_all(struct hosted_blk_file *file, struct blk_file_list *list)
{
    struct vmmp_blk_request *request;
    while ((request = blk_file_list_take(list))) {
        file->with_threads--;
        vmmp_blk_complete(request, -(int)request->own[OWN_ERROR].number);
    }
}

void blk_file_threads_cancel(struct hosted_blk_file *file)
{
    struct blk_file_list list = { NULL, NULL };
    blk_file_list_move(&list, &file->collected);
    pthread_mutex_lock(&file->lock);
    blk_file_list_move(&list, &file->queue);
    pthread_mutex_unlock(&file->lock);
    for (struct vmmp_blk_request *request = list.head; request;
         request = request->own[OWN_NEXT].pointer) {
        request->own[OWN_ERROR].number = ECANCELED;
    }
    complete_all(file, &list);
}

void blk_file_threads_reap(struct hosted_blk_file *file, bool wait)
{
    struct blk_file_list list = { NULL, NULL };
    if (file->with_threads == 0) {
        return;
    }
    pthread_mutex_lock(&file->lock);
    while (wait && !file->finished.head) {
        pthread_cond_wait(&file->progress, &file->lock);
    }
    blk_file_list_move(&list, &file->finished);
    pthread_mutex_unlock(&file->lock);
    complete_all(file, &list);
}
