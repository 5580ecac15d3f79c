/* SPDX-License-Identifier: BSD-2-Clause */
/* Moving bytes between the host's descriptors and the device. */
#include "backend.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "message.h"

#define INPUT_CHUNK 4096

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t ring_room(const struct backend_ring *ring)
{
    return sizeof(ring->bytes) - ring->count;
}

static size_t ring_put(struct backend_ring *ring, const uint8_t *bytes, size_t size)
{
    size_t taken = least(size, ring_room(ring));
    size_t tail = (ring->head + ring->count) % sizeof(ring->bytes);
    size_t first = least(taken, sizeof(ring->bytes) - tail);
    memcpy(ring->bytes + tail, bytes, first);
    memcpy(ring->bytes, bytes + first, taken - first);
    ring->count += taken;
    return taken;
}

/* The bytes that lie together at the front. */
static size_t ring_front(const struct backend_ring *ring, const uint8_t **bytes)
{
    *bytes = ring->bytes + ring->head;
    return least(ring->count, sizeof(ring->bytes) - ring->head);
}

static void ring_drop(struct backend_ring *ring, size_t size)
{
    ring->head = (ring->head + size) % sizeof(ring->bytes);
    ring->count -= size;
}

static size_t ring_get(struct backend_ring *ring, uint8_t *bytes, size_t size)
{
    size_t given = 0;
    while (given < size && ring->count) {
        const uint8_t *front;
        size_t now = least(size - given, ring_front(ring, &front));
        memcpy(bytes + given, front, now);
        ring_drop(ring, now);
        given += now;
    }
    return given;
}

/* Output that can never be written is dropped from now on. */
static void give_up_output(struct backend *backend, int error)
{
    if (backend->kind == CONSOLE_PTY && error == EIO) {
        backend_disconnected(backend);
        return;
    }
    message_error("%s: cannot write the guest's output (%s): it is dropped from here on",
                  backend->name, strerror(error));
    backend->out_fd = -1;
    ring_drop(&backend->output, backend->output.count);
}

/* Writes until the host takes no more. Returns how many bytes are done with. */
static size_t write_some(struct backend *backend, const uint8_t *bytes, size_t size)
{
    size_t done = 0;
    while (done < size) {
        if (backend->out_fd < 0 || backend->disconnected) {
            return size;
        }
        ssize_t written = write(backend->out_fd, bytes + done, size - done);
        if (written >= 0) {
            done += (size_t)written;
        } else if (errno == EAGAIN) {
            break;
        } else if (errno != EINTR) {
            give_up_output(backend, errno);
        }
    }
    return done;
}

static void wait_output(struct backend *backend)
{
    if (!backend->out_waiting && backend->output.count && backend->out_fd >= 0) {
        backend->out_waiting =
            hosted_event_loop_add(backend->loop, &backend->out_source, EPOLLOUT) == 0;
    }
}

size_t backend_write(void *cookie, const uint8_t *bytes, size_t size)
{
    struct backend *backend = cookie;
    size_t taken = 0;
    pthread_mutex_lock(&backend->lock);
    if (!backend->output.count) {
        taken = write_some(backend, bytes, size);
    }
    if (backend->out_fd >= 0 && !backend->disconnected) {
        taken += ring_put(&backend->output, bytes + taken, size - taken);
    } else {
        taken = size;
    }
    wait_output(backend);
    pthread_mutex_unlock(&backend->lock);
    return taken;
}

bool backend_drain(struct backend *backend)
{
    pthread_mutex_lock(&backend->lock);
    while (backend->output.count) {
        const uint8_t *front;
        size_t size = ring_front(&backend->output, &front);
        size_t done = write_some(backend, front, size);
        /* Giving up empties the ring. */
        ring_drop(&backend->output, least(done, backend->output.count));
        if (done < size) {
            break;
        }
    }
    bool left = backend->output.count != 0;
    if (!left && backend->out_waiting) {
        hosted_event_source_remove(&backend->out_source);
        backend->out_waiting = false;
    }
    pthread_mutex_unlock(&backend->lock);
    return left;
}

void backend_output_ready(void *cookie, uint32_t events)
{
    struct backend *backend = cookie;
    (void)events;
    backend_drain(backend);
    backend->notify(backend->cookie);
}

void backend_wait_input(struct backend *backend)
{
    if (backend->in_waiting || backend->in_fd < 0 || backend->in_always_ready ||
        backend->disconnected || ring_room(&backend->input) < INPUT_CHUNK) {
        return;
    }
    int error = hosted_event_loop_add(backend->loop, &backend->in_source, EPOLLIN);
    backend->in_waiting = error == 0;
    backend->in_always_ready = error == -EPERM;
}

static void end_input(struct backend *backend, int error)
{
    if (backend->kind == CONSOLE_PTY && error == EIO) {
        backend_disconnected(backend);
    } else {
        backend->in_fd = -1;
    }
}

void backend_input_ready(void *cookie, uint32_t events)
{
    struct backend *backend = cookie;
    uint8_t chunk[INPUT_CHUNK];
    (void)events;
    ssize_t size = read(backend->in_fd, chunk, sizeof(chunk));
    int error = size < 0 ? errno : 0;
    if (error == EAGAIN || error == EINTR) {
        return;
    }
    /* Outside the lock: a command may print or end the VMM. */
    size_t kept = size < 0 ? 0 : (size_t)size;
    if (backend->is_terminal && backend->keys.command) {
        kept = keys_filter(&backend->keys, chunk, kept);
    }
    pthread_mutex_lock(&backend->lock);
    ring_put(&backend->input, chunk, kept);
    if (size <= 0) {
        end_input(backend, error);
    }
    if (backend->in_fd < 0 || backend->disconnected || ring_room(&backend->input) < INPUT_CHUNK) {
        /* Removed, not silenced: a hang-up would still be reported, over and over. */
        hosted_event_source_remove(&backend->in_source);
        backend->in_waiting = false;
    }
    pthread_mutex_unlock(&backend->lock);
    if (kept) {
        backend->notify(backend->cookie);
    }
}

size_t backend_read(void *cookie, uint8_t *bytes, size_t size)
{
    struct backend *backend = cookie;
    pthread_mutex_lock(&backend->lock);
    size_t given = ring_get(&backend->input, bytes, size);
    if (given < size && backend->in_always_ready && backend->in_fd >= 0) {
        ssize_t more = read(backend->in_fd, bytes + given, size - given);
        if (more > 0) {
            given += (size_t)more;
        } else {
            backend->in_fd = -1;
        }
    }
    backend_wait_input(backend);
    pthread_mutex_unlock(&backend->lock);
    return given;
}

bool backend_type(struct backend *backend, const char *bytes, size_t size)
{
    pthread_mutex_lock(&backend->lock);
    bool fits = ring_room(&backend->input) >= size;
    if (fits) {
        ring_put(&backend->input, (const uint8_t *)bytes, size);
    }
    pthread_mutex_unlock(&backend->lock);
    if (fits) {
        backend->notify(backend->cookie);
    }
    return fits;
}
