/* SPDX-License-Identifier: BSD-2-Clause */
/* Opening an image: what it is, that nobody else has it, and what to say if it will not do. */
#define _FILE_OFFSET_BITS 64 /* Where a word has 32, too. */
#include "blk_file_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sel4vmmplatsupport/vmmp/log.h>

/* Where the message goes, and for which file. */
struct complaint {
    const char *path;
    char *message;
    size_t size;
};

static int complain(const struct complaint *to, int error, const char *format, ...)
    VMMP_PRINTF(3, 4);

static int complain(const struct complaint *to, int error, const char *format, ...)
{
    va_list arguments;
    int length = snprintf(to->message, to->size, "%s: ", to->path);
    if (length >= 0 && (size_t)length < to->size) {
        va_start(arguments, format);
        vsnprintf(to->message + length, to->size - (size_t)length, format, arguments);
        va_end(arguments);
    }
    return error;
}

/* ---- Formats that are not raw ---- */

static const struct format {
    const char *name;
    const char *qemu_name; /* For the mend. */
    size_t offset;
    size_t length;
    const char *magic;
} formats[] = {
    { "a qcow2", "qcow2", 0, 4, "QFI\xfb" },
    { "a QED", "qed", 0, 4, "QED" },
    { "a VMDK", "vmdk", 0, 4, "KDMV" },
    { "a VMDK", "vmdk", 0, 4, "COWD" },
    { "a VMDK", "vmdk", 0, 21, "# Disk DescriptorFile" },
    { "a VDI", "vdi", 64, 4, "\x7f\x10\xda\xbe" },
    { "a VHDX", "vhdx", 0, 8, "vhdxfile" },
    { "a VHD", "vpc", 0, 8, "conectix" },
};

static int refuse_formats(const struct complaint *to, int fd)
{
    char start[512] = { 0 };
    if (pread(fd, start, sizeof(start), 0) < 0) {
        return complain(to, -errno, "cannot be read: %s", strerror(errno));
    }
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        const struct format *format = &formats[i];
        if (memcmp(start + format->offset, format->magic, format->length) == 0) {
            return complain(to, -EMEDIUMTYPE,
                            "is %s image, and only raw ones can be used; convert it with: "
                            "qemu-img convert -f %s -O raw %s NEW-FILE",
                            format->name, format->qemu_name, to->path);
        }
    }
    return 0;
}

/* ---- What it is ---- */

int64_t blk_file_size(int fd)
{
    struct stat status;
    uint64_t bytes;
    if (fstat(fd, &status) != 0) {
        return -errno;
    }
    if (S_ISBLK(status.st_mode)) {
        return ioctl(fd, BLKGETSIZE64, &bytes) == 0 ? (int64_t)bytes : -errno;
    }
    return status.st_size;
}

static int check_size(const struct complaint *to, int64_t size)
{
    if (size < 0) {
        return complain(to, (int)size, "its size cannot be found out: %s", strerror((int)-size));
    }
    if (size == 0) {
        return complain(to, -EINVAL, "is empty; give it a size with: truncate -s 1G %s", to->path);
    }
    if (size % VMMP_BLK_SECTOR != 0) {
        return complain(to, -EINVAL,
                        "has %lld bytes, which is not a multiple of 512; round it up with: "
                        "truncate -s %%512 %s",
                        (long long)size, to->path);
    }
    return 0;
}

static void describe_block_device(int fd, struct vmmp_blk_info *info)
{
    unsigned physical = 0;
    unsigned optimal = 0;
    if (ioctl(fd, BLKPBSZGET, &physical) == 0) {
        info->physical_block_size = physical;
    }
    if (ioctl(fd, BLKIOOPT, &optimal) == 0) {
        info->optimal_size = optimal;
    }
}

static void describe(struct hosted_blk_file *file, const struct stat *status, int64_t size)
{
    file->info = (struct vmmp_blk_info){
        .capacity = (uint64_t)size,
        .read_only = file->options.read_only,
        .stable_writes = true,
        .discard = true,
        .write_zeroes = true,
        .unmaps = true,
        .physical_block_size = BLK_FILE_ALIGNMENT,
        .discard_granularity = BLK_FILE_ALIGNMENT,
    };
    if (S_ISBLK(status->st_mode)) {
        describe_block_device(file->fd, &file->info);
    }
}

/* ---- Direct I/O ---- */

/* The smallest alignment that works, found by reading: it depends on what is below the file. */
static int find_alignment(const struct complaint *to, struct hosted_blk_file *file)
{
    uint64_t capacity = file->info.capacity;
    uint8_t *buffer = aligned_alloc(BLK_FILE_ALIGNMENT, BLK_FILE_ALIGNMENT);
    uint32_t alignment = 512;
    if (!buffer) {
        return complain(to, -ENOMEM, "there is no memory left to open it");
    }
    while (alignment <= BLK_FILE_ALIGNMENT) {
        off_t offset = capacity >= 2 * (uint64_t)alignment ? (off_t)alignment : 0;
        if (pread(file->fd, buffer, alignment, offset) >= 0) {
            break;
        }
        alignment *= 2;
    }
    free(buffer);
    if (alignment > BLK_FILE_ALIGNMENT) {
        return complain(to, -EINVAL, "cannot be read directly; leave out 'direct'");
    }
    if (capacity % alignment != 0) {
        return complain(to, -EINVAL,
                        "has %llu bytes, and direct access needs a multiple of %u; leave out "
                        "'direct', or round it up with: truncate -s %%%u %s",
                        (unsigned long long)capacity, alignment, alignment, to->path);
    }
    file->alignment = alignment;
    file->info.block_size = alignment;
    return 0;
}

static int use_direct(const struct complaint *to, struct hosted_blk_file *file)
{
    int flags = fcntl(file->fd, F_GETFL);
    if (flags < 0 || fcntl(file->fd, F_SETFL, flags | O_DIRECT) != 0) {
        return complain(to, -errno,
                        "is on a file system without direct access (%s); leave out 'direct'",
                        strerror(errno));
    }
    return find_alignment(to, file);
}

/* ---- All of it ---- */

static int lock_image(const struct complaint *to, const struct hosted_blk_file *file)
{
    struct flock lock = { .l_type = file->options.read_only ? F_RDLCK : F_WRLCK,
                          .l_whence = SEEK_SET };
    if (fcntl(file->fd, F_OFD_SETLK, &lock) == 0) {
        return 0;
    }
    if (errno == EAGAIN || errno == EACCES) {
        return complain(to, -EBUSY,
                        file->options.read_only
                            ? "is being written by another disk or VMM; make a copy, or wait"
                            : "is in use by another disk or VMM; only one can write it, but any "
                              "number can share it if all say 'ro'");
    }
    return complain(to, -errno, "cannot be locked: %s", strerror(errno));
}

static int say_not_opened(const struct complaint *to, int error, bool read_only)
{
    if (error == ENOENT) {
        return complain(to, -error, "does not exist; make a disk with: truncate -s 1G %s",
                        to->path);
    }
    if (!read_only && (error == EACCES || error == EROFS || error == EPERM)) {
        return complain(to, -error, "cannot be opened for writing: %s; with 'ro' it is only read",
                        strerror(error));
    }
    return complain(to, -error, "cannot be opened: %s", strerror(error));
}

int blk_file_open_image(struct hosted_blk_file *file, const char *path, char *message,
                        size_t message_size)
{
    const struct complaint to = { path, message, message_size };
    bool read_only = file->options.read_only;
    struct stat status;

    /* Without O_NONBLOCK the open of a pipe, by mistake, would wait for ever. */
    file->fd = open(path, (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (file->fd < 0 && errno == EISDIR) {
        return complain(&to, -EISDIR, "is a folder, not a disk image");
    }
    if (file->fd < 0) {
        return say_not_opened(&to, errno, read_only);
    }
    if (fstat(file->fd, &status) != 0) {
        return complain(&to, -errno, "cannot be looked at: %s", strerror(errno));
    }
    if (!S_ISREG(status.st_mode) && !S_ISBLK(status.st_mode)) {
        return complain(&to, -EINVAL, "is neither a file nor a block device");
    }
    int result = lock_image(&to, file);
    if (result == 0) {
        result = refuse_formats(&to, file->fd);
    }
    int64_t size = blk_file_size(file->fd);
    if (result == 0) {
        result = check_size(&to, size);
    }
    if (result != 0) {
        return result;
    }
    describe(file, &status, size);
    file->alignment = 1;
    return file->options.direct ? use_direct(&to, file) : 0;
}
