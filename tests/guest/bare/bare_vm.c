/* SPDX-License-Identifier: BSD-2-Clause */
#include "bare_vm.h"

#include <stdlib.h>
#include <string.h>

#include <sel4vm/arch/guest_arm_context.h>
#include <sel4vm/boot.h>
#include <sel4vm/guest_irq_controller.h>
#include <sel4vm/guest_memory.h>
#include <sel4vm/guest_ram.h>
#include <sel4vm/guest_vcpu_fault.h>
#include <sel4vm/sel4_arch/processor.h>

#define RAM_SIZE    (2u << 20)
#define DEVICE_SIZE 0x1000

/* D, A, I, F */
#define PSTATE_MASKED   0x3c0u
#define CPSR_SUPERVISOR 0x13u
#define CPSR_MASKED     0x1c0u /* A, I, F */

static void sink(void *cookie, enum vmmp_log_level level, enum vmmp_log_origin origin,
                 const char *message)
{
    struct bare_vm *bare = cookie;
    size_t length = strlen(bare->logged);
    snprintf(bare->logged + length, sizeof bare->logged - length, "%s\n", message);
    if (!bare->quiet) {
        printf("    %s (%s): %s\n", vmmp_log_level_name(level), vmmp_log_origin_name(origin),
               message);
    }
}

void bare_prepare(struct bare_vm *bare)
{
    memset(bare, 0, sizeof *bare);
    sem_init(&bare->ready, 0, 0);
    bare->config.gic_distributor = GIC_DISTRIBUTOR;
    bare->config.gic_cpu_interface = GIC_CPU_INTERFACE;
    bare->config.gic_redistributors = GIC_REDISTRIBUTORS;
    bare->config.gic_redistributors_size = 0xf60000;
    bare->config.address_limit = UINT64_C(1) << 32;
    bare->log.sink = sink;
    bare->log.cookie = bare;
    bare->log.level = VMMP_LOG_INFO;
    if (getenv("KVM_BARE_TRACE")) {
        hosted_trace_init(&bare->trace, stdout);
        bare->config.trace = &bare->trace;
    }
}

static void append(uint64_t *values, unsigned *count, uint64_t value)
{
    if (*count < MAX_RECORDS) {
        values[(*count)++] = value;
    }
}

static void take_write(struct bare_vm *bare, vm_vcpu_t *vcpu, uint64_t offset, uint64_t value)
{
    switch (offset) {
    case REG_REPORT:
        append(bare->reports, &bare->report_count, value);
        break;
    case REG_SECOND:
        append(bare->second, &bare->second_count, value);
        break;
    case REG_EXCEPTION:
        if (bare->exception_count < 2) {
            bare->exceptions[bare->exception_count++] = value;
        }
        break;
    case REG_READY:
        sem_post(&bare->ready);
        break;
    case REG_TAKEN:
        append(bare->taken, &bare->taken_count, value);
        if (bare->taken_count == bare->lower_after) {
            vm_set_irq_level(vcpu, TEST_INTID, 0);
        }
        break;
    default:
        break;
    }
}

static bool in_memory(uint64_t offset, size_t size)
{
    return offset >= REG_MEMORY &&
           offset + size <= REG_MEMORY + sizeof((struct bare_vm *)0)->memory;
}

static memory_fault_result_t device_fault(vm_t *vm, vm_vcpu_t *vcpu, uintptr_t address, size_t size,
                                          void *cookie)
{
    struct bare_vm *bare = cookie;
    uint64_t offset = address - DEVICE;
    unsigned lane = (unsigned)(address & 3) * 8;
    (void)vm;
    if (is_vcpu_read_fault(vcpu)) {
        uint64_t value = offset < 8 ? LOAD_VALUE >> offset * 8 : 0;
        if (offset == REG_READY && bare->sleeps) {
            sem_post(&bare->ready);
            return FAULT_HANDLED;
        }
        if (in_memory(offset, size)) {
            memcpy(&value, (const char *)bare->memory + (offset - REG_MEMORY), size);
        }
        if (offset == REG_ENOUGH) {
            value = bare->taken_count >= bare->enough_after;
        }
        set_vcpu_fault_data(vcpu, value << lane);
    } else {
        uint64_t mask = get_vcpu_fault_data_mask(vcpu) >> lane;
        uint64_t value = get_vcpu_fault_data(vcpu) & mask;
        if (in_memory(offset, size)) {
            memcpy((char *)bare->memory + (offset - REG_MEMORY), &value, size);
        }
        if (offset < 8 && bare->write_count < MAX_RECORDS) {
            bare->writes[bare->write_count++] = (struct bare_write){ offset, size, value };
        }
        take_write(bare, vcpu, offset, value);
    }
    advance_vcpu_fault(vcpu);
    return FAULT_HANDLED;
}

static int copy_guest(vm_t *vm, uintptr_t address, void *memory, size_t size, size_t offset,
                      void *cookie)
{
    (void)vm;
    (void)address;
    memcpy(memory, (const char *)cookie + offset, size);
    return 0;
}

static int make_vcpus(struct bare_vm *bare)
{
    for (unsigned i = 0; i < (bare->vcpus ? bare->vcpus : 1); i++) {
        vm_vcpu_t *vcpu = vm_create_vcpu(&bare->vm, 0);
        if (!vcpu) {
            return -1;
        }
        bare->vcpu = i ? bare->vcpu : vcpu;
    }
    return 0;
}

int bare_start(struct bare_vm *bare, const struct bare_guest *guest, uint64_t argument,
               uint64_t second)
{
    vspace_t vspace;
    seL4_UserContext context;
    memset(&vspace, 0, sizeof vspace);
    hosted_io_ops_init(&bare->io_ops);
    hosted_simple_kvm_arm64(&bare->simple, &bare->config, &bare->log);
    if (vm_init(&bare->vm, NULL, &bare->simple, vspace, &bare->io_ops, 0, "bare")) {
        return -1;
    }
    bare->gic = hosted_kvm_gic_version(&bare->vm);
    if (vm_create_default_irq_controller(&bare->vm) || make_vcpus(bare) ||
        vm_ram_register_at(&bare->vm, RAM_BASE, RAM_SIZE, false) ||
        !vm_reserve_memory_at(&bare->vm, DEVICE, DEVICE_SIZE, device_fault, bare) ||
        vm_ram_touch(&bare->vm, RAM_BASE, (size_t)(guest->end - guest->start), copy_guest,
                     (void *)(uintptr_t)guest->start)) {
        return -1;
    }
    memset(&context, 0, sizeof context);
    context.pc = RAM_BASE;
    context.spsr =
        bare->config.aarch32 ? CPSR_SUPERVISOR | CPSR_MASKED : PMODE_EL1h | PSTATE_MASKED;
    context.x0 = argument;
    context.x1 = second;
    if (vm_set_thread_context(bare->vcpu, context)) {
        return -1;
    }
    return vcpu_start(bare->vcpu);
}

bool bare_try_start(struct bare_vm *bare, const struct bare_guest *guest, uint64_t argument,
                    uint64_t second)
{
    int result = bare_start(bare, guest, argument, second);
    CHECK_EQUAL(result, 0);
    return result == 0;
}

int bare_run(struct bare_vm *bare)
{
    int result = vm_run(&bare->vm);
    if (bare->exception_count) {
        printf("    guest exception: syndrome 0x%llx at 0x%llx\n",
               (unsigned long long)bare->exceptions[0], (unsigned long long)bare->exceptions[1]);
        CHECK_EQUAL(bare->exception_count, 0);
    }
    return result;
}

static void *run_aside(void *cookie)
{
    struct bare_vm *bare = cookie;
    bare->result = bare_run(bare);
    return NULL;
}

void bare_run_aside(struct bare_vm *bare)
{
    CHECK_EQUAL(pthread_create(&bare->thread, NULL, run_aside, bare), 0);
}

int bare_join(struct bare_vm *bare)
{
    pthread_join(bare->thread, NULL);
    return bare->result;
}

void bare_end(struct bare_vm *bare)
{
    hosted_vm_destroy(&bare->vm);
    sem_destroy(&bare->ready);
}

void bare_complete(struct bare_vm *bare, uint64_t value)
{
    set_vcpu_fault_data(bare->vcpu, value);
    advance_vcpu_fault(bare->vcpu);
}
