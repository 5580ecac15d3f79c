/* SPDX-License-Identifier: BSD-2-Clause */
/* A PL061: any register, width and value, pins that move outside, resets. */
#include <sel4vmmplatsupport/vmmp/pl061.h>

#include "fuzz_input.h"

#define DATA 0x3fc
#define RIS  0x414
#define MIS  0x418

static struct vmmp_pl061 gpio;
static struct vmmp_irq_line line;
static bool level;

static void set_level(void *cookie, bool high)
{
    (void)cookie;
    FUZZ_CHECK(level != high);
    level = high;
}

static const struct vmmp_irq_line_ops line_ops = { .level = set_level };

static void changed(void *cookie, unsigned pin, bool high)
{
    (void)cookie;
    FUZZ_CHECK(pin < VMMP_PL061_PINS);
    FUZZ_CHECK(gpio.direction >> pin & 1 && (gpio.driven >> pin & 1) == high);
}

static uint32_t get(uint32_t offset)
{
    return (uint32_t)vmmp_window_read(&gpio.window, offset, 4);
}

static void check(void)
{
    uint32_t inputs = (uint32_t)gpio.outside & ~(uint32_t)gpio.direction;

    FUZZ_CHECK((get(DATA) & ~(uint32_t)gpio.direction) == inputs);
    FUZZ_CHECK(get(MIS) == (get(RIS) & gpio.enabled));
    FUZZ_CHECK(level == (get(MIS) != 0));
}

static void step(struct fuzz_input *in)
{
    uint8_t what = fuzz_u8(in);
    uint32_t offset = what & 0x40 ? fuzz_u16(in) & 0xfff : 0x3e0u + (fuzz_u8(in) & 0x1f) * 4u;
    unsigned size = what & 0x80 ? fuzz_width(in) : 4;

    switch (what & 7) {
    case 0:
    case 1:
        vmmp_pl061_drive(&gpio, what >> 3 & 0xf, what & 1);
        break;
    case 2:
        if ((what & 0x38) == 0) {
            vmmp_pl061_reset(&gpio);
        }
        break;
    case 3:
        vmmp_window_read(&gpio.window, offset, size);
        break;
    default:
        vmmp_window_write(&gpio.window, offset, size, fuzz_number(in, size));
        break;
    }
    check();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = { data, size };
    const struct vmmp_host host = { NULL, NULL };
    const struct vmmp_pl061_config config = { .irq = &line, .changed = changed };

    level = false;
    FUZZ_CHECK(!vmmp_irq_line_init(&line, &line_ops, NULL, &host));
    FUZZ_CHECK(!vmmp_pl061_init(&gpio, &config));
    while (in.left) {
        step(&in);
    }
    vmmp_pl061_fini(&gpio);
    FUZZ_CHECK(!level);
    vmmp_irq_line_fini(&line);
    return 0;
}
