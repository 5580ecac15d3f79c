/* SPDX-License-Identifier: BSD-2-Clause */
/* The container: what devices reach by DMA. */
#include "vfio/space.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

int vfio_wrong(char error[HOSTED_VFIO_ERROR], int number, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error, HOSTED_VFIO_ERROR, format, arguments);
    va_end(arguments);
    return -number;
}

static int check_interface(int fd, char error[HOSTED_VFIO_ERROR])
{
    if (ioctl(fd, VFIO_GET_API_VERSION) != VFIO_API_VERSION) {
        return vfio_wrong(error, ENOTSUP, "/dev/vfio/vfio: a version of VFIO that is unknown here");
    }
    if (ioctl(fd, VFIO_CHECK_EXTENSION, VFIO_TYPE1v2_IOMMU) <= 0) {
        return vfio_wrong(error, ENOTSUP,
                          "the kernel's VFIO has no IOMMU of type 1: as root, 'modprobe "
                          "vfio_iommu_type1'");
    }
    return 0;
}

static int open_container(const char *root, char error[HOSTED_VFIO_ERROR])
{
    char path[VFIO_PATH];
    snprintf(path, sizeof(path), "%s/dev/vfio/vfio", root);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd >= 0) {
        return fd;
    }
    int number = errno;
    return vfio_wrong(error, number, "/dev/vfio/vfio: %s: %s", strerror(number),
                      number == EACCES || number == EPERM
                          ? "run as a user who may open it"
                          : "the kernel has no VFIO yet: as root, 'modprobe vfio-pci'");
}

int hosted_vfio_space_open(struct hosted_vfio_space **result, const char *root,
                           const struct vmmp_log *log, char error[HOSTED_VFIO_ERROR])
{
    struct hosted_vfio_space *space = calloc(1, sizeof(*space));
    if (!space) {
        return vfio_wrong(error, ENOMEM, "no memory: close other programs");
    }
    space->root = root ? root : "";
    space->log = log;
    space->fd = open_container(space->root, error);
    int status = space->fd < 0 ? space->fd : check_interface(space->fd, error);
    if (status) {
        hosted_vfio_space_close(space);
        return status;
    }
    *result = space;
    return 0;
}

void hosted_vfio_space_close(struct hosted_vfio_space *space)
{
    if (space) {
        if (space->fd >= 0) {
            close(space->fd);
        }
        free(space);
    }
}

/* ---- memory ---- */

static void say_why(const struct hosted_vfio_space *space, uint64_t size, int number)
{
    struct rlimit limit = { 0 };
    (void)getrlimit(RLIMIT_MEMLOCK, &limit);
    if (number == ENOMEM && limit.rlim_cur != RLIM_INFINITY) {
        vmmp_log(space->log, VMMP_LOG_ERROR, VMMP_LOG_HOST,
                 "the guest's memory (%llu MiB) must stay in place for its devices, and this user "
                 "may keep %llu KiB there: raise the limit ('ulimit -l', or memlock in "
                 "/etc/security/limits.conf), or give the guest less memory",
                 (unsigned long long)(size >> 20), (unsigned long long)(limit.rlim_cur >> 10));
    } else {
        vmmp_log(space->log, VMMP_LOG_ERROR, VMMP_LOG_HOST,
                 "the IOMMU does not take the guest's memory of %llu MiB: %s",
                 (unsigned long long)(size >> 20), strerror(number));
    }
}

static int map_region(const struct hosted_vfio_space *space, const struct vmmp_guest_region *region)
{
    struct vfio_iommu_type1_dma_map map = {
        .argsz = sizeof(map),
        .flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
        .vaddr = (uintptr_t)region->host,
        .iova = region->start,
        .size = region->size,
    };
    return ioctl(space->fd, VFIO_IOMMU_MAP_DMA, &map) ? -errno : 0;
}

static void unmap_regions(const struct hosted_vfio_space *space, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        const struct vmmp_guest_region *region = &space->memory.regions[i];
        struct vfio_iommu_type1_dma_unmap unmap = {
            .argsz = sizeof(unmap),
            .iova = region->start,
            .size = region->size,
        };
        (void)ioctl(space->fd, VFIO_IOMMU_UNMAP_DMA, &unmap);
    }
}

static uint64_t size_of(const struct vmmp_guest_memory *memory)
{
    uint64_t size = 0;
    for (unsigned i = 0; i < memory->region_count; i++) {
        size += memory->regions[i].size;
    }
    return size;
}

int vfio_memory_map(struct hosted_vfio_space *space, const struct vmmp_guest_memory *memory)
{
    if (space->guests > 0) {
        space->guests++;
        return 0;
    }
    space->memory = *memory;
    for (unsigned i = 0; i < memory->region_count; i++) {
        int error = map_region(space, &memory->regions[i]);
        if (error) {
            say_why(space, size_of(memory), -error);
            unmap_regions(space, i);
            return error;
        }
    }
    space->guests = 1;
    return 0;
}

void vfio_memory_unmap(struct hosted_vfio_space *space)
{
    if (--space->guests == 0) {
        unmap_regions(space, space->memory.region_count);
        space->memory.region_count = 0;
    }
}
