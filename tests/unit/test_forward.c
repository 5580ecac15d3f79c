/* SPDX-License-Identifier: BSD-2-Clause */
/* Accesses that are answered elsewhere: at once, later, never. */
#include "support/fixture.h"
#include "vmmp_test.h"

#include <errno.h>
#include <pthread.h>

#include <sel4vmmplatsupport/vmmp/forward.h>

#define BASE 0x10020000

struct bench {
    struct fixture *f;
    struct vmmp_forward_request requests[2];
    struct vmmp_forward forward;
    bool at_once;
    struct vmmp_forward_request *last;
    unsigned count;
};

static void on_request(void *cookie, struct vmmp_forward_request *request)
{
    struct bench *b = cookie;

    b->last = request;
    b->count++;
    if (b->at_once) {
        assert_true(vmmp_forward_reply(request, 0x1100 + request->offset));
        assert_false(vmmp_forward_reply(request, 0));
    }
}

static void prepare(struct bench *b, struct fixture *f)
{
    memset(b, 0, sizeof(*b));
    b->f = f;
    b->forward = (struct vmmp_forward){ .window = { .name = "forwarded", .size = 0x100 },
                                        .request = on_request,
                                        .cookie = b,
                                        .requests = b->requests,
                                        .request_count = 2 };
    assert_int_equal(vmmp_forward_init(&b->forward), 0);
    assert_int_equal(vmmp_vm_attach_window(&f->vmmp, &b->forward.window, vmmp_gpa(BASE)), 0);
}

static void at_once(void **state)
{
    struct bench b;

    prepare(&b, *state);
    b.at_once = true;
    for (unsigned size = 1; size <= sizeof(seL4_Word); size *= 2) {
        for (unsigned offset = 0; offset < 16; offset += size) {
            unsigned before = b.count;
            uint64_t ones = vmmp_all_ones(size);
            assert_true(script_get(b.f->vcpu, BASE + offset, size) == ((0x1100 + offset) & ones));
            script_put(b.f->vcpu, BASE + offset, size, UINT64_C(0x8877665544332211));
            assert_int_equal(b.count, before + 2);
            assert_true(b.last->is_write && b.last->size == size && b.last->offset == offset);
            assert_true(b.last->value == (UINT64_C(0x8877665544332211) & ones));
        }
    }
    assert_int_equal(b.forward.window.reads, b.forward.window.writes);
    vmmp_vm_detach_window(&b.forward.window);
}

static void later(void **state)
{
    struct bench b;
    uint64_t value = 0;

    prepare(&b, *state);
    assert_int_equal(script_read(b.f->vcpu, BASE + 6, 2, &value), SCRIPT_PENDING);
    assert_int_equal(script_finish(b.f->vcpu, &value), SCRIPT_PENDING);
    assert_true(vmmp_forward_reply(b.last, 0xabcdef));
    assert_false(vmmp_forward_reply(b.last, 1));
    assert_int_equal(script_finish(b.f->vcpu, &value), SCRIPT_DONE);
    assert_int_equal(value, 0xcdef);
    assert_int_equal(script_write(b.f->vcpu, BASE + 4, 4, 0x55), SCRIPT_PENDING);
    assert_int_equal(b.last->value, 0x55);
    assert_true(vmmp_forward_reply(b.last, 0));
    assert_int_equal(script_finish(b.f->vcpu, NULL), SCRIPT_DONE);
    /* Whoever answers is gone. */
    assert_int_equal(script_read(b.f->vcpu, BASE, 4, &value), SCRIPT_PENDING);
    assert_int_equal(vmmp_forward_abandon(&b.forward), 1);
    assert_int_equal(script_finish(b.f->vcpu, &value), SCRIPT_DONE);
    assert_int_equal(value, 0xffffffff);
    assert_int_equal(vmmp_forward_abandon(&b.forward), 0);
    vmmp_vm_detach_window(&b.forward.window);
}

static void none_free(void **state)
{
    struct bench b;
    uint64_t value = 0;

    prepare(&b, *state);
    b.forward.request_count = 1;
    assert_int_equal(script_read(b.f->vm.vcpus[0], BASE, 4, &value), SCRIPT_PENDING);
    assert_int_equal(script_get(b.f->vm.vcpus[1], BASE, 4), 0xffffffff);
    script_put(b.f->vm.vcpus[1], BASE, 4, 0);
    assert_int_equal(b.count, 1);
    assert_true(vmmp_forward_reply(b.last, 7));
    assert_int_equal(script_finish(b.f->vm.vcpus[0], &value), SCRIPT_DONE);
    assert_int_equal(value, 7);
    vmmp_vm_detach_window(&b.forward.window);
}

static void *answer(void *cookie)
{
    vmmp_forward_reply(cookie, 0x77);
    return NULL;
}

static void from_another_thread(void **state)
{
    struct bench b;
    pthread_t thread;
    uint64_t value = 0;

    prepare(&b, *state);
    for (unsigned i = 0; i < 50; i++) {
        assert_int_equal(script_read(b.f->vcpu, BASE, 4, &value), SCRIPT_PENDING);
        assert_int_equal(pthread_create(&thread, NULL, answer, b.last), 0);
        assert_int_equal(script_wait(b.f->vcpu, &value), SCRIPT_DONE);
        assert_int_equal(value, 0x77);
        pthread_join(thread, NULL);
    }
    vmmp_vm_detach_window(&b.forward.window);
}

/* Where an access cannot wait. */
static void on_a_bus(void **state)
{
    struct bench b;

    prepare(&b, *state);
    b.at_once = true;
    assert_int_equal(vmmp_window_read(&b.forward.window, 8, 4), 0x1108);
    b.at_once = false;
    assert_int_equal(vmmp_window_read(&b.forward.window, 8, 4), 0xffffffff);
    assert_false(vmmp_forward_reply(b.last, 1));
    vmmp_window_write(&b.forward.window, 8, 4, 3);
    assert_int_equal(b.last->value, 3);
    assert_false(vmmp_forward_reply(b.last, 1));
    vmmp_vm_detach_window(&b.forward.window);
}

static void mistakes(void **state)
{
    struct vmmp_forward forward = { .window = { .name = "f", .size = 4 }, .request = on_request };

    (void)state;
    assert_int_equal(vmmp_forward_init(NULL), -EINVAL);
    assert_int_equal(vmmp_forward_init(&forward), -EINVAL);
}

static int setup_two(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    const struct fixture_options options = { .vcpus = 2 };

    fixture_init(f, &options);
    *state = f;
    return 0;
}

static int teardown_two(void **state)
{
    fixture_fini(*state);
    free(*state);
    return 0;
}

int test_forward(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(at_once, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(later, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(none_free, setup_two, teardown_two),
        cmocka_unit_test_setup_teardown(from_another_thread, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(on_a_bus, fixture_setup, fixture_teardown),
        cmocka_unit_test(mistakes),
    };
    return cmocka_run_group_tests_name("forward", tests, NULL, NULL);
}
