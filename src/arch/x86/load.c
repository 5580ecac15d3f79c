/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a PC's kernel, initrd and boot information go, and putting them there. */
#include <sel4vmmplatsupport/vmmp/load_x86.h>

#include <errno.h>
#include <string.h>

#include "arch/x86/placement.h"
#include "guest/image_internal.h"

#define PAGE      UINT64_C(0x1000)
#define FOUR_GIB  (4 * IMAGE_GIB)
#define LOW_START PAGE /* Page 0 has the real mode's vectors and the BIOS's data. */
/* The initrd does not belong among the BIOS's and the trampoline's memory. */
#define INITRD_START IMAGE_MIB

/* boot.rst: struct setup_data; SETUP_RNG_SEED of asm/setup_data.h. */
#define SETUP_DATA_HEADER  16
#define SETUP_DATA_TYPE    8
#define SETUP_DATA_LENGTH  12
#define SETUP_RNG_SEED     9
#define VERSION_SETUP_DATA 0x209

static int no_room(const struct vmmp_x86_load_request *request, const char *name, const char *what,
                   uint64_t size, struct vmmp_image_error *error)
{
    return vmmp_image_fail(
        error, -ENOSPC, name,
        "%s of %llu KiB does not fit into the guest's %llu MiB of RAM below 4 GiB; "
        "give the guest more memory",
        what, (unsigned long long)((size + IMAGE_KIB - 1) / IMAGE_KIB),
        (unsigned long long)(vmmp_placement_ram(request->e820, FOUR_GIB) / IMAGE_MIB));
}

static int place_kernel(const struct vmmp_x86_load_request *request,
                        struct vmmp_placement *placement, struct vmmp_x86_plan *plan,
                        struct vmmp_image_error *error)
{
    const struct vmmp_kernel *kernel = request->kernel;
    uint64_t wanted = kernel->fixed ? kernel->fixed_address : kernel->x86.preferred_address;

    plan->kernel_size = kernel->memory_size;
    plan->kernel = wanted;
    if (!vmmp_placement_take(placement, wanted, plan->kernel_size, FOUR_GIB)) {
        if (kernel->fixed) {
            return vmmp_image_fail(
                error, -ENOSPC, kernel->file.name,
                "has to lie at 0x%llx with 0x%llx bytes, which are not all RAM "
                "below 4 GiB; the guest has %llu MiB there: give it more memory",
                (unsigned long long)wanted, (unsigned long long)plan->kernel_size,
                (unsigned long long)(vmmp_placement_ram(request->e820, FOUR_GIB) / IMAGE_MIB));
        }
        if (!vmmp_placement_low(placement, wanted, FOUR_GIB, kernel->alignment, plan->kernel_size,
                                &plan->kernel)) {
            return no_room(request, kernel->file.name, "a kernel", plan->kernel_size, error);
        }
    }
    plan->entry = plan->kernel + kernel->entry_offset;
    return 0;
}

static int place_initrd(const struct vmmp_x86_load_request *request,
                        struct vmmp_placement *placement, struct vmmp_x86_plan *plan,
                        struct vmmp_image_error *error)
{
    const struct vmmp_kernel_x86 *x86 = &request->kernel->x86;

    if (!request->initrd) {
        return 0;
    }
    int err = vmmp_initrd_check(request->initrd, error);
    if (err) {
        return err;
    }
    plan->initrd_size = request->initrd->size;
    uint64_t end = x86->initrd_max < FOUR_GIB ? x86->initrd_max + 1 : FOUR_GIB;
    if (vmmp_placement_high(placement, INITRD_START, end, PAGE, plan->initrd_size, &plan->initrd) ||
        (x86->initrd_above_4g && x86->protocol == VMMP_X86_LINUX_64 &&
         vmmp_placement_high(placement, FOUR_GIB, UINT64_MAX, PAGE, plan->initrd_size,
                             &plan->initrd))) {
        return 0;
    }
    if (end < FOUR_GIB && vmmp_placement_ram(request->e820, FOUR_GIB) > end) {
        return vmmp_image_fail(error, -ENOSPC, request->initrd->name,
                               "an initrd of %llu KiB does not fit below 0x%llx, the kernel's "
                               "limit; give a smaller one",
                               (unsigned long long)(plan->initrd_size / IMAGE_KIB),
                               (unsigned long long)end);
    }
    return no_room(request, request->initrd->name, "an initrd beside the kernel", plan->initrd_size,
                   error);
}

/* The page of boot parameters, tables, command line and setup data. */
static int place_rest(const struct vmmp_x86_load_request *request, struct vmmp_placement *placement,
                      struct vmmp_x86_plan *plan, struct vmmp_image_error *error)
{
    const struct vmmp_kernel *kernel = request->kernel;
    uint16_t version = kernel->x86.version;

    plan->cmdline_size = request->cmdline ? (uint64_t)strlen(request->cmdline) + 1 : 0;
    if (plan->cmdline_size && plan->cmdline_size - 1 > kernel->x86.cmdline_max) {
        return vmmp_image_fail(error, -E2BIG, kernel->file.name,
                               "takes a command line of at most %u characters; this one has %llu",
                               kernel->x86.cmdline_max,
                               (unsigned long long)(plan->cmdline_size - 1));
    }
    if (request->seed && kernel->x86.protocol != VMMP_X86_PVH &&
        (version == 0 || version >= VERSION_SETUP_DATA)) {
        plan->setup_data_size = SETUP_DATA_HEADER + request->seed_size;
    }
    const struct {
        uint64_t size;
        uint64_t *address;
    } pieces[] = {
        { VMMP_X86_BOOT_PARAMS_SIZE, &plan->boot_params },
        { VMMP_X86_TABLES_SIZE, &plan->tables },
        { plan->cmdline_size, &plan->cmdline },
        { plan->setup_data_size, &plan->setup_data },
    };
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        if (pieces[i].size && !vmmp_placement_low(placement, LOW_START, FOUR_GIB, PAGE,
                                                  pieces[i].size, pieces[i].address)) {
            return no_room(request, kernel->file.name, "boot information", pieces[i].size, error);
        }
    }
    return 0;
}

int vmmp_x86_plan(const struct vmmp_x86_load_request *request, struct vmmp_x86_plan *plan,
                  struct vmmp_image_error *error)
{
    const unsigned x86 = VMMP_MACHINE_X86_64 | VMMP_MACHINE_X86_32;
    struct vmmp_placement placement;

    if (error) {
        error->message[0] = '\0';
    }
    memset(plan, 0, sizeof(*plan));
    if (!request->kernel || !request->e820 || !((unsigned)request->kernel->machine & x86) ||
        request->kernel->alignment == 0 || (request->seed && request->seed_size == 0) ||
        request->seed_size > VMMP_X86_SEED_MAX) {
        return vmmp_image_fail(error, -EINVAL, "kernel",
                               "no x86 kernel, no memory map or a seed "
                               "of a wrong size");
    }
    plan->protocol = request->kernel->x86.protocol;
    vmmp_placement_init(&placement, request->e820);
    int err = place_kernel(request, &placement, plan, error);
    if (!err) {
        err = place_initrd(request, &placement, plan, error);
    }
    return err ? err : place_rest(request, &placement, plan, error);
}

static int write(const struct vmmp_guest_memory *memory, uint64_t address, const void *from,
                 size_t size, struct vmmp_image_error *error)
{
    if (!vmmp_guest_memory_write(memory, vmmp_gpa(address), from, size)) {
        return vmmp_image_fail(error, -EFAULT, "boot information",
                               "0x%llx is not RAM, against what the memory map says",
                               (unsigned long long)address);
    }
    return 0;
}

static int write_setup_data(const struct vmmp_guest_memory *memory,
                            const struct vmmp_x86_load_request *request,
                            const struct vmmp_x86_plan *plan, struct vmmp_image_error *error)
{
    uint8_t node[SETUP_DATA_HEADER + VMMP_X86_SEED_MAX] = { 0 };

    node[SETUP_DATA_TYPE] = SETUP_RNG_SEED;
    node[SETUP_DATA_LENGTH] = (uint8_t)request->seed_size;
    memcpy(node + SETUP_DATA_HEADER, request->seed, request->seed_size);
    return write(memory, plan->setup_data, node, (size_t)plan->setup_data_size, error);
}

static int write_boot_params(const struct vmmp_guest_memory *memory,
                             const struct vmmp_x86_load_request *request,
                             const struct vmmp_x86_plan *plan, struct vmmp_image_error *error)
{
    const struct vmmp_kernel_x86 *x86 = &request->kernel->x86;
    uint8_t page[VMMP_X86_BOOT_PARAMS_SIZE];
    struct vmmp_x86_boot_params params = {
        .setup_header = x86->version ? x86->setup_header : NULL,
        .setup_header_size = x86->setup_header_size,
        .code32_start = (uint32_t)plan->kernel,
        .cmdline = (uint32_t)plan->cmdline,
        .cmdline_size = (uint32_t)plan->cmdline_size,
        .initrd = plan->initrd,
        .initrd_size = plan->initrd_size,
        .setup_data = plan->setup_data,
        .rsdp = request->rsdp,
        .e820 = request->e820,
        .framebuffer = request->framebuffer,
    };
    int err = plan->protocol == VMMP_X86_PVH ? vmmp_x86_start_info(&params, plan->boot_params, page)
                                             : vmmp_x86_boot_params(&params, page);
    if (err) {
        return vmmp_image_fail(error, err, request->kernel->file.name,
                               "cannot be given a memory "
                               "map of this size");
    }
    return write(memory, plan->boot_params, page, sizeof(page), error);
}

int vmmp_x86_load(const struct vmmp_guest_memory *memory,
                  const struct vmmp_x86_load_request *request, const struct vmmp_x86_plan *plan,
                  struct vmmp_x86_entry *entry, struct vmmp_image_error *error)
{
    bool pvh = plan->protocol == VMMP_X86_PVH;
    int err = vmmp_kernel_load(memory, request->kernel, plan->kernel, error);

    if (!err && plan->initrd_size) {
        err = vmmp_file_load(memory, request->initrd, plan->initrd, error);
    }
    if (!err && plan->cmdline_size) {
        err = write(memory, plan->cmdline, request->cmdline, (size_t)plan->cmdline_size, error);
    }
    if (!err && plan->setup_data_size) {
        err = write_setup_data(memory, request, plan, error);
    }
    if (!err) {
        err = write_boot_params(memory, request, plan, error);
    }
    if (err) {
        return err;
    }
    err = vmmp_x86_prepare_entry(
        memory, plan->protocol == VMMP_X86_LINUX_64 ? VMMP_X86_MODE_64 : VMMP_X86_MODE_32,
        plan->tables, plan->entry, plan->boot_params, entry);
    if (err) {
        return vmmp_image_fail(error, err, request->kernel->file.name,
                               "cannot be given descriptor and page tables at 0x%llx",
                               (unsigned long long)plan->tables);
    }
    if (pvh) {
        entry->rbx = entry->rsi;
        entry->rsi = 0;
    }
    return 0;
}
