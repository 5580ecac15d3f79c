/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vmmplatsupport/vmmp/pci_host.h>

#include <errno.h>
#include <string.h>

#include "bus/pci_decoder.h"
#include "bus/pci_internal.h"
#include "bus/pci_regs.h"

/* ---- memory and port windows --------------------------------------------------------------- */

static uint64_t memory_read(void *device, uint64_t offset, unsigned size)
{
    struct vmmp_pci_host *pci = device;
    return vmmp_pci_decoder_read(&pci->memory_decoder, offset, size);
}

static void memory_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct vmmp_pci_host *pci = device;
    vmmp_pci_decoder_write(&pci->memory_decoder, offset, size, value);
}

static uint64_t ports_read(void *device, uint64_t offset, unsigned size)
{
    struct vmmp_pci_host *pci = device;
    return vmmp_pci_decoder_read(&pci->port_decoder, offset, size);
}

static void ports_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    struct vmmp_pci_host *pci = device;
    vmmp_pci_decoder_write(&pci->port_decoder, offset, size, value);
}

static const struct vmmp_window_ops memory_ops = { memory_read, memory_write };
static const struct vmmp_window_ops ports_ops = { ports_read, ports_write };

static uint64_t window_base(const struct vmmp_pci_host *pci, const struct vmmp_pci_bar *bar)
{
    return vmmp_pci_bar_is_io(bar->type) ? pci->settings.port_base : pci->settings.memory_base;
}

static uint64_t window_size(const struct vmmp_pci_host *pci, const struct vmmp_pci_bar *bar)
{
    return vmmp_pci_bar_is_io(bar->type) ? pci->settings.port_size : pci->settings.memory_size;
}

static bool bus_reachable(void *bus, const struct vmmp_pci_bar *bar, uint64_t address)
{
    const struct vmmp_pci_host *pci = bus;
    uint64_t size = window_size(pci, bar);
    /* An address below the window wraps to a large offset, which the comparison rejects. */
    uint64_t offset = address - window_base(pci, bar);
    return bar->size <= size && offset <= size - bar->size;
}

static void add_segments(struct vmmp_pci_host *pci, struct vmmp_pci_function *function)
{
    for (unsigned i = 0; i < VMMP_PCI_BARS; i++) {
        const struct vmmp_pci_bar *bar = &function->bars[i];
        if (!bar->mapped || !bar->window) {
            continue;
        }
        uint32_t start = (uint32_t)(bar->address - window_base(pci, bar));
        vmmp_pci_decoder_add(vmmp_pci_bar_is_io(bar->type) ? &pci->port_decoder
                                                           : &pci->memory_decoder,
                             start, start + (uint32_t)(bar->size - 1), bar->window);
    }
}

/* Functions in ascending order: that is the precedence of overlapping BARs. */
static void rebuild_tables(struct vmmp_pci_host *pci)
{
    vmmp_pci_decoder_begin(&pci->memory_decoder);
    vmmp_pci_decoder_begin(&pci->port_decoder);
    for (unsigned device = 0; device < VMMP_PCI_DEVICES; device++) {
        for (unsigned number = 0; number < VMMP_PCI_FUNCTIONS; number++) {
            if (pci->functions[device][number]) {
                add_segments(pci, pci->functions[device][number]);
            }
        }
    }
    vmmp_pci_decoder_publish(&pci->memory_decoder);
    vmmp_pci_decoder_publish(&pci->port_decoder);
}

static void bus_decode_changed(void *bus, struct vmmp_pci_function *function)
{
    (void)function;
    rebuild_tables(bus);
}

/* Ports may be shown in memory; memory addresses of the bus are the CPUs' (vmmp/pci_host.h). */
static void bus_cpu_address(void *bus, const struct vmmp_pci_bar *bar, uint64_t *address,
                            bool *port)
{
    const struct vmmp_pci_host *pci = bus;
    if (vmmp_pci_bar_is_io(bar->type) && pci->ports.vm) {
        *address += pci->ports.base - pci->settings.port_base;
        *port = false;
    }
}

static const struct vmmp_pci_bus_ops bus_ops = {
    .reachable = bus_reachable,
    .decode_changed = bus_decode_changed,
    .cpu_address = bus_cpu_address,
};

/* ---- set-up -------------------------------------------------------------------------------- */

static bool settings_valid(const struct vmmp_pci_host_config *config)
{
    return config->buses <= 256 && config->memory_size <= UINT64_C(1) << 32 &&
           config->memory_base <= UINT64_MAX - config->memory_size &&
           config->port_base <= 0x10000 && config->port_size <= 0x10000 - config->port_base &&
           (config->lines || !config->line_count);
}

static void wire_default(struct vmmp_pci_host *pci)
{
    for (unsigned device = 0; device < VMMP_PCI_DEVICES; device++) {
        for (unsigned pin = 1; pin <= VMMP_PCI_PINS && pci->settings.line_count; pin++) {
            /* The rotation of PCI-to-PCI Bridge 1.2, table 9-1. */
            pci->wiring[device][pin - 1] = (uint8_t)((device + pin - 1) % pci->settings.line_count);
        }
    }
}

static void window_init(struct vmmp_window *window, const char *name,
                        const struct vmmp_window_ops *ops, void *device, uint64_t size)
{
    window->name = name;
    window->ops = ops;
    window->device = device;
    window->size = size;
}

int vmmp_pci_host_init(struct vmmp_pci_host *pci, const struct vmmp_pci_host_config *config,
                       const struct vmmp_host *host, const struct vmmp_log *log)
{
    if (!settings_valid(config)) {
        return -EINVAL;
    }
    memset(pci, 0, sizeof(*pci));
    pci->settings = *config;
    pci->settings.buses = config->buses ? config->buses : 1;
    /* An index must fit in `wiring`; a device has four pins at most anyway. */
    if (pci->settings.line_count > VMMP_PCI_DEVICES * VMMP_PCI_PINS) {
        pci->settings.line_count = VMMP_PCI_DEVICES * VMMP_PCI_PINS;
    }
    if (host) {
        pci->host = *host;
    }
    pci->log = log;
    int err = vmmp_host_context_init(&pci->host, &pci->context);
    if (err) {
        return err;
    }
    pci->memory_top = config->memory_base + config->memory_size;
    pci->port_next = config->port_allocation_base > config->port_base ? config->port_allocation_base
                                                                      : config->port_base;
    wire_default(pci);
    vmmp_pci_decoder_init(&pci->memory_decoder);
    vmmp_pci_decoder_init(&pci->port_decoder);
    vmmp_pci_config_windows_init(pci);
    window_init(&pci->memory, "pci memory", &memory_ops, pci, config->memory_size);
    window_init(&pci->ports, "pci ports", &ports_ops, pci, config->port_size);
    return 0;
}

void vmmp_pci_host_fini(struct vmmp_pci_host *pci)
{
    for (unsigned device = 0; device < VMMP_PCI_DEVICES; device++) {
        for (unsigned number = VMMP_PCI_FUNCTIONS; number > 0; number--) {
            if (pci->functions[device][number - 1]) {
                vmmp_pci_host_remove(pci, pci->functions[device][number - 1]);
            }
        }
    }
    vmmp_host_context_fini(&pci->host, &pci->context);
}

int vmmp_pci_host_wire_pin(struct vmmp_pci_host *pci, unsigned device, unsigned pin, unsigned line)
{
    if (device >= VMMP_PCI_DEVICES || pin < 1 || pin > VMMP_PCI_PINS ||
        line >= pci->settings.line_count) {
        return -EINVAL;
    }
    pci->wiring[device][pin - 1] = (uint8_t)line;
    return 0;
}

/* ---- addresses of BARs --------------------------------------------------------------------- */

static bool allocate_memory(struct vmmp_pci_host *pci, uint64_t size, uint64_t *address)
{
    if (size > pci->memory_top - pci->settings.memory_base) {
        return false;
    }
    uint64_t start = (pci->memory_top - size) & ~(size - 1);
    if (start < pci->settings.memory_base) {
        return false;
    }
    pci->memory_top = start;
    *address = start;
    return true;
}

static bool allocate_ports(struct vmmp_pci_host *pci, uint64_t size, uint64_t *address)
{
    uint64_t start = (pci->port_next + size - 1) & ~(size - 1);
    if (start + size > (uint64_t)pci->settings.port_base + pci->settings.port_size) {
        return false;
    }
    pci->port_next = (uint32_t)(start + size);
    *address = start;
    return true;
}

static void allocate_bars(struct vmmp_pci_host *pci, struct vmmp_pci_function *function)
{
    for (unsigned i = 0; i < VMMP_PCI_BARS; i++) {
        const struct vmmp_pci_bar *bar = &function->bars[i];
        if (bar->type == VMMP_PCI_BAR_NONE || vmmp_pci_bar_address(function, i) != 0) {
            continue;
        }
        uint64_t address;
        bool io = vmmp_pci_bar_is_io(bar->type);
        if (io ? allocate_ports(pci, bar->size, &address)
               : allocate_memory(pci, bar->size, &address)) {
            vmmp_pci_set_bar_address(function, i, address);
        } else {
            vmmp_log(pci->log, VMMP_LOG_WARNING, VMMP_LOG_CLIENT,
                     "pci: no room for BAR %u of %s (0x%llx bytes) in the %s window: it has no "
                     "address until the guest gives it one",
                     i, function->name, (unsigned long long)bar->size, io ? "port" : "memory");
        }
    }
}

/* ---- functions ----------------------------------------------------------------------------- */

static unsigned count_bars(const struct vmmp_pci_function *function)
{
    unsigned count = 0;
    for (unsigned i = 0; i < VMMP_PCI_BARS; i++) {
        count += function->bars[i].type != VMMP_PCI_BAR_NONE;
    }
    return count;
}

/* Header type bit 7 is what makes software look at functions 1 to 7 (PCI 3.0, 6.2.1). */
static void update_multifunction(struct vmmp_pci_host *pci, unsigned device)
{
    uint8_t bit = 0;
    for (unsigned number = 1; number < VMMP_PCI_FUNCTIONS; number++) {
        if (pci->functions[device][number]) {
            bit = PCICFG_HEADER_MULTIFUNCTION;
        }
    }
    for (unsigned number = 0; number < VMMP_PCI_FUNCTIONS; number++) {
        struct vmmp_pci_function *function = pci->functions[device][number];
        if (function) {
            uint8_t type = function->config[PCICFG_HEADER_TYPE].value & PCICFG_HEADER_TYPE_MASK;
            function->config[PCICFG_HEADER_TYPE].value = type | bit;
        }
    }
}

static int choose_place(const struct vmmp_pci_host *pci, int device, unsigned number)
{
    if (device == VMMP_PCI_ANY_DEVICE) {
        for (int i = 0; i < VMMP_PCI_DEVICES; i++) {
            if (!pci->functions[i][0]) {
                return i;
            }
        }
        return -ENOSPC;
    }
    if (device < 0 || device >= VMMP_PCI_DEVICES || number >= VMMP_PCI_FUNCTIONS ||
        (number > 0 && !pci->functions[device][0])) {
        return -EINVAL;
    }
    return pci->functions[device][number] ? -EBUSY : device;
}

static int connect_interrupt(struct vmmp_pci_host *pci, struct vmmp_pci_function *function,
                             unsigned device)
{
    unsigned pin = (unsigned)vmmp_pci_peek(function, PCICFG_INTERRUPT_PIN, 1);
    const struct vmmp_pci_line *line = vmmp_pci_host_line(pci, device, pin);
    if (!line) {
        return 0;
    }
    int err = vmmp_irq_source_init(&function->irq, line->line);
    if (err) {
        return err;
    }
    function->config[PCICFG_INTERRUPT_LINE].value =
        line->number <= UINT8_MAX ? (uint8_t)line->number : (uint8_t)0;
    return 0;
}

static int add_locked(struct vmmp_pci_host *pci, struct vmmp_pci_function *function, int device,
                      unsigned number)
{
    if (function->bus_ops || (device == VMMP_PCI_ANY_DEVICE && number != 0)) {
        return -EINVAL;
    }
    int place = choose_place(pci, device, number);
    if (place < 0) {
        return place;
    }
    unsigned bars = count_bars(function);
    if (bars > VMMP_PCI_HOST_BARS - pci->bar_count) {
        return -ENOSPC;
    }
    int err = connect_interrupt(pci, function, (unsigned)place);
    if (err) {
        return err;
    }
    allocate_bars(pci, function);
    pci->bar_count += bars;
    pci->functions[place][number] = function;
    function->device_number = (uint8_t)place;
    function->function_number = (uint8_t)number;
    function->bus_ops = &bus_ops;
    function->bus = pci;
    update_multifunction(pci, (unsigned)place);
    vmmp_pci_update_decode(function);
    return place << 3 | (int)number;
}

int vmmp_pci_host_add(struct vmmp_pci_host *pci, struct vmmp_pci_function *function, int device,
                      unsigned number)
{
    vmmp_context_enter(&pci->context);
    int result = add_locked(pci, function, device, number);
    vmmp_context_leave(&pci->context);
    return result;
}

void vmmp_pci_host_remove(struct vmmp_pci_host *pci, struct vmmp_pci_function *function)
{
    if (function->bus != pci) {
        return;
    }
    vmmp_context_enter(&pci->context);
    pci->functions[function->device_number][function->function_number] = NULL;
    pci->bar_count -= count_bars(function);
    update_multifunction(pci, function->device_number);
    rebuild_tables(pci);
    vmmp_pci_unplug(function);
    vmmp_context_leave(&pci->context);
}

struct vmmp_pci_function *vmmp_pci_host_function(const struct vmmp_pci_host *pci, unsigned device,
                                                 unsigned number)
{
    return device < VMMP_PCI_DEVICES && number < VMMP_PCI_FUNCTIONS ? pci->functions[device][number]
                                                                    : NULL;
}

/* ---- interrupt map ------------------------------------------------------------------------- */

const struct vmmp_pci_line *vmmp_pci_host_line(const struct vmmp_pci_host *pci, unsigned device,
                                               unsigned pin)
{
    if (device >= VMMP_PCI_DEVICES || pin < 1 || pin > VMMP_PCI_PINS || !pci->settings.line_count) {
        return NULL;
    }
    return &pci->settings.lines[pci->wiring[device][pin - 1]];
}

static bool has_pin(const struct vmmp_pci_host *pci, unsigned device, unsigned pin)
{
    for (unsigned number = 0; number < VMMP_PCI_FUNCTIONS; number++) {
        const struct vmmp_pci_function *function = pci->functions[device][number];
        if (function && vmmp_pci_peek(function, PCICFG_INTERRUPT_PIN, 1) == pin) {
            return true;
        }
    }
    return false;
}

int vmmp_pci_host_each_interrupt(const struct vmmp_pci_host *pci, vmmp_pci_interrupt_fn *each,
                                 void *cookie)
{
    for (unsigned device = 0; device < VMMP_PCI_DEVICES; device++) {
        for (unsigned pin = 1; pin <= VMMP_PCI_PINS; pin++) {
            const struct vmmp_pci_line *line = vmmp_pci_host_line(pci, device, pin);
            int result = line && has_pin(pci, device, pin) ? each(cookie, device, pin, line) : 0;
            if (result) {
                return result;
            }
        }
    }
    return 0;
}
