/* SPDX-License-Identifier: BSD-2-Clause */
/* --share: its option, and two guests' devices that are connected. */
#include "vmmp_test.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include <hosted/script.h>
#include <hosted/vm.h>
#include <sel4vm/boot.h>
#include <sel4vmmplatsupport/vmmp/pci_host.h>
#include <sel4vmmplatsupport/vmmp/vm.h>

#include "linux/devices.h"

int test_device_share(void);

#define BASE    UINT64_C(0x10000000)
#define SIZE    0x100000u
#define CONSUME 4u

/* A VMM with a guest that has a PCI bus and nothing else. */
struct guest {
    struct hosted_event_loop *loop;
    void *state;
    vm_t vm;
    vm_vcpu_t *vcpu;
    simple_t simple;
    ps_io_ops_t io_ops;
    struct vmmp_vm vmmp;
    struct vmmp_pci_host pci;
    struct vmmp_host host;
    struct vmmp_log log;
    char said[VMMP_LOG_MAX];
};

static void good_values(void **state)
{
    static const char *const values[] = {
        "a,size=4K",
        "a,size=1G,peer=/tmp/p",
        "a.b-c_d e,peer=p,size=12K",
        "a,size=16K,ivshmem,peer=p",
        "12345678901234567890123456789012345678901234567,size=1M",
    };
    char message[OPTIONS_MESSAGE];
    (void)state;
    for (unsigned i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        assert_true(device_share.check(values[i], message));
    }
}

static void bad_values(void **state)
{
    static const struct {
        const char *value;
        const char *says;
    } rows[] = {
        { "", "NAME" },
        { "size=4K", "1 to 47 characters" },
        { "a", "size=1M" },
        { "a,size=0", "size" },
        { "a,size=6000", "size" },
        { "a,size=5K", "multiple of 4K" },
        { "a,size=2G", "size" },
        { "a,size=12K,ivshmem", "power of two" },
        { "a/b,size=4K", "1 to 47 characters" },
        { "a\nb,size=4K", "control characters" },
        { "\033[2J,size=4K", "control characters" },
        { "123456789012345678901234567890123456789012345678,size=1M", "1 to 47 characters" },
        { "a,size=4K,peer=", "peer" },
        { "a,size=4K,colour=red", "colour" },
        { "a,size=4K,peer=/123456789/123456789/123456789/123456789/123456789/123456789/123456789/"
          "123456789/123456789/123456789/1234567",
          "107 characters" },
    };
    char message[OPTIONS_MESSAGE];
    (void)state;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        message[0] = 0;
        assert_false(device_share.check(rows[i].value, message));
        assert_non_null(strstr(message, rows[i].says));
        assert_non_null(strstr(message, "--share"));
    }
}

static void keep_message(void *cookie, enum vmmp_log_level level, enum vmmp_log_origin origin,
                         const char *message)
{
    struct guest *guest = cookie;
    (void)origin;
    if (level == VMMP_LOG_ERROR) {
        snprintf(guest->said, sizeof(guest->said), "%s", message);
    }
}

static void make_guest(struct guest *guest)
{
    vspace_t vspace;
    memset(&vspace, 0, sizeof(vspace));
    hosted_simple_script(&guest->simple, NULL, &guest->log);
    hosted_io_ops_init(&guest->io_ops);
    assert_int_equal(vm_init(&guest->vm, NULL, &guest->simple, vspace, &guest->io_ops, 0, "test"),
                     0);
    guest->vcpu = vm_create_vcpu(&guest->vm, 100);
    assert_non_null(guest->vcpu);
    guest->host = script_host(&guest->vm);
    assert_int_equal(vmmp_vm_init(&guest->vmmp, &guest->vm, &guest->log, &guest->host), 0);
    const struct vmmp_pci_host_config config = { .memory_base = BASE,
                                                 .memory_size = SIZE,
                                                 .port_size = 0x1000 };
    assert_int_equal(vmmp_pci_host_init(&guest->pci, &config, &guest->host, &guest->log), 0);
    assert_int_equal(vmmp_vm_attach_window(&guest->vmmp, &guest->pci.memory, vmmp_gpa(BASE)), 0);
}

static int create(struct guest *guest)
{
    const struct machine_device_environment environment = {
        .vm = &guest->vm, .log = &guest->log, .host = &guest->host, .pci = &guest->pci
    };
    struct vmmp_virtio_device *virtio = NULL;
    make_guest(guest);
    int error = device_share.model->create(guest->state, &environment, &virtio);
    assert_null(virtio);
    if (!error) {
        vmmp_pci_config_write(&guest->pci, 8, 4, 2, 2);
    }
    return error;
}

static void end_guest(struct guest *guest)
{
    vmmp_vm_detach_window(&guest->pci.memory);
    vmmp_pci_host_fini(&guest->pci);
    vmmp_vm_fini(&guest->vmmp);
    assert_true(script_check(&guest->vm));
    hosted_vm_destroy(&guest->vm);
}

static uint64_t bar(struct guest *guest, unsigned index)
{
    return vmmp_pci_config_read(&guest->pci, 8, 0x10 + 4 * index, 4) & ~UINT64_C(0xf);
}

static uint64_t count(struct guest *guest)
{
    for (unsigned i = 0; i < 3; i++) {
        hosted_event_loop_step(guest->loop, 0);
    }
    script_run_deferred(&guest->vm);
    return script_get(guest->vcpu, bar(guest, 0) + CONSUME, 4);
}

static void open_device(struct guest *guest, const char *value)
{
    memset(guest, 0, sizeof(*guest));
    guest->log = (struct vmmp_log){ keep_message, guest, VMMP_LOG_DEBUG };
    assert_int_equal(hosted_event_loop_create(&guest->loop), 0);
    const struct device_context context = { .loop = guest->loop,
                                            .log = &guest->log,
                                            .name = "share0" };
    guest->state = calloc(1, device_share.state_size);
    assert_int_equal(device_share.open(guest->state, value, &context), 0);
}

static void close_device(struct guest *guest)
{
    device_share.close(guest->state);
    free(guest->state);
    hosted_event_loop_destroy(guest->loop);
}

static void *run_loop(void *cookie)
{
    hosted_event_loop_run(cookie);
    return NULL;
}

/* Opens both ends; the first one's loop has to run meanwhile. */
static void open_both(struct guest *a, struct guest *b, const char *value)
{
    pthread_t thread;
    open_device(a, value);
    assert_int_equal(pthread_create(&thread, NULL, run_loop, a->loop), 0);
    open_device(b, value);
    hosted_event_loop_stop(a->loop);
    pthread_join(thread, NULL);
}

static void two_guests_are_connected(void **state)
{
    struct guest *a = calloc(1, sizeof(*a));
    struct guest *b = calloc(1, sizeof(*b));
    char folder[] = "/tmp/vmm-test-XXXXXX";
    char value[96];
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(value, sizeof(value), "s,size=8K,peer=%s/s", folder);
    open_both(a, b, value);
    assert_int_equal(create(a), 0);
    assert_int_equal(create(b), 0);
    assert_int_equal(vmmp_pci_config_read(&b->pci, 8, 0, 4), 0xa1111af4);

    script_put(a->vcpu, bar(a, 1) + 0x1ff8, 8, 42);
    assert_int_equal(script_get(b->vcpu, bar(b, 1) + 0x1ff8, 8), 42);
    script_put(a->vcpu, bar(a, 0), 1, 1);
    script_put(a->vcpu, bar(a, 0), 4, 0);
    assert_int_equal(count(b), 2);
    script_put(b->vcpu, bar(b, 0) + CONSUME, 4, 0);
    assert_int_equal(count(a), 0);

    /* The memory follows its BAR, and is nowhere without decoding. */
    vmmp_pci_config_write(&b->pci, 8, 0x14, 4, BASE + 0x40000);
    assert_int_equal(script_get(b->vcpu, BASE + 0x41ff8, 8), 42);
    vmmp_pci_config_write(&b->pci, 8, 4, 2, 0);
    assert_int_equal(script_get(b->vcpu, BASE + 0x41ff8, 8), UINT64_MAX);
    vmmp_pci_config_write(&b->pci, 8, 4, 2, 2);

    /* A guest that starts again: nothing is counted for the one that is gone. */
    device_share.model->destroy(b->state);
    end_guest(b);
    script_put(a->vcpu, bar(a, 0), 1, 1);
    hosted_event_loop_step(b->loop, 0);
    assert_int_equal(create(b), 0);
    assert_int_equal(count(b), 0);
    assert_int_equal(script_get(b->vcpu, bar(b, 1) + 0x1ff8, 8), 42);
    script_put(a->vcpu, bar(a, 0), 1, 1);
    assert_int_equal(count(b), 1);

    device_share.model->destroy(a->state);
    end_guest(a);
    device_share.model->destroy(b->state);
    end_guest(b);
    close_device(a);
    close_device(b);
    free(a);
    free(b);
    assert_int_equal(rmdir(folder), 0);
}

static void what_does_not_fit_the_window_is_refused(void **state)
{
    struct guest *a = calloc(1, sizeof(*a));
    char folder[] = "/tmp/vmm-test-XXXXXX";
    char value[96];
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(value, sizeof(value), "s,size=1M,peer=%s/s", folder);
    open_device(a, value);
    assert_int_equal(create(a), -ENOSPC);
    assert_non_null(strstr(a->said, "give a smaller size"));
    assert_null(vmmp_pci_host_function(&a->pci, 1, 0));
    end_guest(a);
    close_device(a);
    free(a);
    assert_int_equal(rmdir(folder), 0);
}

int test_device_share(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_values),
        cmocka_unit_test(bad_values),
        cmocka_unit_test(two_guests_are_connected),
        cmocka_unit_test(what_does_not_fit_the_window_is_refused),
    };
    return cmocka_run_group_tests_name("device_share", tests, NULL, NULL);
}
