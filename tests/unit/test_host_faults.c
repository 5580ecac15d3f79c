/* SPDX-License-Identifier: BSD-2-Clause */
/* What is made on the host, with each call that it takes failing in turn. */
#include "vmmp_test.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <hosted/blk_file.h>
#include <hosted/entropy.h>
#include <hosted/net.h>
#include <hosted/script.h>
#include <hosted/stream.h>
#include <hosted/vm.h>
#include <hosted/vsock_unix.h>
#include <sel4vm/boot.h>
#include <sel4vm/guest_irq_controller.h>
#include <sel4vm/guest_ram.h>

#include "support/fixture.h"
#include "support/host_faults.h"

int test_host_faults(void);

struct bench {
    char folder[32];
    char path[64];
    struct hosted_event_loop *loop;
    struct hosted_event_loop *made_loop;
    struct vmmp_context context;
    struct hosted_blk_file_options disk_options;
    struct hosted_blk_file *disk;
    struct hosted_stream_config stream_config;
    struct hosted_stream stream;
    struct hosted_net *net;
    struct hosted_entropy entropy;
    struct hosted_vsock_unix *vsock;
    vm_t vm;
    struct vmmp_vm vmmp;
    simple_t simple;
    ps_io_ops_t io_ops;
    struct script_config script;
};

static int setup(void **state)
{
    struct bench *bench = calloc(1, sizeof(*bench));
    snprintf(bench->folder, sizeof(bench->folder), "/tmp/faults-XXXXXX");
    assert_non_null(mkdtemp(bench->folder));
    snprintf(bench->path, sizeof(bench->path), "%s/it", bench->folder);
    assert_int_equal(hosted_event_loop_create(&bench->loop), 0);
    *state = bench;
    return 0;
}

static int teardown(void **state)
{
    struct bench *bench = *state;
    hosted_event_loop_destroy(bench->loop);
    assert_int_equal(rmdir(bench->folder), 0); /* Nothing is left in it. */
    free(bench);
    return 0;
}

static void each(struct bench *bench, const char *name, int (*make)(void *cookie),
                 void (*undo)(void *cookie))
{
    const struct host_fault_subject subject = { name, make, undo, bench };
    host_fault_each(&subject);
}

/* ---- The loop ---- */

static int make_loop(void *cookie)
{
    struct bench *bench = cookie;
    return hosted_event_loop_create(&bench->made_loop);
}

static void undo_loop(void *cookie)
{
    struct bench *bench = cookie;
    hosted_event_loop_destroy(bench->made_loop);
}

static void an_event_loop(void **state)
{
    each(*state, "event loop", make_loop, undo_loop);
}

/* ---- Backends ---- */

static int make_disk(void *cookie)
{
    struct bench *bench = cookie;
    char message[HOSTED_BLK_FILE_MESSAGE];
    int error = hosted_blk_file_open(&bench->disk, bench->path, &bench->disk_options, message,
                                     sizeof(message));
    if (!error) {
        error = hosted_blk_file_attach(bench->disk, bench->loop, &bench->context);
        if (error) {
            hosted_blk_file_close(bench->disk);
        }
    }
    return error;
}

static void undo_disk(void *cookie)
{
    struct bench *bench = cookie;
    hosted_blk_file_close(bench->disk);
}

static void a_disk(void **state)
{
    struct bench *bench = *state;
    FILE *image = fopen(bench->path, "wb");
    assert_non_null(image);
    assert_int_equal(ftruncate(fileno(image), 1 << 20), 0);
    fclose(image);
    each(bench, "disk", make_disk, undo_disk);
    bench->disk_options = (struct hosted_blk_file_options){ .only_threads = true, .threads = 3 };
    each(bench, "disk with threads", make_disk, undo_disk);
    unlink(bench->path);
}

static int make_stream(void *cookie)
{
    struct bench *bench = cookie;
    int error = hosted_stream_open(&bench->stream, &bench->stream_config);
    if (!error) {
        hosted_stream_start(&bench->stream);
    }
    return error;
}

static void undo_stream(void *cookie)
{
    struct bench *bench = cookie;
    hosted_stream_close(&bench->stream);
}

static void a_stream(void **state)
{
    static const struct {
        enum hosted_stream_kind kind;
        const char *name;
    } kinds[] = {
        { HOSTED_STREAM_PTY, "pseudo-terminal" },
        { HOSTED_STREAM_FILE, "stream into a file" },
        { HOSTED_STREAM_SOCKET, "stream to a socket" },
    };
    struct bench *bench = *state;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        bench->stream_config = (struct hosted_stream_config){
            .kind = kinds[i].kind, .path = bench->path, .name = "--console", .loop = bench->loop
        };
        each(bench, kinds[i].name, make_stream, undo_stream);
        unlink(bench->path);
    }
}

static int make_net_socket(void *cookie)
{
    struct bench *bench = cookie;
    char why[HOSTED_NET_WHY];
    return hosted_net_open_socket(&bench->net, bench->path, true, why);
}

static int make_net_user(void *cookie)
{
    struct bench *bench = cookie;
    char why[HOSTED_NET_WHY];
    return hosted_net_open_user(&bench->net, NULL, 0, 0, why);
}

static void undo_net(void *cookie)
{
    struct bench *bench = cookie;
    hosted_net_close(bench->net);
}

static void a_network(void **state)
{
    struct bench *bench = *state;
    char why[HOSTED_NET_WHY];
    each(bench, "cable", make_net_socket, undo_net);
    if (hosted_net_open_user(&bench->net, NULL, 0, 0, why) == -ENOSYS) {
        return; /* Built without libslirp. */
    }
    hosted_net_close(bench->net);
    each(bench, "user-mode network", make_net_user, undo_net);
}

static int make_entropy(void *cookie)
{
    struct bench *bench = cookie;
    return hosted_entropy_open(&bench->entropy, "/dev/zero", bench->loop, NULL);
}

static void undo_entropy(void *cookie)
{
    struct bench *bench = cookie;
    hosted_entropy_close(&bench->entropy);
}

static void random_numbers(void **state)
{
    each(*state, "entropy", make_entropy, undo_entropy);
}

static int make_vsock(void *cookie)
{
    struct bench *bench = cookie;
    const struct hosted_vsock_unix_options options = { bench->path, 8, true, 0 };
    char error[HOSTED_VSOCK_UNIX_ERROR];
    return hosted_vsock_unix_create(&bench->vsock, bench->loop, &options, error);
}

static void undo_vsock(void *cookie)
{
    struct bench *bench = cookie;
    hosted_vsock_unix_destroy(bench->vsock);
}

static void vsock_ports(void **state)
{
    each(*state, "vsock", make_vsock, undo_vsock);
}

/* ---- The VM ---- */

static int fill_vm(struct bench *bench)
{
    const struct vmmp_log quiet = { .level = VMMP_LOG_ERROR };
    vm_vcpu_t *vcpu = vm_create_vcpu(&bench->vm, 100);
    if (!vcpu || vm_assign_vcpu_target(vcpu, 0) != 0 ||
        vm_create_default_irq_controller(&bench->vm) != 0 ||
        vm_ram_register_at(&bench->vm, FIXTURE_RAM_BASE, FIXTURE_RAM_SIZE, true) != 0) {
        return -1;
    }
    return vmmp_vm_init(&bench->vmmp, &bench->vm, &quiet, NULL);
}

static int make_vm(void *cookie)
{
    struct bench *bench = cookie;
    const struct vmmp_log quiet = { .level = VMMP_LOG_ERROR };
    vspace_t vspace = { NULL };
    memset(&bench->vm, 0, sizeof(bench->vm));
    hosted_io_ops_init(&bench->io_ops);
    hosted_simple_script(&bench->simple, &bench->script, &quiet);
    int error = vm_init(&bench->vm, NULL, &bench->simple, vspace, &bench->io_ops, 0, "guest");
    if (error) {
        return error;
    }
    error = fill_vm(bench);
    if (error) {
        hosted_vm_destroy(&bench->vm);
    }
    return error;
}

static void undo_vm(void *cookie)
{
    struct bench *bench = cookie;
    vmmp_vm_fini(&bench->vmmp);
    hosted_vm_destroy(&bench->vm);
}

static void a_vm(void **state)
{
    each(*state, "VM", make_vm, undo_vm);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int test_host_faults(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_event_loop),  TEST(a_disk),      TEST(a_stream), TEST(a_network),
        TEST(random_numbers), TEST(vsock_ports), TEST(a_vm),
    };
    return cmocka_run_group_tests_name("host_faults", tests, NULL, NULL);
}
