/* SPDX-License-Identifier: BSD-2-Clause */
#include "compat/guest_image_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "guest/image_internal.h"

/* CAmkES's file server has open, lseek, read and close; no pread. */
static int64_t read_at(void *cookie, uint64_t offset, void *to, size_t size)
{
    struct compat_file *file = cookie;

    if (file->position != offset) {
        if (lseek(file->fd, (off_t)offset, SEEK_SET) < 0) {
            return errno ? -errno : -EIO;
        }
        file->position = offset;
    }
    ssize_t got;
    do {
        got = read(file->fd, to, size);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        return errno ? -errno : -EIO;
    }
    file->position += (uint64_t)got;
    return got;
}

static int fail(struct vmmp_image_error *error, const char *name, const char *what, int code)
{
    code = code ? code : EIO;
    return vmmp_image_fail(error, -code, name, "%s: %s", what, strerror(code));
}

int vmmp_compat_file_open(struct compat_file *file, const char *name,
                          struct vmmp_image_error *error)
{
    memset(file, 0, sizeof(*file));
    file->fd = open(name, O_RDONLY);
    if (file->fd < 0) {
        return fail(error, name, "cannot be opened", errno);
    }
    off_t size = lseek(file->fd, 0, SEEK_END);
    if (size < 0 || lseek(file->fd, 0, SEEK_SET) < 0) {
        int code = errno;
        close(file->fd);
        return fail(error, name, "has no size; give a regular file", code);
    }
    file->file.name = name;
    file->file.size = (uint64_t)size;
    file->file.read_at = read_at;
    file->file.cookie = file;
    return 0;
}

void vmmp_compat_file_close(struct compat_file *file)
{
    close(file->fd);
}
