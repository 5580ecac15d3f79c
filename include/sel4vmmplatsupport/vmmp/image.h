/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loading a guest's kernel, initrd and device tree into its RAM.
 *
 * Three steps, so that nothing is written before everything is known to fit:
 *
 *     vmmp_kernel_probe()   reads the kernel's header: format, machine, memory it needs
 *     vmmp_layout_plan()    places kernel, device tree and initrd in RAM, without overlap
 *     vmmp_kernel_load(), vmmp_file_load()                    write them
 *
 * A PC has no device tree and its RAM has holes: vmmp_x86_plan() and vmmp_x86_load()
 * (vmmp/load_x86.h) take the place of the last two steps.
 *
 * Formats: arm64 `Image` and 32-bit `zImage`, either compressed in any way the caller has a decoder
 * for, `Image` as an EFI zboot program, x86 `bzImage`, ELF, and raw binaries where the caller
 * allows them.
 * Sources: Linux Documentation/arch/arm64/booting.rst, arch/arm/booting.rst and arch/x86/boot.rst,
 * the ELF specification, Xen's public/elfnote.h.
 *
 * Files are data from elsewhere and may hold anything: no function here trusts a length or an
 * address in one. Work and memory are bounded by the size of the file and of the guest's RAM.
 *
 * Errors: 0 or -errno; `error` (NULL: not wanted) then holds one line that names the file, says
 * what is wrong and what would be right. On an error in a load function the destination holds a
 * part of the file, and nothing outside of it was written.
 *
 * Threads: none of these keep state; the guest must not run yet. Nothing is allocated here.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sel4vmmplatsupport/vmmp/guest_memory.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A file, wherever it is kept. The caller owns it and keeps it open while it is used here. */
struct vmmp_file {
    const char *name; /**< For messages. */
    uint64_t size;    /**< In bytes. */
    /**
     * Reads up to `size` bytes (at least 1) at `offset`. Returns how many, 0 at the end of the
     * file, or -errno. Short reads are repeated.
     */
    int64_t (*read_at)(void *cookie, uint64_t offset, void *to, size_t size);
    void *cookie;
};

#define VMMP_IMAGE_MESSAGE_MAX 256

struct vmmp_image_error {
    char message[VMMP_IMAGE_MESSAGE_MAX]; /**< One line without a newline; empty: no error. */
};

/* Compressed images. */

/** Where a decoder gets its input. */
struct vmmp_source {
    /** Up to `size` bytes; 0 at the end, -errno if the file cannot be read. */
    int64_t (*read)(struct vmmp_source *source, void *to, size_t size);
};

/** Where a decoder's output goes: straight into guest RAM, as a sequence of buffers. */
struct vmmp_sink {
    /**
     * Where the next bytes belong and, in `*size`, how many fit there; NULL when nothing more is
     * accepted. What was handed over before cannot be relied upon to stay as it was.
     */
    uint8_t *(*space)(struct vmmp_sink *sink, size_t *size);
    /** Hands over `size` bytes, at most as many as fitted, written at what `space` returned. */
    void (*advance)(struct vmmp_sink *sink, size_t size);
};

/** A decoder that the caller supplies: the library itself knows how to name formats only. */
struct vmmp_decoder {
    const char *name; /**< "gzip", "lz4", "zstd", …: what `file` calls it. */
    uint8_t magic[8]; /**< First bytes of what it decodes. */
    size_t magic_size;
    /**
     * Decodes one stream; what follows its end in the source is ignored. Must stop with -ENOSPC as
     * soon as the sink accepts nothing more and there is more output, so that output is bounded
     * whatever the input says. 0; -ENODATA if the source ended too early; -EBADMSG for data that
     * is not valid; -ENOMEM; or the source's error.
     */
    int (*decode)(struct vmmp_source *source, struct vmmp_sink *sink);
};

/* Kernels. */

enum vmmp_machine {
    VMMP_MACHINE_ARM64 = 1,
    VMMP_MACHINE_ARM32 = 2,
    VMMP_MACHINE_X86_64 = 4,
    VMMP_MACHINE_X86_32 = 8,
};

enum vmmp_kernel_format {
    VMMP_KERNEL_IMAGE,  /**< arm64 `Image`. */
    VMMP_KERNEL_ZIMAGE, /**< 32-bit ARM `zImage`. */
    VMMP_KERNEL_ELF,
    VMMP_KERNEL_RAW,
    VMMP_KERNEL_BZIMAGE, /**< x86 `bzImage`. */
};

/** How an x86 kernel is entered, and what it is told there. */
enum vmmp_x86_protocol {
    VMMP_X86_LINUX_32, /**< boot.rst, "32-bit Boot Protocol". */
    VMMP_X86_LINUX_64, /**< boot.rst, "64-bit Boot Protocol". */
    VMMP_X86_PVH,      /**< Xen's docs/misc/pvh.pandoc: 32 bits, a start_info. */
};

/** From a setup header's first byte, at 0x1f1 of the file, to the end of its room in the zero page.
 */
#define VMMP_X86_SETUP_HEADER_MAX 0x9f

/** What else the file of an x86 kernel says. */
struct vmmp_kernel_x86 {
    enum vmmp_x86_protocol protocol;
    uint16_t version;           /**< Of the boot protocol, 0x20f for 2.15; 0: no setup header. */
    uint64_t preferred_address; /**< Where it likes best to be, if it is not `fixed`. */
    uint64_t initrd_max;        /**< Highest address that a byte of the initrd may have. */
    bool initrd_above_4g;       /**< Or above 4 GiB, if there is no room up to there. */
    uint64_t link_virtual;      /**< ELF: lowest virtual address of a segment that is not at 0. */
    uint32_t cmdline_max;       /**< Characters of the command line, without its NUL. */
    size_t setup_header_size;
    uint8_t setup_header[VMMP_X86_SETUP_HEADER_MAX];
};

struct vmmp_kernel_options {
    unsigned machines; /**< What the VM can run: an OR of enum vmmp_machine. */
    /**
     * Take a file that is none of the known formats for a raw binary of the first machine in
     * `machines`, to be placed at `raw_offset` from the start of RAM and entered at its first byte.
     */
    bool allow_raw;
    uint64_t raw_offset;
    uint64_t max_size; /**< Refuse kernels that need more memory, the guest's RAM; 0: no limit. */
    const struct vmmp_decoder *decoders; /**< May be NULL if `decoder_count` is 0. */
    size_t decoder_count;
    /**
     * Leave a bzImage to unpack itself in the guest. Otherwise, if there is a decoder for what is
     * inside, the kernel proper is unpacked to where it was linked, which takes the host a fraction
     * of the guest's time; a guest's own unpacking is needed for address randomisation (KASLR).
     */
    bool keep_packed;
    /** Enter an ELF for x86 as Linux even if it has a PVH entry: for a framebuffer, or to compare.
     */
    bool ignore_pvh;
};

/** What a probe found out. Filled in by vmmp_kernel_probe(); to be read only. */
struct vmmp_kernel {
    struct vmmp_file file;
    enum vmmp_kernel_format format;
    enum vmmp_machine machine;
    const struct vmmp_decoder *decoder; /**< NULL: not compressed. */
    uint64_t payload_offset;            /**< In the file: where the image or its compressed form */
    uint64_t payload_size;              /**< begins, and its bytes there. */
    uint64_t memory_size;               /**< From its first byte on, code, data and bss. */
    /**
     * Memory behind `memory_size` that only the kernel's own start-up uses (a zImage unpacks
     * itself): device tree and initrd have to stay out of it.
     */
    uint64_t scratch_size;
    /** It wants to lie at `offset` above a multiple of `alignment`, as low in RAM as possible. */
    uint64_t alignment;
    uint64_t offset;
    bool fixed;             /**< It must lie at `fixed_address` and nowhere else. */
    uint64_t fixed_address; /**< Where the file says it is linked (ELF), or fixed. */
    uint64_t entry_offset;  /**< Of the first instruction, from where it was placed. */
    bool big_endian;
    bool size_known;   /**< False: an old kernel that does not say, `memory_size` is a guess. */
    bool packed_elf;   /**< What `decoder` gives is an ELF. */
    uint64_t elf_size; /**< Of that ELF, at most. */
    struct vmmp_kernel_x86 x86;
};

/**
 * Reads as much of `file` as it takes to know what it is and what it needs; `file` and the options'
 * decoders are referred to, not copied deeply, until the kernel is loaded. -ENODATA: empty or
 * truncated; -ENOEXEC: not a kernel for any of the machines; -ENOTSUP: compressed, and no decoder
 * for it; -EFBIG: more than `max_size`; else what reading or decoding returned.
 */
int vmmp_kernel_probe(const struct vmmp_file *file, const struct vmmp_kernel_options *options,
                      struct vmmp_kernel *kernel, struct vmmp_image_error *error);

/**
 * Writes the kernel to `address` and zeroes the rest of its `memory_size`. All of it must be RAM
 * (-EFAULT else). The format's own wishes for an address are the planner's business; a
 * `fixed` kernel at another address is refused (-EINVAL).
 */
int vmmp_kernel_load(const struct vmmp_guest_memory *memory, const struct vmmp_kernel *kernel,
                     uint64_t address, struct vmmp_image_error *error);

/**
 * Loads an ELF for x86 at another address than it was linked for, and corrects it by `relocations`:
 * the file that Linux's build makes for this purpose (vmlinux.relocs); NULL: the kernel does
 * without. -EINVAL: no such kernel, or an address that 32-bit relocations cannot reach; -EBADMSG: a
 * damaged relocation file, or one of another kernel; else as vmmp_kernel_load(). It is entered at
 * `entry_offset` behind `address`.
 */
int vmmp_kernel_load_moved(const struct vmmp_guest_memory *memory, const struct vmmp_kernel *kernel,
                           uint64_t address, const struct vmmp_file *relocations,
                           struct vmmp_image_error *error);

/** "arm64 Image", "zImage", "ELF", "raw binary", "bzImage". */
const char *vmmp_kernel_format_name(enum vmmp_kernel_format format);

/* Other files. */

/**
 * 0 if `file` can be an initrd: it is not empty. Linux unpacks gzip, xz, zstd, lz4, bzip2, lzma and
 * lzo, plain cpio and several archives one after another, and says itself what it does not like.
 */
int vmmp_initrd_check(const struct vmmp_file *file, struct vmmp_image_error *error);

/** Writes a whole file to `address`, all of it RAM (-EFAULT else). -ENODATA if it is empty. */
int vmmp_file_load(const struct vmmp_guest_memory *memory, const struct vmmp_file *file,
                   uint64_t address, struct vmmp_image_error *error);

/** Largest device tree a kernel takes (booting.rst: 2 MiB). */
#define VMMP_DTB_MAX_SIZE (UINT64_C(2) << 20)

/**
 * Reads a device tree into `buffer`, which is aligned to 8 bytes (Devicetree specification, 5.6),
 * and checks it thoroughly (every offset and every node); `*size` is then its own size. -EBADMSG:
 * not a device tree or damaged; -ENODATA: shorter than it says; -EFBIG: larger than `buffer_size`.
 * To be edited or copied to the guest by the caller.
 */
int vmmp_dtb_read(const struct vmmp_file *file, void *buffer, size_t buffer_size, size_t *size,
                  struct vmmp_image_error *error);

/* Placement. */

struct vmmp_layout_request {
    uint64_t ram_start; /**< The first RAM region: everything is placed inside. */
    uint64_t ram_size;
    const struct vmmp_kernel *kernel;
    uint64_t dtb_size;       /**< Room for the device tree, at most VMMP_DTB_MAX_SIZE; 0: none. */
    uint64_t initrd_size;    /**< 0: none. */
    const char *initrd_name; /**< For messages; may be NULL. */
};

/** Guest-physical addresses; sizes are those asked for. */
struct vmmp_layout {
    uint64_t kernel;
    uint64_t kernel_size; /**< `memory_size` and `scratch_size`. */
    uint64_t entry;
    uint64_t dtb;
    uint64_t dtb_size;
    uint64_t initrd;
    uint64_t initrd_size;
};

/**
 * Places everything as the kernel's boot protocol wants it: the kernel low, then the device tree
 * in 2 MiB of its own, then the initrd. For 32-bit kernels whose unpacked size is unknown the
 * latter two start at 128 MiB or the middle of RAM, whichever is lower, and stay below 4 GiB. For
 * arm64 the initrd stays in the window of 32 GiB around the kernel, and the device tree in the
 * first 512 MiB, which kernels before 4.2 need. -ENOSPC: does not fit, and the message says how
 * much RAM would do; -EINVAL: a bad request.
 */
int vmmp_layout_plan(const struct vmmp_layout_request *request, struct vmmp_layout *layout,
                     struct vmmp_image_error *error);

#ifdef __cplusplus
}
#endif
