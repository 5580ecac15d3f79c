/* SPDX-License-Identifier: BSD-2-Clause */
/* Tegra K1 Technical Reference Manual, chapter Clock and Reset Controller. */
#include <sel4vmmplatsupport/vmmp/tegra_car.h>

#include <string.h>

#include "bus/words.h"

#define RST_DEVICES_L    0x004
#define CLK_OUT_ENB_L    0x010
#define CLK_OUT_ENB_H    0x014
#define CLK_OUT_ENB_U    0x018
#define SCLK_BURST       0x028
#define OSC_CTRL         0x050
#define PLLP_OUTA        0x0a4
#define PLLP_OUTB        0x0a8
#define CLK_SOURCE_EMC   0x19c
#define CLK_SOURCE_UARTD 0x1c0
#define CCLKG_BURST      0x368
#define CCLKLP_BURST     0x370
#define CPU_CMPLX_STATUS 0x470

#define SWR_TRIG_SYS_RST (1u << 2) /* Of RST_DEVICES_L. */

#define OSC_12MHZ  (8u << 28)
#define BURST_RUN  (2u << 28) /* State RUN, and what each state's clock comes from: */
#define CCLK_PLLX  0x8888u
#define SCLK_PLLP4 0x2222u
#define EMC_PLLM   (4u << 29)
#define FROM_PLLP  0u

/* Of OUTA and OUTB, twice: a divisor d as 2d - 2; overridden, has a clock, not in reset. */
#define PLLP_OUTS(high, low) ((uint32_t)(high) << 24 | 7u << 16 | (uint32_t)(low) << 8 | 7u)
#define DIV_9_6              83 /* MHz, from 408 */
#define DIV_48               15
#define DIV_102              6
#define DIV_204              2

/* Devices that have a clock when the kernel comes: bits of CLK_OUT_ENB. */
#define ENB_L_RTC   (1u << 4)
#define ENB_L_TIMER (1u << 5)
#define ENB_H_MEM   (1u << 0)
#define ENB_H_PMC   (1u << 6)
#define ENB_H_FUSE  (1u << 7)
#define ENB_U_UARTD (1u << 1)

/* BASE of a PLL: its output is crystal * N / (M * what P stands for). */
#define PLL_ENABLE   (1u << 30)
#define PLL_OVERRIDE (1u << 28) /* PLLP: N, M and P say what it makes. */
#define PLL_LOCK     (1u << 27)
#define PLL_N_SHIFT  8
#define PLL_P_SHIFT  20

#define PLLE_MISC_LOCK  (1u << 11)
#define PLLRE_MISC_LOCK (1u << 24)

/* Widths of N, M and P, and the divisor that each value of P is; 0: there is none. */
struct pll_kind {
    uint8_t n_bits, m_bits, p_bits;
    uint8_t divisors[16];
};

static const struct pll_kind kinds[] = {
    { 8, 8, 4, { 1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 12, 16, 20, 24, 32 } }, /* C, X */
    { 8, 8, 1, { 1, 2 } },                                                /* M */
    { 10, 5, 3, { 1, 2, 4, 8, 16, 32, 64, 128 } },                        /* P */
    { 10, 5, 1, { 2, 1 } },                                               /* U */
};

struct pll {
    const char *name; /* NULL: it is off at rest, and nobody asks for its rate. */
    uint16_t base;
    uint16_t misc; /* Where LOCK is; 0: in BASE. */
    uint32_t lock;
    uint8_t kind;
    uint8_t m, p;
    uint16_t n; /* At rest; 0: it is off. */
};

/* At rest: what firmware leaves on a Jetson TK1, in MHz behind. */
static const struct pll plls[] = {
    { "pllc", 0x080, 0, PLL_LOCK, 0, 1, 1, 100 },  /* 600 */
    { "pllm", 0x090, 0, PLL_LOCK, 1, 1, 0, 77 },   /* 924 */
    { "pllp", 0x0a0, 0, PLL_LOCK, 2, 12, 0, 408 }, /* 408 */
    { NULL, 0x0b0, 0, PLL_LOCK, 0, 0, 0, 0 },      /* A */
    { "pllu", 0x0c0, 0, PLL_LOCK, 3, 12, 0, 0 },
    { NULL, 0x0d0, 0, PLL_LOCK, 0, 0, 0, 0 },            /* D */
    { "pllx", 0x0e0, 0, PLL_LOCK, 0, 1, 1, 116 },        /* 696 */
    { NULL, 0x0e8, 0x0ec, PLLE_MISC_LOCK, 0, 0, 0, 0 },  /* E */
    { NULL, 0x4b8, 0, PLL_LOCK, 0, 0, 0, 0 },            /* D2 */
    { NULL, 0x4c4, 0x4c8, PLLRE_MISC_LOCK, 0, 0, 0, 0 }, /* RE */
    { NULL, 0x4e8, 0, PLL_LOCK, 0, 0, 0, 0 },            /* C2 */
    { NULL, 0x4fc, 0, PLL_LOCK, 0, 0, 0, 0 },            /* C3 */
    { NULL, 0x590, 0, PLL_LOCK, 0, 0, 0, 0 },            /* DP */
    { NULL, 0x5a4, 0, PLL_LOCK, 0, 0, 0, 0 },            /* C4 */
};

static const struct word_bits bits[] = {
    { 0x004, 0x300, 0x304 }, /* RST_DEVICES: L, */
    { 0x008, 0x308, 0x30c }, /* H, */
    { 0x00c, 0x310, 0x314 }, /* U, */
    { 0x358, 0x430, 0x434 }, /* V, */
    { 0x35c, 0x438, 0x43c }, /* W, */
    { 0x28c, 0x290, 0x294 }, /* X */
    { 0x010, 0x320, 0x324 }, /* CLK_OUT_ENB: L, */
    { 0x014, 0x328, 0x32c }, /* H, */
    { 0x018, 0x330, 0x334 }, /* U, */
    { 0x360, 0x440, 0x444 }, /* V, */
    { 0x364, 0x448, 0x44c }, /* W, */
    { 0x280, 0x284, 0x288 }, /* X */
    { 0x340, 0x340, 0x344 }, /* RST_CPU_CMPLX */
    { 0x04c, 0x348, 0x34c }, /* CLK_CPU_CMPLX */
    { 0x450, 0x450, 0x454 }, /* RST_CPUG_CMPLX */
    { 0x458, 0x458, 0x45c }, /* RST_CPULP_CMPLX */
    { 0x460, 0x460, 0x464 }, /* CLK_CPUG_CMPLX */
    { 0x468, 0x468, 0x46c }, /* CLK_CPULP_CMPLX */
};

static uint32_t *word(struct vmmp_tegra_car *car, uint32_t offset)
{
    return &car->words[offset / 4];
}

/* ---- PLLs ---- */

static void lock(struct vmmp_tegra_car *car, const struct pll *pll)
{
    uint32_t *where = word(car, pll->misc ? pll->misc : pll->base);
    *where &= ~pll->lock;
    *where |= *word(car, pll->base) & PLL_ENABLE ? pll->lock : 0;
}

static void lock_if_pll(struct vmmp_tegra_car *car, uint32_t offset)
{
    for (size_t i = 0; i < sizeof(plls) / sizeof(plls[0]); i++) {
        if (offset == plls[i].base || (plls[i].misc && offset == plls[i].misc)) {
            lock(car, &plls[i]);
            return;
        }
    }
}

static uint32_t field(uint32_t value, unsigned shift, unsigned width)
{
    return value >> shift & ((1u << width) - 1);
}

uint64_t vmmp_tegra_car_pll_rate(const struct vmmp_tegra_car *car, const char *name)
{
    for (size_t i = 0; i < sizeof(plls) / sizeof(plls[0]); i++) {
        if (!plls[i].name || strcmp(plls[i].name, name) != 0) {
            continue;
        }
        const struct pll_kind *kind = &kinds[plls[i].kind];
        uint32_t base = car->words[plls[i].base / 4];
        uint32_t m = field(base, 0, kind->m_bits);
        uint64_t n = field(base, PLL_N_SHIFT, kind->n_bits);
        uint32_t p = kind->divisors[field(base, PLL_P_SHIFT, kind->p_bits)];
        return base & PLL_ENABLE && m && p ? VMMP_TEGRA_CAR_CRYSTAL * n / m / p : 0;
    }
    return 0;
}

/* ---- Registers ---- */

static const struct word_bits *bits_at(uint32_t offset)
{
    return word_bits_at(bits, sizeof(bits) / sizeof(bits[0]), offset);
}

static void end(struct vmmp_tegra_car *car)
{
    if (car->config.reset) {
        car->config.reset(car->config.cookie);
    } else {
        vmmp_log_guest(car->config.log, &car->ignored,
                       "tegra-car: the guest asks for a reset, which nobody does");
    }
}

static uint32_t read_word(void *device, uint32_t offset, uint32_t lanes)
{
    struct vmmp_tegra_car *car = device;
    const struct word_bits *row = bits_at(offset);
    (void)lanes;
    return *word(car, row ? row->state : offset);
}

static void write_bits(struct vmmp_tegra_car *car, const struct word_bits *row, uint32_t offset,
                       uint32_t value, uint32_t lanes)
{
    uint32_t *state = word(car, row->state);
    *state = word_bits_merge(row, offset, *state, value, lanes);
    if (row->state == RST_DEVICES_L && *state & SWR_TRIG_SYS_RST) {
        *state &= ~SWR_TRIG_SYS_RST;
        end(car);
    }
}

static void write_word(void *device, uint32_t offset, uint32_t value, uint32_t lanes)
{
    struct vmmp_tegra_car *car = device;
    const struct word_bits *row = bits_at(offset);
    if (row) {
        write_bits(car, row, offset, value, lanes);
    } else if (offset != CPU_CMPLX_STATUS) {
        *word(car, offset) = words_merge(*word(car, offset), value, lanes, UINT32_MAX);
        lock_if_pll(car, offset);
    }
}

static const struct vmmp_word_ops word_ops = { read_word, write_word };

void vmmp_tegra_car_cpu(struct vmmp_tegra_car *car, unsigned cpu, bool in_reset)
{
    if (cpu >= VMMP_TEGRA_CAR_CPUS) {
        return;
    }
    vmmp_context_enter(&car->context);
    *word(car, CPU_CMPLX_STATUS) &= ~(1u << cpu);
    *word(car, CPU_CMPLX_STATUS) |= (uint32_t)in_reset << cpu;
    vmmp_context_leave(&car->context);
}

/* ---- Life ---- */

static void reset(struct vmmp_tegra_car *car)
{
    memset(car->words, 0, sizeof(car->words));
    *word(car, OSC_CTRL) = OSC_12MHZ;
    *word(car, PLLP_OUTA) = PLLP_OUTS(DIV_48, DIV_9_6);
    *word(car, PLLP_OUTB) = PLLP_OUTS(DIV_204, DIV_102);
    *word(car, SCLK_BURST) = BURST_RUN | SCLK_PLLP4;
    *word(car, CCLKG_BURST) = BURST_RUN | CCLK_PLLX;
    *word(car, CCLKLP_BURST) = BURST_RUN | CCLK_PLLX;
    *word(car, CLK_SOURCE_EMC) = EMC_PLLM;
    *word(car, CLK_SOURCE_UARTD) = FROM_PLLP;
    *word(car, CLK_OUT_ENB_L) = ENB_L_RTC | ENB_L_TIMER;
    *word(car, CLK_OUT_ENB_H) = ENB_H_MEM | ENB_H_PMC | ENB_H_FUSE;
    *word(car, CLK_OUT_ENB_U) = ENB_U_UARTD;
    /* All but the CPU that boots. */
    *word(car, CPU_CMPLX_STATUS) = (1u << VMMP_TEGRA_CAR_CPUS) - 1 - 1;
    for (size_t i = 0; i < sizeof(plls) / sizeof(plls[0]); i++) {
        const struct pll *pll = &plls[i];
        if (pll->n) {
            *word(car, pll->base) = PLL_ENABLE | (kinds[pll->kind].p_bits == 3 ? PLL_OVERRIDE : 0) |
                                    (uint32_t)pll->n << PLL_N_SHIFT |
                                    (uint32_t)pll->p << PLL_P_SHIFT | pll->m;
            lock(car, pll);
        }
    }
}

int vmmp_tegra_car_init(struct vmmp_tegra_car *car, const struct vmmp_tegra_car_config *config)
{
    memset(car, 0, sizeof(*car));
    car->config = *config;
    car->window = (struct vmmp_window){
        .name = "tegra-car",
        .words = &word_ops,
        .device = car,
        .size = VMMP_TEGRA_CAR_WINDOW_SIZE,
        .context = &car->context,
    };
    reset(car);
    return vmmp_host_context_init(&config->host, &car->context);
}

void vmmp_tegra_car_fini(struct vmmp_tegra_car *car)
{
    vmmp_host_context_fini(&car->config.host, &car->context);
}

void vmmp_tegra_car_reset(struct vmmp_tegra_car *car)
{
    vmmp_context_enter(&car->context);
    reset(car);
    vmmp_context_leave(&car->context);
}
