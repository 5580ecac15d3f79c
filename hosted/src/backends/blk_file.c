/* SPDX-License-Identifier: BSD-2-Clause */
/* The backend: who does a request, and the way of its completion into the device's context. */
#define _FILE_OFFSET_BITS 64 /* Where a word has 32, too. */
#include "blk_file_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define IN_FLIGHT        256u
#define THREADS_ALONE    4u
#define THREADS_BY_URING 1u
/* Between two offers to a kernel that takes nothing, while nobody runs the loop. */
#define NAP_NS 1000000

void blk_file_notify(const struct hosted_blk_file *file)
{
    const uint64_t one = 1;
    /* It cannot be full: a counter of 64 bits, drained at each look. */
    ssize_t written = write(file->event, &one, sizeof(one));
    (void)written;
}

/* ---- The backend's functions ---- */

static void info(void *cookie, struct vmmp_blk_info *info)
{
    const struct hosted_blk_file *file = cookie;
    *info = file->info;
}

static void submit(void *cookie, struct vmmp_blk_request *request)
{
    struct hosted_blk_file *file = cookie;
    request->own[OWN_DONE].number = 0;
    if (request->op != VMMP_BLK_FLUSH && (request->offset | request->length) % file->alignment) {
        /* Direct I/O in less than a block: the guest was told the size. */
        vmmp_blk_complete(request, -EINVAL);
        return;
    }
    if (!file->uring || !blk_file_uring_add(file, request)) {
        blk_file_threads_add(file, request);
    }
}

static void reap(struct hosted_blk_file *file)
{
    if (file->uring) {
        blk_file_uring_reap(file, false);
    }
    blk_file_threads_reap(file, false);
}

static void commit(void *cookie)
{
    struct hosted_blk_file *file = cookie;
    if (file->uring) {
        blk_file_uring_commit(file);
    }
    blk_file_threads_commit(file);
}

static void cancel(void *cookie)
{
    blk_file_threads_cancel(cookie);
}

static void drain(void *cookie)
{
    struct hosted_blk_file *file = cookie;
    while (file->with_uring || file->with_threads) {
        commit(file);
        if (file->with_uring) {
            blk_file_uring_reap(file, true);
        }
        commit(file);
        if (file->with_threads) {
            blk_file_threads_reap(file, file->with_uring == 0);
        }
        if (blk_file_uring_refused(file)) {
            nanosleep(&(struct timespec){ .tv_nsec = NAP_NS }, NULL);
        }
    }
}

static const struct vmmp_blk_ops ops = {
    .info = info,
    .submit = submit,
    .commit = commit,
    .cancel = cancel,
    .drain = drain,
};

struct vmmp_blk_backend hosted_blk_file_backend(struct hosted_blk_file *file)
{
    return (struct vmmp_blk_backend){ &ops, file };
}

/* ---- Completions ---- */

static void ready(void *cookie, uint32_t events)
{
    struct hosted_blk_file *file = cookie;
    uint64_t count;
    ssize_t got = read(file->event, &count, sizeof(count));
    (void)got, (void)events;
    reap(file);
    commit(file);
}

int hosted_blk_file_attach(struct hosted_blk_file *file, struct hosted_event_loop *loop,
                           const struct vmmp_context *context)
{
    file->source = (struct hosted_event_source){
        .fd = file->event,
        .ready = ready,
        .cookie = file,
        .context = context,
    };
    int error = hosted_event_loop_add(loop, &file->source, EPOLLIN);
    if (error == 0 && file->uring) {
        error = blk_file_uring_watch(file, loop, context);
        if (error != 0) {
            hosted_event_source_remove(&file->source);
        }
    }
    return error;
}

void hosted_blk_file_detach(struct hosted_blk_file *file)
{
    hosted_event_source_remove(&file->source);
    if (file->uring) {
        blk_file_uring_unwatch(file);
    }
}

/* ---- Opening and closing ---- */

static int start(struct hosted_blk_file *file)
{
    const struct hosted_blk_file_options *options = &file->options;
    file->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (file->event < 0) {
        return -errno;
    }
    file->zeroes = aligned_alloc(BLK_FILE_ALIGNMENT, BLK_FILE_BOUNCE);
    if (!file->zeroes) {
        return -ENOMEM;
    }
    memset(file->zeroes, 0, BLK_FILE_BOUNCE);
    if (!options->only_threads) {
        file->uring =
            blk_file_uring_start(file, options->in_flight ? options->in_flight : IN_FLIGHT);
    }
    unsigned threads = options->threads;
    if (threads == 0) {
        threads = file->uring ? THREADS_BY_URING : THREADS_ALONE;
    }
    return blk_file_threads_start(file,
                                  threads < BLK_FILE_MAX_THREADS ? threads : BLK_FILE_MAX_THREADS);
}

int hosted_blk_file_open(struct hosted_blk_file **result, const char *path,
                         const struct hosted_blk_file_options *options, char *message,
                         size_t message_size)
{
    struct hosted_blk_file *file = calloc(1, sizeof(*file));
    *result = NULL;
    if (!file) {
        snprintf(message, message_size, "%s: there is no memory left to open it", path);
        return -ENOMEM;
    }
    file->fd = -1;
    file->event = -1;
    if (options) {
        file->options = *options;
    }
    pthread_mutex_init(&file->lock, NULL);
    pthread_cond_init(&file->work, NULL);
    pthread_cond_init(&file->progress, NULL);
    int error = blk_file_open_image(file, path, message, message_size);
    if (error == 0) {
        error = start(file);
        if (error != 0) {
            snprintf(message, message_size, "%s: there are no threads or descriptors left: %s",
                     path, strerror(-error));
        }
    }
    if (error != 0) {
        hosted_blk_file_close(file);
        return error;
    }
    *result = file;
    return 0;
}

void hosted_blk_file_close(struct hosted_blk_file *file)
{
    if (!file) {
        return;
    }
    hosted_blk_file_detach(file);
    blk_file_threads_stop(file);
    if (file->uring) {
        blk_file_uring_stop(file);
    }
    if (file->event >= 0) {
        close(file->event);
    }
    if (file->fd >= 0) {
        close(file->fd); /* And with it the lock. */
    }
    free(file->zeroes);
    pthread_cond_destroy(&file->progress);
    pthread_cond_destroy(&file->work);
    pthread_mutex_destroy(&file->lock);
    free(file);
}

int hosted_blk_file_refresh(struct hosted_blk_file *file)
{
    int64_t size = blk_file_size(file->fd);
    if (size < 0) {
        return (int)size;
    }
    uint32_t unit = file->alignment > VMMP_BLK_SECTOR ? file->alignment : VMMP_BLK_SECTOR;
    if (size == 0 || size % unit != 0) {
        return -EINVAL;
    }
    file->info.capacity = (uint64_t)size;
    return 0;
}

const char *hosted_blk_file_engine(const struct hosted_blk_file *file)
{
    return file->uring ? "io_uring" : "threads";
}
