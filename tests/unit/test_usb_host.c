/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/fake_line.h"
#include "vmmp_test.h"

#include <errno.h>

#include <sel4vmmplatsupport/vmmp/usb_host.h>

#define STATUS  0x00
#define REPLY   0x04
#define INTR    0x08
#define NOTIFY  0x0c
#define CANCEL  0x10
#define PORTS   0x14
#define REQUEST 0x18

#define RAM_BASE 0x40000000u
#define RAM_SIZE 0x10000u

enum { FREE = 0, PENDING = 1, TAKEN = 2, DONE = 4, FAILED = 5, CANCELLED = 6 };
enum { IN = 0, OUT = 1, SETUP = 2 };

struct bench {
    _Alignas(4096) uint8_t table[VMMP_USB_HOST_PAGE_SIZE];
    struct vmmp_usb_host usb;
    struct fake_line line;
    struct vmmp_guest_memory memory;
    struct vmmp_log log;
    unsigned logs;
    unsigned word;
    uint8_t ram[RAM_SIZE];

    /* What the backend was asked, and how it is to answer. */
    unsigned submits;
    unsigned numbers[VMMP_USB_HOST_REQUESTS];
    struct vmmp_usb_transfer last;
    int answer;
    bool at_once; /* Completes within submit() and cancel(). */
    unsigned room;
    unsigned cancels;
    unsigned last_cancelled;
    uint8_t setup[VMMP_USB_SETUP_SIZE];
    size_t hub_room;
    int hub_answer;
    struct vmmp_work *queued;
};

static int submit(void *cookie, unsigned number, const struct vmmp_usb_transfer *transfer)
{
    struct bench *b = cookie;

    if (b->answer) {
        return b->answer;
    }
    if (!b->room) {
        return -EAGAIN;
    }
    b->numbers[b->submits++ % VMMP_USB_HOST_REQUESTS] = number;
    b->last = *transfer;
    if (b->at_once) {
        vmmp_usb_host_complete(&b->usb, number, VMMP_USB_DONE, 3);
    } else {
        b->room--;
    }
    return 0;
}

static void cancel(void *cookie, unsigned number)
{
    struct bench *b = cookie;

    b->cancels++;
    b->last_cancelled = number;
    if (b->at_once) {
        vmmp_usb_host_complete(&b->usb, number, VMMP_USB_CANCELLED, 0);
    }
}

static int root_hub(void *cookie, const uint8_t setup[VMMP_USB_SETUP_SIZE], void *reply,
                    size_t room)
{
    struct bench *b = cookie;

    memcpy(b->setup, setup, sizeof(b->setup));
    b->hub_room = room;
    memset(reply, 0xa5, room);
    return b->hub_answer;
}

static const struct vmmp_usb_backend backend = { submit, cancel, root_hub };

static void count_log(void *cookie, enum vmmp_log_level level, enum vmmp_log_origin origin,
                      const char *message)
{
    struct bench *b = cookie;

    (void)level;
    assert_int_equal(origin, VMMP_LOG_GUEST);
    assert_true(strncmp(message, "usb-host: ", 10) == 0);
    b->logs++;
}

static void defer(void *cookie, struct vmmp_work *work)
{
    struct bench *b = cookie;
    b->queued = work;
}

static void cancel_work(void *cookie, struct vmmp_work *work)
{
    struct bench *b = cookie;
    b->queued = b->queued == work ? NULL : b->queued;
}

static const struct vmmp_host_ops host_ops = { .defer = defer, .cancel = cancel_work };

static struct vmmp_usb_host_config config_of(struct bench *b)
{
    return (struct vmmp_usb_host_config){
        .irq = &b->line.line,
        .memory = &b->memory,
        .requests = b->table,
        .word = b->word,
        .ports = 3,
        .max_bytes = 0x4000,
        .backend = &backend,
        .backend_cookie = b,
        .log = &b->log,
    };
}

static void make(struct bench *b, unsigned word, const struct vmmp_host_ops *ops)
{
    memset(b, 0, sizeof(*b));
    b->log = (struct vmmp_log){ .sink = count_log, .cookie = b, .level = VMMP_LOG_DEBUG };
    b->word = word;
    b->room = VMMP_USB_HOST_REQUESTS;
    memset(b->table, 0xff, sizeof(b->table));
    fake_line_init(&b->line);
    vmmp_guest_memory_init(&b->memory, NULL, NULL);
    assert_int_equal(vmmp_guest_memory_add(&b->memory, vmmp_gpa(RAM_BASE), RAM_SIZE, b->ram), 0);
    struct vmmp_usb_host_config config = config_of(b);
    config.host = (struct vmmp_host){ ops, b };
    assert_int_equal(vmmp_usb_host_init(&b->usb, &config), 0);
}

static void unmake(struct bench *b)
{
    vmmp_usb_host_fini(&b->usb);
    fake_line_fini(&b->line);
}

static uint32_t get(struct bench *b, uint32_t offset)
{
    return (uint32_t)vmmp_window_read(&b->usb.window, offset, 4);
}

static void put(struct bench *b, uint32_t offset, uint32_t value)
{
    vmmp_window_write(&b->usb.window, offset, 4, value);
}

/* ---- the guest's side: bytes, by the layout of the header ----------------------------------- */

static uint8_t *request(struct bench *b, unsigned number)
{
    return b->table + (size_t)number * (b->word == 4 ? 28 : 36);
}

static void store(uint8_t *at, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        at[i] = (uint8_t)(value >> 8 * i);
    }
}

static uint32_t fetch(const uint8_t *at, unsigned size)
{
    uint32_t value = 0;
    for (unsigned i = 0; i < size; i++) {
        value |= (uint32_t)at[i] << 8 * i;
    }
    return value;
}

static unsigned state(struct bench *b, unsigned number)
{
    return fetch(request(b, number), 4) >> 28;
}

static void descriptor(struct bench *b, unsigned number, unsigned index, unsigned type,
                       uint64_t address, uint32_t length)
{
    uint8_t *at = request(b, number) + 12 + (size_t)index * (b->word + 4);

    store(at, address, b->word);
    store(at + b->word, type << 30 | length, 4);
}

/* Device 5 behind port 2 of hub 1, high speed. */
#define ADDRESSES (5u | 1u << 7 | 2u << 14 | 3u << 25)

static void write_request(struct bench *b, unsigned number, uint32_t endpoint, unsigned count)
{
    uint8_t *at = request(b, number);

    store(at, endpoint | (uint32_t)PENDING << 28, 4);
    store(at + 4, 64, 2);
    store(at + 6, 0, 2);
    store(at + 8, 0xbeef, 2);
    store(at + 10, count, 2);
}

static void bulk(struct bench *b, unsigned number, unsigned type, uint32_t length)
{
    write_request(b, number, ADDRESSES | 1u << 21, 1);
    descriptor(b, number, 0, type, RAM_BASE + 0x100, length);
}

/* ---- */

static void registers(void **s)
{
    struct bench b;
    (void)s;
    make(&b, 4, NULL);
    for (unsigned i = 0; i < sizeof(b.table); i++) {
        assert_int_equal(b.table[i], 0);
    }
    assert_int_equal(get(&b, PORTS), 3);
    put(&b, PORTS, 9);
    put(&b, REPLY, 9);
    assert_int_equal(get(&b, PORTS), 3);
    assert_int_equal(get(&b, REPLY), 0);
    put(&b, REQUEST, 0x11223344);
    put(&b, 0xffc, 0x55667788);
    assert_int_equal(get(&b, REQUEST), 0x11223344);
    assert_int_equal(get(&b, 0xffc), 0x55667788);
    vmmp_window_write(&b.usb.window, REQUEST + 1, 2, 0xaabb);
    assert_int_equal(get(&b, REQUEST), 0x11aabb44);
    put(&b, INTR, 7);
    assert_int_equal(get(&b, INTR), 7);
    assert_true(b.line.level);
    put(&b, INTR, 0);
    assert_false(b.line.level);
    vmmp_usb_host_reset(&b.usb);
    assert_int_equal(get(&b, REQUEST), 0);
    assert_int_equal(b.logs, 0);
    unmake(&b);
}

static void the_root_hub(void **s)
{
    struct bench b;
    (void)s;
    make(&b, 4, NULL);
    put(&b, REQUEST, 0x000000a3); /* GetStatus of the port 1: 4 bytes. */
    put(&b, REQUEST + 4, 0x00040001);
    b.hub_answer = 4;
    put(&b, STATUS, 1);
    assert_int_equal(get(&b, STATUS), DONE);
    assert_int_equal(get(&b, REPLY), 0xa5a5a5a5);
    assert_int_equal(b.hub_room, 4);
    assert_memory_equal(b.setup, "\xa3\0\0\0\1\0\4\0", 8);

    b.hub_answer = 2; /* A short answer. */
    put(&b, STATUS, 1);
    assert_int_equal(get(&b, REPLY), 0xa5a5);

    put(&b, REQUEST + 4, 0xffff0001); /* More than there is room for. */
    b.hub_answer = 0xffff;
    put(&b, STATUS, 1);
    assert_int_equal(b.hub_room, 4);
    assert_int_equal(get(&b, REPLY), 0xa5a5a5a5);
    assert_int_equal(get(&b, INTR), 0); /* Next to it. */

    b.hub_answer = -EIO;
    put(&b, STATUS, 1);
    assert_int_equal(get(&b, STATUS), FAILED);
    assert_int_equal(get(&b, REPLY), 0);

    put(&b, REQUEST, 0x00040323); /* SetFeature, without data. */
    put(&b, REQUEST + 4, 1);
    b.hub_answer = 0;
    put(&b, STATUS, 1);
    assert_int_equal(get(&b, STATUS), DONE);
    assert_int_equal(b.hub_room, 0);
    put(&b, REQUEST + 4, 0x00010001);
    put(&b, STATUS, 1);
    assert_int_equal(get(&b, STATUS), FAILED);
    assert_int_equal(b.logs, 1);
    unmake(&b);
}

static void a_bulk_transfer(void **s)
{
    struct bench b;
    (void)s;
    for (unsigned word = 4; word <= 8; word += 4) {
        make(&b, word, NULL);
        bulk(&b, 7, OUT, 512);
        assert_int_equal(b.submits, 0);
        put(&b, NOTIFY, 0);
        assert_int_equal(b.submits, 1);
        assert_int_equal(b.numbers[0], 7);
        assert_int_equal(b.last.address, 5);
        assert_int_equal(b.last.hub_address, 1);
        assert_int_equal(b.last.hub_port, 2);
        assert_int_equal(b.last.endpoint, 1);
        assert_int_equal(b.last.speed, VMMP_USB_HIGH);
        assert_int_equal(b.last.kind, VMMP_USB_BULK);
        assert_false(b.last.toggle);
        assert_int_equal(b.last.max_packet, 64);
        assert_int_equal(b.last.stage_count, 1);
        assert_int_equal(b.last.stages[0].pid, VMMP_USB_OUT);
        assert_ptr_equal(b.last.stages[0].data, b.ram + 0x100);
        assert_int_equal(b.last.stages[0].length, 512);
        assert_int_equal(state(&b, 7), TAKEN);
        assert_false(b.line.level);
        put(&b, NOTIFY, 0); /* It is on its way. */
        assert_int_equal(b.submits, 1);
        vmmp_usb_host_complete(&b.usb, 7, VMMP_USB_DONE, 12);
        assert_int_equal(state(&b, 7), DONE);
        assert_int_equal(fetch(request(&b, 7), 4) & 0x0fffffff, ADDRESSES | 1u << 21);
        assert_int_equal(fetch(request(&b, 7) + 8, 2), 12);
        assert_int_equal(fetch(request(&b, 7) + 10, 2), 1);
        assert_true(b.line.level);
        assert_int_equal(get(&b, INTR), 1);
        put(&b, INTR, 0);
        assert_false(b.line.level);
        assert_int_equal(b.logs, 0);
        unmake(&b);
    }
}

static void kinds_and_ends(void **s)
{
    static const unsigned states[] = { DONE, FAILED, CANCELLED };
    struct bench b;
    (void)s;
    make(&b, 4, NULL);
    for (unsigned i = 0; i < 3; i++) {
        bulk(&b, i, IN, 0);
        store(request(&b, i), (5u | (i + 1) << 25 | 1u << 27 | (uint32_t)PENDING << 28), 4);
        store(request(&b, i) + 6, i ? 8 : 0, 2);
        vmmp_usb_host_notify(&b.usb);
        assert_int_equal(b.last.speed, i);
        assert_true(b.last.toggle);
        assert_int_equal(b.last.kind, i ? VMMP_USB_INTERRUPT : VMMP_USB_BULK);
        assert_null(b.last.stages[0].data);
        vmmp_usb_host_complete(&b.usb, i, (enum vmmp_usb_outcome)i, 0x12345);
        assert_int_equal(state(&b, i), states[i]);
        assert_int_equal(fetch(request(&b, i) + 8, 2), 0xffff);
    }
    vmmp_usb_host_complete(&b.usb, VMMP_USB_HOST_REQUESTS, VMMP_USB_DONE, 0);
    put(&b, INTR, 0);
    unmake(&b);
}

static void control_transfers(void **s)
{
    struct bench b;
    (void)s;
    make(&b, 8, NULL);
    for (unsigned data = 0; data < 3; data++) {
        write_request(&b, 0, ADDRESSES, data < 2 ? 2 : 1);
        descriptor(&b, 0, 0, SETUP, RAM_BASE, 8);
        descriptor(&b, 0, 1, data, RAM_BASE + 64, 18);
        put(&b, NOTIFY, 1);
        assert_int_equal(b.submits, data + 1);
        assert_int_equal(b.last.kind, VMMP_USB_CONTROL);
        assert_int_equal(b.last.stage_count, data < 2 ? 3 : 2);
        assert_int_equal(b.last.stages[0].pid, VMMP_USB_SETUP);
        const struct vmmp_usb_stage *status = &b.last.stages[b.last.stage_count - 1];
        assert_int_equal(status->pid, data == IN ? VMMP_USB_OUT : VMMP_USB_IN);
        assert_int_equal(status->length, 0);
        assert_null(status->data);
        vmmp_usb_host_complete(&b.usb, 0, VMMP_USB_DONE, 0);
    }
    put(&b, INTR, 0);
    unmake(&b);
}

static void refuse(struct bench *b)
{
    unsigned submits = b->submits;
    unsigned logs = b->logs;

    put(b, NOTIFY, 1);
    assert_int_equal(b->submits, submits);
    assert_int_equal(b->logs, logs + 1);
    assert_int_equal(state(b, 0), FAILED);
    assert_true(b->line.level);
    put(b, INTR, 0);
}

static void what_is_refused(void **s)
{
    struct bench b;
    (void)s;
    make(&b, 8, NULL);
    bulk(&b, 0, OUT, 64);
    store(request(&b, 0) + 4, 0, 2); /* Packets of no size, */
    refuse(&b);
    bulk(&b, 0, OUT, 64);
    store(request(&b, 0) + 4, 1025, 2); /* and too large. */
    refuse(&b);
    for (unsigned count = 0; count < 0x10000; count = count ? count * 3 : 3) {
        bulk(&b, 0, OUT, 64);
        store(request(&b, 0) + 10, count, 2);
        memset(&b.usb.wrong, 0, sizeof(b.usb.wrong));
        refuse(&b);
    }
    memset(&b.usb.wrong, 0, sizeof(b.usb.wrong));
    bulk(&b, 0, OUT, 64);
    store(request(&b, 0), 5u | (uint32_t)PENDING << 28, 4); /* No speed. */
    refuse(&b);
    bulk(&b, 0, 3, 64); /* No such type. */
    refuse(&b);
    bulk(&b, 0, OUT, 0x0fffffff); /* Beyond RAM. */
    refuse(&b);
    bulk(&b, 0, OUT, 0x4001); /* Beyond what the host takes. */
    refuse(&b);
    bulk(&b, 0, OUT, 64);
    descriptor(&b, 0, 0, OUT, UINT64_MAX - 8, 64);
    refuse(&b);
    memset(&b.usb.wrong, 0, sizeof(b.usb.wrong));
    bulk(&b, 0, OUT, 64);
    store(request(&b, 0) + 10, 2, 2);
    descriptor(&b, 0, 1, IN, RAM_BASE, 64); /* Two directions. */
    refuse(&b);
    bulk(&b, 0, SETUP, 7); /* A SETUP too short, */
    refuse(&b);
    bulk(&b, 0, SETUP, 8); /* and two of them. */
    store(request(&b, 0) + 10, 2, 2);
    descriptor(&b, 0, 1, SETUP, RAM_BASE, 8);
    refuse(&b);
    bulk(&b, 0, OUT, 64);
    b.answer = -EIO; /* The host's own failure is not the guest's fault. */
    b.logs--;
    put(&b, NOTIFY, 1);
    assert_int_equal(state(&b, 0), FAILED);
    put(&b, INTR, 0);
    unmake(&b);
}

static void a_full_table(void **s)
{
    struct bench b;
    (void)s;
    for (unsigned word = 4; word <= 8; word += 4) {
        unsigned count = word == 4 ? 146 : 113;
        make(&b, word, NULL);
        assert_int_equal(b.usb.request_count, count);
        for (unsigned i = 0; i < count; i++) {
            bulk(&b, i, IN, 64);
        }
        b.room = 3;
        put(&b, NOTIFY, 0);
        assert_int_equal(b.submits, 3);
        assert_int_equal(state(&b, 2), TAKEN);
        assert_int_equal(state(&b, 3), PENDING);
        b.room = 1; /* What ends makes room for what waits. */
        vmmp_usb_host_complete(&b.usb, 1, VMMP_USB_DONE, 0);
        assert_int_equal(b.submits, 4);
        assert_int_equal(b.numbers[3], 3);
        put(&b, CANCEL, 4); /* One that waits, */
        assert_int_equal(state(&b, 4), CANCELLED);
        assert_int_equal(b.cancels, 0);
        b.room = 200;
        b.at_once = true; /* and all others. */
        put(&b, NOTIFY, 0);
        assert_int_equal(b.submits, count - 1);
        for (unsigned i = 5; i < count; i++) {
            assert_int_equal(state(&b, i), DONE);
            assert_int_equal(fetch(request(&b, i) + 8, 2), 3);
        }
        put(&b, INTR, 0);
        unmake(&b);
    }
}

static void cancelling(void **s)
{
    struct bench b;
    (void)s;
    make(&b, 4, NULL);
    bulk(&b, 9, IN, 64);
    put(&b, NOTIFY, 0);
    put(&b, CANCEL, 9);
    put(&b, CANCEL, 9);
    assert_int_equal(b.cancels, 1);
    assert_int_equal(b.last_cancelled, 9);
    assert_int_equal(state(&b, 9), TAKEN);
    vmmp_usb_host_complete(&b.usb, 9, VMMP_USB_CANCELLED, 64);
    assert_int_equal(state(&b, 9), CANCELLED);
    put(&b, CANCEL, 9); /* Of nothing. */
    put(&b, CANCEL, 146);
    put(&b, CANCEL, UINT32_MAX);
    assert_int_equal(b.cancels, 1);
    assert_int_equal(b.logs, 2);
    bulk(&b, 9, IN, 64);
    put(&b, NOTIFY, 0);
    b.at_once = true;
    put(&b, CANCEL, 9);
    assert_int_equal(state(&b, 9), CANCELLED);
    put(&b, INTR, 0);
    unmake(&b);
}

static void reset_in_flight(void **s)
{
    struct bench b;
    (void)s;
    make(&b, 4, NULL);
    bulk(&b, 0, IN, 64);
    put(&b, NOTIFY, 0);
    put(&b, INTR, 1);
    vmmp_usb_host_reset(&b.usb);
    assert_false(b.line.level);
    assert_int_equal(b.cancels, 1);
    assert_int_equal(state(&b, 0), FREE);
    /* The new guest's request waits for the old one's end, of which it hears nothing. */
    bulk(&b, 0, OUT, 8);
    put(&b, NOTIFY, 0);
    assert_int_equal(b.submits, 1);
    vmmp_usb_host_complete(&b.usb, 0, VMMP_USB_CANCELLED, 64);
    assert_int_equal(b.submits, 2);
    assert_int_equal(b.last.stages[0].length, 8);
    assert_int_equal(state(&b, 0), TAKEN);
    assert_int_equal(get(&b, INTR), 0);
    vmmp_usb_host_complete(&b.usb, 0, VMMP_USB_DONE, 0);
    assert_int_equal(state(&b, 0), DONE);
    put(&b, INTR, 0);
    unmake(&b);
}

static void with_a_host_that_defers(void **s)
{
    struct bench b;
    (void)s;
    make(&b, 4, &host_ops);
    bulk(&b, 0, IN, 64);
    put(&b, NOTIFY, 0);
    vmmp_usb_host_complete(&b.usb, 0, VMMP_USB_DONE, 0);
    assert_int_equal(state(&b, 0), TAKEN);
    assert_false(b.line.level);
    assert_non_null(b.queued);
    b.queued->run(b.queued->cookie);
    assert_int_equal(state(&b, 0), DONE);
    assert_true(b.line.level);
    put(&b, INTR, 0);
    unmake(&b);
    assert_null(b.queued);
}

/* The guest changes a request behind the model's back: what was checked is what is used. */
static void a_request_that_changes(void **s)
{
    struct bench b;
    (void)s;
    make(&b, 4, NULL);
    bulk(&b, 0, OUT, 64);
    put(&b, NOTIFY, 0);
    bulk(&b, 0, OUT, 0x0fffffff);
    put(&b, NOTIFY, 0);
    assert_int_equal(b.submits, 1);
    vmmp_usb_host_complete(&b.usb, 0, VMMP_USB_DONE, 0);
    assert_int_equal(state(&b, 0), DONE);
    put(&b, INTR, 0);
    unmake(&b);
}

static void wrong_configurations(void **s)
{
    static struct bench b, other;
    struct vmmp_irq_source sources[VMMP_IRQ_LINE_SOURCES];
    (void)s;
    make(&b, 4, NULL);
    make(&other, 4, NULL);
    for (unsigned i = 0; i < 4; i++) {
        struct vmmp_usb_host_config config = config_of(&b);
        config.word = i == 0 ? 2 : 4;
        config.memory = i == 1 ? NULL : config.memory;
        config.requests = i == 2 ? NULL : config.requests;
        config.backend = i == 3 ? NULL : config.backend;
        struct vmmp_usb_host usb;
        assert_int_equal(vmmp_usb_host_init(&usb, &config), -EINVAL);
    }
    for (unsigned i = 1; i < VMMP_IRQ_LINE_SOURCES; i++) {
        assert_int_equal(vmmp_irq_source_init(&sources[i], &b.line.line), 0);
    }
    struct vmmp_usb_host_config config = config_of(&b);
    struct vmmp_usb_host usb;
    assert_int_equal(vmmp_usb_host_init(&usb, &config), -ENOSPC);
    for (unsigned i = 1; i < VMMP_IRQ_LINE_SOURCES; i++) {
        vmmp_irq_source_fini(&sources[i]);
    }
    unmake(&other);
    unmake(&b);
}

int test_usb_host(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(registers),
        cmocka_unit_test(the_root_hub),
        cmocka_unit_test(a_bulk_transfer),
        cmocka_unit_test(kinds_and_ends),
        cmocka_unit_test(control_transfers),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(a_full_table),
        cmocka_unit_test(cancelling),
        cmocka_unit_test(reset_in_flight),
        cmocka_unit_test(with_a_host_that_defers),
        cmocka_unit_test(a_request_that_changes),
        cmocka_unit_test(wrong_configurations),
    };
    return cmocka_run_group_tests_name("usb_host", tests, NULL, NULL);
}
