/* SPDX-License-Identifier: BSD-2-Clause */
/* Moving bytes between the host's descriptors and the device. */
#include "stream_internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define INPUT_CHUNK 4096

void hosted_stream_say(const struct hosted_stream *stream, const char *format, ...)
{
    char message[HOSTED_STREAM_MESSAGE];
    va_list arguments;
    if (!stream->config.error) {
        return;
    }
    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    stream->config.error(stream->config.cookie, message);
}

static void notify(struct hosted_stream *stream)
{
    if (stream->config.notify) {
        stream->config.notify(stream->config.cookie);
    }
}

void hosted_stream_tell(struct hosted_stream *stream)
{
    pthread_mutex_lock(&stream->lock);
    bool connected = stream->connected;
    bool changed = connected != stream->told;
    stream->told = connected;
    pthread_mutex_unlock(&stream->lock);
    if (changed && stream->config.connected) {
        stream->config.connected(stream->config.cookie, connected);
    }
}

/* ---- Rings ---- */

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t ring_room(const struct hosted_stream_ring *ring)
{
    return sizeof(ring->bytes) - ring->count;
}

static size_t ring_put(struct hosted_stream_ring *ring, const uint8_t *bytes, size_t size)
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
static size_t ring_front(const struct hosted_stream_ring *ring, const uint8_t **bytes)
{
    *bytes = ring->bytes + ring->head;
    return least(ring->count, sizeof(ring->bytes) - ring->head);
}

static void ring_drop(struct hosted_stream_ring *ring, size_t size)
{
    ring->head = (ring->head + size) % sizeof(ring->bytes);
    ring->count -= size;
}

static size_t ring_get(struct hosted_stream_ring *ring, uint8_t *bytes, size_t size)
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

/* ---- Output ---- */

/* Whether output goes nowhere, as against waiting. */
static bool drops_output(const struct hosted_stream *stream)
{
    switch (stream->config.kind) {
    case HOSTED_STREAM_SOCKET:
        return false;
    case HOSTED_STREAM_PTY:
        return stream->out_fd < 0 || !stream->connected;
    default:
        return stream->out_fd < 0;
    }
}

/* A socket without a client that reads: everything waits. */
static bool has_reader(const struct hosted_stream *stream)
{
    return stream->out_fd >= 0 && !stream->out_ended;
}

static void output_failed(struct hosted_stream *stream, int error)
{
    if (stream->config.kind == HOSTED_STREAM_SOCKET) {
        /* The loop finds out by itself that the client has gone. */
        stream->out_ended = true;
        return;
    }
    if (stream->config.kind == HOSTED_STREAM_PTY && error == EIO) {
        hosted_stream_pty_gone(stream);
        return;
    }
    hosted_stream_say(stream,
                      "%s: cannot write the guest's output (%s): it is dropped from here on",
                      stream->config.name, strerror(error));
    stream->out_fd = -1;
    ring_drop(&stream->output, stream->output.count);
}

static ssize_t write_once(const struct hosted_stream *stream, const uint8_t *bytes, size_t size)
{
    return stream->config.kind == HOSTED_STREAM_SOCKET
               ? send(stream->out_fd, bytes, size, MSG_NOSIGNAL)
               : write(stream->out_fd, bytes, size);
}

/* Writes until the host takes no more. Returns how many bytes are done with. */
static size_t write_some(struct hosted_stream *stream, const uint8_t *bytes, size_t size)
{
    size_t done = 0;
    while (done < size) {
        if (drops_output(stream)) {
            return size;
        }
        if (!has_reader(stream)) {
            break;
        }
        ssize_t written = write_once(stream, bytes + done, size - done);
        if (written >= 0) {
            done += (size_t)written;
        } else if (errno == EAGAIN) {
            break;
        } else if (errno != EINTR) {
            output_failed(stream, errno);
        }
    }
    return done;
}

static void wait_output(struct hosted_stream *stream)
{
    if (!stream->out_waiting && stream->output.count && has_reader(stream)) {
        stream->out_waiting =
            hosted_event_loop_add(stream->config.loop, &stream->out_source, EPOLLOUT) == 0;
    }
}

size_t hosted_stream_write(struct hosted_stream *stream, const void *bytes, size_t size)
{
    const uint8_t *from = bytes;
    size_t taken = 0;
    pthread_mutex_lock(&stream->lock);
    if (!stream->output.count) {
        taken = write_some(stream, from, size);
    }
    if (drops_output(stream)) {
        taken = size;
    } else {
        taken += ring_put(&stream->output, from + taken, size - taken);
    }
    wait_output(stream);
    pthread_mutex_unlock(&stream->lock);
    return taken;
}

bool hosted_stream_drain(struct hosted_stream *stream)
{
    pthread_mutex_lock(&stream->lock);
    while (stream->output.count) {
        const uint8_t *front;
        size_t size = ring_front(&stream->output, &front);
        size_t done = write_some(stream, front, size);
        /* Giving up empties the ring. */
        ring_drop(&stream->output, least(done, stream->output.count));
        if (done < size) {
            break;
        }
    }
    bool left = stream->output.count != 0;
    if (stream->out_waiting && (!left || !has_reader(stream))) {
        hosted_event_source_remove(&stream->out_source);
        stream->out_waiting = false;
    }
    wait_output(stream);
    pthread_mutex_unlock(&stream->lock);
    return left;
}

void hosted_stream_output_ready(void *cookie, uint32_t events)
{
    struct hosted_stream *stream = cookie;
    (void)events;
    hosted_stream_drain(stream);
    notify(stream);
}

/* ---- Input ---- */

void hosted_stream_wait_input(struct hosted_stream *stream)
{
    if (stream->in_waiting || stream->in_fd < 0 || stream->in_always_ready || !stream->connected ||
        ring_room(&stream->input) < INPUT_CHUNK) {
        return;
    }
    /* A client that says nothing more can still go away. */
    uint32_t events = stream->in_ended ? 0 : EPOLLIN;
    int error = hosted_event_loop_add(stream->config.loop, &stream->in_source, events);
    stream->in_waiting = error == 0;
    stream->in_always_ready = error == -EPERM;
}

/* Returns whether a socket's client has gone. */
static bool end_input(struct hosted_stream *stream, int error, uint32_t events)
{
    switch (stream->config.kind) {
    case HOSTED_STREAM_SOCKET:
        if (error || (events & (EPOLLHUP | EPOLLERR))) {
            return true;
        }
        stream->in_ended = true;
        hosted_event_source_modify(&stream->in_source, 0);
        return false;
    case HOSTED_STREAM_PTY:
        if (error == EIO) {
            hosted_stream_pty_gone(stream);
            return false;
        }
        break;
    default:
        break;
    }
    stream->in_fd = -1;
    return false;
}

void hosted_stream_input_ready(void *cookie, uint32_t events)
{
    struct hosted_stream *stream = cookie;
    uint8_t chunk[INPUT_CHUNK];
    pthread_mutex_lock(&stream->lock);
    size_t room = ring_room(&stream->input);
    if (room == 0) {
        /* Something was typed meanwhile. A read of no bytes would look like the end. */
        hosted_event_source_remove(&stream->in_source);
        stream->in_waiting = false;
    }
    pthread_mutex_unlock(&stream->lock);
    if (room == 0) {
        return;
    }
    ssize_t size = read(stream->in_fd, chunk, room < sizeof(chunk) ? room : sizeof(chunk));
    int error = size < 0 ? errno : 0;
    if (error == EAGAIN || error == EINTR) {
        return;
    }
    /* Outside the lock: a command may print or end the VMM. */
    size_t kept = size < 0 ? 0 : (size_t)size;
    if (stream->config.filter) {
        kept = stream->config.filter(stream->config.cookie, chunk, kept);
    }
    pthread_mutex_lock(&stream->lock);
    ring_put(&stream->input, chunk, kept);
    bool gone = size <= 0 && end_input(stream, error, events);
    if (stream->in_fd < 0 || !stream->connected || ring_room(&stream->input) < INPUT_CHUNK) {
        /* Removed, not silenced: a hang-up would still be reported, over and over. */
        hosted_event_source_remove(&stream->in_source);
        stream->in_waiting = false;
    }
    pthread_mutex_unlock(&stream->lock);
    if (kept) {
        notify(stream);
    }
    if (gone) {
        hosted_stream_socket_gone(stream);
    } else {
        hosted_stream_tell(stream);
    }
}

size_t hosted_stream_read(struct hosted_stream *stream, void *bytes, size_t size)
{
    uint8_t *to = bytes;
    pthread_mutex_lock(&stream->lock);
    size_t given = ring_get(&stream->input, to, size);
    if (given < size && stream->in_always_ready && stream->in_fd >= 0) {
        ssize_t more = read(stream->in_fd, to + given, size - given);
        if (more > 0) {
            given += (size_t)more;
        } else {
            stream->in_fd = -1;
        }
    }
    hosted_stream_wait_input(stream);
    pthread_mutex_unlock(&stream->lock);
    return given;
}

bool hosted_stream_type(struct hosted_stream *stream, const char *bytes, size_t size)
{
    pthread_mutex_lock(&stream->lock);
    bool fits = ring_room(&stream->input) >= size;
    if (fits) {
        ring_put(&stream->input, (const uint8_t *)bytes, size);
    }
    pthread_mutex_unlock(&stream->lock);
    if (fits) {
        notify(stream);
    }
    return fits;
}
