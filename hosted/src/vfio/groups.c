/* SPDX-License-Identifier: BSD-2-Clause */
/* Groups: which devices cannot be told apart by the IOMMU, and whether one may be given away. */
#include "vfio/space.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define DRIVER "vfio-pci"

/* ---- addresses ---- */

/* Takes `digits` hexadecimal digits and what must follow them. */
static bool take(const char **at, char **to, unsigned digits, char end)
{
    for (unsigned i = 0; i < digits; i++) {
        if (!isxdigit((unsigned char)(*at)[i])) {
            return false;
        }
        (*to)[i] = (char)tolower((unsigned char)(*at)[i]);
    }
    if ((*at)[digits] != end) {
        return false;
    }
    (*to)[digits] = end;
    *at += digits + 1;
    *to += digits + 1;
    return true;
}

bool hosted_vfio_address(const char *text, char address[HOSTED_VFIO_ADDRESS])
{
    static const char first_domain[] = { '0', '0', '0', '0', ':' };
    char *to = address;
    if (!take(&text, &to, 4, ':')) {
        memcpy(address, first_domain, sizeof(first_domain));
        to = address + sizeof(first_domain);
    }
    return take(&text, &to, 2, ':') && take(&text, &to, 2, '.') && *text >= '0' && *text <= '7' &&
           take(&text, &to, 1, '\0');
}

/* ---- /sys ---- */

/* The last part of where a link of the device's leads. False: there is none. */
static bool link_of(const struct hosted_vfio_space *space, const char *address, const char *name,
                    char target[VFIO_PATH])
{
    char path[VFIO_PATH];
    char whole[VFIO_PATH];
    snprintf(path, sizeof(path), "%s/sys/bus/pci/devices/%.32s/%s", space->root, address, name);
    ssize_t length = readlink(path, whole, sizeof(whole) - 1);
    if (length <= 0) {
        return false;
    }
    whole[length] = '\0';
    const char *slash = strrchr(whole, '/');
    snprintf(target, VFIO_PATH, "%s", slash ? slash + 1 : whole);
    return true;
}

static int check_driver(const struct hosted_vfio_space *space, const char *address,
                        char error[HOSTED_VFIO_ERROR])
{
    char driver[VFIO_PATH];
    bool bound = link_of(space, address, "driver", driver);
    if (bound && strcmp(driver, DRIVER) == 0) {
        return 0;
    }
    char unbind[VFIO_PATH] = "";
    if (bound) {
        snprintf(unbind, sizeof(unbind), "echo %s >devices/%s/driver/unbind; ", address, address);
    }
    return vfio_wrong(
        error, EBUSY,
        "%s%.40s has it, not " DRIVER ": as root, 'modprobe " DRIVER
        "; cd /sys/bus/pci; echo " DRIVER " >devices/%s/driver_override; %secho %s >drivers_probe'",
        bound ? "the driver " : "no driver", bound ? driver : "", address, unbind, address);
}

static int find_group(const struct hosted_vfio_space *space, const char *address, int *number,
                      char error[HOSTED_VFIO_ERROR])
{
    char path[VFIO_PATH];
    char group[VFIO_PATH];
    snprintf(path, sizeof(path), "%s/sys/bus/pci/devices/%s", space->root, address);
    if (access(path, F_OK) != 0) {
        return vfio_wrong(error, ENODEV,
                          "this machine has no such PCI device: 'lspci -D' lists those it has");
    }
    if (!link_of(space, address, "iommu_group", group)) {
        return vfio_wrong(error, ENODEV,
                          "no IOMMU is in front of it, so it could reach all memory: switch the "
                          "IOMMU on in the firmware and, on Intel's, boot the host with "
                          "intel_iommu=on");
    }
    int status = check_driver(space, address, error);
    *number = (int)strtol(group, NULL, 10);
    return status;
}

/* A device of the group that a driver of the host's has. */
static bool find_other(const struct hosted_vfio_space *space, int number, char other[VFIO_PATH])
{
    char path[VFIO_PATH];
    char driver[VFIO_PATH];
    bool found = false;
    snprintf(path, sizeof(path), "%s/sys/kernel/iommu_groups/%d/devices", space->root, number);
    DIR *folder = opendir(path);
    for (const struct dirent *entry = folder ? readdir(folder) : NULL; entry && !found;
         entry = readdir(folder)) {
        found = entry->d_name[0] != '.' && link_of(space, entry->d_name, "driver", driver) &&
                strcmp(driver, DRIVER) != 0;
        snprintf(other, VFIO_PATH, "%.100s (driver %.100s)", entry->d_name, driver);
    }
    if (folder) {
        closedir(folder);
    }
    return found;
}

/* ---- groups ---- */

static int open_group(const struct hosted_vfio_space *space, int number,
                      char error[HOSTED_VFIO_ERROR])
{
    char path[VFIO_PATH];
    snprintf(path, sizeof(path), "%s/dev/vfio/%d", space->root, number);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd >= 0) {
        return fd;
    }
    int status = errno;
    if (status == EBUSY) {
        return vfio_wrong(error, status,
                          "another program has it, or a device of its IOMMU group %d: end that "
                          "one first",
                          number);
    }
    if (status == EACCES || status == EPERM) {
        return vfio_wrong(error, status,
                          "no permission for /dev/vfio/%d: as root, 'chown USER /dev/vfio/%d'",
                          number, number);
    }
    return vfio_wrong(error, status, "/dev/vfio/%d: %s", number, strerror(status));
}

static int check_viable(const struct hosted_vfio_space *space, int fd, int number,
                        char error[HOSTED_VFIO_ERROR])
{
    struct vfio_group_status status = { .argsz = sizeof(status) };
    char other[VFIO_PATH];
    if (ioctl(fd, VFIO_GROUP_GET_STATUS, &status) != 0) {
        return vfio_wrong(error, errno, "its IOMMU group %d: %s", number, strerror(errno));
    }
    if (status.flags & VFIO_GROUP_FLAGS_VIABLE) {
        return 0;
    }
    bool found = find_other(space, number, other);
    return vfio_wrong(error, EPERM,
                      "the IOMMU cannot tell it from other devices of its group %d%s%s, which the "
                      "host uses: bind those to " DRIVER " too",
                      number, found ? ", such as " : "", found ? other : "");
}

static int join(struct hosted_vfio_space *space, int fd, char error[HOSTED_VFIO_ERROR])
{
    if (ioctl(fd, VFIO_GROUP_SET_CONTAINER, &space->fd) != 0) {
        return vfio_wrong(error, errno, "its group cannot join the guest's other devices: %s",
                          strerror(errno));
    }
    if (!space->has_iommu && ioctl(space->fd, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU) != 0) {
        return vfio_wrong(error, errno, "the IOMMU cannot contain it (%s)%s", strerror(errno),
                          errno == EPERM ? ": it does not remap interrupts either; the host's "
                                           "kernel log says more"
                                         : "");
    }
    space->has_iommu = true;
    return 0;
}

static struct vfio_group *find_place(struct hosted_vfio_space *space, int number)
{
    struct vfio_group *place = NULL;
    for (unsigned i = 0; i < VFIO_GROUPS; i++) {
        struct vfio_group *group = &space->groups[i];
        if (group->users && group->number == number) {
            return group;
        }
        if (!group->users && !place) {
            place = group;
        }
    }
    return place;
}

struct vfio_group *vfio_group_get(struct hosted_vfio_space *space, const char *address, int *result,
                                  char error[HOSTED_VFIO_ERROR])
{
    int number = -1;
    *result = find_group(space, address, &number, error);
    struct vfio_group *group = *result ? NULL : find_place(space, number);
    if (!group) {
        *result = *result ? *result : vfio_wrong(error, ENOSPC, "too many devices for one guest");
        return NULL;
    }
    if (group->users) {
        group->users++;
        return group;
    }
    int fd = open_group(space, number, error);
    *result = fd < 0 ? fd : check_viable(space, fd, number, error);
    if (!*result) {
        *result = join(space, fd, error);
    }
    if (*result) {
        if (fd >= 0) {
            close(fd);
        }
        return NULL;
    }
    *group = (struct vfio_group){ .number = number, .fd = fd, .users = 1 };
    return group;
}

void vfio_group_put(struct hosted_vfio_space *space, struct vfio_group *group)
{
    if (--group->users > 0) {
        return;
    }
    bool last = true;
    close(group->fd);
    for (unsigned i = 0; i < VFIO_GROUPS; i++) {
        last = last && !space->groups[i].users;
    }
    /* A container without groups has no IOMMU any more. */
    space->has_iommu = space->has_iommu && !last;
}
