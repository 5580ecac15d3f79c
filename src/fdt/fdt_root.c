/* SPDX-License-Identifier: BSD-2-Clause */
/* The root, /memory, /chosen and /aliases (Devicetree Specification v0.4, chapter 3). */
#include "fdt/fdt_internal.h"

#define MEMORY_REGIONS_MAX 8

void vmmp_fdt_begin_root(struct vmmp_fdt *fdt, const char *compatible, const char *model,
                         uint32_t interrupt_parent)
{
    vmmp_fdt_begin(fdt, "%s", "");
    vmmp_fdt_u32(fdt, "#address-cells", 2);
    vmmp_fdt_u32(fdt, "#size-cells", 2);
    vmmp_fdt_string(fdt, "compatible", compatible);
    vmmp_fdt_string(fdt, "model", model);
    if (interrupt_parent) {
        vmmp_fdt_u32(fdt, "interrupt-parent", interrupt_parent);
    }
}

void vmmp_fdt_memory(struct vmmp_fdt *fdt, const struct vmmp_fdt_range *regions, size_t count)
{
    size_t used = 0;
    uint64_t first = 0;

    for (size_t i = 0; i < count; i++) {
        if (regions[i].size && used++ == 0) {
            first = regions[i].start;
        }
    }
    vmmp_fdt_begin_at(fdt, "memory", first);
    if (used == 0 || used > MEMORY_REGIONS_MAX) {
        vmmp_fdt_fail(fdt);
    }
    vmmp_fdt_string(fdt, "device_type", "memory");
    uint8_t *at = vmmp_fdt_space(fdt, "reg", used * 16);
    for (size_t i = 0; at && i < count; i++) {
        if (regions[i].size) {
            at = vmmp_fdt_put64(vmmp_fdt_put64(at, regions[i].start), regions[i].size);
        }
    }
    vmmp_fdt_end(fdt);
}

void vmmp_fdt_chosen(struct vmmp_fdt *fdt, const struct vmmp_fdt_chosen *chosen)
{
    vmmp_fdt_begin(fdt, "chosen");
    if (chosen->bootargs) {
        vmmp_fdt_string(fdt, "bootargs", chosen->bootargs);
    }
    if (chosen->stdout_path) {
        vmmp_fdt_string(fdt, "stdout-path", chosen->stdout_path);
    }
    if (chosen->initrd_size) {
        vmmp_fdt_u64(fdt, "linux,initrd-start", chosen->initrd_start);
        vmmp_fdt_u64(fdt, "linux,initrd-end", chosen->initrd_start + chosen->initrd_size);
    }
    if (chosen->rng_seed && chosen->rng_seed_size) {
        vmmp_fdt_bytes(fdt, "rng-seed", chosen->rng_seed, chosen->rng_seed_size);
    }
    if (chosen->kaslr_seed) {
        vmmp_fdt_u64(fdt, "kaslr-seed", chosen->kaslr_seed);
    }
    vmmp_fdt_end(fdt);
}

void vmmp_fdt_aliases(struct vmmp_fdt *fdt, const struct vmmp_fdt_alias *aliases, size_t count)
{
    vmmp_fdt_begin(fdt, "aliases");
    for (size_t i = 0; i < count; i++) {
        vmmp_fdt_string(fdt, aliases[i].name, aliases[i].path);
    }
    vmmp_fdt_end(fdt);
}
