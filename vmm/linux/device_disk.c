/* SPDX-License-Identifier: BSD-2-Clause */
/* --disk: an image file or a block device as a disk of the guest. */
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#include <hosted/blk_file.h>
#include <sel4vmmplatsupport/vmmp/blk_overlay.h>
#include <sel4vmmplatsupport/vmmp/virtio_blk.h>

#include "device.h"
#include "message.h"

#define DISKS 8
/* Requests in flight. */
#define REQUESTS 128
/* Changes that an overlay keeps where nothing is said. */
#define CHANGES (UINT64_C(1) << 30)

struct disk_options {
    char file[SUBOPTION_TEXT_MAX];
    char id[SUBOPTION_TEXT_MAX];
    bool read_only;
    bool direct;
    bool threads;
    bool overlay;
    uint64_t changes;
    unsigned queues;
};

struct disk {
    struct disk_options options;
    struct hosted_event_loop *loop;
    struct hosted_blk_file *file;
    struct vmmp_blk_backend backend; /* The file, or the overlay over it. */
    struct vmmp_blk_overlay overlay;
    void *arena;
    size_t arena_size;
    struct vmmp_virtio_blk model;
    struct vmmp_virtio_blk_request requests[REQUESTS];
    bool made;
};

#define MEMBER(name) offsetof(struct disk_options, name)

static const struct suboption rows[] = {
    { "ro", NULL, SUBOPTION_FLAG, MEMBER(read_only), 0, 0, NULL },
    { "direct", NULL, SUBOPTION_FLAG, MEMBER(direct), 0, 0, NULL },
    { "threads", NULL, SUBOPTION_FLAG, MEMBER(threads), 0, 0, NULL },
    { "overlay", NULL, SUBOPTION_FLAG, MEMBER(overlay), 0, 0, NULL },
    { "changes", "SIZE", SUBOPTION_SIZE, MEMBER(changes), UINT64_C(1) << 20, UINT64_C(1) << 40,
      NULL },
    { "id", "TEXT", SUBOPTION_TEXT, MEMBER(id), 0, 0, NULL },
    { "queues", "N", SUBOPTION_NUMBER, MEMBER(queues), 1, VMMP_VIRTIO_BLK_QUEUES, NULL },
    SUBOPTIONS_END,
};

static bool parse(const char *value, struct disk_options *options, char message[OPTIONS_MESSAGE])
{
    memset(options, 0, sizeof(*options));
    if (!suboptions_parse("--disk", value, "FILE", MEMBER(file), rows, options, message)) {
        return false;
    }
    if (strlen(options->id) > VMMP_VIRTIO_BLK_ID_SIZE) {
        snprintf(message, OPTIONS_MESSAGE, "--disk: id=%.64s is too long: a guest sees %d bytes",
                 options->id, VMMP_VIRTIO_BLK_ID_SIZE);
        return false;
    }
    if (options->read_only && options->overlay) {
        snprintf(message, OPTIONS_MESSAGE,
                 "--disk: ro and overlay do not go together: an overlay leaves FILE as it is and "
                 "lets the guest write; give one of them");
        return false;
    }
    if (options->changes && !options->overlay) {
        snprintf(message, OPTIONS_MESSAGE,
                 "--disk: changes=SIZE limits an overlay: give overlay too");
        return false;
    }
    return true;
}

static bool check(const char *value, char message[OPTIONS_MESSAGE])
{
    struct disk_options options;
    return parse(value, &options, message);
}

/* ---- The outside ---- */

/* Address space only: pages are taken as the guest changes what is on the disk. */
static int open_overlay(struct disk *disk)
{
    uint64_t size = disk->options.changes ? disk->options.changes : CHANGES;
    disk->backend = hosted_blk_file_backend(disk->file);
    disk->arena_size = VMMP_BLK_OVERLAY_BYTES(size / VMMP_BLK_OVERLAY_CLUSTER);
    disk->arena = mmap(NULL, disk->arena_size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    int error = disk->arena == MAP_FAILED ? -errno : 0;
    if (error == 0) {
        error =
            vmmp_blk_overlay_init(&disk->overlay, &disk->backend, disk->arena, disk->arena_size);
    }
    if (error) {
        message_error("--disk %s: no memory for its overlay: %s; give a smaller changes=SIZE",
                      disk->options.file, strerror(-error));
        return -1;
    }
    disk->backend = vmmp_blk_overlay_backend(&disk->overlay);
    return 0;
}

static void disk_close(void *state)
{
    struct disk *disk = state;
    hosted_blk_file_close(disk->file);
    disk->file = NULL;
    if (disk->arena && disk->arena != MAP_FAILED) {
        munmap(disk->arena, disk->arena_size);
    }
    disk->arena = NULL;
}

static int disk_open(void *state, const char *value, const struct device_context *context)
{
    struct disk *disk = state;
    char message[OPTIONS_MESSAGE];
    char why[HOSTED_BLK_FILE_MESSAGE];
    parse(value, &disk->options, message);
    if (!disk->options.id[0]) {
        snprintf(disk->options.id, sizeof(disk->options.id), "%s", context->name);
    }
    const struct hosted_blk_file_options options = {
        .read_only = disk->options.read_only || disk->options.overlay,
        .direct = disk->options.direct,
        .only_threads = disk->options.threads,
        .in_flight = REQUESTS,
    };
    disk->loop = context->loop;
    if (hosted_blk_file_open(&disk->file, disk->options.file, &options, why, sizeof(why)) != 0) {
        message_error("--disk %s", why);
        return -1;
    }
    disk->backend = hosted_blk_file_backend(disk->file);
    if (disk->options.overlay && open_overlay(disk) != 0) {
        disk_close(disk);
        return -1;
    }
    return 0;
}

/* ---- The model ---- */

static int create(void *cookie, const struct machine_device_environment *environment,
                  struct vmmp_virtio_device **virtio)
{
    struct disk *disk = cookie;
    const struct vmmp_virtio_blk_options options = {
        .id = disk->options.id,
        .queues = (uint16_t)disk->options.queues,
        .read_only = disk->options.read_only,
    };
    int error =
        vmmp_virtio_blk_init(&disk->model, &disk->backend, disk->requests, REQUESTS, &options,
                             environment->memory, environment->log, environment->host);
    if (error) {
        return error;
    }
    error = hosted_blk_file_attach(disk->file, disk->loop, &disk->model.virtio.context);
    if (error) {
        vmmp_virtio_blk_fini(&disk->model);
        return error;
    }
    disk->made = true;
    *virtio = &disk->model.virtio;
    return 0;
}

static void destroy(void *cookie)
{
    struct disk *disk = cookie;
    hosted_blk_file_detach(disk->file);
    vmmp_virtio_blk_fini(&disk->model);
    disk->made = false;
}

static const struct machine_device_ops model = { create, destroy };

/* ---- What is shown of it ---- */

struct snapshot {
    struct vmmp_virtio_blk_statistics counters;
    uint64_t capacity;
    uint64_t changed; /* Bytes that the overlay has taken. */
    unsigned in_flight;
};

/* All zero while there is no machine. */
static void take_snapshot(struct disk *disk, struct snapshot *snapshot)
{
    memset(snapshot, 0, sizeof(*snapshot));
    if (disk->made) {
        vmmp_context_enter(&disk->model.virtio.context);
        snapshot->counters = disk->model.statistics;
        snapshot->capacity = disk->model.info.capacity;
        snapshot->in_flight = disk->model.in_flight;
        snapshot->changed = (uint64_t)disk->overlay.in_use * VMMP_BLK_OVERLAY_CLUSTER;
        vmmp_context_leave(&disk->model.virtio.context);
    }
}

static void print_stats(void *state, const char *name, FILE *out)
{
    struct disk *disk = state;
    struct snapshot now;
    take_snapshot(disk, &now);
    fprintf(out,
            "device %s engine %s reads %ju read-bytes %ju writes %ju written-bytes %ju "
            "flushes %ju discards %ju refused %ju failed %ju starved %ju\n",
            name, hosted_blk_file_engine(disk->file), (uintmax_t)now.counters.reads,
            (uintmax_t)now.counters.read_bytes, (uintmax_t)now.counters.writes,
            (uintmax_t)now.counters.written_bytes, (uintmax_t)now.counters.flushes,
            (uintmax_t)now.counters.discards, (uintmax_t)now.counters.refused,
            (uintmax_t)now.counters.failed, (uintmax_t)now.counters.starved);
}

static void status(void *state, struct json *json)
{
    struct disk *disk = state;
    struct snapshot now;
    take_snapshot(disk, &now);
    json_string(json, "file", disk->options.file);
    json_string(json, "engine", hosted_blk_file_engine(disk->file));
    json_bool(json, "read_only", disk->options.read_only);
    json_number(json, "capacity", now.capacity);
    json_number(json, "in_flight", now.in_flight);
    json_number(json, "reads", now.counters.reads);
    json_number(json, "read_bytes", now.counters.read_bytes);
    json_number(json, "writes", now.counters.writes);
    json_number(json, "written_bytes", now.counters.written_bytes);
    json_number(json, "flushes", now.counters.flushes);
    json_number(json, "discards", now.counters.discards);
    json_number(json, "failed", now.counters.failed);
    if (disk->options.overlay) {
        json_number(json, "changed", now.changed);
    }
}

/* ---- Commands ---- */

static bool command(void *state, unsigned count, char *const words[], struct json *reply,
                    char message[OPTIONS_MESSAGE])
{
    struct disk *disk = state;
    if (count != 1 || strcmp(words[0], "resize") != 0) {
        snprintf(message, OPTIONS_MESSAGE,
                 "disk: unknown command: say resize after the file has a new size");
        return false;
    }
    if (disk->options.overlay) {
        snprintf(message, OPTIONS_MESSAGE, "disk: a disk with an overlay keeps its size");
        return false;
    }
    int error = -ENODEV;
    if (disk->made) {
        vmmp_context_enter(&disk->model.virtio.context);
        error = hosted_blk_file_refresh(disk->file);
        if (error == 0) {
            vmmp_virtio_blk_resized(&disk->model);
        }
        vmmp_context_leave(&disk->model.virtio.context);
    }
    if (error) {
        snprintf(message, OPTIONS_MESSAGE,
                 "disk: %.256s has no size that a disk can have (%s): it is a multiple of 512",
                 disk->options.file, strerror(-error));
        return false;
    }
    status(disk, reply);
    return true;
}

const struct device_kind device_disk = {
    .name = "disk",
    .option = "--disk",
    .value = "FILE[,PART…]",
    .help = "a disk: a raw image file or a block device. Parts:\n"
            "ro, direct (past the page cache), id=TEXT, queues=N,\n"
            "overlay (changes are kept in memory, and dropped at\n"
            "the end; at most changes=SIZE, 1G), threads (no io_uring)",
    .most = DISKS,
    .check = check,
    .state_size = sizeof(struct disk),
    .open = disk_open,
    .close = disk_close,
    .model = &model,
    .print_stats = print_stats,
    .status = status,
    .command = command,
    .command_help = "resize",
};
