/* SPDX-License-Identifier: BSD-2-Clause */
/* The paravirtual USB host: any table and register, and a backend that ends transfers as it likes.
 */
#include <errno.h>

#include <sel4vmmplatsupport/vmmp/usb_host.h>

#include "fuzz_input.h"

#define RAM_BASE  0x10000u
#define RAM_SIZE  0x2000u
#define MAX_BYTES 0x800u
#define INTR      0x08
#define NOTIFY    0x0c
#define CANCEL    0x10

static struct vmmp_usb_host usb;
static struct vmmp_irq_line line;
static struct vmmp_guest_memory memory;
static bool level;
static struct vmmp_work *queued;
static struct fuzz_input *input;
static _Alignas(4096) uint8_t table[VMMP_USB_HOST_PAGE_SIZE];
static uint8_t ram[RAM_SIZE];
static bool on_its_way[VMMP_USB_HOST_REQUESTS];

static void defer(void *cookie, struct vmmp_work *work)
{
    (void)cookie;
    queued = work;
}

static void cancel_work(void *cookie, struct vmmp_work *work)
{
    (void)cookie;
    queued = queued == work ? NULL : queued;
}

static const struct vmmp_host_ops host_ops = { .defer = defer, .cancel = cancel_work };

static void set_level(void *cookie, bool high)
{
    (void)cookie;
    FUZZ_CHECK(level != high);
    level = high;
}

static const struct vmmp_irq_line_ops line_ops = { .level = set_level };

static void end(unsigned number)
{
    uint8_t how = fuzz_u8(input);

    on_its_way[number] = false;
    vmmp_usb_host_complete(&usb, number, (enum vmmp_usb_outcome)(how % 3), how * 0x333u);
}

static void check_stage(const struct vmmp_usb_stage *stage)
{
    FUZZ_CHECK(stage->pid <= VMMP_USB_SETUP);
    FUZZ_CHECK((stage->data != NULL) == (stage->length != 0));
    if (stage->data) {
        const uint8_t *data = stage->data;
        FUZZ_CHECK(data >= ram && stage->length <= RAM_SIZE &&
                   data + stage->length <= ram + RAM_SIZE);
    }
}

static int submit(void *cookie, unsigned number, const struct vmmp_usb_transfer *transfer)
{
    uint64_t bytes = 0;

    (void)cookie;
    FUZZ_CHECK(number < usb.request_count && !on_its_way[number]);
    FUZZ_CHECK(transfer->stage_count >= 1 && transfer->stage_count <= VMMP_USB_STAGES);
    FUZZ_CHECK(transfer->max_packet >= 1 && transfer->max_packet <= 1024);
    FUZZ_CHECK(transfer->speed <= VMMP_USB_HIGH);
    FUZZ_CHECK((transfer->kind == VMMP_USB_CONTROL) == (transfer->stages[0].pid == VMMP_USB_SETUP));
    for (unsigned i = 0; i < transfer->stage_count; i++) {
        check_stage(&transfer->stages[i]);
        bytes += transfer->stages[i].length;
    }
    FUZZ_CHECK(bytes <= MAX_BYTES);
    uint8_t how = fuzz_u8(input);
    if (how & 0xc0) {
        on_its_way[number] = true;
        if (how & 0x80) {
            end(number);
        }
        return 0;
    }
    return how & 1 ? -EAGAIN : -EIO;
}

static void cancel(void *cookie, unsigned number)
{
    (void)cookie;
    FUZZ_CHECK(usb.requests[number].busy);
    if (on_its_way[number] && (fuzz_u8(input) & 1)) {
        end(number);
    }
}

static int root_hub(void *cookie, const uint8_t setup[VMMP_USB_SETUP_SIZE], void *reply,
                    size_t room)
{
    (void)cookie, (void)setup;
    FUZZ_CHECK(room <= VMMP_USB_REPLY_SIZE);
    memset(reply, 0xff, room);
    return (int)fuzz_u8(input) - 8;
}

static const struct vmmp_usb_backend backend = { submit, cancel, root_hub };

static void check(void)
{
    uint32_t intr = (uint32_t)vmmp_window_read(&usb.window, INTR, 4);

    FUZZ_CHECK(level == (intr != 0));
    for (unsigned i = 0; i < usb.request_count; i++) {
        FUZZ_CHECK(!on_its_way[i] || usb.requests[i].busy);
    }
}

static void run_queued(void)
{
    struct vmmp_work *work = queued;

    if (work) {
        queued = NULL;
        work->run(work->cookie);
    }
}

static void step(struct fuzz_input *in)
{
    uint8_t what = fuzz_u8(in);
    unsigned number = fuzz_u8(in) % (what & 8 ? 4 : usb.request_count);
    unsigned size = usb.config.word == 4 ? 28 : 36;

    switch (what & 7) {
    case 0:
        vmmp_window_write(&usb.window, NOTIFY, 4, 0);
        break;
    case 1:
        run_queued();
        break;
    case 2:
        if ((what & 0xf0) == 0) {
            vmmp_usb_host_reset(&usb);
        }
        break;
    case 3:
        if (on_its_way[number]) {
            end(number);
        }
        break;
    case 4:
        for (unsigned i = 0; i < size; i++) {
            table[number * size + i] = fuzz_u8(in);
        }
        break;
    case 5:
        vmmp_window_write(&usb.window, CANCEL, 4, number);
        break;
    case 6:
        table[fuzz_u16(in) % sizeof(table)] = fuzz_u8(in);
        break;
    default:
        vmmp_window_write(&usb.window, what & 8 ? fuzz_u16(in) & 0xfff : (what >> 4) * 4u,
                          fuzz_width(in), fuzz_number(in, 4));
        break;
    }
    check();
}

static void finish(void)
{
    for (unsigned i = 0; i < usb.request_count; i++) {
        if (on_its_way[i]) {
            end(i);
        }
    }
    run_queued();
    memset(table, 0, sizeof(table));
    for (unsigned i = 0; i < usb.request_count; i++) {
        if (on_its_way[i]) { /* What an end made room for. */
            end(i);
        }
    }
    run_queued();
    vmmp_usb_host_fini(&usb);
    FUZZ_CHECK(!queued && !level);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = { data, size };
    uint8_t flags = fuzz_u8(&in);
    const struct vmmp_usb_host_config config = {
        .host = { flags & 1 ? &host_ops : NULL, NULL },
        .irq = &line,
        .memory = &memory,
        .requests = table,
        .word = flags & 2 ? 4 : 8,
        .ports = 2,
        .max_bytes = MAX_BYTES,
        .backend = &backend,
    };

    input = &in;
    level = false;
    queued = NULL;
    memset(on_its_way, 0, sizeof(on_its_way));
    vmmp_guest_memory_init(&memory, NULL, NULL);
    FUZZ_CHECK(!vmmp_guest_memory_add(&memory, vmmp_gpa(RAM_BASE), RAM_SIZE, ram));
    FUZZ_CHECK(!vmmp_irq_line_init(&line, &line_ops, NULL, &config.host));
    FUZZ_CHECK(!vmmp_usb_host_init(&usb, &config));
    while (in.left) {
        step(&in);
    }
    finish();
    vmmp_irq_line_fini(&line);
    return 0;
}
