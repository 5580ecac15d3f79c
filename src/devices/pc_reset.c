/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Intel ICH9 data sheet 13.7 (ports 0x92 and 0xCF9); IBM PS/2 Hardware Interface Technical
 * Reference, keyboard controller (the 8042's commands).
 */
#include <sel4vmmplatsupport/vmmp/pc_reset.h>

#include <errno.h>
#include <string.h>

#define PORT_A_RESET 0x01u
#define PORT_A_A20   0x02u

#define CONTROL_RST_CPU 0x04u
#define CONTROL_BITS    0x0eu

#define STATUS_OUTPUT_FULL 0x01u
#define STATUS_SYSTEM      0x04u
#define STATUS_COMMAND     0x08u
#define STATUS_UNLOCKED    0x10u

#define READ_COMMAND_BYTE  0x20
#define WRITE_COMMAND_BYTE 0x60
#define DISABLE_MOUSE      0xa7
#define ENABLE_MOUSE       0xa8
#define TEST_MOUSE         0xa9
#define SELF_TEST          0xaa
#define TEST_KEYBOARD      0xab
#define DISABLE_KEYBOARD   0xad
#define ENABLE_KEYBOARD    0xae
#define READ_OUTPUT_PORT   0xd0
#define WRITE_OUTPUT_PORT  0xd1
#define LOOP_MOUSE         0xd3 /* The next byte comes back as if the mouse had sent it. */
#define PULSE              0xf0 /* Bits 3:0: the outputs that are not pulsed. */

#define COMMAND_BYTE_NO_KEYBOARD 0x10u
#define COMMAND_BYTE_NO_MOUSE    0x20u

#define OUTPUT_NOT_RESET 0x01u
#define OUTPUT_A20       0x02u

#define PASSED       0x55
#define NO_INTERFACE 0x01 /* Clock line stuck low: nothing is there. */

static void reset_machine(struct vmmp_pc_reset *device)
{
    device->config.reset(device->config.cookie);
}

/* System control port A. */

static uint64_t port_a_read(void *cookie, uint64_t offset, unsigned size)
{
    const struct vmmp_pc_reset *device = cookie;

    (void)offset;
    (void)size;
    return device->port_a_value;
}

static void port_a_write(void *cookie, uint64_t offset, unsigned size, uint64_t value)
{
    struct vmmp_pc_reset *device = cookie;
    bool rises = value & ~(uint64_t)device->port_a_value & PORT_A_RESET;

    (void)offset;
    (void)size;
    device->port_a_value = (uint8_t)(value & (PORT_A_RESET | PORT_A_A20));
    if (rises) {
        reset_machine(device);
    }
}

/* Reset control register. */

static uint64_t control_read(void *cookie, uint64_t offset, unsigned size)
{
    const struct vmmp_pc_reset *device = cookie;

    (void)offset;
    (void)size;
    return device->control_value;
}

static void control_write(void *cookie, uint64_t offset, unsigned size, uint64_t value)
{
    struct vmmp_pc_reset *device = cookie;
    bool rises = value & ~(uint64_t)device->control_value & CONTROL_RST_CPU;

    (void)offset;
    (void)size;
    device->control_value = (uint8_t)(value & CONTROL_BITS);
    if (rises) {
        reset_machine(device);
    }
}

/* The 8042. */

static void answer(struct vmmp_pc_reset *device, uint8_t byte)
{
    device->answer = byte;
    device->answered = true;
}

static uint64_t status_read(void *cookie, uint64_t offset, unsigned size)
{
    const struct vmmp_pc_reset *device = cookie;

    (void)offset;
    (void)size;
    return STATUS_UNLOCKED | (device->expected ? STATUS_COMMAND : 0) |
           (device->tested ? STATUS_SYSTEM : 0) | (device->answered ? STATUS_OUTPUT_FULL : 0);
}

static void command_write(void *cookie, uint64_t offset, unsigned size, uint64_t value)
{
    struct vmmp_pc_reset *device = cookie;

    (void)offset;
    (void)size;
    device->expected = 0;
    switch (value) {
    case READ_COMMAND_BYTE:
        answer(device, device->command_byte);
        break;
    case WRITE_COMMAND_BYTE:
    case WRITE_OUTPUT_PORT:
    case LOOP_MOUSE:
        device->expected = (uint8_t)value;
        break;
    case DISABLE_MOUSE:
        device->command_byte |= COMMAND_BYTE_NO_MOUSE;
        break;
    case ENABLE_MOUSE:
        device->command_byte &= (uint8_t)~COMMAND_BYTE_NO_MOUSE;
        break;
    case DISABLE_KEYBOARD:
        device->command_byte |= COMMAND_BYTE_NO_KEYBOARD;
        break;
    case ENABLE_KEYBOARD:
        device->command_byte &= (uint8_t)~COMMAND_BYTE_NO_KEYBOARD;
        break;
    case SELF_TEST:
        device->tested = true;
        answer(device, PASSED);
        break;
    case TEST_MOUSE:
    case TEST_KEYBOARD:
        answer(device, NO_INTERFACE);
        break;
    case READ_OUTPUT_PORT:
        answer(device, device->output_port);
        break;
    default:
        if (value >= PULSE && !(value & OUTPUT_NOT_RESET)) {
            reset_machine(device);
        }
        break;
    }
}

static uint64_t data_read(void *cookie, uint64_t offset, unsigned size)
{
    struct vmmp_pc_reset *device = cookie;

    (void)offset;
    (void)size;
    device->answered = false;
    return device->answer;
}

/* A byte for a keyboard that is not there is lost. */
static void data_write(void *cookie, uint64_t offset, unsigned size, uint64_t value)
{
    struct vmmp_pc_reset *device = cookie;
    unsigned command = device->expected;

    (void)offset;
    (void)size;
    device->expected = 0;
    if (command == WRITE_COMMAND_BYTE) {
        device->command_byte = (uint8_t)value;
    } else if (command == WRITE_OUTPUT_PORT) {
        device->output_port = (uint8_t)value | OUTPUT_NOT_RESET;
        if (!(value & OUTPUT_NOT_RESET)) {
            reset_machine(device);
        }
    } else if (command == LOOP_MOUSE) {
        /* There is no mouse's port. Linux waits half a second, polling, for an answer of any kind.
         */
        answer(device, (uint8_t)~value);
    }
}

/* Debug exit. */

static uint64_t debug_read(void *cookie, uint64_t offset, unsigned size)
{
    (void)cookie;
    (void)offset;
    (void)size;
    return 0;
}

static void debug_write(void *cookie, uint64_t offset, unsigned size, uint64_t value)
{
    struct vmmp_pc_reset *device = cookie;

    (void)offset;
    (void)size;
    if (device->config.debug_exit) {
        device->config.debug_exit(device->config.cookie, (uint32_t)value);
    }
}

static const struct vmmp_window_ops port_a_ops = { port_a_read, port_a_write };
static const struct vmmp_window_ops control_ops = { control_read, control_write };
static const struct vmmp_window_ops data_ops = { data_read, data_write };
static const struct vmmp_window_ops command_ops = { status_read, command_write };
static const struct vmmp_window_ops debug_ops = { debug_read, debug_write };

static void init_window(struct vmmp_pc_reset *device, struct vmmp_window *window, const char *name,
                        const struct vmmp_window_ops *ops, uint64_t size)
{
    window->name = name;
    window->ops = ops;
    window->device = device;
    window->size = size;
    window->context = &device->context;
}

static void restart(struct vmmp_pc_reset *device)
{
    device->port_a_value = PORT_A_A20;
    device->control_value = 0;
    device->command_byte = COMMAND_BYTE_NO_KEYBOARD | COMMAND_BYTE_NO_MOUSE;
    device->output_port = OUTPUT_NOT_RESET | OUTPUT_A20;
    device->answer = 0;
    device->expected = 0;
    device->answered = false;
    device->tested = false;
}

int vmmp_pc_reset_init(struct vmmp_pc_reset *device, const struct vmmp_pc_reset_config *config)
{
    memset(device, 0, sizeof(*device));
    if (!config->reset) {
        return -EINVAL;
    }
    device->config = *config;
    int err = vmmp_host_context_init(&config->host, &device->context);
    if (err) {
        return err;
    }
    init_window(device, &device->port_a, "port-92", &port_a_ops, 1);
    init_window(device, &device->control, "port-cf9", &control_ops, 1);
    init_window(device, &device->keyboard_data, "i8042-data", &data_ops, 1);
    init_window(device, &device->keyboard_command, "i8042-command", &command_ops, 1);
    init_window(device, &device->debug_exit, "debug-exit", &debug_ops, 4);
    restart(device);
    return 0;
}

void vmmp_pc_reset_fini(struct vmmp_pc_reset *device)
{
    vmmp_host_context_fini(&device->config.host, &device->context);
}

void vmmp_pc_reset_restart(struct vmmp_pc_reset *device)
{
    vmmp_context_enter(&device->context);
    restart(device);
    vmmp_context_leave(&device->context);
}
