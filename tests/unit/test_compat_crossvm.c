/* SPDX-License-Identifier: BSD-2-Clause */
/* <sel4vmmplatsupport/drivers/cross_vm_connection.h>, as its clients use it and a guest sees it. */
#include "vmmp_test.h"

#include <stdlib.h>

#include <sel4vmmplatsupport/drivers/cross_vm_connection.h>
#include <sel4vmmplatsupport/vmmp/compat.h>

#include "compat/compat_pci.h"
#include "support/fixture.h"

int test_compat_crossvm(void);

#define PAGE     0x1000u
#define EMIT     0x00u
#define CONSUME  0x04u
#define NAME     0x08u
#define PREFETCH 8u
#define FIRST    FIXTURE_IRQ

/* A client: its VM, its bus, and memory to share. */
struct client {
    struct fixture f;
    vmm_pci_space_t *pci;
    uint8_t *memory; /* 16 pages */
    seL4_CPtr frames[16];
    crossvm_dataport_handle_t dataports[33];
    crossvm_handle_t handles[33];
};

static unsigned emitted;
static int next_irq; /* Of alloc_irq(). */
static int last_irq;
static unsigned irq_calls;
static void *kept[64]; /* What is made lives for ever. */
static unsigned kept_count;

static void emit_one(void)
{
    emitted++;
}

static void emit_hundred(void)
{
    emitted += 100;
}

static int alloc_irq(void)
{
    irq_calls++;
    return next_irq <= last_irq ? next_irq++ : -1;
}

static int alloc_same(void)
{
    irq_calls++;
    return FIRST;
}

/* Where the platform has its PCI memory; x86 has it anywhere, clients put it there. */
static uint64_t base(void)
{
    uint64_t from, end;
    vmmp_compat_pci_memory(&from, &end);
    return from ? from : 0xa0000000;
}

static uint64_t end(void)
{
    uint64_t from, last;
    vmmp_compat_pci_memory(&from, &last);
    return last;
}

static void client_init(struct client *c)
{
    static const struct fixture_options options = { .no_vmmp = true };
    memset(c, 0, sizeof(*c));
    fixture_init(&c->f, &options);
    assert_int_equal(vmmp_compat_set_log(&c->f.vm, &c->f.log), 0);
    assert_int_equal(vmm_pci_init(&c->pci), 0);
    kept[kept_count++ % 64] = c->pci;
    c->memory = aligned_alloc(PAGE, 16 * PAGE);
    assert_non_null(c->memory);
    memset(c->memory, 0, 16 * PAGE);
    for (unsigned i = 0; i < 16; i++) {
        c->frames[i] = hosted_vm_frame(&c->f.vm, c->memory + i * PAGE, 12);
    }
    next_irq = FIRST;
    last_irq = FIRST + 1;
    irq_calls = 0;
    emitted = 0;
}

/* The bus would live for ever; what is on it goes, so that nothing counts as lost. */
static void release(struct client *c)
{
    for (unsigned device = 1; device < 32; device++) {
        if (c->pci->bus0[device][0]) {
            vmmp_compat_pci_remove(c->pci, c->pci->bus0[device][0]->cookie);
        }
    }
    vmmp_compat_release(&c->f.vm);
}

static void client_fini(struct client *c)
{
    release(c);
    fixture_fini(&c->f);
    free(c->memory);
}

static int setup(void **state)
{
    *state = calloc(1, sizeof(struct client));
    client_init(*state);
    return 0;
}

static int teardown(void **state)
{
    client_fini(*state);
    free(*state);
    return 0;
}

/* Handle `i`: `pages` of memory from page `first` on. */
static void describe(struct client *c, unsigned i, unsigned first, unsigned pages, seL4_Word id,
                     const char *name)
{
    c->dataports[i] = (crossvm_dataport_handle_t){ 12, pages, &c->frames[first] };
    c->handles[i] = (crossvm_handle_t){ &c->dataports[i], i ? emit_hundred : emit_one, id, name };
}

static int connect(struct client *c, int count)
{
    return cross_vm_connections_init_common(&c->f.vm, (uintptr_t)base(), c->handles, count, c->pci,
                                            alloc_irq);
}

static uint32_t config(struct client *c, unsigned device, unsigned offset, unsigned size)
{
    bool failed = false;
    const vmm_pci_address_t address = { 0, (uint8_t)device, 0 };
    uint32_t value = (uint32_t)vmmp_compat_pci_read(c->pci, address, offset, size, &failed);
    assert_false(failed);
    return value;
}

static void configure(struct client *c, unsigned device, unsigned offset, unsigned size,
                      uint32_t value)
{
    bool failed = false;
    const vmm_pci_address_t address = { 0, (uint8_t)device, 0 };
    vmmp_compat_pci_write(c->pci, address, offset, size, value, &failed);
    assert_false(failed);
}

static uint64_t bar(struct client *c, unsigned device, unsigned index)
{
    return config(c, device, 0x10 + 4 * index, 4) & ~0xfu;
}

static uint64_t get(struct client *c, uint64_t gpa, unsigned size)
{
    return script_get(c->f.vcpu, gpa, size);
}

static void put(struct client *c, uint64_t gpa, unsigned size, uint64_t value)
{
    script_put(c->f.vcpu, gpa, size, value);
}

static bool status_has_interrupt(struct client *c, unsigned device)
{
    return config(c, device, 0x06, 2) & 8;
}

static void the_driver_finds_its_device(void **state)
{
    struct client *c = *state;
    describe(c, 0, 0, 1, 5, NULL);
    assert_int_equal(connect(c, 1), 0);
    assert_int_equal(config(c, 1, 0x00, 4), 0xa1111af4);
    assert_int_equal(config(c, 1, 0x08, 4), 0x00050001);
    assert_int_equal(config(c, 1, 0x3c, 2), 0x100 | FIRST);
    assert_int_equal(config(c, 1, 0x10, 4), base() | PREFETCH);
    assert_int_equal(config(c, 1, 0x14, 4), (base() + PAGE) | PREFETCH);
    assert_int_equal(config(c, 1, 0x18, 4), 0);
    assert_int_equal(get(c, base() + NAME, 8), UINT64_C(0x6f7463656e6e6f63)); /* "connecto" */
}

/* Events both ways, and memory that both see. */
static void a_connection_connects(void **state)
{
    struct client *c = *state;
    describe(c, 0, 2, 1, 5, "a");
    describe(c, 1, 4, 1, 6, "b");
    assert_int_equal(connect(c, 2), 0);
    uint64_t event = bar(c, 2, 0);
    uint64_t dataport = bar(c, 2, 1);
    put(c, event + EMIT, 1, 1);
    assert_int_equal(emitted, 100);
    put(c, bar(c, 1, 0) + EMIT, 4, 0);
    assert_int_equal(emitted, 101);
    put(c, dataport + 0x123, 1, 0x5a);
    assert_int_equal(c->memory[4 * PAGE + 0x123], 0x5a);
    c->memory[5 * PAGE - 1] = 0xa5;
    assert_int_equal(get(c, dataport + PAGE - 1, 1), 0xa5);

    consume_connection_event(&c->f.vm, 7, true); /* nobody's */
    consume_connection_event(&c->f.vm, (seL4_Word)-1, true);
    consume_connection_event(&c->f.vm, 6, true);
    assert_int_equal(get(c, bar(c, 1, 0) + CONSUME, 4), 0);
    assert_int_equal(get(c, event + CONSUME, 4), 1);
    assert_true(script_irq(c->f.vcpu, FIRST + 1).level);
    assert_false(script_irq(c->f.vcpu, FIRST).level);
    put(c, event + CONSUME, 4, 0);
    assert_int_equal(get(c, event + CONSUME, 4), 0);
    assert_false(script_irq(c->f.vcpu, FIRST + 1).level);
}

static void an_event_between_read_and_clear_stays(void **state)
{
    struct client *c = *state;
    describe(c, 0, 0, 1, 5, NULL);
    assert_int_equal(connect(c, 1), 0);
    consume_connection_event(&c->f.vm, 5, true);
    assert_int_equal(get(c, base() + CONSUME, 4), 1);
    consume_connection_event(&c->f.vm, 5, true);
    put(c, base() + CONSUME, 4, 0);
    assert_int_equal(get(c, base() + CONSUME, 4), 1);
    assert_true(script_irq(c->f.vcpu, FIRST).level);
}

/* x86 clients signal the interrupt themselves. */
static void without_injection_events_are_only_counted(void **state)
{
    struct client *c = *state;
    describe(c, 0, 0, 1, 5, NULL);
    assert_int_equal(connect(c, 1), 0);
    consume_connection_event(&c->f.vm, 5, false);
    assert_int_equal(script_irq(c->f.vcpu, FIRST).rises, 0);
    assert_true(status_has_interrupt(c, 1));
    assert_int_equal(get(c, base() + CONSUME, 4), 1);
    consume_connection_event(&c->f.vm, 5, true);
    assert_int_equal(script_irq(c->f.vcpu, FIRST).rises, 1);
}

static void lines_that_run_out_are_shared_and_status_tells(void **state)
{
    struct client *c = *state;
    for (unsigned i = 0; i < 4; i++) {
        describe(c, i, i, 1, 10 + i, NULL);
    }
    assert_int_equal(connect(c, 4), 0);
    assert_int_equal(irq_calls, 3);
    const int lines[] = { FIRST, FIRST + 1, FIRST + 1, FIRST + 1 };
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(config(c, i + 1, 0x3c, 1), lines[i]);
    }
    consume_connection_event(&c->f.vm, 12, true);
    consume_connection_event(&c->f.vm, 13, true);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(status_has_interrupt(c, i + 1), i >= 2);
        assert_int_equal(get(c, bar(c, i + 1, 0) + CONSUME, 4), i >= 2);
    }
    put(c, bar(c, 3, 0) + CONSUME, 4, 0);
    assert_true(script_irq(c->f.vcpu, FIRST + 1).level);
    put(c, bar(c, 4, 0) + CONSUME, 4, 0);
    assert_int_equal(get(c, bar(c, 4, 0) + CONSUME, 4), 0);
    assert_false(script_irq(c->f.vcpu, FIRST + 1).level);
}

static void one_line_for_all_is_asked_for_no_longer(void **state)
{
    struct client *c = *state;
    for (unsigned i = 0; i < 3; i++) {
        describe(c, i, i, 1, i, NULL);
    }
    assert_int_equal(cross_vm_connections_init_common(&c->f.vm, (uintptr_t)base(), c->handles, 3,
                                                      c->pci, alloc_same),
                     0);
    assert_int_equal(irq_calls, 2);
    assert_int_equal(config(c, 3, 0x3c, 1), FIRST);
}

static void sizes_that_differ_and_are_no_powers_of_two_are_aligned(void **state)
{
    struct client *c = *state;
    const unsigned pages[] = { 1, 3, 2 };
    const uint64_t size[] = { PAGE, 4 * PAGE, 2 * PAGE };
    for (unsigned i = 0; i < 3; i++) {
        describe(c, i, 4 * i, pages[i], i, NULL);
    }
    assert_int_equal(connect(c, 3), 0);
    for (unsigned i = 0; i < 3; i++) {
        for (unsigned index = 0; index < 2; index++) {
            assert_int_equal(bar(c, i + 1, index) % size[i], 0);
            assert_true(bar(c, i + 1, index) >= base());
            for (unsigned j = 0; j < 6; j++) {
                uint64_t other = bar(c, j / 2 + 1, j % 2);
                assert_true(j == 2 * i + index || other >= bar(c, i + 1, index) + size[i] ||
                            other + size[j / 2] <= bar(c, i + 1, index));
            }
        }
        uint64_t dataport = bar(c, i + 1, 1);
        put(c, dataport + pages[i] * PAGE - 8, 8, i + 1);
        assert_int_equal(c->memory[(4 * i + pages[i]) * PAGE - 8], i + 1);
    }
    /* The rest of both BARs reads all-ones and takes nothing: no guest ends by touching it. */
    put(c, bar(c, 2, 1) + 3 * PAGE, 8, 0);
    assert_int_equal(get(c, bar(c, 2, 1) + 4 * PAGE - 4, 4), 0xffffffff);
    assert_int_equal(get(c, bar(c, 2, 0) + PAGE, 4), 0xffffffff);
    put(c, bar(c, 2, 0) + 4 * PAGE - 1, 1, 0);
    assert_int_equal(emitted, 0);
}

static void bars_of_one_size_are_where_they_always_were(void **state)
{
    struct client *c = *state;
    for (unsigned i = 0; i < 3; i++) {
        describe(c, i, 4 * i, 4, i, NULL);
    }
    assert_int_equal(connect(c, 3), 0);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(bar(c, i + 1, 0), base() + 8 * i * PAGE);
        assert_int_equal(bar(c, i + 1, 1), base() + (8 * i + 4) * PAGE);
    }
}

/* A guest that sizes BARs, and then puts them elsewhere, on each other, and off. */
static void both_bars_follow_the_guest(void **state)
{
    struct client *c = *state;
    describe(c, 0, 0, 2, 5, NULL);
    describe(c, 1, 2, 2, 6, NULL);
    assert_int_equal(connect(c, 2), 0);
    uint64_t first = bar(c, 1, 1);
    uint64_t second = bar(c, 2, 1);
    c->memory[0] = 1;
    c->memory[2 * PAGE] = 2;
    for (unsigned index = 0; index < 2; index++) {
        uint32_t was = config(c, 1, 0x10 + 4 * index, 4);
        configure(c, 1, 0x10 + 4 * index, 4, 0xffffffff);
        assert_int_equal(config(c, 1, 0x10 + 4 * index, 4), 0xffffe008);
        configure(c, 1, 0x10 + 4 * index, 4, was);
    }
    configure(c, 1, 0x14, 4, (uint32_t)second);
    assert_int_equal(get(c, second, 1), 2);
    assert_int_equal(fixture_log_matches(&c->f, "BAR 1 cannot be at"), 1);
    configure(c, 2, 0x14, 4, (uint32_t)first);
    assert_int_equal(get(c, first, 1), 2);
    assert_int_equal(get(c, second, 1), 1);
    configure(c, 1, 0x10, 4, (uint32_t)(base() + 0x100000));
    put(c, base() + 0x100000 + EMIT, 1, 1);
    assert_int_equal(emitted, 1);
    configure(c, 1, 0x04, 2, 0);
    uint64_t value;
    assert_int_equal(script_read(c->f.vcpu, second, 1, &value), SCRIPT_FAILED);
    script_clear_errors(&c->f.vm);
    configure(c, 1, 0x04, 2, 2);
    assert_int_equal(get(c, second, 1), 1);
    /* Not outside the PCI window: there are RAM and other devices. */
    configure(c, 1, 0x14, 4, FIXTURE_RAM_BASE);
    put(c, FIXTURE_RAM_BASE, 4, 3);
    assert_int_equal(c->memory[0], 1);
}

static void expect_refusal(struct client *c, uint64_t at, int count, const char *why)
{
    unsigned before = fixture_log_matches(&c->f, why);
    assert_int_equal(cross_vm_connections_init_common(&c->f.vm, (uintptr_t)at, c->handles, count,
                                                      c->pci, alloc_irq),
                     -1);
    assert_int_equal(fixture_log_matches(&c->f, why), before + 1);
    for (unsigned device = 1; device < 32; device++) {
        assert_null(c->pci->bus0[device][0]);
    }
}

static void what_does_not_fit_is_refused_and_leaves_nothing(void **state)
{
    struct client *c = *state;
    describe(c, 0, 0, 4, 1, "fits");
    describe(c, 1, 4, 4, 2, "large");
    expect_refusal(c, end() - 8 * PAGE, 2, "crossvm large: two BARs");
    expect_refusal(c, end(), 1, "is not in the PCI memory window");
    if (base() != 0xa0000000) {
        expect_refusal(c, base() - PAGE, 1, "is not in the PCI memory window");
    }
    assert_int_equal(connect(c, 2), 0);
    /* And at a place that is taken. */
    unsigned before = fixture_log_matches(&c->f, "addresses are taken");
    assert_int_equal(connect(c, 1), -1);
    assert_int_equal(fixture_log_matches(&c->f, "addresses are taken"), before + 1);
    assert_null(c->pci->bus0[3][0]);
    /* The ones there are still work. */
    put(c, bar(c, 1, 0) + EMIT, 1, 1);
    assert_int_equal(emitted, 1);
}

static void thirty_three_connections_are_too_many(void **state)
{
    struct client *c = *state;
    for (unsigned i = 0; i < 33; i++) {
        describe(c, i, i % 16, 1, i, NULL);
    }
    expect_refusal(c, base(), 33, "free devices on the PCI bus");
    assert_int_equal(connect(c, 31), 0);
    consume_connection_event(&c->f.vm, 30, true);
    assert_int_equal(get(c, bar(c, 31, 0) + CONSUME, 4), 1);
}

static void mistakes_of_clients_are_said(void **state)
{
    struct client *c = *state;
    describe(c, 0, 0, 1, 1, NULL);
    crossvm_handle_t good = c->handles[0];
    const crossvm_dataport_handle_t bad[] = {
        { 12, 0, c->frames }, { 12, 1, NULL },      { 11, 1, c->frames },
        { 31, 1, c->frames }, { 30, 2, c->frames }, { 64, 1, c->frames },
    };
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        c->dataports[0] = bad[i];
        expect_refusal(c, base(), 1, "a dataport has no frames");
    }
    c->handles[0].dataport = NULL;
    expect_refusal(c, base(), 1, "a dataport has no frames");
    c->handles[0] = good;
    describe(c, 0, 0, 1, 1, NULL);
    seL4_CPtr none[1] = { 0 };
    c->dataports[0].frames = none;
    expect_refusal(c, base(), 1, "its frames cannot be mapped");
    script_clear_errors(&c->f.vm);
    describe(c, 0, 0, 1, 1, NULL);
    client_fini(c);
    client_init(c);
    describe(c, 0, 0, 1, 1, NULL);
    last_irq = -1;
    expect_refusal(c, base(), 1, "alloc_irq has no interrupt");
    last_irq = FIRST;
    next_irq = FIRST;
    assert_int_equal(
        cross_vm_connections_init_common(&c->f.vm, 0, c->handles, -1, c->pci, alloc_irq), -1);
    assert_int_equal(cross_vm_connections_init_common(&c->f.vm, 0, NULL, 1, c->pci, alloc_irq), -1);
    assert_int_equal(cross_vm_connections_init_common(&c->f.vm, 0, c->handles, 1, NULL, alloc_irq),
                     -1);
    assert_int_equal(cross_vm_connections_init_common(&c->f.vm, 0, c->handles, 1, c->pci, NULL),
                     -1);
    assert_int_equal(connect(c, 1), 0);
}

static void what_is_given_is_copied(void **state)
{
    struct client *c = *state;
    char name[64];
    memset(name, 'n', sizeof(name) - 1);
    name[63] = '\0';
    describe(c, 0, 0, 1, 5, name);
    c->handles[0].emit_fn = NULL;
    assert_int_equal(connect(c, 1), 0);
    memset(name, 0, sizeof(name));
    memset(c->handles, 0xff, sizeof(c->handles));
    memset(c->dataports, 0xff, sizeof(c->dataports));
    assert_int_equal(get(c, base() + NAME + 46, 1), 'n');
    assert_int_equal(get(c, base() + NAME + 47, 1), 0);
    put(c, base() + EMIT, 1, 1);
    assert_int_equal(fixture_log_matches(&c->f, "emits none"), 1);
    consume_connection_event(&c->f.vm, 5, true);
    assert_int_equal(get(c, base() + CONSUME, 4), 1);
}

/* One table for all VMs would mix them up: the same identifiers mean each VM's own. */
static void two_vms_keep_to_themselves(void **state)
{
    struct client *a = *state;
    struct client *b = calloc(1, sizeof(*b));
    assert_non_null(b);
    client_init(b);
    describe(a, 0, 0, 1, 5, "a");
    describe(b, 0, 0, 1, 5, "b");
    assert_int_equal(connect(a, 1), 0);
    next_irq = FIRST;
    assert_int_equal(connect(b, 1), 0);
    consume_connection_event(&a->f.vm, 5, true);
    assert_int_equal(get(a, base() + CONSUME, 4), 1);
    assert_int_equal(get(b, base() + CONSUME, 4), 0);
    assert_false(script_irq(b->f.vcpu, FIRST).level);
    put(a, base() + PAGE, 1, 0x77);
    assert_int_equal(get(b, base() + PAGE, 1), 0);
    /* Events for a VM that has no connections, or is no longer, go nowhere. */
    release(b);
    consume_connection_event(&b->f.vm, 5, true);
    client_fini(b);
    free(b);
    consume_connection_event(&a->f.vm, 5, true);
    assert_int_equal(get(a, base() + CONSUME, 4), 2);
}

/* A second call adds to the first one. */
static void connections_can_be_added(void **state)
{
    struct client *c = *state;
    describe(c, 0, 0, 1, 5, NULL);
    describe(c, 1, 1, 1, 6, NULL);
    assert_int_equal(connect(c, 1), 0);
    assert_int_equal(cross_vm_connections_init_common(&c->f.vm, (uintptr_t)(base() + 2 * PAGE),
                                                      &c->handles[1], 1, c->pci, alloc_irq),
                     0);
    consume_connection_event(&c->f.vm, 5, true);
    consume_connection_event(&c->f.vm, 6, true);
    assert_int_equal(get(c, bar(c, 1, 0) + CONSUME, 4), 1);
    assert_int_equal(get(c, bar(c, 2, 0) + CONSUME, 4), 1);
    assert_int_equal(bar(c, 2, 0), base() + 2 * PAGE);
}

int test_compat_crossvm(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(the_driver_finds_its_device),
        TEST(a_connection_connects),
        TEST(an_event_between_read_and_clear_stays),
        TEST(without_injection_events_are_only_counted),
        TEST(lines_that_run_out_are_shared_and_status_tells),
        TEST(one_line_for_all_is_asked_for_no_longer),
        TEST(sizes_that_differ_and_are_no_powers_of_two_are_aligned),
        TEST(bars_of_one_size_are_where_they_always_were),
        TEST(both_bars_follow_the_guest),
        TEST(what_does_not_fit_is_refused_and_leaves_nothing),
        TEST(thirty_three_connections_are_too_many),
        TEST(mistakes_of_clients_are_said),
        TEST(what_is_given_is_copied),
        TEST(two_vms_keep_to_themselves),
        TEST(connections_can_be_added),
    };
    return cmocka_run_group_tests_name("compat_crossvm", tests, NULL, NULL);
}
