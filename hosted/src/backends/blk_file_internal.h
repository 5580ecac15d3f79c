/* SPDX-License-Identifier: BSD-2-Clause */
/* What the parts of the file backend share: opening (blk_file_open.c), the backend (blk_file.c),
 * the threads (blk_file_threads.c) and io_uring (blk_file_uring.c). */
#pragma once

#include <hosted/blk_file.h>

#include <pthread.h>
#include <sys/types.h>

#ifdef HOSTED_URING
#include <liburing.h>
#endif

#define BLK_FILE_BOUNCE      (256u << 10)
#define BLK_FILE_ALIGNMENT   4096u
#define BLK_FILE_MAX_THREADS 16u

/* Of a request, `own`: */
#define OWN_DONE  0 /* Bytes of it that are transferred already. */
#define OWN_NEXT  1 /* In a list. */
#define OWN_ERROR 2 /* How it ended. */

struct blk_file_list {
    struct vmmp_blk_request *head;
    struct vmmp_blk_request *tail;
};

struct blk_file_thread {
    struct hosted_blk_file *file;
    pthread_t thread;
    uint8_t *bounce; /* Direct I/O: for data it cannot take. */
};

struct hosted_blk_file {
    int fd;
    struct hosted_blk_file_options options;
    struct vmmp_blk_info info;
    uint32_t alignment; /* Of offsets and lengths of direct I/O; else 1. */

    int event; /* An eventfd: the threads have completions. */
    struct hosted_event_source source;

    /* The device's context guards these. */
    struct blk_file_list collected; /* For the threads at the next commit. */
    unsigned with_threads;
    unsigned with_uring;
    bool reaping;

    pthread_mutex_t lock; /* Guards these: */
    pthread_cond_t work;
    pthread_cond_t progress;
    struct blk_file_list queue;
    struct blk_file_list finished;
    bool stop;

    unsigned thread_count;
    struct blk_file_thread threads[BLK_FILE_MAX_THREADS];
    uint8_t *zeroes; /* BLK_FILE_BOUNCE bytes. */

    bool uring;
#ifdef HOSTED_URING
    unsigned uring_limit;
    unsigned uring_unsubmitted;
    struct io_uring ring;
    struct hosted_event_source uring_source;
    struct vmmp_host host;         /* Of the loop that watches the ring. */
    struct vmmp_timer uring_again; /* What the kernel did not take is offered once more. */
#endif
};

static inline void blk_file_list_add(struct blk_file_list *list, struct vmmp_blk_request *request)
{
    request->own[OWN_NEXT].pointer = NULL;
    if (list->tail) {
        list->tail->own[OWN_NEXT].pointer = request;
    } else {
        list->head = request;
    }
    list->tail = request;
}

static inline struct vmmp_blk_request *blk_file_list_take(struct blk_file_list *list)
{
    struct vmmp_blk_request *request = list->head;
    if (request) {
        list->head = request->own[OWN_NEXT].pointer;
        list->tail = list->head ? list->tail : NULL;
    }
    return request;
}

/* All of `from` behind `to`. */
static inline void blk_file_list_move(struct blk_file_list *to, struct blk_file_list *from)
{
    if (!from->head) {
        return;
    }
    if (to->tail) {
        to->tail->own[OWN_NEXT].pointer = from->head;
    } else {
        to->head = from->head;
    }
    to->tail = from->tail;
    from->head = NULL;
    from->tail = NULL;
}

/* Wakes the event loop. */
void blk_file_notify(const struct hosted_blk_file *file);

/* Opens, checks and locks the image, and fills in what it is like. 0 or -errno with a message. */
int blk_file_open_image(struct hosted_blk_file *file, const char *path, char *message,
                        size_t message_size);
/* The size of what is open, in bytes; -errno. */
int64_t blk_file_size(int fd);

/* ---- Threads ---- */

int blk_file_threads_start(struct hosted_blk_file *file, unsigned count);
void blk_file_threads_stop(struct hosted_blk_file *file);
/* Has a thread do (the rest of) a request, from the next commit on. */
void blk_file_threads_add(struct hosted_blk_file *file, struct vmmp_blk_request *request);
void blk_file_threads_commit(struct hosted_blk_file *file);
/* Completes what has not begun with -ECANCELED. */
void blk_file_threads_cancel(struct hosted_blk_file *file);
/* Completes what is finished; with `wait`, waits for something if nothing is. */
void blk_file_threads_reap(struct hosted_blk_file *file, bool wait);

/* ---- io_uring ---- */

#ifdef HOSTED_URING
/* False if the kernel has none, or none that will do. */
bool blk_file_uring_start(struct hosted_blk_file *file, unsigned in_flight);
void blk_file_uring_stop(struct hosted_blk_file *file);
/* Has the loop reap. 0 or -errno. */
int blk_file_uring_watch(struct hosted_blk_file *file, struct hosted_event_loop *loop,
                         const struct vmmp_context *context);
void blk_file_uring_unwatch(struct hosted_blk_file *file);
/* False if it must be done by a thread. */
bool blk_file_uring_add(struct hosted_blk_file *file, struct vmmp_blk_request *request);
void blk_file_uring_commit(struct hosted_blk_file *file);
/* Whether the kernel has taken none of what it is to do: there is no completion to wait for. */
bool blk_file_uring_refused(const struct hosted_blk_file *file);
void blk_file_uring_reap(struct hosted_blk_file *file, bool wait);
#else
static inline bool blk_file_uring_start(struct hosted_blk_file *file, unsigned in_flight)
{
    (void)file, (void)in_flight;
    return false;
}
static inline void blk_file_uring_stop(struct hosted_blk_file *file)
{
    (void)file;
}
static inline int blk_file_uring_watch(struct hosted_blk_file *file, struct hosted_event_loop *loop,
                                       const struct vmmp_context *context)
{
    (void)file, (void)loop, (void)context;
    return 0;
}
static inline void blk_file_uring_unwatch(struct hosted_blk_file *file)
{
    (void)file;
}
static inline bool blk_file_uring_add(struct hosted_blk_file *file,
                                      struct vmmp_blk_request *request)
{
    (void)file, (void)request;
    return false;
}
static inline void blk_file_uring_commit(struct hosted_blk_file *file)
{
    (void)file;
}
static inline bool blk_file_uring_refused(const struct hosted_blk_file *file)
{
    (void)file;
    return false;
}
static inline void blk_file_uring_reap(struct hosted_blk_file *file, bool wait)
{
    (void)file, (void)wait;
}
#endif
