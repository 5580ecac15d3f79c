/* SPDX-License-Identifier: BSD-2-Clause */
#include "device_port.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <hosted/stream.h>

#include <sel4vmmplatsupport/vmmp/virtio_console.h>

#include "../console_pump.h"
#include "message.h"

#define OPTION     "--console"
#define MOST_PORTS 16

struct port_options {
    char where[SUBOPTION_TEXT_MAX];
    char name[SUBOPTION_TEXT_MAX];
    bool hvc;
};

/* The console that all ports belong to; the first port's. */
struct console {
    struct vmmp_virtio_console model;
    struct vmmp_virtio_console_port ports[MOST_PORTS];
    struct vmmp_virtio_queue queues[VMMP_VIRTIO_CONSOLE_QUEUES(MOST_PORTS)];
    bool made;
};

struct port {
    struct port_options options;
    const char *label;
    unsigned id;
    struct console *console;
    struct machine_port outside;
    struct console_pump pump;
    uint16_t columns;
    uint16_t rows;
    bool unplugged;
    bool started;
    struct hosted_stream stream;
};

/* ---- The option ---- */

static const struct suboption rows[] = {
    { "name", "NAME", SUBOPTION_TEXT, offsetof(struct port_options, name), 0, 0, NULL },
    { "hvc", NULL, SUBOPTION_FLAG, offsetof(struct port_options, hvc), 0, 0, NULL },
    SUBOPTIONS_END,
};

/* What `where` means; false if nothing. */
static bool find_stream(const char *where, enum hosted_stream_kind *kind, const char **path)
{
    *path = NULL;
    if (strcmp(where, "pty") == 0) {
        *kind = HOSTED_STREAM_PTY;
    } else if (strncmp(where, "file:", 5) == 0 && where[5]) {
        *kind = HOSTED_STREAM_FILE;
        *path = where + 5;
    } else if (strncmp(where, "socket:", 7) == 0 && where[7]) {
        *kind = HOSTED_STREAM_SOCKET;
        *path = where + 7;
    } else {
        return false;
    }
    return true;
}

static bool parse(const char *value, struct port_options *options, char message[OPTIONS_MESSAGE])
{
    enum hosted_stream_kind kind;
    const char *path;
    memset(options, 0, sizeof(*options));
    if (!suboptions_parse(OPTION, value, "WHERE", offsetof(struct port_options, where), rows,
                          options, message)) {
        return false;
    }
    if (!find_stream(options->where, &kind, &path)) {
        snprintf(message, OPTIONS_MESSAGE,
                 OPTION " %s: every console but the first must be pty, file:PATH or socket:PATH",
                 options->where);
        return false;
    }
    if (strlen(options->name) >= VMMP_VIRTIO_CONSOLE_NAME) {
        snprintf(message, OPTIONS_MESSAGE, OPTION ": name=%s: must be at most %d characters",
                 options->name, VMMP_VIRTIO_CONSOLE_NAME - 1);
        return false;
    }
    return true;
}

static bool check(const char *value, char message[OPTIONS_MESSAGE])
{
    struct port_options options;
    return parse(value, &options, message);
}

/* ---- The outside ---- */

static size_t write_out(void *cookie, const uint8_t *bytes, size_t size)
{
    struct port *port = cookie;
    return hosted_stream_write(&port->stream, bytes, size);
}

static size_t read_in(void *cookie, uint8_t *bytes, size_t size)
{
    struct port *port = cookie;
    return hosted_stream_read(&port->stream, bytes, size);
}

static void notify(void *cookie)
{
    struct port *port = cookie;
    if (port->console->made) {
        console_pump_notify(&port->pump);
    }
}

static void connected(void *cookie, bool is_connected)
{
    struct port *port = cookie;
    struct vmmp_virtio_console *model = &port->console->model;
    if (port->console->made) {
        vmmp_context_enter(&model->virtio.context);
        vmmp_virtio_console_port_set_open(model, port->id, is_connected);
        vmmp_context_leave(&model->virtio.context);
    }
}

static void resized(void *cookie, uint16_t columns, uint16_t lines)
{
    struct port *port = cookie;
    struct vmmp_virtio_console *model = &port->console->model;
    port->columns = columns;
    port->rows = lines;
    if (port->console->made) {
        vmmp_context_enter(&model->virtio.context);
        vmmp_virtio_console_port_resize(model, port->id, columns, lines);
        vmmp_context_leave(&model->virtio.context);
    }
}

static void complain(void *cookie, const char *message)
{
    (void)cookie;
    message_error("%s", message);
}

static int open_port(void *state, const char *value, const struct device_context *context)
{
    struct port *port = state;
    const struct port *first = context->first;
    struct hosted_stream_config config = {
        .name = OPTION,
        .loop = context->loop,
        .notify = notify,
        .connected = connected,
        .error = complain,
        .cookie = port,
    };
    char message[OPTIONS_MESSAGE];
    if (!parse(value, &port->options, message) ||
        !find_stream(port->options.where, &config.kind, &config.path)) {
        message_error("%s", message);
        return -1;
    }
    port->console = first ? first->console : calloc(1, sizeof(*port->console));
    if (!port->console) {
        message_error(OPTION ": no memory: close other programs");
        return -1;
    }
    port->label = context->name;
    port->id = context->number;
    port->outside = (struct machine_port){ write_out, read_in, port };
    config.resized = port->options.hvc ? resized : NULL;
    if (hosted_stream_open(&port->stream, &config) != 0) {
        if (!first) {
            free(port->console);
        }
        return -1;
    }
    if (config.kind == HOSTED_STREAM_PTY) {
        message_note("%s: %s", port->options.name[0] ? port->options.name : port->label,
                     hosted_stream_path(&port->stream));
    }
    return 0;
}

static void close_port(void *state)
{
    struct port *port = state;
    hosted_stream_close(&port->stream);
    if (port->id == 0) {
        free(port->console); /* The last one to be closed. */
    }
}

/* ---- The model ---- */

static int plug(struct port *port)
{
    const struct vmmp_virtio_console_port_options options = {
        .backend = console_pump_backend(&port->pump),
        .name = port->options.name[0] ? port->options.name : NULL,
        .is_console = port->options.hvc,
        .closed = !hosted_stream_connected(&port->stream),
        .cols = port->columns,
        .rows = port->rows,
    };
    const struct vmmp_context *context = &port->console->model.virtio.context;
    vmmp_context_enter(context);
    int error = vmmp_virtio_console_port_add(&port->console->model, port->id, &options);
    vmmp_context_leave(context);
    if (!error) {
        /* What was typed meanwhile is offered, so that the new port knows that it waits. */
        console_pump_notify(&port->pump);
    }
    return error;
}

static void destroy(void *cookie)
{
    struct port *port = cookie;
    port->console->made = false;
    vmmp_virtio_console_fini(&port->console->model);
}

static int create(void *cookie, const struct machine_device_environment *environment,
                  struct vmmp_virtio_device **virtio)
{
    struct port *port = cookie;
    struct console *console = port->console;
    const struct vmmp_virtio_console_ports memory = { console->ports, console->queues, MOST_PORTS,
                                                      false };
    int error = 0;
    if (port->id == 0) {
        error =
            vmmp_virtio_console_init_multiport(&console->model, &memory, NULL, environment->memory,
                                               environment->log, environment->host);
        if (error) {
            return error;
        }
        console->made = true;
        *virtio = &console->model.virtio;
    }
    port->pump.outside = &port->outside;
    port->pump.console = &console->model;
    port->pump.port = port->id;
    error = port->unplugged ? 0 : plug(port);
    if (error && port->id == 0) {
        destroy(port);
    }
    if (!error && !port->started) {
        port->started = true;
        hosted_stream_start(&port->stream);
    }
    return error;
}

static const struct machine_device_ops model = { create, destroy };

/* ---- Statistics and commands ---- */

static const struct vmmp_virtio_console_port *model_of(const struct port *port)
{
    return &port->console->ports[port->id];
}

static void print_stats(void *state, const char *name, FILE *out)
{
    const struct port *port = state;
    fprintf(out, "device %s received %llu transmitted %llu\n", name,
            (unsigned long long)__atomic_load_n(&model_of(port)->received, __ATOMIC_RELAXED),
            (unsigned long long)__atomic_load_n(&model_of(port)->transmitted, __ATOMIC_RELAXED));
}

static void status(void *state, struct json *json)
{
    struct port *port = state;
    const struct vmmp_virtio_console *console = &port->console->model;
    json_string(json, "where", port->options.where);
    json_string(json, "name", port->options.name);
    json_bool(json, "console", port->options.hvc);
    json_bool(json, "plugged", !port->unplugged);
    json_bool(json, "connected", hosted_stream_connected(&port->stream));
    vmmp_context_enter(&console->virtio.context);
    bool open = vmmp_virtio_console_port_guest_open(console, port->id);
    uint64_t received = model_of(port)->received;
    uint64_t transmitted = model_of(port)->transmitted;
    vmmp_context_leave(&console->virtio.context);
    json_bool(json, "guest-open", open);
    json_number(json, "received", received);
    json_number(json, "transmitted", transmitted);
}

static bool command_resize(struct port *port, char *const words[], char message[OPTIONS_MESSAGE])
{
    unsigned long columns;
    unsigned long lines;
    if (!port->options.hvc) {
        snprintf(message, OPTIONS_MESSAGE, "%s has no size: only consoles (,hvc) have",
                 port->label);
        return false;
    }
    if (!options_parse_number(words[0], 1, UINT16_MAX, &columns) ||
        !options_parse_number(words[1], 1, UINT16_MAX, &lines)) {
        snprintf(message, OPTIONS_MESSAGE, "resize: give columns and rows from 1 to %d",
                 UINT16_MAX);
        return false;
    }
    resized(port, (uint16_t)columns, (uint16_t)lines);
    return true;
}

static int unplug(struct port *port)
{
    struct vmmp_virtio_console *console = &port->console->model;
    vmmp_context_enter(&console->virtio.context);
    int error = vmmp_virtio_console_port_remove(console, port->id);
    vmmp_context_leave(&console->virtio.context);
    return error;
}

static bool command_plug(struct port *port, bool in, char message[OPTIONS_MESSAGE])
{
    if (port->unplugged != in) {
        snprintf(message, OPTIONS_MESSAGE, "%s is plugged %s already", port->label,
                 in ? "in" : "out");
        return false;
    }
    int error = in ? plug(port) : unplug(port);
    if (error) {
        snprintf(message, OPTIONS_MESSAGE, "%s: %s", port->label, strerror(-error));
        return false;
    }
    port->unplugged = !in;
    return true;
}

static bool command(void *state, unsigned count, char *const words[], struct json *reply,
                    char message[OPTIONS_MESSAGE])
{
    struct port *port = state;
    (void)reply;
    if (count == 3 && strcmp(words[0], "resize") == 0) {
        return command_resize(port, words + 1, message);
    }
    if (count == 1 && strcmp(words[0], "plug") == 0) {
        return command_plug(port, true, message);
    }
    if (count == 1 && strcmp(words[0], "unplug") == 0) {
        return command_plug(port, false, message);
    }
    snprintf(message, OPTIONS_MESSAGE, "%s: give resize COLUMNS ROWS, plug or unplug", port->label);
    return false;
}

const struct device_kind device_port = {
    .name = "port",
    .option = OPTION,
    .value = "WHERE[,PARTS]",
    .help = "",
    .most = MOST_PORTS,
    .check = check,
    .state_size = sizeof(struct port),
    .open = open_port,
    .close = close_port,
    .model = &model,
    .one_model = true,
    .print_stats = print_stats,
    .status = status,
    .command = command,
    .command_help = "resize COLUMNS ROWS\nplug\nunplug",
};
