/* SPDX-License-Identifier: BSD-2-Clause */
/* <sel4vmmplatsupport/arch/drivers/vmm_pci_helper.h>: what is behind a host device's BARs. */
#include <sel4vmmplatsupport/arch/drivers/vmm_pci_helper.h>

#include <string.h>

#include <sel4vm/boot.h>
#include <sel4vm/guest_memory_helpers.h>

#include "compat/compat_vm.h"
#include "sel4/memory.h"

#define BARS     6
#define PAGE     0x1000u
#define BELOW_4G UINT64_C(0x100000000)

struct mapping {
    vm_t *vm;
    struct vmmp_vm *native;
    unsigned index;
    uint64_t base; /* Host physical address or port. */
    uint64_t size;
};

static int fail(const struct mapping *m, const char *what)
{
    vmmp_log(&m->native->log, VMMP_LOG_ERROR, VMMP_LOG_CLIENT,
             "passed-through PCI device: BAR %u of 0x%llx bytes at 0x%llx %s", m->index,
             (unsigned long long)m->size, (unsigned long long)m->base, what);
    return -1;
}

static int map_ports(const struct mapping *m, vmm_pci_bar_t *bar)
{
    if (m->base > UINT16_MAX || m->size > 0x10000 - m->base) {
        return fail(m, "goes beyond the last I/O port");
    }
    if (!m->vm->vcpus[BOOT_VCPU] ||
        vm_enable_passthrough_ioport(m->vm->vcpus[BOOT_VCPU], (uint16_t)m->base,
                                     (uint16_t)(m->base + m->size - 1))) {
        return fail(m, "cannot be passed through: create the vCPU first, and once");
    }
    bar->address = (uintptr_t)m->base;
    return 0;
}

static int map_memory(const struct mapping *m, vmm_pci_bar_t *bar)
{
    uint64_t inside = m->base % PAGE;
    uint64_t room = m->size < PAGE ? PAGE : m->size;
    uintptr_t address = 0;

    if (m->size < PAGE) {
        vmmp_log(&m->native->log, VMMP_LOG_WARNING, VMMP_LOG_CLIENT,
                 "passed-through PCI device: BAR %u of 0x%llx bytes at 0x%llx shares its page: the "
                 "guest sees all of that",
                 m->index, (unsigned long long)m->size, (unsigned long long)m->base);
    }
    if (m->base > UINTPTR_MAX || m->base % m->size) {
        return fail(m, "is beyond the VMM's reach or not aligned");
    }
    vm_memory_reservation_t *reservation = vm_reserve_anon_memory(
        m->vm, (size_t)room, (size_t)room, default_error_fault_callback, NULL, &address);
    if (!reservation) {
        return fail(m, "finds no room; give vm_memory_make_anon() more");
    }
    if (address > BELOW_4G - room) {
        return fail(m, "would lie above 4 GiB in the guest; give vm_memory_make_anon() less");
    }
    if (vmmp_sys_back_reservation(m->vm, reservation, VMMP_SYS_FRAMES_PHYSICAL,
                                  (uintptr_t)(m->base - inside))) {
        return fail(m, "cannot be mapped");
    }
    bar->address = address + (uintptr_t)inside;
    return 0;
}

static int map_bar(struct mapping *m, const libpci_device_iocfg_t *cfg, vmm_pci_bar_t *bar)
{
    unsigned i = m->index;
    bool ports = cfg->base_addr_space[i] == PCI_BASE_ADDRESS_SPACE_IO;

    m->base = cfg->base_addr[i];
    m->size = cfg->base_addr_size[i];
    if (!ports && i + 1 < BARS && cfg->base_addr_64H[i + 1]) {
        m->base |= (uint64_t)cfg->base_addr[i + 1] << 32;
    }
    if (m->size == 0 || m->size & (m->size - 1)) {
        return fail(m, "has a size that is no power of two");
    }
    while (UINT64_C(1) << bar->size_bits < m->size) {
        bar->size_bits++;
    }
    if (ports) {
        bar->mem_type = NON_MEM;
        return map_ports(m, bar);
    }
    bar->mem_type = cfg->base_addr_prefetchable[i] ? PREFETCH_MEM : NON_PREFETCH_MEM;
    return map_memory(m, bar);
}

int vmm_pci_helper_map_bars(vm_t *vm, libpci_device_iocfg_t *cfg, vmm_pci_bar_t *bars)
{
    struct mapping m = { .vm = vm, .native = vmmp_compat_vm(vm) };
    int count = 0;

    if (!m.native || !cfg || !bars) {
        return -1;
    }
    memset(bars, 0, BARS * sizeof(*bars));
    for (m.index = 0; m.index < BARS; m.index++) {
        bool present =
            cfg->base_addr[m.index] ||
            (m.index + 1 < BARS && cfg->base_addr_64H[m.index + 1] && cfg->base_addr[m.index + 1]);
        if (!present || cfg->base_addr_64H[m.index]) {
            continue;
        }
        if (map_bar(&m, cfg, &bars[m.index])) {
            return -1;
        }
        count = (int)m.index + 1;
    }
    return count;
}
