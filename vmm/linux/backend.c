/* SPDX-License-Identifier: BSD-2-Clause */
#include "backend.h"

#include "message.h"

static void notify(void *cookie)
{
    struct backend *backend = cookie;
    backend->notify(backend->cookie);
}

static void resized(void *cookie, uint16_t columns, uint16_t rows)
{
    struct backend *backend = cookie;
    backend->resized(backend->cookie, columns, rows);
}

static size_t take_keys(void *cookie, uint8_t *bytes, size_t size)
{
    struct backend *backend = cookie;
    return keys_filter(&backend->keys, bytes, size);
}

static void error(void *cookie, const char *message)
{
    (void)cookie;
    message_error("%s", message);
}

int backend_open(struct backend *backend, const struct console_choice *choice, bool is_terminal)
{
    static const enum hosted_stream_kind kinds[] = {
        [CONSOLE_NONE] = HOSTED_STREAM_NONE,     [CONSOLE_STDIO] = HOSTED_STREAM_STDIO,
        [CONSOLE_PTY] = HOSTED_STREAM_PTY,       [CONSOLE_FILE] = HOSTED_STREAM_FILE,
        [CONSOLE_SOCKET] = HOSTED_STREAM_SOCKET,
    };
    bool has_keys = is_terminal && choice->kind == CONSOLE_STDIO && backend->keys.command;
    const struct hosted_stream_config config = {
        .kind = kinds[choice->kind],
        .path = choice->path,
        .name = backend->name,
        .loop = backend->loop,
        .notify = notify,
        .resized = backend->resized ? resized : NULL,
        .filter = has_keys ? take_keys : NULL,
        .error = error,
        .cookie = backend,
    };
    backend->kind = choice->kind;
    if (hosted_stream_open(&backend->stream, &config) != 0) {
        return -1;
    }
    if (choice->kind == CONSOLE_PTY) {
        message_note("%s: %s", backend->name, hosted_stream_path(&backend->stream));
    }
    return 0;
}

void backend_start(struct backend *backend)
{
    hosted_stream_start(&backend->stream);
}

void backend_close(struct backend *backend)
{
    hosted_stream_close(&backend->stream);
}

size_t backend_write(void *cookie, const uint8_t *bytes, size_t size)
{
    struct backend *backend = cookie;
    return hosted_stream_write(&backend->stream, bytes, size);
}

size_t backend_read(void *cookie, uint8_t *bytes, size_t size)
{
    struct backend *backend = cookie;
    return hosted_stream_read(&backend->stream, bytes, size);
}

bool backend_type(struct backend *backend, const char *bytes, size_t size)
{
    return hosted_stream_type(&backend->stream, bytes, size);
}
