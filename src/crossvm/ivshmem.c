/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vmmplatsupport/vmmp/ivshmem.h>

#include <errno.h>
#include <string.h>

#include "bus/words.h"

#define IVSHMEM_VENDOR   0x1af4u
#define IVSHMEM_DEVICE   0x1110u
#define IVSHMEM_REVISION 1u
#define IVSHMEM_CLASS    0x050000u /* RAM */
#define IVSHMEM_PIN      1u

#define REG_MASK     0x00u
#define REG_STATUS   0x04u
#define REG_POSITION 0x08u
#define REG_DOORBELL 0x0cu

#define STATUS_PEER 1u
#define VECTOR      0u

/* The registers are 256 bytes. They have a page, so that a guest's program can map it alone. */
#define REGISTERS_SIZE 4096u
#define MEMORY_MIN     UINT64_C(4096)
#define MEMORY_MAX     (UINT64_C(1) << 30)

static void update_intx(struct vmmp_ivshmem *device)
{
    bool high = !vmmp_pci_msix_enabled(&device->msix) && (device->status & device->mask);
    vmmp_pci_intx_set(&device->pci, high);
}

/* Inside the context. */
static void absorb(struct vmmp_ivshmem *device)
{
    if (!__atomic_exchange_n(&device->arrived, 0, __ATOMIC_ACQUIRE)) {
        return;
    }
    if (vmmp_pci_msix_enabled(&device->msix)) {
        vmmp_pci_msix_notify(&device->msix, VECTOR);
        return;
    }
    device->status |= STATUS_PEER;
    update_intx(device);
}

static void run(void *cookie)
{
    absorb(cookie);
}

void vmmp_ivshmem_interrupt(struct vmmp_ivshmem *device)
{
    __atomic_store_n(&device->arrived, 1, __ATOMIC_RELEASE);
    if (!vmmp_host_defer(&device->config.host, &device->work)) {
        vmmp_context_enter(&device->context);
        absorb(device);
        vmmp_context_leave(&device->context);
    }
}

/* An end or a vector that does not exist: nothing happens, as with QEMU's. */
static void ring(struct vmmp_ivshmem *device, uint32_t value)
{
    uint32_t end = value >> 16;
    if ((value & 0xffff) != VECTOR || end > 1) {
        vmmp_log_guest(device->config.log, &device->limit,
                       "ivshmem: the doorbell of end %u, vector %u, which does not exist",
                       (unsigned)end, (unsigned)(value & 0xffff));
    } else if (end == device->config.position(device->config.cookie)) {
        __atomic_store_n(&device->arrived, 1, __ATOMIC_RELEASE);
        absorb(device);
    } else {
        device->config.ring(device->config.cookie);
    }
}

static uint32_t read_register(void *cookie, uint32_t offset, uint32_t lanes)
{
    struct vmmp_ivshmem *device = cookie;
    uint32_t status;
    switch (offset) {
    case REG_MASK:
        return device->mask;
    case REG_STATUS:
        absorb(device);
        status = device->status;
        device->status &= ~lanes;
        update_intx(device);
        return status;
    case REG_POSITION:
        return device->config.position(device->config.cookie);
    default:
        return 0;
    }
}

static void write_register(void *cookie, uint32_t offset, uint32_t value, uint32_t lanes)
{
    struct vmmp_ivshmem *device = cookie;
    switch (offset) {
    case REG_MASK:
        device->mask = words_merge(device->mask, value, lanes, UINT32_MAX);
        update_intx(device);
        break;
    case REG_STATUS:
        device->status = words_merge(device->status, value, lanes, UINT32_MAX);
        update_intx(device);
        break;
    case REG_DOORBELL:
        if (lanes == UINT32_MAX) {
            ring(device, value);
        }
        break;
    default:
        vmmp_log_guest(device->config.log, &device->limit,
                       "ivshmem: a write at 0x%03x, where nothing takes it; it is dropped",
                       (unsigned)offset);
        break;
    }
}

static const struct vmmp_word_ops word_ops = { read_register, write_register };

static void bar_mapped(void *cookie, unsigned bar, uint64_t address, bool mapped)
{
    struct vmmp_ivshmem *device = cookie;
    if (device->config.bar_mapped) {
        device->config.bar_mapped(device->config.cookie, bar, address, mapped);
    }
}

static const struct vmmp_pci_function_ops pci_ops = { .bar_mapped = bar_mapped };

/* Inside the context. What was pending as a message is not INTx' to tell, and the other way round.
 */
static void msix_changed(void *cookie, bool enabled)
{
    (void)enabled;
    update_intx(cookie);
}

static int make_function(struct vmmp_ivshmem *device)
{
    const struct vmmp_pci_identity identity = {
        .vendor = IVSHMEM_VENDOR,
        .device = IVSHMEM_DEVICE,
        .class_code = IVSHMEM_CLASS,
        .revision = IVSHMEM_REVISION,
        .subsystem_vendor = IVSHMEM_VENDOR,
        .subsystem = 0x1100,
        .interrupt_pin = IVSHMEM_PIN,
    };
    const struct vmmp_pci_msix_config msix = {
        .msi = device->config.msi,
        .vectors = &device->vector,
        .count = 1,
        .bar = VMMP_IVSHMEM_BAR_MSIX,
        .context = &device->context,
        .changed = msix_changed,
        .cookie = device,
    };
    vmmp_pci_function_init(&device->pci, "ivshmem", &identity, &pci_ops, device);
    int err = vmmp_pci_add_bar(&device->pci, VMMP_IVSHMEM_BAR_REGISTERS, VMMP_PCI_BAR_MEM32,
                               REGISTERS_SIZE, &device->window);
    if (!err) {
        err = vmmp_pci_add_bar(&device->pci, VMMP_IVSHMEM_BAR_MEMORY, VMMP_PCI_BAR_MEM64_PREFETCH,
                               device->config.size, NULL);
    }
    if (err || !msix.msi || !msix.msi->ops) {
        return err;
    }
    return vmmp_pci_msix_init(&device->msix, &device->pci, &msix);
}

int vmmp_ivshmem_init(struct vmmp_ivshmem *device, const struct vmmp_ivshmem_config *config)
{
    uint64_t size = config->size;

    if (size < MEMORY_MIN || size > MEMORY_MAX || (size & (size - 1)) != 0) {
        vmmp_log(config->log, VMMP_LOG_ERROR, VMMP_LOG_CLIENT,
                 "ivshmem: %llu bytes to share; give it a power of two from %llu to %llu",
                 (unsigned long long)size, (unsigned long long)MEMORY_MIN,
                 (unsigned long long)MEMORY_MAX);
        return -EINVAL;
    }
    memset(device, 0, sizeof(*device));
    device->config = *config;
    int err = vmmp_host_context_init(&device->config.host, &device->context);
    if (err) {
        return err;
    }
    device->window.name = "ivshmem";
    device->window.words = &word_ops;
    device->window.device = device;
    device->window.size = REGISTERS_SIZE;
    device->window.context = &device->context;
    device->work.run = run;
    device->work.cookie = device;
    device->work.context = &device->context;
    err = make_function(device);
    if (err) {
        vmmp_host_context_fini(&device->config.host, &device->context);
    }
    return err;
}

void vmmp_ivshmem_fini(struct vmmp_ivshmem *device)
{
    vmmp_pci_unplug(&device->pci);
    vmmp_host_cancel(&device->config.host, &device->work);
    vmmp_host_context_fini(&device->config.host, &device->context);
}
