/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads, writes and flushes through io_uring. The ring is used inside the device's context only. */
#define _FILE_OFFSET_BITS 64 /* Where a word has 32, too. */
#include "blk_file_internal.h"

#ifdef HOSTED_URING

#include <errno.h>
#include <stddef.h>
#include <sys/uio.h>

/* The kernel takes a request's elements as they are. */
_Static_assert(sizeof(struct vmmp_iovec) == sizeof(struct iovec) &&
                   offsetof(struct vmmp_iovec, base) == offsetof(struct iovec, iov_base) &&
                   offsetof(struct vmmp_iovec, len) == offsetof(struct iovec, iov_len),
               "struct vmmp_iovec is laid out as struct iovec");

bool blk_file_uring_start(struct hosted_blk_file *file, unsigned in_flight)
{
    if (io_uring_queue_init(in_flight, &file->ring, 0) < 0) {
        return false;
    }
    /* Kernels before 5.5 drop completions when there is no room for them. */
    if (!(file->ring.features & IORING_FEAT_NODROP)) {
        io_uring_queue_exit(&file->ring);
        return false;
    }
    file->uring_limit = file->ring.sq.ring_entries;
    return true;
}

/* How long the kernel, short of memory, is left alone. */
#define AGAIN_NS UINT64_C(1000000)

static void try_again(void *cookie)
{
    struct hosted_blk_file *file = cookie;
    blk_file_uring_reap(file, false);
    blk_file_uring_commit(file);
    blk_file_threads_commit(file);
}

static void ready(void *cookie, uint32_t events)
{
    (void)events;
    try_again(cookie);
}

/*
 * The ring itself is watched, not an eventfd of its own: that would have to be read, and would wake
 * the loop for what blk_file_uring_commit has completed already.
 */
int blk_file_uring_watch(struct hosted_blk_file *file, struct hosted_event_loop *loop,
                         const struct vmmp_context *context)
{
    file->uring_source = (struct hosted_event_source){
        .fd = file->ring.ring_fd,
        .ready = ready,
        .cookie = file,
        .context = context,
    };
    file->host = hosted_event_loop_host(loop);
    file->uring_again.work =
        (struct vmmp_work){ .run = try_again, .cookie = file, .context = context };
    return hosted_event_loop_add(loop, &file->uring_source, EPOLLIN);
}

void blk_file_uring_unwatch(struct hosted_blk_file *file)
{
    vmmp_host_timer_cancel(&file->host, &file->uring_again);
    hosted_event_source_remove(&file->uring_source);
}

void blk_file_uring_stop(struct hosted_blk_file *file)
{
    io_uring_queue_exit(&file->ring);
}

static bool aligned(const struct hosted_blk_file *file, const struct vmmp_blk_request *request)
{
    uintptr_t bits = 0;
    for (unsigned i = 0; file->options.direct && i < request->iov_count; i++) {
        bits |= (uintptr_t)request->iov[i].base | request->iov[i].len;
    }
    return bits % VMMP_BLK_SECTOR == 0;
}

bool blk_file_uring_add(struct hosted_blk_file *file, struct vmmp_blk_request *request)
{
    const struct iovec *iov = (const void *)request->iov;
    bool mine =
        request->op == VMMP_BLK_FLUSH ||
        ((request->op == VMMP_BLK_READ || request->op == VMMP_BLK_WRITE) && aligned(file, request));
    if (!mine || file->with_uring == file->uring_limit) {
        return false;
    }
    struct io_uring_sqe *sqe = io_uring_get_sqe(&file->ring);
    if (!sqe) {
        return false;
    }
    if (request->op == VMMP_BLK_READ) {
        io_uring_prep_readv(sqe, file->fd, iov, request->iov_count, request->offset);
    } else if (request->op == VMMP_BLK_WRITE) {
        io_uring_prep_writev2(sqe, file->fd, iov, request->iov_count, request->offset,
                              request->stable ? RWF_DSYNC : 0);
    } else {
        io_uring_prep_fsync(sqe, file->fd, IORING_FSYNC_DATASYNC);
    }
    io_uring_sqe_set_data(sqe, request);
    file->with_uring++;
    file->uring_unsubmitted++;
    return true;
}

/* Submits everything, and completes what is complete at once, within the walk. */
void blk_file_uring_commit(struct hosted_blk_file *file)
{
    if (file->uring_unsubmitted == 0) {
        return;
    }
    int submitted = io_uring_submit(&file->ring);
    if (submitted > 0) {
        file->uring_unsubmitted -= (unsigned)submitted;
    }
    blk_file_uring_reap(file, false);
    if (file->uring_unsubmitted > 0) {
        vmmp_host_timer_arm(&file->host, &file->uring_again, vmmp_host_now(&file->host) + AGAIN_NS);
    }
}

bool blk_file_uring_refused(const struct hosted_blk_file *file)
{
    return file->with_uring > 0 && file->with_uring == file->uring_unsubmitted;
}

/* How a request has ended, or that a thread is to do what is left of it. */
static void finish(struct hosted_blk_file *file, struct vmmp_blk_request *request, int result)
{
    file->with_uring--;
    if (request->op == VMMP_BLK_FLUSH ? result == 0 : (uint64_t)result == request->length) {
        vmmp_blk_complete(request, 0);
        return;
    }
    /*
     * Short, interrupted (the submitting thread has ended), out of resources, or not possible with
     * these addresses: once more, plainly. A real error comes again.
     */
    if (result > 0 && request->op != VMMP_BLK_FLUSH) {
        request->own[OWN_DONE].number = (uint64_t)result;
    }
    blk_file_threads_add(file, request);
}

void blk_file_uring_reap(struct hosted_blk_file *file, bool wait)
{
    struct io_uring_cqe *cqe;
    /* Completions may submit, and that may commit; the outermost reaps. */
    if (file->reaping) {
        return;
    }
    file->reaping = true;
    if (wait && file->with_uring > file->uring_unsubmitted) {
        (void)io_uring_wait_cqe(&file->ring, &cqe); /* A signal is as good as a completion. */
    }
    while (file->with_uring > 0 && io_uring_peek_cqe(&file->ring, &cqe) == 0 && cqe) {
        struct vmmp_blk_request *request = io_uring_cqe_get_data(cqe);
        int result = cqe->res;
        io_uring_cqe_seen(&file->ring, cqe);
        finish(file, request, result);
    }
    file->reaping = false;
}

#endif
