/* SPDX-License-Identifier: BSD-2-Clause */
/* The layout is seL4's vUSB (vmmp/usb_host.h); what a transfer is, USB 2.0 chapters 5, 8 and 9. */
#include <sel4vmmplatsupport/vmmp/usb_host.h>

#include <errno.h>
#include <string.h>

#include "bus/words.h"
#include "devices/device_life.h"

#define STATUS  0x00
#define REPLY   0x04
#define INTR    0x08
#define NOTIFY  0x0c
#define CANCEL  0x10
#define PORTS   0x14
#define REQUEST 0x18

/* Words of a request, and of a descriptor whose address has one word; 2 for 64 bits. */
#define ENDPOINT   0
#define PACKET     1 /* max_packet, rate_ms */
#define COUNT      2 /* remaining, count */
#define DESCRIPTOR 3
#define MAX_WORDS  9

#define REMAINING_OFFSET 8
#define REMAINING_MAX    0xffffu

#define STATE_SHIFT 28
#define STATE_MASK  (UINT32_C(0xf) << STATE_SHIFT)

enum state { FREE = 0, PENDING = 1, TAKEN = 2, DONE = 4, FAILED = 5, CANCELLED = 6 };

/* Speeds as Linux's enum usb_device_speed numbers them. */
#define SPEED_LOW  1u
#define SPEED_HIGH 3u

/* The largest of any kind of endpoint (USB 2.0, 5.7.3). */
#define MAX_PACKET 1024u

#define LENGTH_MASK UINT32_C(0x0fffffff)
#define PID_SHIFT   30

/* Of a SETUP (USB 2.0, 9.3). */
#define SETUP_IN     0x80u
#define SETUP_LENGTH 6

/* `ended`: an outcome, and what remained. */
#define ENDED         (UINT32_C(1) << 31)
#define OUTCOME_SHIFT 16

/* Passes over the table for one notification: the second for what others' ends made room for. */
#define MAX_PASSES 2

static unsigned request_words(const struct vmmp_usb_host *usb)
{
    return DESCRIPTOR + 2 * (usb->config.word / 4 + 1);
}

static vmmp_le32_t *request_at(const struct vmmp_usb_host *usb, unsigned number)
{
    return (vmmp_le32_t *)usb->config.requests + (size_t)number * request_words(usb);
}

static uint32_t load(const vmmp_le32_t *word)
{
    vmmp_le32_t value = { __atomic_load_n(&word->le, __ATOMIC_ACQUIRE) };
    return vmmp_le32_get(value);
}

static void set_state(const struct vmmp_usb_host *usb, unsigned number, uint32_t endpoint,
                      enum state state)
{
    vmmp_le32_t word = vmmp_le32((endpoint & ~STATE_MASK) | (uint32_t)state << STATE_SHIFT);

    __atomic_store_n(&request_at(usb, number)->le, word.le, __ATOMIC_RELEASE);
}

static void set_remaining(const struct vmmp_usb_host *usb, unsigned number, uint32_t remaining)
{
    unsigned char *request = (unsigned char *)request_at(usb, number);

    vmmp_guest_store_le16((vmmp_le16_t *)(void *)(request + REMAINING_OFFSET),
                          (uint16_t)(remaining < REMAINING_MAX ? remaining : REMAINING_MAX));
}

static void update_irq(struct vmmp_usb_host *usb)
{
    bool high = usb->words[INTR / 4] != 0;

    if (high != usb->irq_high) {
        usb->irq_high = high;
        vmmp_irq_source_set(&usb->irq, high);
    }
}

static void tell(struct vmmp_usb_host *usb, unsigned number, uint32_t endpoint, enum state state,
                 uint32_t remaining)
{
    set_remaining(usb, number, remaining);
    set_state(usb, number, endpoint, state);
    usb->words[INTR / 4] |= 1;
    update_irq(usb);
}

/* ---- what a request says -------------------------------------------------------------------- */

static const char *parse_endpoint(uint32_t endpoint, struct vmmp_usb_transfer *transfer)
{
    uint32_t speed = endpoint >> 25 & 3;

    transfer->address = endpoint & 0x7f;
    transfer->hub_address = endpoint >> 7 & 0x7f;
    transfer->hub_port = endpoint >> 14 & 0x7f;
    transfer->endpoint = endpoint >> 21 & 0xf;
    transfer->toggle = endpoint >> 27 & 1;
    if (speed < SPEED_LOW) {
        return "no speed";
    }
    transfer->speed = (enum vmmp_usb_speed)(speed - SPEED_LOW);
    return NULL;
}

static const char *parse_stage(const struct vmmp_usb_host *usb, const uint32_t *descriptor,
                               struct vmmp_usb_stage *stage)
{
    unsigned words = usb->config.word / 4;
    uint64_t address = descriptor[0] | (words > 1 ? (uint64_t)descriptor[1] << 32 : 0);
    uint32_t parameter = descriptor[words];

    if (parameter >> PID_SHIFT > VMMP_USB_SETUP) {
        return "no type of packet";
    }
    stage->pid = (enum vmmp_usb_pid)(parameter >> PID_SHIFT);
    stage->length = parameter & LENGTH_MASK;
    stage->data = NULL;
    if (stage->length) {
        stage->data = vmmp_guest_memory_span(usb->config.memory, vmmp_gpa(address), stage->length);
        if (!stage->data) {
            return "a buffer that is not in RAM";
        }
    }
    return NULL;
}

static const char *finish_control(struct vmmp_usb_transfer *transfer)
{
    const struct vmmp_usb_stage *data = transfer->stage_count > 1 ? &transfer->stages[1] : NULL;
    struct vmmp_usb_stage *status = &transfer->stages[transfer->stage_count];

    if (transfer->stages[0].length != VMMP_USB_SETUP_SIZE) {
        return "a SETUP that has not 8 bytes";
    }
    if (data && data->pid == VMMP_USB_SETUP) {
        return "two SETUPs";
    }
    transfer->kind = VMMP_USB_CONTROL;
    /* Against the data's direction; IN where there are none (USB 2.0, 8.5.3). */
    status->pid = data && data->pid == VMMP_USB_IN ? VMMP_USB_OUT : VMMP_USB_IN;
    status->data = NULL;
    status->length = 0;
    transfer->stage_count++;
    return NULL;
}

static const char *finish(const struct vmmp_usb_host *usb, struct vmmp_usb_transfer *transfer)
{
    uint64_t bytes = 0;

    for (unsigned i = 0; i < transfer->stage_count; i++) {
        bytes += transfer->stages[i].length;
    }
    if (usb->config.max_bytes && bytes > usb->config.max_bytes) {
        return "more bytes than the host takes";
    }
    if (transfer->stages[0].pid == VMMP_USB_SETUP) {
        return finish_control(transfer);
    }
    if (transfer->stage_count > 1 && transfer->stages[1].pid != transfer->stages[0].pid) {
        return "packets of two kinds";
    }
    transfer->kind = transfer->rate_ms ? VMMP_USB_INTERRUPT : VMMP_USB_BULK;
    return NULL;
}

/* NULL, or what is wrong with the request. */
static const char *parse(const struct vmmp_usb_host *usb, const uint32_t words[MAX_WORDS],
                         struct vmmp_usb_transfer *transfer)
{
    const char *wrong = parse_endpoint(words[ENDPOINT], transfer);

    transfer->max_packet = (uint16_t)words[PACKET];
    transfer->rate_ms = (uint16_t)(words[PACKET] >> 16);
    transfer->stage_count = words[COUNT] >> 16;
    if (!wrong && (transfer->max_packet < 1 || transfer->max_packet > MAX_PACKET)) {
        wrong = "packets of a size that is not 1 to 1024";
    }
    if (!wrong && (transfer->stage_count < 1 || transfer->stage_count > 2)) {
        wrong = "a count of descriptors that is not 1 or 2";
    }
    for (unsigned i = 0; !wrong && i < transfer->stage_count; i++) {
        wrong = parse_stage(usb, words + DESCRIPTOR + (size_t)i * (usb->config.word / 4 + 1),
                            &transfer->stages[i]);
    }
    return wrong ? wrong : finish(usb, transfer);
}

/* ---- the table ------------------------------------------------------------------------------ */

static void fail(struct vmmp_usb_host *usb, unsigned number, uint32_t endpoint)
{
    tell(usb, number, endpoint, FAILED, REMAINING_MAX);
}

static void take(struct vmmp_usb_host *usb, unsigned number)
{
    struct vmmp_usb_request *request = &usb->requests[number];
    struct vmmp_usb_transfer transfer = { .address = 0 };
    uint32_t words[MAX_WORDS] = { 0 };

    for (unsigned i = 0; i < request_words(usb); i++) {
        words[i] = load(request_at(usb, number) + i);
    }
    if (words[ENDPOINT] >> STATE_SHIFT != PENDING) {
        return;
    }
    const char *wrong = parse(usb, words, &transfer);
    if (wrong) {
        vmmp_log_guest(usb->config.log, &usb->wrong, "usb-host: request %u has %s", number, wrong);
        fail(usb, number, words[ENDPOINT]);
        return;
    }
    *request = (struct vmmp_usb_request){ .busy = true, .endpoint = words[ENDPOINT] };
    set_state(usb, number, request->endpoint, TAKEN);
    int error = usb->config.backend->submit(usb->config.backend_cookie, number, &transfer);
    if (error) {
        request->busy = false;
        if (error == -EAGAIN) {
            set_state(usb, number, request->endpoint, PENDING);
        } else {
            fail(usb, number, request->endpoint);
        }
    }
}

/* Completions may ask for a scan within one. */
static void scan(struct vmmp_usb_host *usb)
{
    usb->scan_again = true;
    if (usb->scanning) {
        return;
    }
    usb->scanning = true;
    for (unsigned pass = 0; pass < MAX_PASSES && usb->scan_again; pass++) {
        usb->scan_again = false;
        for (unsigned i = 0; i < usb->request_count; i++) {
            if (!usb->requests[i].busy && load(request_at(usb, i)) >> STATE_SHIFT == PENDING) {
                take(usb, i);
            }
        }
    }
    usb->scanning = false;
}

static void publish(struct vmmp_usb_host *usb, unsigned number, uint32_t ended)
{
    static const enum state states[] = {
        [VMMP_USB_DONE] = DONE, [VMMP_USB_FAILED] = FAILED, [VMMP_USB_CANCELLED] = CANCELLED
    };
    struct vmmp_usb_request *request = &usb->requests[number];

    request->busy = false;
    if (!request->abandoned) {
        tell(usb, number, request->endpoint, states[(ended & ~ENDED) >> OUTCOME_SHIFT],
             ended & REMAINING_MAX);
    }
}

static void publish_all(void *cookie)
{
    struct vmmp_usb_host *usb = cookie;
    bool any = false;

    for (unsigned i = 0; i < usb->request_count; i++) {
        uint32_t ended = __atomic_exchange_n(&usb->requests[i].ended, 0, __ATOMIC_ACQUIRE);
        if (ended) {
            publish(usb, i, ended);
            any = true;
        }
    }
    if (any) {
        scan(usb);
    }
}

void vmmp_usb_host_complete(struct vmmp_usb_host *usb, unsigned number,
                            enum vmmp_usb_outcome outcome, uint32_t remaining)
{
    if (number >= usb->request_count) {
        return;
    }
    uint32_t rest = remaining < REMAINING_MAX ? remaining : REMAINING_MAX;
    __atomic_store_n(&usb->requests[number].ended,
                     ENDED | (uint32_t)outcome << OUTCOME_SHIFT | rest, __ATOMIC_RELEASE);
    if (!vmmp_host_defer(&usb->config.host, &usb->work)) {
        publish_all(usb);
    }
}

static void cancel_request(struct vmmp_usb_host *usb, unsigned number)
{
    struct vmmp_usb_request *request = &usb->requests[number];

    if (request->busy && !request->cancelled) {
        request->cancelled = true;
        usb->config.backend->cancel(usb->config.backend_cookie, number);
    }
}

/* ---- registers ------------------------------------------------------------------------------ */

static void on_cancel(struct vmmp_usb_host *usb, uint32_t number)
{
    if (number >= usb->request_count) {
        vmmp_log_guest(usb->config.log, &usb->wrong, "usb-host: there is no request %u to cancel",
                       (unsigned)number);
        return;
    }
    uint32_t endpoint = load(request_at(usb, number));
    if (usb->requests[number].busy) {
        cancel_request(usb, number);
    } else if (endpoint >> STATE_SHIFT == PENDING) {
        tell(usb, number, endpoint, CANCELLED, REMAINING_MAX);
    }
}

static enum state ask_root_hub(struct vmmp_usb_host *usb)
{
    uint8_t setup[VMMP_USB_SETUP_SIZE];
    uint8_t reply[VMMP_USB_REPLY_SIZE] = { 0 };

    for (unsigned i = 0; i < VMMP_USB_SETUP_SIZE; i++) {
        setup[i] = (uint8_t)(usb->words[REQUEST / 4 + i / 4] >> 8 * (i % 4));
    }
    size_t length = (size_t)setup[SETUP_LENGTH] | (size_t)setup[SETUP_LENGTH + 1] << 8;
    bool in = setup[0] & SETUP_IN;
    usb->words[REPLY / 4] = 0;
    if (length && !in) {
        vmmp_log_guest(usb->config.log, &usb->wrong,
                       "usb-host: data for the root hub, which takes none");
        return FAILED;
    }
    size_t room = length < sizeof(reply) ? length : sizeof(reply);
    int got = usb->config.backend->root_hub(usb->config.backend_cookie, setup, reply, room);
    for (unsigned i = 0; got > 0 && i < room && i < (unsigned)got; i++) {
        usb->words[REPLY / 4] |= (uint32_t)reply[i] << 8 * i;
    }
    return got < 0 ? FAILED : DONE;
}

static uint32_t read_register(void *device, uint32_t offset, uint32_t lanes)
{
    const struct vmmp_usb_host *usb = device;

    (void)lanes;
    return usb->words[offset / 4];
}

static void write_register(void *device, uint32_t offset, uint32_t value, uint32_t lanes)
{
    struct vmmp_usb_host *usb = device;
    uint32_t *word = &usb->words[offset / 4];

    switch (offset) {
    case STATUS:
        *word = ask_root_hub(usb);
        break;
    case INTR:
        *word = words_merge(*word, value, lanes, UINT32_MAX);
        update_irq(usb);
        break;
    case NOTIFY:
        scan(usb);
        break;
    case CANCEL:
        on_cancel(usb, value);
        break;
    case REPLY:
    case PORTS:
        break;
    default:
        *word = words_merge(*word, value, lanes, UINT32_MAX);
        break;
    }
}

static const struct vmmp_word_ops word_ops = { read_register, write_register };

/* ---- its life ------------------------------------------------------------------------------- */

int vmmp_usb_host_init(struct vmmp_usb_host *usb, const struct vmmp_usb_host_config *config)
{
    if (!config->backend || !config->memory || !config->requests ||
        (config->word != 4 && config->word != 8)) {
        return -EINVAL;
    }
    memset(usb, 0, sizeof(*usb));
    usb->config = *config;
    usb->request_count = (unsigned)(VMMP_USB_HOST_PAGE_SIZE / (request_words(usb) * 4));
    int error = device_life_begin(&config->host, &usb->context, &usb->irq, config->irq);
    if (error) {
        return error;
    }
    usb->work.run = publish_all;
    usb->work.cookie = usb;
    usb->work.context = &usb->context;
    usb->window.name = "usb-host";
    usb->window.words = &word_ops;
    usb->window.device = usb;
    usb->window.size = VMMP_USB_HOST_PAGE_SIZE;
    usb->window.context = &usb->context;
    vmmp_usb_host_reset(usb);
    return 0;
}

void vmmp_usb_host_fini(struct vmmp_usb_host *usb)
{
    vmmp_host_cancel(&usb->config.host, &usb->work);
    device_life_end(&usb->config.host, &usb->context, &usb->irq);
}

void vmmp_usb_host_reset(struct vmmp_usb_host *usb)
{
    memset(usb->words, 0, sizeof(usb->words));
    memset(usb->config.requests, 0, VMMP_USB_HOST_PAGE_SIZE);
    usb->words[PORTS / 4] = usb->config.ports;
    update_irq(usb);
    for (unsigned i = 0; i < usb->request_count; i++) {
        usb->requests[i].abandoned = usb->requests[i].busy;
        cancel_request(usb, i);
    }
}

void vmmp_usb_host_notify(struct vmmp_usb_host *usb)
{
    vmmp_context_enter(&usb->context);
    scan(usb);
    vmmp_context_leave(&usb->context);
}
