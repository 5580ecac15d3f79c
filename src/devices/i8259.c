/* SPDX-License-Identifier: BSD-2-Clause */
/* Intel 8259A; the words' names are the data sheet's. */
#include <sel4vmmplatsupport/vmmp/i8259.h>

#include <errno.h>
#include <string.h>

#define PINS     8u
#define MASTER   0u
#define SLAVE    1u
#define CASCADE  2u
#define SPURIOUS 7u

#define COMMAND_PORT 0u
#define DATA_PORT    1u

#define ICW1            0x10u
#define ICW1_ICW4       0x01u
#define ICW1_SINGLE     0x02u
#define ICW2_VECTOR     0xf8u
#define ICW4_AEOI       0x02u
#define ICW4_SFNM       0x10u
#define OCW2_INPUT      0x07u
#define OCW3            0x08u
#define OCW3_READ_ISR   0x01u
#define OCW3_READ       0x02u
#define OCW3_POLL       0x04u
#define OCW3_MASK       0x20u
#define OCW3_MASK_VALID 0x40u
#define POLL_REQUEST    0x80u

/* OCW2's upper three bits. */
#define ROTATE_AUTO_OFF 0u
#define EOI             1u
#define EOI_OF          3u
#define ROTATE_AUTO_ON  4u
#define EOI_ROTATE      5u
#define SET_PRIORITY    6u
#define EOI_OF_ROTATE   7u

/* Timer, keyboard, cascade, clock and coprocessor are edge-triggered (82371AB, 4.2.4). */
static const uint8_t elcr_bits[2] = { 0xf8, 0xde };

/* How near to the top the best of `inputs` is; PINS: there is none. */
static unsigned best(const struct vmmp_i8259_chip *chip, uint8_t inputs)
{
    unsigned rank = 0;
    while (rank < PINS && !(inputs >> ((chip->lowest + 1 + rank) % PINS) & 1)) {
        rank++;
    }
    return rank;
}

static unsigned input_of(const struct vmmp_i8259_chip *chip, unsigned rank)
{
    return (chip->lowest + 1 + rank) % PINS;
}

/* The input whose turn it is; PINS: none. */
static unsigned pending(const struct vmmp_i8259 *pic, unsigned which)
{
    const struct vmmp_i8259_chip *chip = &pic->chips[which];
    uint8_t busy = chip->in_service;
    if (chip->special_mask) {
        busy = (uint8_t)(busy & ~chip->masked);
    }
    if (chip->fully_nested && which == MASTER) {
        /* The slave may interrupt again: it knows its own priorities. */
        busy = (uint8_t)(busy & ~(1u << CASCADE));
    }
    unsigned rank = best(chip, (uint8_t)(chip->requests & ~chip->masked));
    return rank < best(chip, busy) ? input_of(chip, rank) : PINS;
}

static void set_input(struct vmmp_i8259_chip *chip, unsigned input, bool high)
{
    uint8_t bit = (uint8_t)(1u << input);
    bool was = chip->inputs & bit;
    chip->inputs = (uint8_t)(high ? chip->inputs | bit : chip->inputs & ~bit);
    if (chip->levels & bit) {
        chip->requests = (uint8_t)(high ? chip->requests | bit : chip->requests & ~bit);
    } else if (high && !was) {
        chip->requests |= bit;
    }
}

static void update(struct vmmp_i8259 *pic)
{
    /* The slave's output is a level that ends with its acknowledgement. */
    bool slave = pending(pic, SLAVE) < PINS;
    set_input(&pic->chips[MASTER], CASCADE, slave);
    if (!slave) {
        pic->chips[MASTER].requests &= (uint8_t) ~(1u << CASCADE);
    }
    bool high = pending(pic, MASTER) < PINS;
    if (high != pic->high) {
        pic->high = high;
        pic->config.output(pic->config.cookie, high);
    }
}

static void tell_eoi(struct vmmp_i8259 *pic, unsigned which, unsigned input)
{
    struct vmmp_i8259_chip *chip = &pic->chips[which];
    if (pic->config.eoi && !(which == MASTER && input == CASCADE)) {
        bool high = chip->inputs >> input & 1;
        set_input(chip, input, pic->config.eoi(pic->config.cookie, which * PINS + input, high));
    }
}

static void end_of_interrupt(struct vmmp_i8259 *pic, unsigned which, unsigned input, bool rotate)
{
    struct vmmp_i8259_chip *chip = &pic->chips[which];
    bool served = chip->in_service >> input & 1;
    chip->in_service &= (uint8_t) ~(1u << input);
    if (rotate) {
        chip->lowest = (uint8_t)input;
    }
    if (served) {
        tell_eoi(pic, which, input);
    }
}

/* What INTA does to one controller. */
static void take(struct vmmp_i8259 *pic, unsigned which, unsigned input)
{
    struct vmmp_i8259_chip *chip = &pic->chips[which];
    uint8_t bit = (uint8_t)(1u << input);
    if (!(chip->levels & bit)) {
        chip->requests = (uint8_t)(chip->requests & ~bit);
    }
    chip->in_service |= bit;
    if (chip->auto_eoi) {
        end_of_interrupt(pic, which, input, chip->rotates);
    }
}

/* ---- registers ------------------------------------------------------------------------------ */

static void begin_initialization(struct vmmp_i8259_chip *chip, unsigned value)
{
    /* Edges are forgotten, levels are still there. */
    chip->requests = chip->inputs & chip->levels;
    chip->in_service = 0;
    chip->masked = 0;
    chip->lowest = PINS - 1;
    chip->reads_in_service = chip->polled = chip->special_mask = false;
    chip->fully_nested = chip->auto_eoi = chip->rotates = false;
    chip->wants_icw4 = value & ICW1_ICW4;
    chip->single = value & ICW1_SINGLE;
    chip->expected = 2;
}

static void continue_initialization(struct vmmp_i8259_chip *chip, unsigned value)
{
    if (chip->expected == 2) {
        chip->base = (uint8_t)(value & ICW2_VECTOR);
        chip->expected = chip->single ? 4 : 3;
    } else if (chip->expected == 3) {
        chip->expected = 4; /* Where the slave is cannot be changed. */
    } else {
        chip->auto_eoi = value & ICW4_AEOI;
        chip->fully_nested = value & ICW4_SFNM;
        chip->expected = 0;
    }
    if (chip->expected == 4 && !chip->wants_icw4) {
        chip->expected = 0;
    }
}

static void write_ocw2(struct vmmp_i8259 *pic, unsigned which, unsigned value)
{
    struct vmmp_i8259_chip *chip = &pic->chips[which];
    unsigned command = value >> 5;
    unsigned input = value & OCW2_INPUT;
    switch (command) {
    case ROTATE_AUTO_OFF:
    case ROTATE_AUTO_ON:
        chip->rotates = command == ROTATE_AUTO_ON;
        break;
    case EOI:
    case EOI_ROTATE: {
        uint8_t busy = chip->in_service;
        if (chip->special_mask) {
            /* "An IR that is masked will not be cleared" (data sheet, special mask mode). */
            busy = (uint8_t)(busy & ~chip->masked);
        }
        unsigned rank = best(chip, busy);
        if (rank < PINS) {
            end_of_interrupt(pic, which, input_of(chip, rank), command == EOI_ROTATE);
        }
        break;
    }
    case EOI_OF:
    case EOI_OF_ROTATE:
        end_of_interrupt(pic, which, input, command == EOI_OF_ROTATE);
        break;
    case SET_PRIORITY:
        chip->lowest = (uint8_t)input;
        break;
    default:
        break;
    }
}

static void write_ocw3(struct vmmp_i8259_chip *chip, unsigned value)
{
    chip->polled = value & OCW3_POLL;
    if (value & OCW3_READ) {
        chip->reads_in_service = value & OCW3_READ_ISR;
    }
    if (value & OCW3_MASK_VALID) {
        chip->special_mask = value & OCW3_MASK;
    }
}

static void write_byte(struct vmmp_i8259 *pic, unsigned which, unsigned port, unsigned value)
{
    struct vmmp_i8259_chip *chip = &pic->chips[which];
    if (port == DATA_PORT) {
        if (chip->expected) {
            continue_initialization(chip, value);
        } else {
            chip->masked = (uint8_t)value;
        }
    } else if (value & ICW1) {
        begin_initialization(chip, value);
    } else if (value & OCW3) {
        write_ocw3(chip, value);
    } else {
        write_ocw2(pic, which, value);
    }
    update(pic);
}

/* A poll is an acknowledgement: the read takes the interrupt. */
static uint8_t poll(struct vmmp_i8259 *pic, unsigned which)
{
    unsigned input = pending(pic, which);
    pic->chips[which].polled = false;
    if (input == PINS) {
        return 0;
    }
    take(pic, which, input);
    update(pic);
    return (uint8_t)(POLL_REQUEST | input);
}

static uint8_t read_byte(struct vmmp_i8259 *pic, unsigned which, unsigned port)
{
    const struct vmmp_i8259_chip *chip = &pic->chips[which];
    if (chip->polled) {
        return poll(pic, which);
    }
    if (port == DATA_PORT) {
        return chip->masked;
    }
    return chip->reads_in_service ? chip->in_service : chip->requests;
}

static uint64_t read_chip(struct vmmp_i8259 *pic, unsigned which, uint64_t offset, unsigned size)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++) {
        value |= (uint64_t)read_byte(pic, which, (unsigned)offset + i) << (8 * i);
    }
    return value;
}

static void write_chip(struct vmmp_i8259 *pic, unsigned which, uint64_t offset, unsigned size,
                       uint64_t value)
{
    for (unsigned i = 0; i < size; i++) {
        write_byte(pic, which, (unsigned)offset + i, (unsigned)(value >> (8 * i)) & 0xff);
    }
}

static uint64_t master_read(void *cookie, uint64_t offset, unsigned size)
{
    return read_chip(cookie, MASTER, offset, size);
}

static void master_write(void *cookie, uint64_t offset, unsigned size, uint64_t value)
{
    write_chip(cookie, MASTER, offset, size, value);
}

static uint64_t slave_read(void *cookie, uint64_t offset, unsigned size)
{
    return read_chip(cookie, SLAVE, offset, size);
}

static void slave_write(void *cookie, uint64_t offset, unsigned size, uint64_t value)
{
    write_chip(cookie, SLAVE, offset, size, value);
}

static uint64_t elcr_read(void *cookie, uint64_t offset, unsigned size)
{
    const struct vmmp_i8259 *pic = cookie;
    (void)size;
    return ((uint64_t)pic->chips[MASTER].levels | (uint64_t)pic->chips[SLAVE].levels << 8) >>
           8 * offset;
}

static void elcr_write(void *cookie, uint64_t offset, unsigned size, uint64_t value)
{
    struct vmmp_i8259 *pic = cookie;
    for (unsigned i = 0; i < size; i++) {
        struct vmmp_i8259_chip *chip = &pic->chips[offset + i];
        uint8_t levels = (uint8_t)(value >> (8 * i) & elcr_bits[offset + i]);
        uint8_t were = chip->levels & (uint8_t)~levels;
        /* What becomes a level is requested while it is high, and what no longer is one is not. */
        chip->requests = (uint8_t)((chip->requests & ~were & ~levels) | (chip->inputs & levels));
        chip->levels = levels;
    }
    update(pic);
}

/* ---- the outside ---------------------------------------------------------------------------- */

int vmmp_i8259_init(struct vmmp_i8259 *pic, const struct vmmp_i8259_config *config)
{
    static const struct vmmp_window_ops master_ops = { master_read, master_write };
    static const struct vmmp_window_ops slave_ops = { slave_read, slave_write };
    static const struct vmmp_window_ops elcr_ops = { elcr_read, elcr_write };
    memset(pic, 0, sizeof(*pic));
    if (!config->output) {
        return -EINVAL;
    }
    pic->config = *config;
    int error = vmmp_host_context_init(&config->host, &pic->context);
    if (error) {
        return error;
    }
    for (unsigned i = 0; i < 2; i++) {
        begin_initialization(&pic->chips[i], 0);
        pic->chips[i].expected = 0;
    }
    pic->master = (struct vmmp_window){ .name = "i8259-master", .ops = &master_ops, .size = 2 };
    pic->slave = (struct vmmp_window){ .name = "i8259-slave", .ops = &slave_ops, .size = 2 };
    pic->elcr = (struct vmmp_window){ .name = "i8259-elcr", .ops = &elcr_ops, .size = 2 };
    pic->master.device = pic->slave.device = pic->elcr.device = pic;
    pic->master.context = pic->slave.context = pic->elcr.context = &pic->context;
    return 0;
}

void vmmp_i8259_fini(struct vmmp_i8259 *pic)
{
    vmmp_host_context_fini(&pic->config.host, &pic->context);
}

void vmmp_i8259_set(struct vmmp_i8259 *pic, unsigned input, bool high)
{
    if (input >= VMMP_I8259_INPUTS || input == CASCADE) {
        return;
    }
    vmmp_context_enter(&pic->context);
    set_input(&pic->chips[input / PINS], input % PINS, high);
    update(pic);
    vmmp_context_leave(&pic->context);
}

bool vmmp_i8259_output(struct vmmp_i8259 *pic)
{
    vmmp_context_enter(&pic->context);
    bool high = pic->high;
    vmmp_context_leave(&pic->context);
    return high;
}

static uint8_t acknowledge(struct vmmp_i8259 *pic)
{
    unsigned input = pending(pic, MASTER);
    if (input == PINS) {
        return (uint8_t)(pic->chips[MASTER].base + SPURIOUS);
    }
    unsigned behind = pending(pic, SLAVE); /* Before the cascade's acknowledgement. */
    take(pic, MASTER, input);
    if (input != CASCADE) {
        return (uint8_t)(pic->chips[MASTER].base + input);
    }
    if (behind == PINS) {
        return (uint8_t)(pic->chips[SLAVE].base + SPURIOUS);
    }
    take(pic, SLAVE, behind);
    return (uint8_t)(pic->chips[SLAVE].base + behind);
}

uint8_t vmmp_i8259_acknowledge(struct vmmp_i8259 *pic)
{
    vmmp_context_enter(&pic->context);
    uint8_t vector = acknowledge(pic);
    update(pic);
    vmmp_context_leave(&pic->context);
    return vector;
}
