/* SPDX-License-Identifier: BSD-2-Clause */
/* Finding out what a kernel file is. */
#include <sel4vmmplatsupport/vmmp/image.h>

#include <errno.h>
#include <string.h>

#include "guest/image_arm.h"
#include "guest/image_elf.h"
#include "guest/image_x86.h"

struct probe {
    const struct vmmp_kernel_options *options;
    struct vmmp_kernel *kernel;
    struct vmmp_image_error *error;
    uint8_t head[IMAGE_HEAD_SIZE]; /* Of the file, then of what it unpacks to. */
    size_t size;
};

static int wrong_kind(const struct probe *probe, const char *what)
{
    return vmmp_image_fail(probe->error, -ENOEXEC, probe->kernel->file.name,
                           "%s %s; this VM runs %s", probe->kernel->decoder ? "holds" : "is", what,
                           vmmp_image_wanted(probe->options->machines));
}

/* For what `head` begins with; NULL if it is not packed, or the caller cannot unpack it. */
static const struct vmmp_decoder *matching_decoder(const struct probe *probe)
{
    const struct vmmp_kernel_options *options = probe->options;

    for (size_t i = 0; i < options->decoder_count; i++) {
        const struct vmmp_decoder *decoder = &options->decoders[i];
        if (decoder->magic_size && decoder->magic_size <= sizeof(decoder->magic) &&
            decoder->magic_size <= probe->size &&
            memcmp(probe->head, decoder->magic, decoder->magic_size) == 0) {
            return decoder;
        }
    }
    return NULL;
}

static int find_decoder(struct probe *probe)
{
    struct vmmp_kernel *kernel = probe->kernel;

    kernel->decoder = matching_decoder(probe);
    if (kernel->decoder) {
        return 0;
    }
    const char *format = vmmp_image_compression(probe->head, probe->size);
    if (format) {
        return vmmp_image_fail(probe->error, -ENOTSUP, kernel->file.name,
                               "is compressed with %s, which cannot be unpacked here; unpack it "
                               "first or give %s",
                               format, vmmp_image_wanted(probe->options->machines));
    }
    return 0;
}

/* Fills `head` with the beginning of what the payload unpacks to. */
static int decode_head(struct probe *probe)
{
    struct vmmp_image_source source;
    struct vmmp_image_sink sink;

    vmmp_image_source_init(&source, probe->kernel);
    memset(probe->head, 0, sizeof(probe->head));
    vmmp_image_sink_buffer(&sink, probe->head, sizeof(probe->head));
    int err = probe->kernel->decoder->decode(&source.source, &sink.sink);
    probe->size = (size_t)sink.written;
    if (err == 0 || err == -ENOSPC) {
        return 0;
    }
    return vmmp_image_decode_failed(probe->error, err, probe->kernel);
}

/* Unpacks everything to nowhere: for formats that do not say how large they are. */
static int count_payload(struct probe *probe, uint64_t *size)
{
    struct vmmp_kernel *kernel = probe->kernel;
    struct vmmp_image_source source;
    struct vmmp_image_sink sink;
    uint8_t scratch[4 * IMAGE_KIB];

    *size = kernel->payload_size;
    if (!kernel->decoder) {
        return 0;
    }
    vmmp_image_source_init(&source, kernel);
    vmmp_image_sink_buffer(&sink, scratch, sizeof(scratch));
    sink.count_only = true;
    kernel->memory_size = probe->options->max_size ? probe->options->max_size : UINT64_MAX;
    sink.limit = kernel->memory_size;
    int err = kernel->decoder->decode(&source.source, &sink.sink);
    if (err) {
        return vmmp_image_decode_failed(probe->error, err, kernel);
    }
    *size = sink.written;
    return 0;
}

static int probe_arm64_image(struct probe *probe)
{
    struct vmmp_kernel *kernel = probe->kernel;
    uint64_t payload = kernel->payload_size;
    int err = 0;

    if (!kernel->decoder) {
        err = vmmp_arm64_image_check(&kernel->file, probe->head, probe->error);
    } else {
        vmmp_arm64_image_parse(kernel, probe->head, 0);
        payload = 0;
        if (!kernel->size_known) {
            err = count_payload(probe, &payload);
        }
    }
    if (!err) {
        vmmp_arm64_image_parse(kernel, probe->head, payload);
    }
    return err;
}

static int probe_raw(struct probe *probe)
{
    struct vmmp_kernel *kernel = probe->kernel;
    const struct vmmp_kernel_options *options = probe->options;

    if (!options->allow_raw) {
        return vmmp_image_fail(probe->error, -ENOEXEC, kernel->file.name,
                               "%s no kernel of a known format; this VM runs %s",
                               kernel->decoder ? "holds" : "is",
                               vmmp_image_wanted(options->machines));
    }
    kernel->format = VMMP_KERNEL_RAW;
    kernel->machine = (enum vmmp_machine)(options->machines & (0u - options->machines));
    kernel->alignment = 1;
    kernel->offset = options->raw_offset;
    kernel->size_known = true;
    int err = count_payload(probe, &kernel->memory_size);
    if (!err && kernel->memory_size == 0) {
        return vmmp_image_fail(probe->error, -ENODATA, kernel->file.name, "holds nothing; give %s",
                               vmmp_image_wanted(options->machines));
    }
    return err;
}

static int read_payload_head(struct probe *probe)
{
    struct vmmp_kernel *kernel = probe->kernel;

    memset(probe->head, 0, sizeof(probe->head));
    probe->size = kernel->payload_size < sizeof(probe->head) ? (size_t)kernel->payload_size
                                                             : sizeof(probe->head);
    return vmmp_image_read(&kernel->file, kernel->payload_offset, probe->head, probe->size,
                           probe->error);
}

static int probe_elf(struct probe *probe)
{
    struct vmmp_kernel *kernel = probe->kernel;
    struct elf_bytes bytes = { .file = &kernel->file, .size = kernel->file.size };
    const unsigned x86 = VMMP_MACHINE_X86_64 | VMMP_MACHINE_X86_32;

    if (kernel->decoder) {
        if (!(probe->options->machines & x86)) {
            return wrong_kind(probe, "a compressed ELF, which is to be unpacked first");
        }
        kernel->packed_elf = true;
        kernel->elf_size = kernel->elf_size ? kernel->elf_size : UINT64_MAX;
        bytes = (struct elf_bytes){ &kernel->file, probe->head, probe->size, kernel->elf_size };
    }
    if (kernel->format != VMMP_KERNEL_BZIMAGE) {
        kernel->format = VMMP_KERNEL_ELF;
    }
    return vmmp_elf_probe(kernel, &bytes, probe->options, probe->error);
}

/*
 * A bzImage unpacks itself, from a part that is an ELF in a compression's usual form with its
 * unpacked size, 32 bits, at the end. Where that is so the host can do it.
 */
static int probe_bzimage(struct probe *probe)
{
    struct vmmp_kernel *kernel = probe->kernel;
    struct bzimage_payload payload = { 0 };
    uint8_t size[4];

    if (kernel->decoder) {
        return wrong_kind(probe, "a compressed bzImage, which is to be unpacked first");
    }
    int err = vmmp_bzimage_parse(kernel, probe->head, probe->size, &payload, probe->error);
    if (err || probe->options->keep_packed || payload.size < sizeof(size)) {
        return err;
    }
    const struct vmmp_kernel self_unpacking = *kernel;
    kernel->payload_offset = payload.offset;
    kernel->payload_size = payload.size;
    err = vmmp_image_read(&kernel->file, payload.offset + payload.size - sizeof(size), size,
                          sizeof(size), probe->error);
    if (!err) {
        err = read_payload_head(probe);
    }
    if (err) {
        return err;
    }
    kernel->elf_size = image_le32(size);
    kernel->decoder = matching_decoder(probe);
    if (kernel->decoder) {
        err = decode_head(probe);
    }
    if (err) {
        return err;
    }
    if (!kernel->decoder || !kernel->elf_size || !vmmp_elf_recognise(probe->head, probe->size)) {
        *kernel = self_unpacking;
        return 0;
    }
    return probe_elf(probe);
}

/* What the bytes in `head` are, the file's own or those inside. */
static int probe_content(struct probe *probe)
{
    struct vmmp_kernel *kernel = probe->kernel;
    const uint8_t *head = probe->head;

    if (probe->size < ARM64_IMAGE_HEADER_SIZE && !probe->options->allow_raw) {
        return vmmp_image_fail(probe->error, -ENODATA, kernel->file.name,
                               "is truncated: %u bytes hold no kernel; give %s",
                               (unsigned)probe->size, vmmp_image_wanted(probe->options->machines));
    }
    if (vmmp_arm64_image_recognise(head, probe->size)) {
        return probe_arm64_image(probe);
    }
    if (vmmp_elf_recognise(head, probe->size)) {
        return probe_elf(probe);
    }
    if (probe->options->machines & (VMMP_MACHINE_X86_64 | VMMP_MACHINE_X86_32) &&
        vmmp_bzimage_recognise(head, probe->size)) {
        return probe_bzimage(probe);
    }
    if (vmmp_zimage_recognise(head, probe->size)) {
        return vmmp_zimage_parse(kernel, head, probe->error);
    }
    const char *foreign = vmmp_image_foreign(head, probe->size);
    if (foreign) {
        return wrong_kind(probe, foreign);
    }
    if (kernel->decoder && vmmp_image_compression(head, probe->size)) {
        return wrong_kind(probe, "something that is compressed twice");
    }
    return probe_raw(probe);
}

static int probe_file(struct probe *probe)
{
    struct vmmp_kernel *kernel = probe->kernel;
    const struct vmmp_file *file = &kernel->file;

    if (file->size == 0) {
        return vmmp_image_fail(probe->error, -ENODATA, file->name, "is empty; give %s",
                               vmmp_image_wanted(probe->options->machines));
    }
    probe->size = file->size < sizeof(probe->head) ? (size_t)file->size : sizeof(probe->head);
    int err = vmmp_image_read(file, 0, probe->head, probe->size, probe->error);
    if (err) {
        return err;
    }
    kernel->payload_size = file->size;
    if (vmmp_zboot_recognise(probe->head, probe->size)) {
        err = vmmp_zboot_parse(kernel, probe->head, probe->error);
        if (err) {
            return err;
        }
        err = read_payload_head(probe);
    }
    if (!err) {
        err = find_decoder(probe);
    }
    if (!err && kernel->decoder) {
        err = decode_head(probe);
    }
    return err;
}

/* Whether what was found is something that this VM can run and has room for. */
static int check(const struct probe *probe)
{
    const struct vmmp_kernel *kernel = probe->kernel;
    uint64_t limit = probe->options->max_size;

    if (!(probe->options->machines & (unsigned)kernel->machine)) {
        return wrong_kind(probe, vmmp_image_machine(kernel->machine));
    }
    if (kernel->big_endian) {
        return wrong_kind(probe, "a big-endian kernel");
    }
    if (limit && kernel->memory_size > limit) {
        return vmmp_image_fail(probe->error, -EFBIG, kernel->file.name,
                               "needs 0x%llx bytes of memory, more than the guest's 0x%llx",
                               (unsigned long long)kernel->memory_size, (unsigned long long)limit);
    }
    return 0;
}

int vmmp_kernel_probe(const struct vmmp_file *file, const struct vmmp_kernel_options *options,
                      struct vmmp_kernel *kernel, struct vmmp_image_error *error)
{
    if (error) {
        error->message[0] = '\0';
    }
    if (!file || !file->read_at || !options || !kernel) {
        return vmmp_image_fail(error, -EINVAL, file ? file->name : NULL, "bad arguments");
    }
    struct probe probe = { .options = options, .kernel = kernel, .error = error };
    memset(kernel, 0, sizeof(*kernel));
    kernel->file = *file;

    int err = probe_file(&probe);
    if (!err) {
        err = probe_content(&probe);
    }
    return err ? err : check(&probe);
}
