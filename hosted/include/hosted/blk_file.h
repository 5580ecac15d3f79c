/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A disk image in a file or a block device, as a backend of vmmp/blk.h.
 *
 * Reads, writes and flushes go through io_uring: one system call starts all that a walk of a queue
 * has submitted, and what the page cache answers at once is complete before the walk ends. Where
 * the kernel or the build has no io_uring, and for what it is not asked to do (discarding, zeroing,
 * the rest of a short transfer, data that direct I/O cannot take), threads do the work. Nothing is
 * allocated after opening.
 *
 * The format is never guessed: an image is raw. One that starts like a qcow2, qed, vmdk, vdi, vhd
 * or vhdx image is refused by name. (A guest that writes such bytes into its first sector makes its
 * own disk unusable at the next start; nothing else comes of it.)
 *
 * The image is locked with an open file description lock: for writing by one, or for reading by
 * many. Flushes are fdatasync(2); discarding punches holes, so the file gives space back.
 *
 * Threads: open and close where you like; everything in between inside the device's context, in
 * which completions happen too. Signals should be blocked before opening: threads inherit the mask.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <hosted/event_loop.h>
#include <sel4vmmplatsupport/vmmp/blk.h>

#ifdef __cplusplus
extern "C" {
#endif

struct hosted_blk_file;

struct hosted_blk_file_options {
    bool read_only;
    bool direct;        /**< O_DIRECT: past the host's page cache. */
    bool only_threads;  /**< No io_uring even where there is one. */
    unsigned in_flight; /**< Most requests at a time; 0: 256. More than that go to the threads. */
    unsigned threads;   /**< 0: one beside io_uring, four without. */
};

/** Room for a message of hosted_blk_file_open(), with a path that is not too long. */
#define HOSTED_BLK_FILE_MESSAGE 512

/**
 * Opens and locks an image. 0 with `*file` set; else -errno, with one line in `message` that names
 * the file, what is wrong, and what would be right.
 */
int hosted_blk_file_open(struct hosted_blk_file **file, const char *path,
                         const struct hosted_blk_file_options *options, char *message,
                         size_t message_size);

/** The backend, for as long as the file is open. */
struct vmmp_blk_backend hosted_blk_file_backend(struct hosted_blk_file *file);

/**
 * Has completions delivered by `loop` inside `context`, which is that of the device that submits.
 * Once, before the first request. 0 or -errno as hosted_event_loop_add().
 */
int hosted_blk_file_attach(struct hosted_blk_file *file, struct hosted_event_loop *loop,
                           const struct vmmp_context *context);
/** Ends what attach began. What is still in flight can only be drained then. For a file that gets
 * another device. */
void hosted_blk_file_detach(struct hosted_blk_file *file);

/** Looks at the size again: 0, or -errno and the old size stays. The device is told by the caller
 * (vmmp_virtio_blk_resized()). */
int hosted_blk_file_refresh(struct hosted_blk_file *file);

/** "io_uring" or "threads". */
const char *hosted_blk_file_engine(const struct hosted_blk_file *file);

/** Nothing is in flight. Detaches, ends the threads, unlocks and closes. NULL is nothing. */
void hosted_blk_file_close(struct hosted_blk_file *file);

#ifdef __cplusplus
}
#endif
