/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The clock and reset controller of a Tegra K1 (Technical Reference Manual, chapter Clock and Reset
 * Controller; Linux: "nvidia,tegra124-car"): registers that hold what is written, PLLs that lock at
 * once, and the resets and clock enables of devices and CPUs with their SET and CLR registers.
 *
 * Nothing has a speed, and a device that is held in reset or has no clock goes on all the same; a
 * driver that computes rates from the registers finds those that a Jetson TK1's firmware leaves.
 *
 * Hostile guest: any access does what the manual says or nothing; it can reset its own machine.
 * Threads: registers run inside the device's context, and the callback too. Ownership: the caller's
 * memory, which must stay in place.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <sel4vmmplatsupport/vmmp/host.h>
#include <sel4vmmplatsupport/vmmp/log.h>
#include <sel4vmmplatsupport/vmmp/window.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VMMP_TEGRA_CAR_WINDOW_SIZE 0x1000
#define VMMP_TEGRA_CAR_CPUS        4
/** The crystal, in Hz. */
#define VMMP_TEGRA_CAR_CRYSTAL 12000000

struct vmmp_tegra_car_config {
    struct vmmp_host host;
    /** The guest resets the system (SWR_TRIG_SYS_RST). NULL: only a message. */
    void (*reset)(void *cookie);
    void *cookie;
    const struct vmmp_log *log; /**< NULL: silent. */
};

struct vmmp_tegra_car {
    struct vmmp_window window; /**< To be attached by the caller; see vmmp/vm.h. */

    /* All below belongs to the model. */
    struct vmmp_tegra_car_config config;
    struct vmmp_context context;
    struct vmmp_log_limit ignored;
    uint32_t words[VMMP_TEGRA_CAR_WINDOW_SIZE / 4];
};

/** Resets the registers and prepares the window. 0, or -ENOMEM (context). */
int vmmp_tegra_car_init(struct vmmp_tegra_car *car, const struct vmmp_tegra_car_config *config);
/** The window is detached by then. */
void vmmp_tegra_car_fini(struct vmmp_tegra_car *car);
/** As the chip's reset, and the firmware's work behind it. */
void vmmp_tegra_car_reset(struct vmmp_tegra_car *car);

/** What CPU_CMPLX_STATUS says of a CPU: whether it is in reset. Any thread. */
void vmmp_tegra_car_cpu(struct vmmp_tegra_car *car, unsigned cpu, bool in_reset);

/**
 * What a PLL makes of the crystal as its registers stand, in Hz; 0 if it is off or there is none of
 * that name ("pllc", "pllm", "pllp", "pllu", "pllx"). Inside the context, or while no vCPU runs.
 */
uint64_t vmmp_tegra_car_pll_rate(const struct vmmp_tegra_car *car, const char *name);

#ifdef __cplusplus
}
#endif
