/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A kernel's own device tree of an ODROID-XU4, less what is not modelled: devices without a model
 * are disabled, not removed, so that references to them stay whole. What cannot stay, goes: secure
 * firmware (there is none to call), the cache-coherent interconnect and the CPU map (drivers of
 * disabled CPUs would use them), CPUs that the machine does not have, and the rate of the generic
 * timer, which the guest reads from the host's.
 */
#include "board_exynos5422.h"

#include <errno.h>
#include <libfdt.h>
#include <stdio.h>
#include <string.h>

/* Children of /soc that have a model, by what they are compatible with. */
static const char *const modelled[] = {
    "samsung,exynos4210-chipid",
    "samsung,exynos4210-combiner",
    "arm,gic-400",
    "samsung,exynos5-sysreg",
    "samsung,exynos4210-uart",
    "mmio-sram",
    "samsung,exynos4210-mct",
    "samsung,exynos5800-clock",
    "samsung,exynos4210-pd",
    "samsung,exynos5420-pmu",
    "samsung,exynos5420-pinctrl",
    "samsung,exynos5420-dw-mshc",
    "samsung,exynos5420-dw-mshc-smu",
    NULL,
};

/* Children of the root that need none, or only such. */
static const char *const harmless[] = {
    "simple-bus", "arm,armv7-timer", "operating-points-v2", "gpio-keys", NULL,
};

static bool is_any(const void *fdt, int node, const char *const names[])
{
    for (size_t i = 0; names[i]; i++) {
        if (fdt_node_check_compatible(fdt, node, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* Disables the children of `parent` that are devices and none of `names`. 0 or libfdt's error. */
static int disable_others(void *fdt, int parent, const char *const names[])
{
    int node;
    /* The offset of a node does not change with its properties, and the next one is found anew. */
    fdt_for_each_subnode(node, fdt, parent)
    {
        if (fdt_getprop(fdt, node, "compatible", NULL) && !is_any(fdt, node, names)) {
            int error = fdt_setprop_string(fdt, node, "status", "disabled");
            if (error) {
                return error;
            }
        }
    }
    return node == -FDT_ERR_NOTFOUND ? 0 : node;
}

/* What is not there, is gone already. */
static int remove_node(void *fdt, const char *path)
{
    int node = fdt_path_offset(fdt, path);
    if (node < 0) {
        return node == -FDT_ERR_NOTFOUND ? 0 : node;
    }
    return fdt_del_node(fdt, node);
}

/* A CPU node that the machine does not have; -FDT_ERR_NOTFOUND if there is none. */
static int find_surplus_cpu(const void *fdt, int cpus, unsigned count)
{
    int node;
    fdt_for_each_subnode(node, fdt, cpus)
    {
        int size;
        const fdt32_t *reg = fdt_getprop(fdt, node, "reg", &size);
        if (reg && size == sizeof(*reg) && fdt32_to_cpu(*reg) >= count) {
            return node;
        }
    }
    return node;
}

static int remove_cpus(void *fdt, unsigned count)
{
    for (;;) {
        int cpus = fdt_path_offset(fdt, "/cpus");
        int surplus = cpus < 0 ? cpus : find_surplus_cpu(fdt, cpus, count);
        if (surplus < 0) {
            return surplus == -FDT_ERR_NOTFOUND ? 0 : surplus;
        }
        int error = fdt_del_node(fdt, surplus);
        if (error) {
            return error;
        }
    }
}

static int forget_timer_rate(void *fdt)
{
    int node = fdt_path_offset(fdt, "/timer");
    int error = node < 0 ? node : fdt_delprop(fdt, node, "clock-frequency");
    return error == -FDT_ERR_NOTFOUND ? 0 : error;
}

int exynos_trim_fdt(const struct machine_config *config, void *fdt)
{
    static const char *const removed[] = { "/firmware", "/soc/cci", "/cpus/cpu-map" };
    int soc = fdt_path_offset(fdt, "/soc");
    int error = soc < 0 ? soc : disable_others(fdt, soc, modelled);
    if (!error) {
        error = disable_others(fdt, 0, harmless);
    }
    for (size_t i = 0; i < sizeof(removed) / sizeof(removed[0]) && !error; i++) {
        error = remove_node(fdt, removed[i]);
    }
    if (!error) {
        error = remove_cpus(fdt, config->cpus);
    }
    return error ? error : forget_timer_rate(fdt);
}
