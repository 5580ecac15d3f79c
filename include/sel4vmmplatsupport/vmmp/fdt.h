/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writing a guest's device tree, one function per device; a VMM composes them:
 *
 *     struct vmmp_fdt fdt;
 *     vmmp_fdt_init(&fdt, buffer, sizeof(buffer));
 *     vmmp_fdt_begin_root(&fdt, "linux,dummy-virt", "example", gic_phandle);
 *     vmmp_fdt_chosen(&fdt, &chosen);
 *     vmmp_fdt_memory(&fdt, regions, 2);
 *     vmmp_fdt_cpus(&fdt, &cpus);
 *     vmmp_fdt_psci(&fdt, true);
 *     …
 *     vmmp_fdt_end(&fdt);
 *     err = vmmp_fdt_finish(&fdt, &size, &log);
 *
 * The first error sticks: everything after it does nothing, and vmmp_fdt_finish() reports it once,
 * with the path of the node that it happened in. No other call needs checking.
 *
 * Addresses and sizes have two cells each at the root. `spi` is the number of a shared peripheral
 * interrupt, 0 for INTID 32. Phandles are the caller's to choose, 1 and up, each for one node.
 * Trees made of these nodes pass `dtc` without a warning.
 *
 * Threads, ownership: the structure and the buffer are the caller's, one thread at a time; nothing
 * is allocated. Sources: Devicetree Specification v0.4 and the Linux bindings named at each writer.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sel4vmmplatsupport/vmmp/log.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Nodes inside one another, the root included. */
#define VMMP_FDT_DEPTH    8
#define VMMP_FDT_PATH_MAX 128

struct vmmp_fdt {
    void *buffer;
    size_t buffer_size;
    int error; /**< First error, of libfdt (negative), 0 so far. */
    unsigned depth;
    unsigned path_end[VMMP_FDT_DEPTH]; /**< Length of the path outside each open node. */
    char path[VMMP_FDT_PATH_MAX];      /**< Of the innermost open node, or of the first error. */
};

/**
 * Starts an empty tree in `buffer`, which should be 64 KiB or so and aligned to 8 bytes (Devicetree
 * specification, 5.6): errors stick.
 */
void vmmp_fdt_init(struct vmmp_fdt *fdt, void *buffer, size_t buffer_size);

/**
 * Completes the tree once every node has been ended; `*size` is then its size. 0; -ENOSPC if the
 * buffer was too small; -EINVAL for anything else, such as a node left open. One line to `log`.
 */
int vmmp_fdt_finish(struct vmmp_fdt *fdt, size_t *size, const struct vmmp_log *log);

/* Primitives, for nodes that have no writer here. */

/** Opens a node; the name is formatted. */
void vmmp_fdt_begin(struct vmmp_fdt *fdt, const char *format, ...) VMMP_PRINTF(2, 3);
/** Opens `name@address`, the address in lower-case hexadecimal. */
void vmmp_fdt_begin_at(struct vmmp_fdt *fdt, const char *name, uint64_t address);
void vmmp_fdt_end(struct vmmp_fdt *fdt);

void vmmp_fdt_empty(struct vmmp_fdt *fdt, const char *name);
void vmmp_fdt_u32(struct vmmp_fdt *fdt, const char *name, uint32_t value);
void vmmp_fdt_u64(struct vmmp_fdt *fdt, const char *name, uint64_t value);
void vmmp_fdt_string(struct vmmp_fdt *fdt, const char *name, const char *value);
/** A list of strings, each with its terminating zero, `size` bytes in all: "a\0b", sizeof. */
void vmmp_fdt_strings(struct vmmp_fdt *fdt, const char *name, const char *list, size_t size);
void vmmp_fdt_bytes(struct vmmp_fdt *fdt, const char *name, const void *bytes, size_t size);
/** At most 64 cells. */
void vmmp_fdt_cells(struct vmmp_fdt *fdt, const char *name, const uint32_t *cells, size_t count);
/** One address and size of two cells each. */
void vmmp_fdt_reg(struct vmmp_fdt *fdt, uint64_t address, uint64_t size);
/** One shared peripheral interrupt of a GIC, active high. */
void vmmp_fdt_spi(struct vmmp_fdt *fdt, uint32_t spi, bool edge);

/* Nodes. */

/** The root node, left open. `interrupt_parent` 0: none. */
void vmmp_fdt_begin_root(struct vmmp_fdt *fdt, const char *compatible, const char *model,
                         uint32_t interrupt_parent);

struct vmmp_fdt_range {
    uint64_t start;
    uint64_t size;
};

/** One /memory node with all regions, at most 8; regions of size 0 are left out. */
void vmmp_fdt_memory(struct vmmp_fdt *fdt, const struct vmmp_fdt_range *regions, size_t count);

struct vmmp_fdt_chosen {
    const char *bootargs;    /**< NULL: none. */
    const char *stdout_path; /**< Path or alias, with options such as ":115200n8"; NULL: none. */
    uint64_t initrd_start;
    uint64_t initrd_size;    /**< 0: no initrd. */
    const uint8_t *rng_seed; /**< NULL: none; 32 bytes or more are worth having. */
    size_t rng_seed_size;
    uint64_t kaslr_seed; /**< 0: none. */
};
/** /chosen (Devicetree Specification 3.6; chosen.yaml). The seeds must be good random numbers. */
void vmmp_fdt_chosen(struct vmmp_fdt *fdt, const struct vmmp_fdt_chosen *chosen);

struct vmmp_fdt_alias {
    const char *name; /**< "serial0". */
    const char *path;
};
void vmmp_fdt_aliases(struct vmmp_fdt *fdt, const struct vmmp_fdt_alias *aliases, size_t count);

struct vmmp_fdt_cpus {
    const char *compatible; /**< "arm,armv8", "arm,cortex-a53", … */
    const uint64_t *mpidr;  /**< Affinity of each CPU; bits outside 0xff00ffffff are cut off. */
    size_t count;
    bool psci; /**< enable-method "psci". */
};
/** /cpus (arm/cpus.yaml). */
void vmmp_fdt_cpus(struct vmmp_fdt *fdt, const struct vmmp_fdt_cpus *cpus);

/** /psci, 1.0 and 0.2, called by HVC or SMC (arm/psci.yaml). */
void vmmp_fdt_psci(struct vmmp_fdt *fdt, bool hvc);

/**
 * /timer, the generic timer's secure, non-secure, virtual and hypervisor PPIs 13, 14, 11 and 10,
 * level-triggered (timer/arm,arch_timer.yaml). `cpus` is for GICv2,
 * whose PPIs name the CPUs they go to; 0 for GICv3.
 */
void vmmp_fdt_timer(struct vmmp_fdt *fdt, bool arm64, unsigned cpus);

struct vmmp_fdt_gic {
    uint32_t phandle;
    struct vmmp_fdt_range distributor;
    struct vmmp_fdt_range cpu_interface;  /**< GICv2. */
    struct vmmp_fdt_range redistributors; /**< GICv3. */
    uint32_t msi_phandle;                 /**< v2m frame or ITS below it; 0: none. */
    struct vmmp_fdt_range msi;
    bool msi_v2m;          /**< GICv3: `msi` is a v2m frame, not an ITS. */
    uint32_t msi_spi_base; /**< v2m: overrides the frame's own register if `msi_spi_count`. */
    uint32_t msi_spi_count;
};
/** arm/arm,gic.yaml: "arm,cortex-a15-gic", with an "arm,gic-v2m-frame" if asked for. */
void vmmp_fdt_gic_v2(struct vmmp_fdt *fdt, const struct vmmp_fdt_gic *gic);
/** arm/arm,gic-v3.yaml, with an "arm,gic-v3-its" or a v2m frame if asked for. */
void vmmp_fdt_gic_v3(struct vmmp_fdt *fdt, const struct vmmp_fdt_gic *gic);

/** A clock that is always on (clock/fixed-clock.yaml): `/NAME`. */
void vmmp_fdt_fixed_clock(struct vmmp_fdt *fdt, const char *name, uint32_t phandle,
                          uint32_t frequency_hz);

/** serial/pl011.yaml; `clock` is the phandle of a clock. */
void vmmp_fdt_pl011(struct vmmp_fdt *fdt, uint64_t base, uint32_t spi, uint32_t clock);
/** serial/cdns,uart.yaml; `clock` is the phandle of a clock. */
void vmmp_fdt_cadence_uart(struct vmmp_fdt *fdt, uint64_t base, uint32_t spi, uint32_t clock);
/** rtc/arm,pl031.yaml. */
void vmmp_fdt_pl031(struct vmmp_fdt *fdt, uint64_t base, uint32_t spi, uint32_t clock);
/** gpio/pl061-gpio.yaml, without its interrupts as a controller; `phandle` is its own. */
void vmmp_fdt_pl061(struct vmmp_fdt *fdt, uint64_t base, uint32_t spi, uint32_t clock,
                    uint32_t phandle);
/**
 * input/gpio-keys.yaml: one key, pressed while `pin` of the controller `gpio` is high; `code` is
 * Linux's (116: power).
 */
void vmmp_fdt_gpio_key(struct vmmp_fdt *fdt, const char *label, uint32_t gpio, uint32_t pin,
                       uint32_t code);
/** virtio/mmio.yaml, 512 bytes of registers. */
void vmmp_fdt_virtio_mmio(struct vmmp_fdt *fdt, uint64_t base, uint32_t spi);

/** One INTx pin of one device. */
struct vmmp_fdt_pci_pin {
    uint8_t device; /**< 0 to 31. */
    uint8_t pin;    /**< 1 (INTA) to 4. */
    uint32_t spi;
};

struct vmmp_fdt_pci {
    bool ecam;                      /**< "pci-host-ecam-generic", else "pci-host-cam-generic". */
    struct vmmp_fdt_range config;   /**< Buses: 1 MiB each with ECAM, 64 KiB else. */
    struct vmmp_fdt_range io;       /**< Window of I/O ports from 0 on; size 0: none. */
    struct vmmp_fdt_range memory;   /**< 32-bit window, bus address = address. */
    struct vmmp_fdt_range memory64; /**< Above 4 GiB; size 0: none. */
    uint32_t gic_phandle;
    uint32_t gic_address_cells; /**< Of the GIC's node: 2 for the writers above. */
    uint32_t msi_phandle;       /**< 0: no MSI. */
    const struct vmmp_fdt_pci_pin *pins;
    size_t pin_count; /**< At most 128. */
};
/** pci/host-generic-pci.yaml: /pcie@… or /pci@…, dma-coherent. */
void vmmp_fdt_pci(struct vmmp_fdt *fdt, const struct vmmp_fdt_pci *pci);

#ifdef __cplusplus
}
#endif
