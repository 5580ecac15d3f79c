/* SPDX-License-Identifier: BSD-2-Clause */
/* Intel 82093AA, chapter 3. */
#include <sel4vmmplatsupport/vmmp/ioapic.h>

#include <errno.h>
#include <string.h>

#define IOREGSEL 0x00
#define IOWIN    0x10
#define IOEOI    0x40

#define REGISTER_ID          0x00
#define REGISTER_VERSION     0x01
#define REGISTER_ARBITRATION 0x02
#define REGISTER_ENTRIES     0x10

#define VERSION   (0x20u | (VMMP_IOAPIC_PINS - 1) << 16)
#define ID_SHIFT  24
#define ID_BITS   0x0fu
#define NOTHING   UINT32_MAX
#define REGISTERS (REGISTER_ENTRIES + 2 * VMMP_IOAPIC_PINS)

/* 3.2.4: I/O redirection table. */
#define ENTRY_VECTOR     UINT64_C(0xff)
#define ENTRY_MODE       UINT64_C(0x700)
#define ENTRY_LOGICAL    (UINT64_C(1) << 11)
#define ENTRY_REMOTE_IRR (UINT64_C(1) << 14)
#define ENTRY_LEVEL      (UINT64_C(1) << 15)
#define ENTRY_MASKED     (UINT64_C(1) << 16)
#define ENTRY_POLARITY   (UINT64_C(1) << 13)
#define ENTRY_DEST_SHIFT 56
#define ENTRY_DEST       (UINT64_C(0xff) << ENTRY_DEST_SHIFT)
#define ENTRY_WRITABLE                                                                         \
    (ENTRY_VECTOR | ENTRY_MODE | ENTRY_LOGICAL | ENTRY_POLARITY | ENTRY_LEVEL | ENTRY_MASKED | \
     ENTRY_DEST)

/* SDM 3A, 11.11: messages. */
#define MESSAGE_ADDRESS    0xfee00000u
#define MESSAGE_DEST_SHIFT 12
#define MESSAGE_LOGICAL    (1u << 2)
#define MESSAGE_LEVEL      (1u << 15 | 1u << 14) /* And asserted. */

static struct vmmp_ioapic_message message_of(const struct vmmp_ioapic *ioapic, unsigned pin)
{
    uint64_t entry = ioapic->entries[pin];
    bool level = entry & ENTRY_LEVEL || ioapic->observed >> pin & 1;
    return (struct vmmp_ioapic_message){
        .address = MESSAGE_ADDRESS | (uint32_t)(entry >> ENTRY_DEST_SHIFT) << MESSAGE_DEST_SHIFT |
                   (entry & ENTRY_LOGICAL ? MESSAGE_LOGICAL : 0),
        .data = (uint32_t)(entry & (ENTRY_VECTOR | ENTRY_MODE)) | (level ? MESSAGE_LEVEL : 0),
    };
}

static void tell_route(const struct vmmp_ioapic *ioapic, unsigned pin)
{
    if (ioapic->config.route) {
        struct vmmp_ioapic_message message = message_of(ioapic, pin);
        ioapic->config.route(ioapic->config.cookie, pin, &message);
    }
}

/* Not by an edge: it may have been high for long. */
static void send_if_level(struct vmmp_ioapic *ioapic, unsigned pin)
{
    uint64_t *entry = &ioapic->entries[pin];
    if (ioapic->inputs >> pin & 1 && *entry & ENTRY_LEVEL &&
        !(*entry & (ENTRY_MASKED | ENTRY_REMOTE_IRR))) {
        struct vmmp_ioapic_message message = message_of(ioapic, pin);
        *entry |= ENTRY_REMOTE_IRR;
        ioapic->config.deliver(ioapic->config.cookie, pin, &message);
    }
}

/* One that comes while the entry is masked is lost. */
static void send_edge(struct vmmp_ioapic *ioapic, unsigned pin)
{
    uint64_t entry = ioapic->entries[pin];
    if (!(entry & (ENTRY_MASKED | ENTRY_LEVEL))) {
        struct vmmp_ioapic_message message = message_of(ioapic, pin);
        ioapic->config.deliver(ioapic->config.cookie, pin, &message);
    }
}

static void tell_eoi(struct vmmp_ioapic *ioapic, unsigned pin)
{
    uint32_t bit = 1u << pin;
    if (ioapic->config.eoi) {
        bool high = ioapic->config.eoi(ioapic->config.cookie, pin, ioapic->inputs & bit);
        ioapic->inputs = high ? ioapic->inputs | bit : ioapic->inputs & ~bit;
    }
}

static void finish(struct vmmp_ioapic *ioapic, uint8_t vector)
{
    for (unsigned pin = 0; pin < VMMP_IOAPIC_PINS; pin++) {
        uint64_t *entry = &ioapic->entries[pin];
        bool edge_observed = ioapic->observed >> pin & 1 && !(*entry & ENTRY_LEVEL);
        if ((*entry & ENTRY_VECTOR) == vector && (*entry & ENTRY_REMOTE_IRR || edge_observed)) {
            *entry &= ~ENTRY_REMOTE_IRR;
            tell_eoi(ioapic, pin);
            send_if_level(ioapic, pin);
        }
    }
}

/* ---- registers ------------------------------------------------------------------------------ */

static uint32_t read_register(const struct vmmp_ioapic *ioapic)
{
    if (ioapic->index == REGISTER_ID || ioapic->index == REGISTER_ARBITRATION) {
        return (uint32_t)ioapic->id << ID_SHIFT;
    }
    if (ioapic->index == REGISTER_VERSION) {
        return VERSION;
    }
    if (ioapic->index < REGISTER_ENTRIES || ioapic->index >= REGISTERS) {
        return NOTHING;
    }
    unsigned half = ioapic->index - REGISTER_ENTRIES;
    return (uint32_t)(ioapic->entries[half / 2] >> 32 * (half % 2));
}

static void write_entry(struct vmmp_ioapic *ioapic, unsigned half, uint32_t value, uint32_t lanes)
{
    uint64_t *entry = &ioapic->entries[half / 2];
    uint64_t mask = (uint64_t)lanes << 32 * (half % 2) & ENTRY_WRITABLE;
    *entry = (*entry & ~mask) | ((uint64_t)value << 32 * (half % 2) & mask);
    if (!(*entry & ENTRY_LEVEL)) {
        *entry &= ~ENTRY_REMOTE_IRR; /* It means nothing for edges; drivers clear it so. */
    }
    tell_route(ioapic, half / 2);
    send_if_level(ioapic, half / 2);
}

static void write_register(struct vmmp_ioapic *ioapic, uint32_t value, uint32_t lanes)
{
    if (ioapic->index == REGISTER_ID) {
        if (lanes >> ID_SHIFT) {
            ioapic->id = value >> ID_SHIFT & ID_BITS;
        }
    } else if (ioapic->index >= REGISTER_ENTRIES && ioapic->index < REGISTERS) {
        write_entry(ioapic, ioapic->index - REGISTER_ENTRIES, value, lanes);
    }
}

static uint32_t window_read(void *cookie, uint32_t offset, uint32_t lanes)
{
    const struct vmmp_ioapic *ioapic = cookie;
    (void)lanes;
    switch (offset) {
    case IOREGSEL:
        return ioapic->index;
    case IOWIN:
        return read_register(ioapic);
    default:
        return NOTHING;
    }
}

static void window_write(void *cookie, uint32_t offset, uint32_t value, uint32_t lanes)
{
    struct vmmp_ioapic *ioapic = cookie;
    switch (offset) {
    case IOREGSEL:
        if (lanes & 0xff) {
            ioapic->index = (uint8_t)value;
        }
        break;
    case IOWIN:
        write_register(ioapic, value, lanes);
        break;
    case IOEOI:
        if (lanes & 0xff) {
            finish(ioapic, (uint8_t)value);
        }
        break;
    default:
        break;
    }
}

/* ---- the outside ---------------------------------------------------------------------------- */

int vmmp_ioapic_init(struct vmmp_ioapic *ioapic, const struct vmmp_ioapic_config *config)
{
    static const struct vmmp_word_ops ops = { window_read, window_write };
    memset(ioapic, 0, sizeof(*ioapic));
    if (!config->deliver) {
        return -EINVAL;
    }
    ioapic->config = *config;
    int error = vmmp_host_context_init(&config->host, &ioapic->context);
    if (error) {
        return error;
    }
    ioapic->id = config->id & ID_BITS;
    for (unsigned pin = 0; pin < VMMP_IOAPIC_PINS; pin++) {
        ioapic->entries[pin] = ENTRY_MASKED;
    }
    ioapic->window = (struct vmmp_window){ .name = "ioapic", .words = &ops, .device = ioapic };
    ioapic->window.size = VMMP_IOAPIC_SIZE;
    ioapic->window.context = &ioapic->context;
    return 0;
}

void vmmp_ioapic_fini(struct vmmp_ioapic *ioapic)
{
    vmmp_host_context_fini(&ioapic->config.host, &ioapic->context);
}

void vmmp_ioapic_set(struct vmmp_ioapic *ioapic, unsigned pin, bool high)
{
    if (pin >= VMMP_IOAPIC_PINS) {
        return;
    }
    vmmp_context_enter(&ioapic->context);
    bool was = ioapic->inputs >> pin & 1;
    ioapic->inputs = (ioapic->inputs & ~(1u << pin)) | (uint32_t)high << pin;
    if (high && !was) {
        send_edge(ioapic, pin);
    }
    send_if_level(ioapic, pin);
    vmmp_context_leave(&ioapic->context);
}

void vmmp_ioapic_eoi(struct vmmp_ioapic *ioapic, uint8_t vector)
{
    vmmp_context_enter(&ioapic->context);
    finish(ioapic, vector);
    vmmp_context_leave(&ioapic->context);
}

void vmmp_ioapic_observe(struct vmmp_ioapic *ioapic, unsigned pin)
{
    if (pin >= VMMP_IOAPIC_PINS) {
        return;
    }
    vmmp_context_enter(&ioapic->context);
    ioapic->observed |= 1u << pin;
    tell_route(ioapic, pin);
    vmmp_context_leave(&ioapic->context);
}
