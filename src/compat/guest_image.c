/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vmmplatsupport/guest_image.h>

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <sel4vm/guest_ram.h>

#include "compat/guest_image_load.h"
#include "guest/image_internal.h"
#include "sel4/memory.h"

#define GUEST_PAGE_SIZE 4096u

#define DTB_MAGIC_SIZE 4

static int say(struct compat_load *load)
{
    vmmp_log(&load->native->log, VMMP_LOG_ERROR, VMMP_LOG_CLIENT, "%s", load->error.message);
    return -1;
}

int vmmp_compat_load_begin(struct compat_load *load, vm_t *vm, const char *name)
{
    load->vm = vm;
    load->error.message[0] = '\0';
    load->native = vmmp_compat_vm(vm);
    if (!load->native) {
        return -1;
    }
    return vmmp_compat_file_open(&load->file, name, &load->error) ? say(load) : 0;
}

int vmmp_compat_load_end(struct compat_load *load, int err)
{
    vmmp_compat_file_close(&load->file);
    return err ? say(load) : 0;
}

static uint64_t whole_pages(uint64_t size)
{
    return size > UINT64_MAX - GUEST_PAGE_SIZE
               ? UINT64_MAX
               : (size + GUEST_PAGE_SIZE - 1) & ~(uint64_t)(GUEST_PAGE_SIZE - 1);
}

/* The RAM region that `address` is in, or NULL. */
static const struct vm_ram_region *region_of(const vm_t *vm, uint64_t address)
{
    for (int i = 0; i < vm->mem.num_ram_regions; i++) {
        const struct vm_ram_region *region = &vm->mem.ram_regions[i];
        if (address >= region->start && address - region->start < region->size) {
            return region;
        }
    }
    return NULL;
}

/* libsel4vm can mark a range only if it lies inside one free region: then nothing else is there. */
int vmmp_compat_load_check(struct compat_load *load, uint64_t address, uint64_t size)
{
    const struct vm_ram_region *region = region_of(load->vm, address);
    const char *problem = NULL;

    if (!region) {
        problem = "is not RAM of the guest";
    } else if (region->allocated) {
        problem = "is in use already, by another image perhaps";
    } else if (size > region->size - (address - region->start)) {
        problem = "goes beyond the free RAM there";
    }
    if (!problem) {
        return 0;
    }
    return vmmp_image_fail(&load->error, -ENOSPC, load->file.file.name,
                           "0x%llx bytes at 0x%llx: that %s; load it at another address",
                           (unsigned long long)size, (unsigned long long)address, problem);
}

static void clean_cache(struct compat_load *load, uint64_t address, uint64_t size)
{
    const struct vmmp_guest_memory *memory = &load->native->memory;
    uint64_t piece = size;

    while (load->vm->mem.clean_cache && size) {
        void *host = vmmp_guest_memory_span(memory, vmmp_gpa(address), (size_t)piece);
        if (host) {
            vmmp_sys_clean_cache(load->vm, address, host, (size_t)piece);
            address += piece;
            size -= piece;
        }
        /* RAM that is mapped page by page is cleaned page by page. */
        uint64_t page = GUEST_PAGE_SIZE - address % GUEST_PAGE_SIZE;
        if (!host && piece <= page) {
            return;
        }
        piece = size < page ? size : page;
    }
}

/* Marks in whole pages, as far as the region goes. */
static void mark(struct compat_load *load, uint64_t address, uint64_t size)
{
    const struct vm_ram_region *region = region_of(load->vm, address);
    if (!region) {
        return;
    }
    uint64_t room = region->size - (address - region->start);
    uint64_t marked = whole_pages(size);

    vm_ram_mark_allocated(load->vm, (uintptr_t)address, (size_t)(marked < room ? marked : room));
}

void vmmp_compat_load_claim(struct compat_load *load, uint64_t address, uint64_t size)
{
    clean_cache(load, address, size);
    mark(load, address, size);
}

int vmmp_compat_load_place(struct compat_load *load, const struct vmmp_kernel *kernel,
                           uint64_t address, uint64_t size)
{
    const struct vmmp_guest_memory *memory = &load->native->memory;

    int err = vmmp_compat_load_check(load, address, size);
    if (err) {
        return err;
    }
    err = kernel ? vmmp_kernel_load(memory, kernel, address, &load->error)
                 : vmmp_file_load(memory, &load->file.file, address, &load->error);
    if (err) {
        return err;
    }
    vmmp_compat_load_claim(load, address, size);
    return 0;
}

static bool is_dtb(const struct vmmp_file *file)
{
    static const uint8_t magic[DTB_MAGIC_SIZE] = { 0xd0, 0x0d, 0xfe, 0xed };
    uint8_t head[DTB_MAGIC_SIZE];

    if (file->size < sizeof(head)) {
        return false;
    }
    for (size_t done = 0; done < sizeof(head);) {
        int64_t got = file->read_at(file->cookie, done, head + done, sizeof(head) - done);
        if (got <= 0) {
            return false;
        }
        done += (size_t)got;
    }
    return memcmp(head, magic, sizeof(head)) == 0;
}

static int check_dtb(struct compat_load *load)
{
    size_t room = VMMP_DTB_MAX_SIZE;
    size_t size = 0;
    void *buffer = malloc(room);
    if (!buffer) {
        return vmmp_image_fail(&load->error, -ENOMEM, load->file.file.name, "out of memory");
    }
    int err = vmmp_dtb_read(&load->file.file, buffer, room, &size, &load->error);
    free(buffer);
    return err;
}

static int load_module(struct compat_load *load, uintptr_t load_address, guest_image_t *image)
{
    const struct vmmp_file *file = &load->file.file;
    int err = is_dtb(file) ? check_dtb(load) : vmmp_initrd_check(file, &load->error);

    if (!err) {
        err = vmmp_compat_load_place(load, NULL, load_address, file->size);
    }
    if (!err) {
        image->load_paddr = load_address;
        image->size = (size_t)file->size;
    }
    return err;
}

int vm_load_guest_module(vm_t *vm, const char *module_name, uintptr_t load_address,
                         size_t alignment, guest_image_t *guest_image)
{
    struct compat_load load;

    (void)alignment;
    if (!vm || !module_name || !guest_image || vmmp_compat_load_begin(&load, vm, module_name)) {
        return -1;
    }
    return vmmp_compat_load_end(&load, load_module(&load, load_address, guest_image));
}
