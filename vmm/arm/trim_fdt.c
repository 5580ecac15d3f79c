/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A kernel's own device tree of a board, less what is not modelled. Devices without a model are
 * disabled, not removed, so that references to them stay whole. What cannot stay, goes: nodes that
 * drivers would use all the same, properties that make a driver wait for what is not there, CPUs
 * that the machine does not have, and the rate of the generic timer, which the guest reads from the
 * host's.
 */
#include "board_arm.h"

#include <libfdt.h>

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

static int drop_property(void *fdt, const char *name)
{
    int depth = 0;
    /* The offset of a node does not change with its properties. */
    for (int node = 0; node >= 0 && depth >= 0; node = fdt_next_node(fdt, node, &depth)) {
        int error = fdt_delprop(fdt, node, name);
        if (error && error != -FDT_ERR_NOTFOUND) {
            return error;
        }
    }
    return 0;
}

int arm_trim_fdt(const struct machine_config *config, void *fdt, const struct arm_trim *trim)
{
    int bus = trim->bus ? fdt_path_offset(fdt, trim->bus) : 0;
    int error = bus < 0 ? bus : disable_others(fdt, 0, trim->modelled);
    if (!error && bus) {
        error = disable_others(fdt, bus, trim->modelled);
    }
    for (size_t i = 0; trim->removed[i] && !error; i++) {
        error = remove_node(fdt, trim->removed[i]);
    }
    for (size_t i = 0; trim->dropped[i] && !error; i++) {
        error = drop_property(fdt, trim->dropped[i]);
    }
    if (!error) {
        error = remove_cpus(fdt, config->cpus);
    }
    return error ? error : forget_timer_rate(fdt);
}
