/* SPDX-License-Identifier: BSD-2-Clause */
/* Writing kernels and other files into guest RAM. */
#include <sel4vmmplatsupport/vmmp/image.h>

#include <errno.h>
#include <string.h>

#include "guest/image_elf.h"

static int load_packed(const struct vmmp_guest_memory *memory, const struct vmmp_kernel *kernel,
                       uint64_t address, uint64_t *written, struct vmmp_image_error *error)
{
    struct vmmp_image_source source;
    struct vmmp_image_sink sink;

    vmmp_image_source_init(&source, kernel);
    vmmp_image_sink_guest(&sink, memory, address, kernel->memory_size);
    int err = kernel->decoder->decode(&source.source, &sink.sink);
    *written = sink.written;
    return err ? vmmp_image_decode_failed(error, err, kernel) : 0;
}

int vmmp_kernel_load(const struct vmmp_guest_memory *memory, const struct vmmp_kernel *kernel,
                     uint64_t address, struct vmmp_image_error *error)
{
    const struct vmmp_file *file = &kernel->file;
    uint64_t written = kernel->payload_size;

    if (error) {
        error->message[0] = '\0';
    }
    if (kernel->fixed && address != kernel->fixed_address) {
        return vmmp_image_fail(
            error, -EINVAL, file->name, "can only be loaded at 0x%llx, not at 0x%llx",
            (unsigned long long)kernel->fixed_address, (unsigned long long)address);
    }
    int err = vmmp_image_check_ram(memory, file, address, kernel->memory_size, error);
    if (err) {
        return err;
    }
    if (kernel->packed_elf) {
        return vmmp_elf_load_packed(memory, kernel, address, error);
    }
    if (kernel->format == VMMP_KERNEL_ELF) {
        return vmmp_elf_load(memory, kernel, address, error);
    }
    if (kernel->decoder) {
        err = load_packed(memory, kernel, address, &written, error);
    } else {
        err =
            vmmp_image_read_to_guest(memory, file, kernel->payload_offset, address, written, error);
    }
    if (!err && !vmmp_guest_memory_zero(memory, vmmp_gpa(address + written),
                                        kernel->memory_size - written)) {
        err = vmmp_image_fail(error, -EFAULT, file->name, "cannot clear its memory");
    }
    return err;
}

int vmmp_initrd_check(const struct vmmp_file *file, struct vmmp_image_error *error)
{
    if (error) {
        error->message[0] = '\0';
    }
    if (file->size == 0) {
        return vmmp_image_fail(error, -ENODATA, file->name,
                               "is empty; give an initrd (a cpio archive, compressed or not)");
    }
    return 0;
}

int vmmp_file_load(const struct vmmp_guest_memory *memory, const struct vmmp_file *file,
                   uint64_t address, struct vmmp_image_error *error)
{
    if (error) {
        error->message[0] = '\0';
    }
    if (file->size == 0) {
        return vmmp_image_fail(error, -ENODATA, file->name, "is empty");
    }
    return vmmp_image_read_to_guest(memory, file, 0, address, file->size, error);
}
