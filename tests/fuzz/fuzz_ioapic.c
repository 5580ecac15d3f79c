/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest that does anything with an I/O APIC while devices drive its inputs. */
#include "fuzz_input.h"

#include <sel4vmmplatsupport/vmmp/ioapic.h>

struct machine {
    struct vmmp_ioapic ioapic;
    struct vmmp_ioapic_message routes[VMMP_IOAPIC_PINS];
    unsigned sent; /* In the present step. */
    bool lowers;
};

static void on_deliver(void *cookie, unsigned pin, const struct vmmp_ioapic_message *message)
{
    struct machine *m = cookie;
    FUZZ_CHECK(pin < VMMP_IOAPIC_PINS);
    FUZZ_CHECK(m->routes[pin].address == message->address);
    FUZZ_CHECK(m->routes[pin].data == message->data);
    FUZZ_CHECK(message->address >> 20 == 0xfee);
    m->sent++;
}

static void on_route(void *cookie, unsigned pin, const struct vmmp_ioapic_message *message)
{
    FUZZ_CHECK(pin < VMMP_IOAPIC_PINS);
    ((struct machine *)cookie)->routes[pin] = *message;
}

static bool on_eoi(void *cookie, unsigned pin, bool high)
{
    FUZZ_CHECK(pin < VMMP_IOAPIC_PINS);
    return high && !((struct machine *)cookie)->lowers;
}

/* A level is served once at a time; a masked one asks for nothing. */
static void check_entries(const struct vmmp_ioapic *ioapic)
{
    for (unsigned pin = 0; pin < VMMP_IOAPIC_PINS; pin++) {
        uint64_t entry = ioapic->entries[pin];
        bool level = entry >> 15 & 1;
        bool served = entry >> 14 & 1;
        bool masked = entry >> 16 & 1;
        FUZZ_CHECK(level || !served);
        FUZZ_CHECK(!level || masked || served || !(ioapic->inputs >> pin & 1));
        FUZZ_CHECK(!(entry & UINT64_C(0x00fffffffffe1000)));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = { data, size };
    struct machine m = { .lowers = false };
    const struct vmmp_ioapic_config config = {
        .deliver = on_deliver, .route = on_route, .eoi = on_eoi, .cookie = &m
    };
    FUZZ_CHECK(!vmmp_ioapic_init(&m.ioapic, &config));
    while (in.left) {
        uint8_t what = fuzz_u8(&in);
        m.sent = 0;
        switch (what & 7) {
        case 0: /* A whole entry's half. */
            vmmp_window_write(&m.ioapic.window, 0, 4,
                              0x10 + (what >> 3 & 15) + (what >> 7 ? 32 : 0));
            vmmp_window_write(&m.ioapic.window, 0x10, 4,
                              fuzz_u8(&in) | (uint32_t)fuzz_u8(&in) << 8 |
                                  (uint32_t)fuzz_u8(&in) << 16 | (uint32_t)fuzz_u8(&in) << 24);
            break;
        case 1:
            vmmp_window_write(&m.ioapic.window, fuzz_u8(&in) & 0x7f, 1u << (what >> 3 & 3),
                              fuzz_u8(&in) | (uint32_t)fuzz_u8(&in) << 8);
            break;
        case 2:
            vmmp_window_read(&m.ioapic.window, fuzz_u8(&in) & 0x7f, 1u << (what >> 3 & 3));
            break;
        case 3:
            m.lowers = what & 8;
            break;
        case 4:
            vmmp_ioapic_observe(&m.ioapic, what >> 3);
            break;
        case 5:
        case 6:
            vmmp_ioapic_set(&m.ioapic, what >> 3 & 31, fuzz_u8(&in) & 1);
            FUZZ_CHECK(m.sent <= 1);
            break;
        default:
            vmmp_ioapic_eoi(&m.ioapic, fuzz_u8(&in));
            break;
        }
        FUZZ_CHECK(m.sent <= VMMP_IOAPIC_PINS);
        check_entries(&m.ioapic);
    }
    vmmp_ioapic_fini(&m.ioapic);
    return 0;
}
