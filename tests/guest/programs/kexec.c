/* SPDX-License-Identifier: BSD-2-Clause */
/*
 *   kexec KERNEL INITRD COMMAND-LINE     starts this arm64 kernel in place of the one that runs
 *
 * KERNEL is an uncompressed Image. Debian's kernels have kexec_load(2) and not kexec_file_load(2):
 * where things go is decided here, for a guest whose RAM begins at 1 GiB and has 256 MiB or more.
 * Returns only if it fails.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libfdt.h>
#include <linux/kexec.h>
#include <linux/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define KERNEL_AT 0x46000000u
#define INITRD_AT 0x4a000000u
#define TREE_AT   0x4e000000u
#define ENTRY_AT  0x4e200000u

#define IMAGE_SIZE_AT 16 /* Of the Image header: what it needs, uninitialised data included. */
#define TREE_ROOM     0x10000

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void *read_file(const char *path, size_t room, size_t *size)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) != 0) {
        die(path);
    }
    *size = (size_t)status.st_size;
    unsigned char *bytes = calloc(1, *size + room);
    for (size_t done = 0; bytes && done < *size;) {
        ssize_t got = read(fd, bytes + done, *size - done);
        if (got <= 0) {
            die(path);
        }
        done += (size_t)got;
    }
    close(fd);
    return bytes;
}

/* The running kernel's tree with another command line and initrd. */
static void *make_tree(const char *command_line, size_t initrd_size, size_t *size)
{
    void *tree = read_file("/sys/firmware/fdt", TREE_ROOM, size);
    int room = (int)(*size += TREE_ROOM);
    int chosen = fdt_open_into(tree, tree, room) ? -1 : fdt_path_offset(tree, "/chosen");
    if (chosen < 0 ||
        fdt_setprop(tree, chosen, "bootargs", command_line, (int)strlen(command_line) + 1) ||
        fdt_setprop_u64(tree, chosen, "linux,initrd-start", INITRD_AT) ||
        fdt_setprop_u64(tree, chosen, "linux,initrd-end", INITRD_AT + initrd_size)) {
        fprintf(stderr, "kexec: cannot change the device tree\n");
        exit(1);
    }
    return tree;
}

static size_t pages(size_t size)
{
    return (size + 0xffff) & ~(size_t)0xffff;
}

int main(int argc, char **argv)
{
    /* What Linux is entered with (Documentation/arch/arm64/booting.rst). */
    static const uint32_t entry[] = {
        0x580000c0, /* ldr x0, tree */
        0xaa1f03e1, /* mov x1, xzr */
        0xaa1f03e2, /* mov x2, xzr */
        0xaa1f03e3, /* mov x3, xzr */
        0x58000084, /* ldr x4, kernel */
        0xd61f0080, /* br x4 */
        TREE_AT,    0, KERNEL_AT, 0,
    };
    if (argc != 4) {
        fprintf(stderr, "usage: kexec KERNEL INITRD COMMAND-LINE\n");
        return 2;
    }
    size_t kernel_size;
    size_t initrd_size;
    size_t tree_size;
    unsigned char *kernel = read_file(argv[1], 0, &kernel_size);
    void *initrd = read_file(argv[2], 0, &initrd_size);
    void *tree = make_tree(argv[3], initrd_size, &tree_size);
    uint64_t image_size;
    memcpy(&image_size, kernel + IMAGE_SIZE_AT, sizeof(image_size));
    const struct kexec_segment segments[] = {
        { kernel, kernel_size, (void *)(uintptr_t)KERNEL_AT, pages((size_t)image_size) },
        { initrd, initrd_size, (void *)(uintptr_t)INITRD_AT, pages(initrd_size) },
        { tree, tree_size, (void *)(uintptr_t)TREE_AT, pages(tree_size) },
        { entry, sizeof(entry), (void *)(uintptr_t)ENTRY_AT, pages(sizeof(entry)) },
    };
    if (syscall(SYS_kexec_load, (unsigned long)ENTRY_AT, sizeof(segments) / sizeof(segments[0]),
                segments, (unsigned long)KEXEC_ARCH_AARCH64) != 0) {
        die("kexec_load");
    }
    syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_KEXEC, NULL);
    die("reboot");
}
