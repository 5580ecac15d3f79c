/* SPDX-License-Identifier: BSD-2-Clause */
/* MSI-X: PCI Local Bus 3.0, 6.8.2. */
#include <sel4vmmplatsupport/vmmp/pci_msix.h>

#include <errno.h>
#include <string.h>

#include "bus/pci_regs.h"

/* Table entries (6.8.2.6 to 6.8.2.9): four words each. */
#define ENTRY_BYTES  16u
#define WORD_BYTES   4u
#define WORDS        (ENTRY_BYTES / WORD_BYTES)
#define WORD_LOW     0u
#define WORD_HIGH    1u
#define WORD_DATA    2u
#define WORD_CONTROL 3u
#define CONTROL_MASK 1u
#define ADDRESS_LOW  0xfffffffcu /* A message is an aligned doubleword. */

#define SIZE_MINIMUM 4096u

uint32_t vmmp_pci_msix_size(unsigned count)
{
    uint32_t size = SIZE_MINIMUM;
    /* Half of it for the table; pending bits take far less than the other half. */
    while (size / 2 < count * ENTRY_BYTES) {
        size *= 2;
    }
    return size;
}

static uint32_t pending_offset(const struct vmmp_pci_msix *msix)
{
    return (uint32_t)msix->window.size / 2;
}

/* ---- Messages ---- */

/* A message is a write to memory, which a function that is no bus master must not do (6.2.2). */
static bool may_write(const struct vmmp_pci_msix *msix)
{
    return vmmp_pci_command(msix->function) & PCICFG_COMMAND_MASTER;
}

static bool is_live(const struct vmmp_pci_msix *msix, const struct vmmp_pci_msix_vector *vector)
{
    return msix->enabled && !msix->masked && !vector->masked && may_write(msix);
}

static void deliver(struct vmmp_pci_msix *msix, struct vmmp_pci_msix_vector *vector)
{
    if (!is_live(msix, vector)) {
        return;
    }
    vector->pending = false;
    msix->sent++;
    msix->msi.ops->send(msix->msi.cookie, vector->address, vector->data);
}

/* Something that decides about what the vector may tell is new. */
static void update(struct vmmp_pci_msix *msix, struct vmmp_pci_msix_vector *vector)
{
    if (msix->carrier) {
        msix->carrier->carry(msix->cookie, (unsigned)(vector - msix->vectors),
                             is_live(msix, vector), vector->address, vector->data);
    } else if (vector->pending) {
        deliver(msix, vector);
    }
}

static void update_all(struct vmmp_pci_msix *msix)
{
    for (unsigned i = 0; i < msix->count; i++) {
        update(msix, &msix->vectors[i]);
    }
}

void vmmp_pci_msix_notify(struct vmmp_pci_msix *msix, unsigned vector)
{
    if (msix->enabled && !msix->carrier && vector < msix->count) {
        msix->vectors[vector].pending = true;
        deliver(msix, &msix->vectors[vector]);
    }
}

void vmmp_pci_msix_forget(struct vmmp_pci_msix *msix)
{
    for (unsigned i = 0; i < msix->count; i++) {
        msix->vectors[i].pending = false;
    }
}

/* ---- Table and pending bits ---- */

static uint32_t table_word(const struct vmmp_pci_msix *msix, uint32_t word)
{
    const struct vmmp_pci_msix_vector *vector = &msix->vectors[word / WORDS];
    switch (word % WORDS) {
    case WORD_LOW:
        return (uint32_t)vector->address;
    case WORD_HIGH:
        return (uint32_t)(vector->address >> 32);
    case WORD_DATA:
        return vector->data;
    default:
        return vector->masked ? CONTROL_MASK : 0;
    }
}

static void set_table_word(struct vmmp_pci_msix *msix, uint32_t word, uint32_t value)
{
    struct vmmp_pci_msix_vector *vector = &msix->vectors[word / WORDS];
    switch (word % WORDS) {
    case WORD_LOW:
        vector->address = (vector->address & ~(uint64_t)UINT32_MAX) | (value & ADDRESS_LOW);
        break;
    case WORD_HIGH:
        vector->address = (vector->address & UINT32_MAX) | (uint64_t)value << 32;
        break;
    case WORD_DATA:
        vector->data = value;
        break;
    default:
        vector->masked = value & CONTROL_MASK;
        break;
    }
    /* A notification that waits is for the unmasking alone; a carrier is told of every change. */
    if (msix->carrier || word % WORDS == WORD_CONTROL) {
        update(msix, vector);
    }
}

static bool is_pending(const struct vmmp_pci_msix *msix, unsigned vector)
{
    return msix->carrier ? !is_live(msix, &msix->vectors[vector]) &&
                               msix->carrier->pending(msix->cookie, vector)
                         : msix->vectors[vector].pending;
}

static uint32_t pending_word(const struct vmmp_pci_msix *msix, uint32_t word)
{
    uint32_t value = 0;
    for (uint32_t i = 0; i < 32 && word * 32 + i < msix->count; i++) {
        value |= (uint32_t)is_pending(msix, word * 32 + i) << i;
    }
    return value;
}

static uint32_t read_word(const struct vmmp_pci_msix *msix, uint32_t word)
{
    if (word < msix->count * WORDS) {
        return table_word(msix, word);
    }
    uint32_t first = pending_offset(msix) / WORD_BYTES;
    return word >= first ? pending_word(msix, word - first) : 0;
}

/* 6.8.2 allows 4 and 8 bytes, aligned; here everything is made of words and bytes of them. */
static uint64_t read_words(const struct vmmp_pci_msix *msix, uint64_t offset, unsigned size,
                           uint32_t (*word)(const struct vmmp_pci_msix *msix, uint32_t number))
{
    uint64_t value = 0;
    for (unsigned i = 0; i < size;) {
        uint32_t at = (uint32_t)offset + i;
        unsigned skip = at % WORD_BYTES;
        value |= (uint64_t)(word(msix, at / WORD_BYTES) >> (8 * skip)) << (8 * i);
        i += WORD_BYTES - skip;
    }
    return value;
}

static uint64_t msix_read(void *device, uint64_t offset, unsigned size)
{
    return read_words(device, offset, size, read_word);
}

static uint64_t pending_read(void *device, uint64_t offset, unsigned size)
{
    return read_words(device, offset, size, pending_word);
}

static void pending_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    (void)device;
    (void)offset;
    (void)size;
    (void)value;
}

static void msix_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct vmmp_pci_msix *msix = device;
    for (unsigned i = 0; i < size;) {
        uint32_t at = (uint32_t)offset + i;
        unsigned skip = at % WORD_BYTES;
        unsigned bytes = WORD_BYTES - skip < size - i ? WORD_BYTES - skip : size - i;
        uint32_t word = at / WORD_BYTES;
        if (word < msix->count * WORDS) {
            uint32_t mask = (uint32_t)vmmp_all_ones(4) >> (8 * (WORD_BYTES - bytes)) << (8 * skip);
            uint32_t bits = (uint32_t)(value >> (8 * i)) << (8 * skip);
            set_table_word(msix, word, (table_word(msix, word) & ~mask) | (bits & mask));
        }
        i += bytes;
    }
}

static const struct vmmp_window_ops window_ops = { msix_read, msix_write };
static const struct vmmp_window_ops pending_ops = { pending_read, pending_write };

/* ---- The capability ---- */

/* In the host's context. */
static void control_write(void *cookie, unsigned offset, unsigned size, uint32_t value)
{
    struct vmmp_pci_msix *msix = cookie;
    uint64_t control = vmmp_pci_peek(msix->function, msix->control.offset, 2);
    (void)offset;
    (void)size;
    (void)value;
    vmmp_context_enter(msix->context);
    bool was_enabled = msix->enabled;
    msix->enabled = control & PCICFG_MSIX_ENABLE;
    msix->masked = control & PCICFG_MSIX_FUNCTION_MASK;
    if (!msix->enabled) {
        /* What was to be told is now INTx's to tell. */
        vmmp_pci_msix_forget(msix);
    }
    if (was_enabled != msix->enabled && msix->changed) {
        msix->changed(msix->cookie, msix->enabled);
    }
    update_all(msix);
    vmmp_context_leave(msix->context);
}

/* In the host's context; the command has its new value. */
static void command_write(void *cookie, unsigned offset, unsigned size, uint32_t value)
{
    struct vmmp_pci_msix *msix = cookie;
    (void)offset;
    (void)size;
    (void)value;
    vmmp_context_enter(msix->context);
    update_all(msix);
    vmmp_context_leave(msix->context);
}

static void put32(uint8_t *at, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++) {
        at[i] = (uint8_t)(value >> (8 * i));
    }
}

static int add_capability(struct vmmp_pci_msix *msix, const struct vmmp_pci_msix_config *config)
{
    uint8_t body[PCICFG_MSIX_SIZE - 2];
    static const uint8_t writable[PCICFG_MSIX_SIZE - 2] = {
        [1] = (PCICFG_MSIX_ENABLE | PCICFG_MSIX_FUNCTION_MASK) >> 8,
    };
    uint32_t table = config->shared ? config->offset : 0;
    body[0] = (uint8_t)(msix->count - 1);
    body[1] = (uint8_t)((msix->count - 1) >> 8);
    put32(&body[PCICFG_MSIX_TABLE - 2], table | config->bar);
    put32(&body[PCICFG_MSIX_PENDING - 2], config->apart
                                              ? config->pending_offset | config->pending_bar
                                              : (table + pending_offset(msix)) | config->bar);
    int at =
        vmmp_pci_add_capability(msix->function, PCICFG_CAP_ID_MSIX, body, sizeof(body), writable);
    if (at < 0) {
        return at;
    }
    msix->control = (struct vmmp_pci_register){
        .offset = (uint16_t)(at + PCICFG_MSIX_CONTROL),
        .size = 2,
        .write = control_write,
        .cookie = msix,
    };
    msix->command = (struct vmmp_pci_register){
        .offset = PCICFG_COMMAND,
        .size = 2,
        .write = command_write,
        .cookie = msix,
    };
    int result = vmmp_pci_add_register(msix->function, &msix->control);
    return result ? result : vmmp_pci_add_register(msix->function, &msix->command);
}

static bool is_sound(const struct vmmp_pci_msix_config *config)
{
    bool delivered = config->carrier || (config->msi && config->msi->ops);
    bool placed = config->bar < VMMP_PCI_BARS && config->offset % 8 == 0 &&
                  (!config->apart || (config->shared && config->pending_bar < VMMP_PCI_BARS &&
                                      config->pending_offset % 8 == 0));
    return delivered && placed && config->vectors && config->context && config->count >= 1 &&
           config->count <= VMMP_PCI_MSIX_VECTORS;
}

/* Bytes of pending bits: whole quadwords (6.8.2.10). */
static uint32_t pending_size(unsigned count)
{
    return (count + 63) / 64 * 8;
}

static void set_windows(struct vmmp_pci_msix *msix, const struct vmmp_pci_msix_config *config)
{
    msix->window = (struct vmmp_window){
        .name = msix->function->name,
        .ops = &window_ops,
        .device = msix,
        .size = config->apart ? config->count * ENTRY_BYTES : vmmp_pci_msix_size(config->count),
        .context = config->context,
    };
    msix->pending_window = (struct vmmp_window){
        .name = msix->function->name,
        .ops = &pending_ops,
        .device = msix,
        .size = pending_size(config->count),
        .context = config->context,
    };
}

int vmmp_pci_msix_init(struct vmmp_pci_msix *msix, struct vmmp_pci_function *function,
                       const struct vmmp_pci_msix_config *config)
{
    memset(msix, 0, sizeof(*msix));
    if (!is_sound(config)) {
        return -EINVAL;
    }
    for (unsigned i = 0; i < config->count; i++) {
        config->vectors[i] = (struct vmmp_pci_msix_vector){ .masked = true };
    }
    msix->function = function;
    if (config->msi) {
        msix->msi = *config->msi;
    }
    msix->carrier = config->carrier;
    msix->vectors = config->vectors;
    msix->count = config->count;
    msix->context = config->context;
    msix->changed = config->changed;
    msix->cookie = config->cookie;
    set_windows(msix, config);
    if (!config->shared) {
        int result = vmmp_pci_add_bar(function, config->bar, VMMP_PCI_BAR_MEM32, msix->window.size,
                                      &msix->window);
        if (result) {
            return result;
        }
    }
    return add_capability(msix, config);
}
