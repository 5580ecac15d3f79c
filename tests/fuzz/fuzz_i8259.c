/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest that does anything with a PC's 8259s while devices drive their inputs. */
#include "fuzz_input.h"

#include <sel4vmmplatsupport/vmmp/i8259.h>

struct machine {
    bool high;
    bool lowers;
};

static void on_output(void *cookie, bool high)
{
    struct machine *m = cookie;
    FUZZ_CHECK(m->high != high);
    m->high = high;
}

static bool on_eoi(void *cookie, unsigned input, bool high)
{
    FUZZ_CHECK(input < VMMP_I8259_INPUTS && input != 2);
    return high && !((struct machine *)cookie)->lowers;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = { data, size };
    struct machine m = { false, false };
    struct vmmp_i8259 pic;
    const struct vmmp_i8259_config config = { .output = on_output, .eoi = on_eoi, .cookie = &m };
    FUZZ_CHECK(!vmmp_i8259_init(&pic, &config));
    struct vmmp_window *const windows[] = { &pic.master, &pic.slave, &pic.elcr, &pic.master };
    while (in.left) {
        uint8_t what = fuzz_u8(&in);
        struct vmmp_window *window = windows[what >> 3 & 3];
        switch (what & 7) {
        case 0:
        case 1:
            vmmp_window_write(window, what >> 7, 1, fuzz_u8(&in));
            break;
        case 2:
            vmmp_window_write(window, 0, 2, fuzz_u8(&in) | (unsigned)fuzz_u8(&in) << 8);
            break;
        case 3:
            vmmp_window_read(window, what >> 7, 1);
            break;
        case 4:
            m.lowers = what & 8;
            break;
        case 5:
        case 6:
            vmmp_i8259_set(&pic, what >> 3 & 15, what >> 7);
            break;
        default: {
            bool high = m.high;
            uint8_t vector = vmmp_i8259_acknowledge(&pic);
            /* Nothing to take is input 7 of the first. */
            FUZZ_CHECK(high || vector == (uint8_t)(pic.chips[0].base + 7));
            break;
        }
        }
        FUZZ_CHECK(m.high == vmmp_i8259_output(&pic));
        FUZZ_CHECK(!(pic.chips[0].levels & 7) && !(pic.chips[1].levels & 0x21));
        FUZZ_CHECK(pic.chips[0].lowest < 8 && pic.chips[1].lowest < 8);
    }
    vmmp_i8259_fini(&pic);
    return 0;
}
