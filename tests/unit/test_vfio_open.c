/* SPDX-License-Identifier: BSD-2-Clause */
/* Which device is meant, and what is said of one that cannot be had: hosted/src/vfio/groups.c. */
#include "vmmp_test.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vfio/space.h"

int test_vfio_open(void);

#define DEVICE "0000:00:04.0"

static void addresses(void **state)
{
    static const struct {
        const char *text;
        const char *full; /* NULL: it is none. */
    } cases[] = {
        { "0000:00:04.0", "0000:00:04.0" },
        { "00:04.0", "0000:00:04.0" },
        { "abCD:eF:1f.7", "abcd:ef:1f.7" },
        { "", NULL },
        { "00:04", NULL },
        { "00:04.8", NULL },
        { "00:04.0 ", NULL },
        { "0000:00:04.0.1", NULL },
        { "000:00:04.0", NULL },
        { "00000:00:04.0", NULL },
        { "0g:04.0", NULL },
        { "../../../etc", NULL },
        { "0000:00:04.", NULL },
        { "abcd00:04.0", NULL },
        { "nvme0", NULL },
    };
    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char address[HOSTED_VFIO_ADDRESS];
        assert_int_equal(hosted_vfio_address(cases[i].text, address), cases[i].full != NULL);
        if (cases[i].full) {
            assert_string_equal(address, cases[i].full);
        }
    }
}

/* ---- a machine that is a folder ---- */

struct machine {
    char root[64];
    struct hosted_vfio_space space;
    char error[HOSTED_VFIO_ERROR];
};

static void in(const struct machine *machine, char path[VFIO_PATH], const char *name)
{
    snprintf(path, VFIO_PATH, "%s/%s", machine->root, name);
}

static void folder(const struct machine *machine, const char *name)
{
    char path[VFIO_PATH];
    in(machine, path, name);
    assert_int_equal(mkdir(path, 0700), 0);
}

static void link_to(const struct machine *machine, const char *name, const char *target)
{
    char path[VFIO_PATH];
    in(machine, path, name);
    (void)unlink(path);
    assert_int_equal(symlink(target, path), 0);
}

static int make(void **state)
{
    static const char *const folders[] = {
        "dev",
        "dev/vfio",
        "sys",
        "sys/bus",
        "sys/bus/pci",
        "sys/bus/pci/devices",
        ("sys/bus/pci/devices/" DEVICE),
    };
    struct machine *machine = calloc(1, sizeof(*machine));
    snprintf(machine->root, sizeof(machine->root), "/tmp/vmmp-vfio.XXXXXX");
    assert_non_null(mkdtemp(machine->root));
    for (unsigned i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        folder(machine, folders[i]);
    }
    machine->space.root = machine->root;
    machine->space.fd = -1;
    *state = machine;
    return 0;
}

static int unmake(void **state)
{
    struct machine *machine = *state;
    char command[VFIO_PATH];
    snprintf(command, sizeof(command), "rm -rf %s", machine->root);
    int status = system(command);
    free(machine);
    return status;
}

/* It cannot be had, for this reason; and nothing is left of the attempt. */
static void refuses(struct machine *machine, const char *address, const char *reason)
{
    int status = 0;
    assert_null(vfio_group_get(&machine->space, address, &status, machine->error));
    assert_true(status < 0);
    if (!strstr(machine->error, reason)) {
        fail_msg("'%s' does not say '%s'", machine->error, reason);
    }
    assert_null(strchr(machine->error, '\n'));
    for (unsigned i = 0; i < VFIO_GROUPS; i++) {
        assert_int_equal(machine->space.groups[i].users, 0);
    }
}

static void what_is_said(void **state)
{
    struct machine *machine = *state;
    refuses(machine, "0000:00:05.0", "no such PCI device");
    refuses(machine, DEVICE, "no IOMMU is in front of it");
    link_to(machine, "sys/bus/pci/devices/" DEVICE "/iommu_group", "../../kernel/iommu_groups/7");
    refuses(machine, DEVICE,
            "no driver has it, not vfio-pci: as root, 'modprobe vfio-pci; cd "
            "/sys/bus/pci; echo vfio-pci >devices/" DEVICE "/driver_override; echo " DEVICE
            " >drivers_probe'");
    link_to(machine, "sys/bus/pci/devices/" DEVICE "/driver", "../../bus/pci/drivers/nvme");
    refuses(machine, DEVICE, "the driver nvme has it, not vfio-pci");
    refuses(machine, DEVICE, "; echo " DEVICE " >devices/" DEVICE "/driver/unbind; echo");
    link_to(machine, "sys/bus/pci/devices/" DEVICE "/driver", "../../bus/pci/drivers/vfio-pci");
    refuses(machine, DEVICE, "/dev/vfio/7: No such file");
}

static void a_file_that_is_no_group(void **state)
{
    struct machine *machine = *state;
    char path[VFIO_PATH];
    link_to(machine, "sys/bus/pci/devices/" DEVICE "/iommu_group", "../../kernel/iommu_groups/7");
    link_to(machine, "sys/bus/pci/devices/" DEVICE "/driver", "../../bus/pci/drivers/vfio-pci");
    in(machine, path, "dev/vfio/7");
    close(open(path, O_CREAT | O_RDWR, 0600));
    refuses(machine, DEVICE, "its IOMMU group 7: ");
}

static void a_kernel_without_vfio(void **state)
{
    struct machine *machine = *state;
    struct hosted_vfio_space *space = NULL;
    char path[VFIO_PATH];
    assert_int_equal(hosted_vfio_space_open(&space, machine->root, NULL, machine->error), -ENOENT);
    assert_non_null(strstr(machine->error, "'modprobe vfio-pci'"));
    in(machine, path, "dev/vfio/vfio");
    close(open(path, O_CREAT | O_RDWR, 0600));
    assert_int_equal(hosted_vfio_space_open(&space, machine->root, NULL, machine->error), -ENOTSUP);
    assert_null(space);
}

int test_vfio_open(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses),
        cmocka_unit_test_setup_teardown(what_is_said, make, unmake),
        cmocka_unit_test_setup_teardown(a_file_that_is_no_group, make, unmake),
        cmocka_unit_test_setup_teardown(a_kernel_without_vfio, make, unmake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
