/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vmmplatsupport/vmmp/vm.h>

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "sel4/irq.h"
#include "sel4/memory.h"

/*
 * The contiguous RAM around `gpa` that is registered with libsel4vm and not yet in the table.
 * libsel4vm splits its regions wherever something was allocated, so neighbours are joined here.
 */
static bool unmapped_ram_around(const struct vmmp_vm *vmmp, uint64_t gpa, uint64_t *start,
                                uint64_t *end)
{
    const vm_mem_t *mem = &vmmp->vm->mem;
    bool found = false;

    *start = 0;
    *end = 0;
    for (int i = 0; i < mem->num_ram_regions; i++) {
        uint64_t region_start = mem->ram_regions[i].start;
        uint64_t region_end = region_start + mem->ram_regions[i].size;
        if (region_start != *end) {
            if (found) {
                break;
            }
            *start = region_start;
        }
        *end = region_end;
        found = found || (gpa >= region_start && gpa < region_end);
    }
    if (!found) {
        return false;
    }
    for (unsigned i = 0; i < vmmp->memory.region_count; i++) {
        const struct vmmp_guest_region *mapped = &vmmp->memory.regions[i];
        uint64_t mapped_end = mapped->start + mapped->size;
        if (mapped_end <= gpa) {
            *start = mapped_end > *start ? mapped_end : *start;
        } else if (mapped->start > gpa) {
            *end = mapped->start < *end ? mapped->start : *end;
        } else {
            return false;
        }
    }
    return true;
}

static int map_ram_around(struct vmmp_vm *vmmp, uint64_t gpa)
{
    uint64_t start;
    uint64_t end;

    if (!unmapped_ram_around(vmmp, gpa, &start, &end)) {
        return -EINVAL;
    }
    uint64_t size = end - start;
    /* All of it, if that is cheap, else its first byte. */
    void *host = vmmp_sys_map_ram(vmmp->vm, start, 1, &size);
    if (!host) {
        return -ENOMEM;
    }
    if (size < end - start) {
        /* The host maps page by page: it keeps its own table, and is asked each time. */
        return -EAGAIN;
    }
    return vmmp_guest_memory_add(&vmmp->memory, vmmp_gpa(start), size, host);
}

static void *resolve(void *cookie, vmmp_gpa_t gpa, size_t len)
{
    struct vmmp_vm *vmmp = cookie;
    uint64_t start;
    uint64_t end;

    if (!unmapped_ram_around(vmmp, gpa.gpa, &start, &end) || len > end - gpa.gpa) {
        return NULL;
    }
    if (map_ram_around(vmmp, gpa.gpa) == 0) {
        return vmmp_guest_memory_span(&vmmp->memory, gpa, len);
    }
    uint64_t size = len;
    void *host = vmmp_sys_map_ram(vmmp->vm, gpa.gpa, len, &size);
    return size >= len ? host : NULL;
}

int vmmp_vm_init(struct vmmp_vm *vmmp, vm_t *vm, const struct vmmp_log *log,
                 const struct vmmp_host *host)
{
    if (!vmmp || !vm) {
        return -EINVAL;
    }
    memset(vmmp, 0, sizeof(*vmmp));
    vmmp->vm = vm;
    if (log) {
        vmmp->log = *log;
    }
    if (host) {
        vmmp->host = *host;
    }
    vmmp_guest_memory_init(&vmmp->memory, resolve, vmmp);
    return 0;
}

void vmmp_vm_fini(struct vmmp_vm *vmmp)
{
    while (vmmp->windows) {
        vmmp_vm_detach_window(vmmp->windows);
    }
    vmmp_guest_memory_init(&vmmp->memory, NULL, NULL);
}

int vmmp_vm_map_ram(struct vmmp_vm *vmmp)
{
    const vm_mem_t *mem = &vmmp->vm->mem;
    bool whole = true;

    for (int i = 0; i < mem->num_ram_regions; i++) {
        int error = map_ram_around(vmmp, mem->ram_regions[i].start);
        if (error == -EAGAIN) {
            whole = false;
        } else if (error && error != -EINVAL) {
            vmmp_log(&vmmp->log, VMMP_LOG_ERROR, VMMP_LOG_HOST,
                     "guest RAM at 0x%llx (%zu bytes) cannot be mapped into the VMM",
                     (unsigned long long)mem->ram_regions[i].start, mem->ram_regions[i].size);
            return -ENOMEM;
        }
    }
    /*
     * With all of it in the table a miss is never RAM: look-ups then only read, so that any thread
     * may do them.
     */
    vmmp->memory.resolve = whole ? NULL : resolve;
    return 0;
}

int vmmp_vm_irq_line_init(struct vmmp_vm *vmmp, struct vmmp_irq_line *line, int irq)
{
    return vmmp_sys_irq_line_init(vmmp, line, irq);
}
