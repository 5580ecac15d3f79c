/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory that goes back to the host: really, and nothing else does. */
#include "support/fixture.h"
#include "vmmp_test.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include <sel4vm/guest_ram.h>

#include "engine.h"

#define BASE  ((uint64_t)FIXTURE_RAM_BASE)
#define HALF  ((uint64_t)4 << 20)
#define WHOLE (2 * HALF)
#define GAP   (WHOLE + HALF) /* Guest-physical: the second piece of RAM is behind nothing. */

int test_hosted_discard(void);

static void sink(void *cookie, enum vmmp_log_level level, enum vmmp_log_origin origin,
                 const char *message)
{
    (void)cookie, (void)level, (void)origin, (void)message;
}

struct bench {
    vm_t vm;
    ps_io_ops_t io_ops;
    simple_t simple;
    struct vmmp_log log;
    struct hosted_engine engine; /* The scripted one, with memory of either kind. */
    uint8_t *host;
};

static struct bench *make(bool is_file)
{
    struct bench *bench = calloc(1, sizeof(*bench));
    vspace_t vspace = { 0 };
    bench->log = (struct vmmp_log){ sink, NULL, VMMP_LOG_ERROR };
    hosted_io_ops_init(&bench->io_ops);
    hosted_simple_script(&bench->simple, NULL, &bench->log);
    bench->engine = *bench->simple.engine;
    bench->engine.memory_is_file = is_file;
    bench->simple.engine = &bench->engine;
    assert_int_equal(
        vm_init(&bench->vm, NULL, &bench->simple, vspace, &bench->io_ops, 0, "discard"), 0);
    assert_int_equal(vm_ram_register_at(&bench->vm, BASE, WHOLE, false), 0);
    assert_int_equal(vm_ram_register_at(&bench->vm, BASE + GAP, HALF, false), 0);
    bench->host = script_memory(&bench->vm, BASE, WHOLE);
    assert_non_null(bench->host);
    memset(bench->host, 0xaa, WHOLE);
    return bench;
}

static void unmake(struct bench *bench)
{
    hosted_vm_destroy(&bench->vm);
    free(bench);
}

static size_t resident(const uint8_t *host, size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    unsigned char *pages = malloc(size / page);
    size_t count = 0;
    assert_int_equal(mincore((void *)(uintptr_t)host, size, pages), 0);
    for (size_t i = 0; i < size / page; i++) {
        count += pages[i] & 1;
    }
    free(pages);
    return count * page;
}

/* Bytes from `gpa` on that are `value`. */
static void expect(struct bench *bench, uint64_t offset, uint64_t size, uint8_t value)
{
    for (uint64_t i = 0; i < size; i++) {
        if (bench->host[offset + i] != value) {
            fail_msg("byte %#jx is %#x", (uintmax_t)(offset + i), bench->host[offset + i]);
        }
    }
}

static void memory_goes_back(bool is_file)
{
    struct bench *bench = make(is_file);
    assert_int_equal(resident(bench->host, WHOLE), WHOLE);
    assert_int_equal(hosted_vm_discard(&bench->vm, BASE + HALF, HALF), 0);
    assert_int_equal(resident(bench->host, WHOLE), HALF);
    expect(bench, 0, HALF, 0xaa);
    expect(bench, HALF, HALF, 0);
    memset(bench->host + HALF, 0xbb, HALF);
    assert_int_equal(resident(bench->host, WHOLE), WHOLE);
    expect(bench, HALF, HALF, 0xbb);
    unmake(bench);
}

static void anonymous_memory_goes_back(void **state)
{
    (void)state;
    memory_goes_back(false);
}

static void memory_of_a_file_goes_back(void **state)
{
    (void)state;
    memory_goes_back(true);
}

static void only_whole_pages(void **state)
{
    struct bench *bench = make(true);
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    (void)state;
    assert_int_equal(hosted_vm_discard(&bench->vm, BASE + 1, page - 1), 0);
    assert_int_equal(hosted_vm_discard(&bench->vm, BASE + 1, 1), 0);
    assert_int_equal(hosted_vm_discard(&bench->vm, BASE, page - 1), 0);
    assert_int_equal(hosted_vm_discard(&bench->vm, BASE, 0), 0);
    expect(bench, 0, page, 0xaa);
    assert_int_equal(hosted_vm_discard(&bench->vm, BASE + 1, 3 * page), 0);
    expect(bench, 0, page, 0xaa);
    expect(bench, page, 2 * page, 0);
    expect(bench, 3 * page, page, 0xaa);
    unmake(bench);
}

static void what_is_not_mapped(void **state)
{
    struct bench *bench = make(false);
    (void)state;
    assert_int_equal(hosted_vm_discard(&bench->vm, BASE - 4096, 4096), -EFAULT);
    assert_int_equal(hosted_vm_discard(&bench->vm, UINT64_MAX - 4095, 4096), -EFAULT);
    expect(bench, 0, WHOLE, 0xaa);
    assert_int_equal(hosted_vm_discard(&bench->vm, BASE + HALF, UINT64_C(1) << 40), -EFAULT);
    expect(bench, 0, HALF, 0xaa);
    expect(bench, HALF, HALF, 0);
    unmake(bench);
}

/* RAM of several pieces, registered apart but contiguous for the guest. */
static void across_pieces(void **state)
{
    struct bench *bench = make(false);
    (void)state;
    assert_int_equal(vm_ram_register_at(&bench->vm, BASE + WHOLE, HALF, false), 0);
    uint8_t *second = script_memory(&bench->vm, BASE + WHOLE, HALF);
    uint8_t *third = script_memory(&bench->vm, BASE + GAP, HALF);
    memset(second, 0xcc, HALF);
    memset(third, 0xdd, HALF);
    assert_int_equal(hosted_vm_discard(&bench->vm, BASE + HALF, WHOLE + 4096), 0);
    expect(bench, 0, HALF, 0xaa);
    expect(bench, HALF, HALF, 0);
    assert_int_equal(resident(second, HALF), 0);
    assert_int_equal(third[0], 0);
    assert_int_equal(third[4096], 0xdd);
    unmake(bench);
}

struct own_memory {
    vm_t *vm;
    seL4_CPtr frame;
};

static vm_frame_t own_frame(uintptr_t addr, void *cookie)
{
    const struct own_memory *own = cookie;
    return (vm_frame_t){ own->frame, seL4_AllRights, addr, 12 };
}

static void memory_of_the_client_stays(void **state)
{
    struct bench *bench = make(false);
    static uint8_t page[4096] __attribute__((aligned(4096)));
    struct own_memory own = { &bench->vm, hosted_vm_frame(&bench->vm, page, 12) };
    (void)state;
    memset(page, 0xee, sizeof(page));
    assert_int_equal(
        vm_ram_register_at_custom_iterator(&bench->vm, BASE + WHOLE, sizeof(page), own_frame, &own),
        0);
    assert_int_equal(hosted_vm_discard(&bench->vm, BASE + HALF, HALF + sizeof(page)), 0);
    expect(bench, HALF, HALF, 0);
    for (size_t i = 0; i < sizeof(page); i++) {
        assert_int_equal(page[i], 0xee);
    }
    unmake(bench);
}

int test_hosted_discard(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(anonymous_memory_goes_back),
        cmocka_unit_test(memory_of_a_file_goes_back),
        cmocka_unit_test(only_whole_pages),
        cmocka_unit_test(what_is_not_mapped),
        cmocka_unit_test(across_pieces),
        cmocka_unit_test(memory_of_the_client_stays),
    };
    return cmocka_run_group_tests_name("hosted_discard", tests, NULL, NULL);
}
