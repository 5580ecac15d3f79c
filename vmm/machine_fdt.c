/* SPDX-License-Identifier: BSD-2-Clause */
/* The machine's device tree: what does not depend on the board. */
#include "machine_fdt.h"

#include <errno.h>
#include <libfdt.h>
#include <stdio.h>
#include <string.h>

#define KASLR_SEED_SIZE 8

void machine_fill_chosen(const struct machine_config *config, const struct machine_plan *plan,
                         struct vmmp_fdt_chosen *chosen)
{
    memset(chosen, 0, sizeof(*chosen));
    if (plan) {
        chosen->bootargs = plan->bootargs[0] ? plan->bootargs : NULL;
        chosen->initrd_start = plan->layout.initrd;
        chosen->initrd_size = plan->layout.initrd_size;
    }
    if (config->seed_size > KASLR_SEED_SIZE) {
        memcpy(&chosen->kaslr_seed, config->seed, KASLR_SEED_SIZE);
        chosen->rng_seed = config->seed + KASLR_SEED_SIZE;
        chosen->rng_seed_size = config->seed_size - KASLR_SEED_SIZE;
    }
}

int machine_build_fdt(const struct machine_config *config, const struct machine_plan *plan,
                      void *buffer, size_t buffer_size, size_t *size)
{
    const struct machine_board *board = machine_board_of(config);
    if (!board->build_fdt) {
        *size = 0;
        return 0;
    }
    return board->build_fdt(config, plan, buffer, buffer_size, size);
}

/* Appends a number of `cells` 32-bit cells; false if it does not fit in them. */
static bool append_cells(void *fdt, int node, const char *name, uint64_t value, int cells)
{
    if (cells == 1) {
        return value <= UINT32_MAX && fdt_appendprop_u32(fdt, node, name, (uint32_t)value) == 0;
    }
    return cells == 2 && fdt_appendprop_u64(fdt, node, name, value) == 0;
}

static int remove_memory_nodes(void *fdt)
{
    for (;;) {
        int node =
            fdt_node_offset_by_prop_value(fdt, -1, "device_type", "memory", (int)sizeof("memory"));
        if (node < 0) {
            return node == -FDT_ERR_NOTFOUND ? 0 : node;
        }
        int error = fdt_del_node(fdt, node);
        if (error) {
            return error;
        }
    }
}

static int adopt_memory(void *fdt, const struct machine_config *config)
{
    struct machine_range ram[2];
    unsigned count = machine_ram_ranges(machine_board_of(config), config->memory, ram);
    char name[32];
    int error = remove_memory_nodes(fdt);
    if (error) {
        return error;
    }
    snprintf(name, sizeof(name), "memory@%llx", (unsigned long long)ram[0].base);
    int address_cells = fdt_address_cells(fdt, 0);
    int size_cells = fdt_size_cells(fdt, 0);
    int node = fdt_add_subnode(fdt, 0, name);
    if (node < 0) {
        return node;
    }
    for (unsigned i = 0; i < count; i++) {
        if (!append_cells(fdt, node, "reg", ram[i].base, address_cells) ||
            !append_cells(fdt, node, "reg", ram[i].size, size_cells)) {
            return -FDT_ERR_BADNCELLS;
        }
    }
    return fdt_setprop_string(fdt, node, "device_type", "memory");
}

static int adopt_chosen(void *fdt, const struct vmmp_fdt_chosen *chosen)
{
    int node = fdt_path_offset(fdt, "/chosen");
    if (node == -FDT_ERR_NOTFOUND) {
        node = fdt_add_subnode(fdt, 0, "chosen");
    }
    if (node < 0) {
        return node;
    }
    int error = 0;
    if (chosen->bootargs) {
        error =
            fdt_setprop(fdt, node, "bootargs", chosen->bootargs, (int)strlen(chosen->bootargs) + 1);
    }
    if (!error && chosen->initrd_size) {
        error = fdt_setprop_u64(fdt, node, "linux,initrd-start", chosen->initrd_start);
    }
    if (!error && chosen->initrd_size) {
        error = fdt_setprop_u64(fdt, node, "linux,initrd-end",
                                chosen->initrd_start + chosen->initrd_size);
    }
    if (!error && chosen->kaslr_seed) {
        error = fdt_setprop_u64(fdt, node, "kaslr-seed", chosen->kaslr_seed);
    }
    if (!error && chosen->rng_seed_size) {
        error = fdt_setprop(fdt, node, "rng-seed", chosen->rng_seed, (int)chosen->rng_seed_size);
    }
    return error;
}

int machine_adopt_fdt(const struct machine_config *config, const struct machine_plan *plan,
                      void *buffer, size_t buffer_size, size_t *size,
                      struct vmmp_image_error *error)
{
    struct vmmp_fdt_chosen chosen;
    machine_fill_chosen(config, plan, &chosen);
    int result = fdt_open_into(buffer, buffer, (int)buffer_size);
    const struct machine_board *board = machine_board_of(config);
    if (!result && board->trim_fdt) {
        result = board->trim_fdt(config, buffer);
    }
    if (!result) {
        result = adopt_memory(buffer, config);
    }
    if (!result) {
        result = adopt_chosen(buffer, &chosen);
    }
    if (!result) {
        result = fdt_pack(buffer);
    }
    if (result) {
        snprintf(error->message, sizeof(error->message),
                 "its memory and /chosen nodes cannot be set (%s): give a device tree with at most "
                 "two address and size cells and less than 2 MiB",
                 fdt_strerror(result));
        return result == -FDT_ERR_NOSPACE ? -ENOSPC : -EINVAL;
    }
    *size = fdt_totalsize(buffer);
    return 0;
}
