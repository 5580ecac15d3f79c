/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vmmplatsupport/vmmp/arm_firmware.h>

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include <sel4vm/arch/guest_arm_context.h>
#include <sel4vm/arch/processor.h>
#include <sel4vm/boot.h>
#include <sel4vm/guest_vcpu_fault.h>
#include <sel4vm/guest_vm_util.h>

#include <sel4vmmplatsupport/arch/guest_vcpu_fault.h>
#include <sel4vmmplatsupport/vmmp/boot_arm.h>

#include "sel4/vcpu_arm.h"

/* The state a caller was in (Arm ARM, SPSR_EL2.M[4]). */
#define SPSR_AARCH32 0x10u

#define AFFINITY_BITS UINT64_C(0xff00ffffff)

/* Exception classes (Arm ARM, ESR_EL2.EC). */
#define EC_HVC_32 0x12
#define EC_SMC_32 0x13
#define EC_HVC_64 0x16
#define EC_SMC_64 0x17

static_assert(CONFIG_MAX_NUM_NODES <= VMMP_PSCI_CPUS, "PSCI has too few CPUs");

/* ---- vCPUs ---------------------------------------------------------------------------------- */

/* The table of CPUs, as libsel4vm's is now; what the guest has switched is known better here. */
static void look_at_vcpus(struct vmmp_arm_firmware *firmware)
{
    firmware->psci.cpu_count = firmware->vm->num_vcpus;
    for (unsigned i = 0; i < firmware->psci.cpu_count; i++) {
        vm_vcpu_t *vcpu = firmware->vm->vcpus[i];
        struct vmmp_psci_cpu *cpu = &firmware->psci.cpus[i];
        if (!(firmware->known >> i & 1)) {
            bool assigned = vcpu->target_cpu >= 0;
            cpu->affinity = (assigned ? (uint64_t)vcpu->target_cpu : vcpu->vcpu_id) & AFFINITY_BITS;
            cpu->provisional = !assigned;
            cpu->state = assigned && is_vcpu_online(vcpu) ? VMMP_PSCI_ON : VMMP_PSCI_OFF;
        }
    }
}

static unsigned index_of(const vm_vcpu_t *vcpu)
{
    unsigned i = 0;

    while (i < vcpu->vm->num_vcpus && vcpu->vm->vcpus[i] != vcpu) {
        i++;
    }
    return i;
}

static bool in_ram(const vm_t *vm, uint64_t address)
{
    const vm_mem_t *mem = &vm->mem;

    for (int i = 0; i < mem->num_ram_regions; i++) {
        if (address >= mem->ram_regions[i].start &&
            address - mem->ram_regions[i].start < mem->ram_regions[i].size) {
            return true;
        }
    }
    return mem->num_ram_regions == 0;
}

/* Guests of a 64-bit VMM are AArch64 unless they call in AArch32 state, whichever the convention.
 */
static struct vmmp_arm_entry entry_state(const struct vmmp_psci_entry *entry)
{
    bool narrow = entry->aarch32 || sizeof(seL4_Word) < sizeof(uint64_t);

    return (struct vmmp_arm_entry){
        .mode = narrow ? VMMP_ARM_MODE_AARCH32 : VMMP_ARM_MODE_AARCH64,
        .interrupts_masked = true,
        .pc = entry->address,
        .registers = { entry->context },
    };
}

/* ---- operations of PSCI --------------------------------------------------------------------- */

static int cpu_on(void *cookie, unsigned cpu, const struct vmmp_psci_entry *entry)
{
    struct vmmp_arm_firmware *firmware = cookie;
    vm_vcpu_t *vcpu = firmware->vm->vcpus[cpu];
    struct vmmp_arm_entry state = entry_state(entry);

    if (!in_ram(firmware->vm, entry->address)) {
        return -EFAULT;
    }
    int error = vmmp_arm_start(vcpu, (unsigned)firmware->psci.cpus[cpu].affinity, &state);
    if (!error) {
        firmware->known |= UINT64_C(1) << cpu;
    }
    return error;
}

static int cpu_off(void *cookie, unsigned cpu)
{
    struct vmmp_arm_firmware *firmware = cookie;
    int error = vmmp_sys_vcpu_off(firmware->vm->vcpus[cpu]);

    if (!error) {
        firmware->known |= UINT64_C(1) << cpu;
    }
    return error;
}

static void resumed(void *cookie, vm_vcpu_t *vcpu)
{
    struct vmmp_arm_firmware *firmware = cookie;

    vmmp_context_enter(&firmware->context);
    vmmp_psci_cpu_resumed(&firmware->psci, index_of(vcpu));
    vmmp_context_leave(&firmware->context);
}

static int cpu_suspend(void *cookie, unsigned cpu)
{
    struct vmmp_arm_firmware *firmware = cookie;

    return vmmp_sys_vcpu_suspend(firmware->vm->vcpus[cpu], false, resumed, firmware);
}

static int system_suspend(void *cookie, unsigned cpu, const struct vmmp_psci_entry *entry)
{
    struct vmmp_arm_firmware *firmware = cookie;

    if (!in_ram(firmware->vm, entry->address)) {
        return -EFAULT;
    }
    int error = vmmp_sys_vcpu_suspend(firmware->vm->vcpus[cpu], true, NULL, NULL);
    if (!error) {
        firmware->entered = true;
        firmware->entry = *entry;
    }
    return error;
}

static int system_event(void *cookie, const struct vmmp_psci_event *event)
{
    static const char *const names[] = {
        [VMMP_PSCI_SYSTEM_OFF] = "powers off",
        [VMMP_PSCI_SYSTEM_RESET] = "resets, and nothing makes it anew",
        [VMMP_PSCI_SYSTEM_RESET2] = "resets, and nothing makes it anew",
        [VMMP_PSCI_SYSTEM_SUSPEND] = "suspends",
    };
    struct vmmp_arm_firmware *firmware = cookie;

    if (firmware->config.system_event) {
        return firmware->config.system_event(firmware->config.cookie, firmware->vm, event);
    }
    if (event->kind == VMMP_PSCI_SYSTEM_SUSPEND) {
        return 0;
    }
    if (event->kind == VMMP_PSCI_SYSTEM_RESET2 && event->reset_type) {
        return -EINVAL;
    }
    vmmp_log(firmware->log, VMMP_LOG_WARNING, VMMP_LOG_GUEST, "the guest %s: its vCPUs stop",
             names[event->kind]);
    vmmp_sys_vm_end(firmware->vm);
    return 0;
}

static uint64_t now(void *cookie)
{
    struct vmmp_arm_firmware *firmware = cookie;

    return vmmp_host_now(&firmware->host);
}

/* ---- life ----------------------------------------------------------------------------------- */

int vmmp_arm_firmware_init(struct vmmp_arm_firmware *firmware, vm_t *vm,
                           const struct vmmp_arm_firmware_config *config,
                           const struct vmmp_host *host, const struct vmmp_log *log)
{
    memset(firmware, 0, sizeof(*firmware));
    firmware->vm = vm;
    firmware->log = log;
    if (config) {
        firmware->config = *config;
    }
    if (host) {
        firmware->host = *host;
    }
    firmware->ops = (struct vmmp_psci_ops){
        .cpu_on = cpu_on,
        .cpu_off = cpu_off,
        .system_event = system_event,
        .now = now,
    };
    if (vmmp_sys_vcpu_can_suspend(vm)) {
        firmware->ops.cpu_suspend = cpu_suspend;
        firmware->ops.system_suspend = system_suspend;
    }
    vmmp_psci_init(&firmware->psci, &firmware->ops, firmware);
    int error = vmmp_smccc_init(&firmware->smccc, &firmware->config.smccc, log);
    if (!error) {
        error = vmmp_host_context_init(&firmware->host, &firmware->context);
    }
    if (!firmware->config.no_psci) {
        firmware->smccc.psci = &firmware->psci;
    }
    return error;
}

void vmmp_arm_firmware_fini(struct vmmp_arm_firmware *firmware)
{
    vmmp_host_context_fini(&firmware->host, &firmware->context);
}

/* ---- calls ---------------------------------------------------------------------------------- */

/* Registers 0 to 6 or 7. */
static unsigned arguments(seL4_UserContext *u, seL4_Word *registers[VMMP_SMCCC_REGISTERS])
{
#if defined(CONFIG_ARCH_AARCH64)
    seL4_Word *all[] = { &u->x0, &u->x1, &u->x2, &u->x3, &u->x4, &u->x5, &u->x6, &u->x7 };
#else
    seL4_Word *all[] = { &u->r0, &u->r1, &u->r2, &u->r3, &u->r4, &u->r5, &u->r6 };
#endif
    memcpy(registers, all, sizeof(all));
    return sizeof(all) / sizeof(all[0]);
}

static bool calls_in_aarch32(const seL4_UserContext *regs)
{
#if defined(CONFIG_ARCH_AARCH64)
    return regs->spsr & SPSR_AARCH32;
#else
    (void)regs;
    return true;
#endif
}

/* True if the caller is to begin at `entry`, and `regs` do not count. */
static bool answer(struct vmmp_arm_firmware *firmware, vm_vcpu_t *vcpu, seL4_UserContext *regs,
                   struct vmmp_psci_entry *entry)
{
    seL4_Word *registers[VMMP_SMCCC_REGISTERS];
    unsigned count = arguments(regs, registers);
    struct vmmp_smccc_call call = { .cpu = index_of(vcpu), .aarch32 = calls_in_aarch32(regs) };

    for (unsigned i = 0; i < count; i++) {
        call.x[i] = *registers[i];
    }
    vmmp_context_enter(&firmware->context);
    look_at_vcpus(firmware);
    firmware->entered = false;
    firmware->ops.system_suspend =
        entry && vmmp_sys_vcpu_can_suspend(firmware->vm) ? system_suspend : NULL;
    vmmp_smccc_call(&firmware->smccc, &call);
    bool entered = firmware->entered;
    if (entry) {
        *entry = firmware->entry;
    }
    vmmp_context_leave(&firmware->context);
    for (unsigned i = 0; i < count; i++) {
        *registers[i] = (seL4_Word)call.x[i];
    }
    return entered;
}

int vmmp_arm_firmware_call(struct vmmp_arm_firmware *firmware, vm_vcpu_t *vcpu,
                           seL4_UserContext *regs)
{
    if (!firmware || !vcpu || !regs) {
        return -1;
    }
    (void)answer(firmware, vcpu, regs, NULL);
    return 0;
}

int vmmp_arm_firmware_exception(vm_vcpu_t *vcpu, uint32_t syndrome, void *cookie)
{
    struct vmmp_arm_firmware *firmware = cookie;
    struct vmmp_psci_entry entry;
    seL4_UserContext regs;
    uint32_t ec = syndrome >> HSR_EXCEPTION_CLASS_SHIFT;

    if (!vcpu || !firmware) {
        return -1;
    }
    if (ec != EC_HVC_32 && ec != EC_SMC_32 && ec != EC_HVC_64 && ec != EC_SMC_64) {
        return vmm_handle_arm_vcpu_exception(vcpu, syndrome, NULL);
    }
    if (vm_get_thread_context(vcpu, &regs)) {
        return -1;
    }
    if (answer(firmware, vcpu, &regs, &entry)) {
        struct vmmp_arm_entry state = entry_state(&entry);
        if (vmmp_arm_enter(vcpu, &state)) {
            return -1;
        }
        restart_vcpu_fault(vcpu);
        return 0;
    }
    if (vm_set_thread_context(vcpu, regs)) {
        return -1;
    }
    /* The preferred return address of an HVC is the instruction after it: nothing to step over. */
    if (ec == EC_HVC_32 || ec == EC_HVC_64) {
        restart_vcpu_fault(vcpu);
    } else {
        advance_vcpu_fault(vcpu);
    }
    return 0;
}
