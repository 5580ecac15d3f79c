/* SPDX-License-Identifier: BSD-2-Clause */
/* Tegra K1 Technical Reference Manual, chapter I2C Controller. */
#include <sel4vmmplatsupport/vmmp/tegra_i2c.h>

#include <string.h>

#include "bus/words.h"
#include "devices/device_life.h"

#define STATUS           0x1c
#define TX_FIFO          0x50
#define RX_FIFO          0x54
#define TRANSFER_STATUS  0x58
#define FIFO_CONTROL     0x5c
#define FIFO_STATUS      0x60
#define INTERRUPT_MASK   0x64
#define INTERRUPT_STATUS 0x68
#define BUS_CLEAR_CONFIG 0x84
#define BUS_CLEAR_STATUS 0x88
#define CONFIG_LOAD      0x8c

#define TRANSFER_COMPLETE    (1u << 24)
#define TRANSFER_ID_SHIFT    16
#define TRANSFER_BYTES_SHIFT 4

#define FIFO_FLUSH_RX      (1u << 0)
#define FIFO_FLUSH_TX      (1u << 1)
#define FIFO_RX_TRIG_SHIFT 2
#define FIFO_TRIG_BITS     7u
#define FIFO_TX_FREE_SHIFT 4

#define INT_RX_REQ      (1u << 0)
#define INT_TX_REQ      (1u << 1)
#define INT_NO_ACK      (1u << 3)
#define INT_UNDERFLOW   (1u << 4)
#define INT_ALL_PACKETS (1u << 6)
#define INT_PACKET      (1u << 7)
#define INT_BUS_CLEARED (1u << 11)
#define INT_LEVELS      (INT_RX_REQ | INT_TX_REQ)

#define CLEAR_ENABLE  (1u << 0)
#define CLEAR_SUCCESS (1u << 0)

/* Headers of a packet: generic, size, and of the protocol. */
#define HEADERS         3
#define PROTOCOL_SHIFT  4
#define PROTOCOL_BITS   0xfu
#define PROTOCOL_I2C    1
#define PACKET_ID_SHIFT 16
#define PACKET_ID_BITS  0xffu
#define SIZE_BITS       0xfffu /* Less one. */
#define HEADER_READ     (1u << 19)
#define HEADER_TEN_BITS (1u << 18)
#define HEADER_ANY_NAK  (1u << 21) /* Goes on when nobody acknowledges. */
#define ADDRESS_SHIFT   1
#define ADDRESS_BITS    0x7fu

static uint32_t *word(struct vmmp_tegra_i2c *i2c, uint32_t offset)
{
    return &i2c->words[offset / 4];
}

/* ---- Interrupts ---- */

static uint32_t pending(const struct vmmp_tegra_i2c *i2c)
{
    uint32_t control = i2c->words[FIFO_CONTROL / 4];
    unsigned trigger = (control >> FIFO_RX_TRIG_SHIFT & FIFO_TRIG_BITS) + 1;
    /* What a packet leaves below the trigger asks, too. */
    bool request = i2c->input_count >= trigger || (i2c->input_count && !i2c->left);
    return i2c->status | INT_TX_REQ | (request ? INT_RX_REQ : 0);
}

static void update_irq(struct vmmp_tegra_i2c *i2c)
{
    vmmp_irq_source_set(&i2c->irq, pending(i2c) & *word(i2c, INTERRUPT_MASK));
}

/* ---- Packets ---- */

static void end_packet(struct vmmp_tegra_i2c *i2c)
{
    uint32_t id = i2c->headers[0] >> PACKET_ID_SHIFT & PACKET_ID_BITS;
    uint32_t bytes = (i2c->headers[1] & SIZE_BITS) + 1;
    *word(i2c, TRANSFER_STATUS) =
        TRANSFER_COMPLETE | id << TRANSFER_ID_SHIFT | (bytes & SIZE_BITS) << TRANSFER_BYTES_SHIFT;
    i2c->status |= INT_PACKET | INT_ALL_PACKETS;
    i2c->header_count = 0;
}

static uint8_t take_byte(struct vmmp_tegra_i2c *i2c)
{
    return i2c->target ? i2c->target->ops->read(i2c->target->device) : 0xff;
}

/* As much of a packet that is read as the FIFO takes. */
static void receive(struct vmmp_tegra_i2c *i2c)
{
    while (i2c->left && i2c->input_count < VMMP_TEGRA_I2C_FIFO_WORDS) {
        uint32_t value = 0;
        for (unsigned i = 0; i < 4 && i2c->left; i++, i2c->left--) {
            value |= (uint32_t)take_byte(i2c) << (8 * i);
        }
        unsigned tail = (i2c->input_head + i2c->input_count) % VMMP_TEGRA_I2C_FIFO_WORDS;
        i2c->input[tail] = value;
        i2c->input_count++;
        if (!i2c->left) {
            end_packet(i2c);
        }
    }
}

static const struct vmmp_i2c_device *find(const struct vmmp_tegra_i2c *i2c, uint32_t header)
{
    for (unsigned i = 0; i < i2c->config.device_count && !(header & HEADER_TEN_BITS); i++) {
        if (i2c->config.devices[i].address == (header >> ADDRESS_SHIFT & ADDRESS_BITS)) {
            return &i2c->config.devices[i];
        }
    }
    return NULL;
}

static void begin_packet(struct vmmp_tegra_i2c *i2c)
{
    uint32_t header = i2c->headers[2];
    i2c->target = find(i2c, header);
    i2c->left = (i2c->headers[1] & SIZE_BITS) + 1;
    *word(i2c, TRANSFER_STATUS) = 0;
    if (!i2c->target && !(header & HEADER_ANY_NAK)) {
        i2c->status |= INT_NO_ACK;
        i2c->failed = true;
        i2c->left = 0;
        i2c->header_count = 0;
        return;
    }
    if (i2c->target) {
        i2c->target->ops->start(i2c->target->device, header & HEADER_READ);
    }
    if (header & HEADER_READ) {
        receive(i2c);
    }
}

static void send(struct vmmp_tegra_i2c *i2c, uint32_t value)
{
    for (unsigned i = 0; i < 4 && i2c->left; i++, i2c->left--) {
        if (i2c->target) {
            i2c->target->ops->write(i2c->target->device, (uint8_t)(value >> (8 * i)));
        }
    }
    if (!i2c->left) {
        end_packet(i2c);
    }
}

static void take_word(struct vmmp_tegra_i2c *i2c, uint32_t value)
{
    bool reading = i2c->header_count == HEADERS && i2c->headers[2] & HEADER_READ;
    if (i2c->failed || reading) {
        return;
    }
    if (i2c->header_count == HEADERS) {
        send(i2c, value);
        return;
    }
    i2c->headers[i2c->header_count++] = value;
    if ((i2c->headers[0] >> PROTOCOL_SHIFT & PROTOCOL_BITS) != PROTOCOL_I2C) {
        i2c->header_count = 0;
        i2c->failed = true;
    } else if (i2c->header_count == HEADERS) {
        begin_packet(i2c);
    }
}

static void flush(struct vmmp_tegra_i2c *i2c, uint32_t control)
{
    if (control & FIFO_FLUSH_TX) {
        i2c->header_count = 0;
        i2c->left = 0;
        i2c->failed = false;
    }
    if (control & FIFO_FLUSH_RX) {
        i2c->input_count = 0;
    }
}

/* ---- Registers ---- */

static uint32_t pop(struct vmmp_tegra_i2c *i2c)
{
    if (!i2c->input_count) {
        i2c->status |= INT_UNDERFLOW;
        return 0;
    }
    uint32_t value = i2c->input[i2c->input_head];
    i2c->input_head = (i2c->input_head + 1) % VMMP_TEGRA_I2C_FIFO_WORDS;
    i2c->input_count--;
    if (i2c->header_count == HEADERS && i2c->headers[2] & HEADER_READ) {
        receive(i2c);
    }
    return value;
}

static uint32_t read_word(void *device, uint32_t offset, uint32_t lanes)
{
    struct vmmp_tegra_i2c *i2c = device;
    uint32_t value;

    switch (offset) {
    case TX_FIFO:
        return 0;
    case RX_FIFO:
        value = lanes & 0xff ? pop(i2c) : 0;
        update_irq(i2c);
        return value;
    case FIFO_STATUS:
        return VMMP_TEGRA_I2C_FIFO_WORDS << FIFO_TX_FREE_SHIFT | i2c->input_count;
    case INTERRUPT_STATUS:
        return pending(i2c);
    default:
        return *word(i2c, offset);
    }
}

static void write_word(void *device, uint32_t offset, uint32_t value, uint32_t lanes)
{
    struct vmmp_tegra_i2c *i2c = device;
    uint32_t merged = words_merge(*word(i2c, offset), value, lanes, UINT32_MAX);

    switch (offset) {
    case TX_FIFO:
        take_word(i2c, value);
        break;
    case FIFO_CONTROL: /* A flush is done, and reads as 0. */
        *word(i2c, offset) = merged & ~(FIFO_FLUSH_TX | FIFO_FLUSH_RX);
        flush(i2c, merged);
        break;
    case INTERRUPT_STATUS:
        i2c->status &= ~value | INT_LEVELS;
        break;
    case BUS_CLEAR_CONFIG: /* The bus is free already. */
        *word(i2c, offset) = merged & ~CLEAR_ENABLE;
        if (merged & CLEAR_ENABLE) {
            *word(i2c, BUS_CLEAR_STATUS) = CLEAR_SUCCESS;
            i2c->status |= INT_BUS_CLEARED;
        }
        break;
    case CONFIG_LOAD: /* Done at once. */
    case STATUS:
    case RX_FIFO:
    case TRANSFER_STATUS:
    case FIFO_STATUS:
    case BUS_CLEAR_STATUS:
        break;
    default:
        *word(i2c, offset) = merged;
        break;
    }
    update_irq(i2c);
}

static const struct vmmp_word_ops word_ops = { read_word, write_word };

/* ---- Life ---- */

static void reset(struct vmmp_tegra_i2c *i2c)
{
    memset(i2c->words, 0, sizeof(i2c->words));
    i2c->status = 0;
    i2c->header_count = 0;
    i2c->target = NULL;
    i2c->left = 0;
    i2c->failed = false;
    i2c->input_head = 0;
    i2c->input_count = 0;
    update_irq(i2c);
}

int vmmp_tegra_i2c_init(struct vmmp_tegra_i2c *i2c, const struct vmmp_tegra_i2c_config *config)
{
    memset(i2c, 0, sizeof(*i2c));
    i2c->config = *config;
    int err = device_life_begin(&config->host, &i2c->context, &i2c->irq, config->irq);
    if (err) {
        return err;
    }
    i2c->window = (struct vmmp_window){
        .name = "tegra-i2c",
        .words = &word_ops,
        .device = i2c,
        .size = VMMP_TEGRA_I2C_WINDOW_SIZE,
        .context = &i2c->context,
    };
    reset(i2c);
    return 0;
}

void vmmp_tegra_i2c_fini(struct vmmp_tegra_i2c *i2c)
{
    device_life_end(&i2c->config.host, &i2c->context, &i2c->irq);
}

void vmmp_tegra_i2c_reset(struct vmmp_tegra_i2c *i2c)
{
    vmmp_context_enter(&i2c->context);
    reset(i2c);
    vmmp_context_leave(&i2c->context);
}
