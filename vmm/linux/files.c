/* SPDX-License-Identifier: BSD-2-Clause */
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "message.h"

static int64_t read_at(void *cookie, uint64_t offset, void *to, size_t size)
{
    struct input_file *input = cookie;
    if (offset > INT64_MAX) {
        return 0;
    }
    ssize_t got;
    do {
        got = pread(input->fd, to, size, (off_t)offset);
    } while (got < 0 && errno == EINTR);
    return got < 0 ? -errno : got;
}

static const char *how_to_mend(int error)
{
    switch (error) {
    case ENOENT:
        return "give the path of an existing file";
    case EACCES:
        return "make it readable for you";
    case ENOTDIR:
        return "a part of its path is no folder: give the path of an existing file";
    default:
        return "give a file that can be read";
    }
}

int input_file_open(struct input_file *input, const char *option, const char *path)
{
    struct stat status;
    /* Not blocking: a named pipe without a writer is refused below, not waited for. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, &status) != 0) {
        int error = errno;
        message_error("%s %s: cannot open it (%s): %s", option, path, strerror(error),
                      how_to_mend(error));
        if (fd >= 0) {
            close(fd);
        }
        return -1;
    }
    const char *wrong = NULL;
    if (S_ISDIR(status.st_mode)) {
        wrong = "it is a folder: give the path of a file";
    } else if (!S_ISREG(status.st_mode)) {
        wrong = "it is not a regular file: copy its content into one";
    } else if (status.st_size == 0) {
        wrong = "the file is empty: give one with content";
    }
    if (wrong) {
        message_error("%s %s: %s", option, path, wrong);
        close(fd);
        return -1;
    }
    input->fd = fd;
    input->file.name = path;
    input->file.size = (uint64_t)status.st_size;
    input->file.read_at = read_at;
    input->file.cookie = input;
    return 0;
}

void input_file_close(struct input_file *input)
{
    if (input->file.name) {
        close(input->fd);
        input->file.name = NULL;
    }
}

static int write_all(int fd, const char *bytes, size_t size)
{
    while (size) {
        ssize_t written = write(fd, bytes, size);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return -1;
        }
        bytes += written;
        size -= (size_t)written;
    }
    return 0;
}

static int write_in_place(const char *path, const void *bytes, size_t size)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        return -1;
    }
    int result = write_all(fd, bytes, size);
    int error = errno;
    close(fd);
    errno = error;
    return result;
}

/* Under another name until it is whole. */
static int write_and_rename(const char *path, const void *bytes, size_t size)
{
    char *temporary;
    if (asprintf(&temporary, "%s.XXXXXX", path) < 0) {
        errno = ENOMEM;
        return -1;
    }
    int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0) {
        free(temporary);
        return -1;
    }
    mode_t mask = umask(0);
    umask(mask);
    int result = write_all(fd, bytes, size);
    if (result == 0) {
        result = fchmod(fd, 0666 & ~mask);
    }
    if (close(fd) != 0) {
        result = -1;
    }
    if (result == 0) {
        result = rename(temporary, path);
    }
    if (result != 0) {
        int error = errno;
        unlink(temporary);
        errno = error;
    }
    free(temporary);
    return result;
}

int output_file_replace(const char *path, const void *bytes, size_t size)
{
    struct stat status;
    bool in_place = stat(path, &status) == 0 && !S_ISREG(status.st_mode);
    int result = in_place ? write_in_place(path, bytes, size) : write_and_rename(path, bytes, size);
    return result == 0 ? 0 : -errno;
}

int output_file_write(const char *option, const char *path, const void *bytes, size_t size)
{
    int error = output_file_replace(path, bytes, size);
    if (error) {
        message_error("%s %s: cannot write it (%s): give a path that you may write, with room",
                      option, path, strerror(-error));
    }
    return error ? -1 : 0;
}
