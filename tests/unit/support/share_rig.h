/* SPDX-License-Identifier: BSD-2-Clause */
/* Ends of shared memory (hosted/share.h), each with a loop of its own, in a folder of their own. */
#pragma once

#include "vmmp_test.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <hosted/share.h>

#define SHARE_SIZE 0x5000u

/* An end with a loop of its own, as another process has; its thread runs the loop. */
struct share_end {
    struct hosted_event_loop *loop;
    struct hosted_share *share;
    pthread_t thread;
    _Atomic uint64_t got; /* Events. */
    char error[HOSTED_SHARE_ERROR];
};

struct share_rig {
    char folder[64];
    char path[96];
    bool ivshmem; /* By QEMU's protocol. */
};

static inline void share_events_came(void *cookie, uint32_t count)
{
    atomic_fetch_add(&((struct share_end *)cookie)->got, count);
}

static inline int share_rig_setup(void **state)
{
    struct share_rig *rig = calloc(1, sizeof(*rig));
    snprintf(rig->folder, sizeof(rig->folder), "/tmp/vmmp-share-XXXXXX");
    assert_non_null(mkdtemp(rig->folder));
    snprintf(rig->path, sizeof(rig->path), "%s/s", rig->folder);
    *state = rig;
    return 0;
}

/* Nothing is left: the folder can be removed. */
static inline int share_rig_teardown(void **state)
{
    struct share_rig *rig = *state;
    assert_int_equal(rmdir(rig->folder), 0);
    free(rig);
    return 0;
}

static inline int share_begin_sized(struct share_rig *rig, struct share_end *end, uint64_t size)
{
    const struct hosted_share_options options = {
        .path = rig->path,
        .size = size,
        .name = "test",
        .ivshmem = rig->ivshmem,
        .timeout_ms = 5000,
    };
    memset(end, 0, sizeof(*end));
    assert_int_equal(hosted_event_loop_create(&end->loop), 0);
    int error = hosted_share_create(&end->share, end->loop, &options, end->error);
    if (error) {
        hosted_event_loop_destroy(end->loop);
        return error;
    }
    hosted_share_start(end->share, share_events_came, end);
    return 0;
}

static inline void *share_run_loop(void *cookie)
{
    hosted_event_loop_run(((struct share_end *)cookie)->loop);
    return NULL;
}

static inline int share_begin(struct share_rig *rig, struct share_end *end)
{
    int error = share_begin_sized(rig, end, SHARE_SIZE);
    if (!error) {
        assert_int_equal(pthread_create(&end->thread, NULL, share_run_loop, end), 0);
    }
    return error;
}

static inline void share_finish(struct share_end *end)
{
    hosted_event_loop_stop(end->loop);
    pthread_join(end->thread, NULL);
    hosted_share_destroy(end->share);
    hosted_event_loop_destroy(end->loop);
}

static inline uint8_t *share_memory(const struct share_end *end)
{
    uint64_t size;
    uint8_t *at = hosted_share_memory(end->share, &size);
    assert_true(size >= SHARE_SIZE);
    return at;
}

static inline void share_wait_connected(struct share_end *end, bool connected)
{
    for (unsigned i = 0; hosted_share_stats(end->share).connected != connected; i++) {
        assert_true(i < 20000);
        usleep(1000);
    }
}

static inline void share_wait_got(struct share_end *end, uint64_t count)
{
    for (unsigned i = 0; atomic_load(&end->got) < count; i++) {
        assert_true(i < 20000);
        usleep(1000);
    }
    assert_int_equal(atomic_load(&end->got), count);
}

static inline void share_expect_end(int fd)
{
    char byte;
    ssize_t got = 1;
    for (unsigned i = 0; i < 10000 && got != 0; i++) {
        got = recv(fd, &byte, 1, MSG_DONTWAIT);
        if (got < 0 && errno == ECONNRESET) {
            break;
        }
        usleep(1000);
    }
    assert_true(got <= 0);
    close(fd);
}
