/* SPDX-License-Identifier: BSD-2-Clause */
#include "gdb_target.h"

#include <string.h>

#include <sel4vmmplatsupport/vmmp/arm_walk.h>

#define BRK_0       0xd4200000u
#define SIGNAL_INT  2
#define SIGNAL_TRAP 5

/* PSTATE (Arm ARM C5.2, SPSR_EL1). */
#define PSTATE_MODE_MASK UINT64_C(0x1f)
#define PSTATE_EL1T      UINT64_C(0x04)
#define PSTATE_EL1H      UINT64_C(0x05)
#define PSTATE_AARCH32   UINT64_C(0x10)
#define PSTATE_DAIF      UINT64_C(0x3c0)
#define PSTATE_PAN       (UINT64_C(1) << 22)
#define SCTLR_SPAN       (UINT64_C(1) << 23)

static uint64_t reg(vm_vcpu_t *vcpu, enum hosted_kvm_reg number)
{
    uint64_t value = 0;
    hosted_kvm_vcpu_get_reg(vcpu, number, &value);
    return value;
}

static bool translate(const struct gdb_target *target, unsigned cpu, uint64_t address,
                      uint64_t *physical)
{
    vm_vcpu_t *vcpu = target->vm->vcpus[cpu];
    struct vmmp_arm_translation translation = {
        .sctlr = reg(vcpu, HOSTED_KVM_REG_SCTLR_EL1),
        .tcr = reg(vcpu, HOSTED_KVM_REG_TCR_EL1),
        .ttbr0 = reg(vcpu, HOSTED_KVM_REG_TTBR0_EL1),
        .ttbr1 = reg(vcpu, HOSTED_KVM_REG_TTBR1_EL1),
    };
    return vmmp_arm_walk(&translation, target->memory, address, physical);
}

static bool registers_get(void *cookie, unsigned cpu, struct gdb_registers *registers)
{
    const struct gdb_target *target = cookie;
    vm_vcpu_t *vcpu = target->vm->vcpus[cpu];
    uint64_t pstate;
    for (unsigned i = 0; i < 31; i++) {
        enum hosted_kvm_reg x = (enum hosted_kvm_reg)(HOSTED_KVM_REG_X0 + i);
        if (hosted_kvm_vcpu_get_reg(vcpu, x, &registers->x[i])) {
            return false;
        }
    }
    if (hosted_kvm_vcpu_get_reg(vcpu, HOSTED_KVM_REG_SP, &registers->sp) ||
        hosted_kvm_vcpu_get_reg(vcpu, HOSTED_KVM_REG_PC, &registers->pc) ||
        hosted_kvm_vcpu_get_reg(vcpu, HOSTED_KVM_REG_PSTATE, &pstate)) {
        return false;
    }
    registers->cpsr = (uint32_t)pstate;
    return true;
}

static bool registers_set(void *cookie, unsigned cpu, const struct gdb_registers *registers)
{
    const struct gdb_target *target = cookie;
    vm_vcpu_t *vcpu = target->vm->vcpus[cpu];
    bool good = true;
    /* The state first: it says which stack pointer is meant. */
    good = !hosted_kvm_vcpu_set_reg(vcpu, HOSTED_KVM_REG_PSTATE, registers->cpsr) && good;
    for (unsigned i = 0; i < 31; i++) {
        enum hosted_kvm_reg x = (enum hosted_kvm_reg)(HOSTED_KVM_REG_X0 + i);
        good = !hosted_kvm_vcpu_set_reg(vcpu, x, registers->x[i]) && good;
    }
    good = !hosted_kvm_vcpu_set_reg(vcpu, HOSTED_KVM_REG_SP, registers->sp) && good;
    return !hosted_kvm_vcpu_set_reg(vcpu, HOSTED_KVM_REG_PC, registers->pc) && good;
}

static bool system_get(void *cookie, unsigned cpu, enum gdb_system_register number, uint64_t *value)
{
    static const enum hosted_kvm_reg regs[GDB_SYSTEM_REGISTERS] = {
        [GDB_SCTLR_EL1] = HOSTED_KVM_REG_SCTLR_EL1, [GDB_TCR_EL1] = HOSTED_KVM_REG_TCR_EL1,
        [GDB_TTBR0_EL1] = HOSTED_KVM_REG_TTBR0_EL1, [GDB_TTBR1_EL1] = HOSTED_KVM_REG_TTBR1_EL1,
        [GDB_ESR_EL1] = HOSTED_KVM_REG_ESR_EL1,     [GDB_FAR_EL1] = HOSTED_KVM_REG_FAR_EL1,
        [GDB_ELR_EL1] = HOSTED_KVM_REG_ELR_EL1,     [GDB_SPSR_EL1] = HOSTED_KVM_REG_SPSR_EL1,
        [GDB_VBAR_EL1] = HOSTED_KVM_REG_VBAR_EL1,   [GDB_SP_EL0] = HOSTED_KVM_REG_SP_EL0,
    };
    const struct gdb_target *target = cookie;
    return hosted_kvm_vcpu_get_reg(target->vm->vcpus[cpu], regs[number], value) == 0;
}

/* Shows in `bytes`, read from `physical` on, what breakpoints have replaced; or, to be written
 * there, keeps the breakpoints and takes what they replace from `bytes`. */
static void overlay(struct gdb_target *target, uint64_t physical, uint8_t *bytes, size_t size,
                    bool writing)
{
    const uint32_t brk = vmmp_le32(BRK_0).le;
    for (unsigned i = 0; i < target->software_count; i++) {
        struct gdb_software_point *point = &target->software[i];
        for (unsigned j = 0; j < sizeof(point->original); j++) {
            uint64_t offset = point->physical + j - physical;
            if (offset >= size) {
                continue;
            }
            uint8_t *original = (uint8_t *)&point->original + j;
            if (writing) {
                *original = bytes[offset];
                bytes[offset] = ((const uint8_t *)&brk)[j];
            } else {
                bytes[offset] = *original;
            }
        }
    }
}

static bool memory_read(void *cookie, unsigned cpu, uint64_t address, void *to, size_t size)
{
    struct gdb_target *target = cookie;
    uint64_t physical;
    if (!translate(target, cpu, address, &physical) ||
        !vmmp_guest_memory_read(target->memory, vmmp_gpa(physical), to, size)) {
        return false;
    }
    overlay(target, physical, to, size, false);
    return true;
}

/* Instructions may be among the bytes: the host's caches are made coherent for them. */
static bool patch(const struct gdb_target *target, uint64_t physical, const void *bytes,
                  size_t size)
{
    char *host = vmmp_guest_memory_span(target->memory, vmmp_gpa(physical), size);
    if (!host) {
        return false;
    }
    memcpy(host, bytes, size);
    __builtin___clear_cache(host, host + size);
    return true;
}

static bool memory_write(void *cookie, unsigned cpu, uint64_t address, const void *from,
                         size_t size)
{
    struct gdb_target *target = cookie;
    uint8_t bytes[4096];
    uint64_t physical;
    if (size > sizeof(bytes) || !translate(target, cpu, address, &physical)) {
        return false;
    }
    memcpy(bytes, from, size);
    pthread_mutex_lock(&target->lock);
    overlay(target, physical, bytes, size, true);
    pthread_mutex_unlock(&target->lock);
    return patch(target, physical, bytes, size);
}

static unsigned find_software(const struct gdb_target *target, uint64_t address)
{
    unsigned i = 0;
    while (i < target->software_count && target->software[i].address != address) {
        i++;
    }
    return i;
}

static bool insert_hardware(struct gdb_target *target, uint64_t address)
{
    struct hosted_kvm_debug *points = &target->points;
    for (unsigned i = 0; i < points->breakpoints; i++) {
        if (points->breakpoint[i] == address) {
            return true;
        }
    }
    unsigned most = hosted_kvm_breakpoints(target->vm);
    if (points->breakpoints >= GDB_HARDWARE_POINTS || points->breakpoints >= most) {
        return false;
    }
    points->breakpoint[points->breakpoints++] = address;
    return true;
}

static bool remove_hardware(struct gdb_target *target, uint64_t address)
{
    struct hosted_kvm_debug *points = &target->points;
    for (unsigned i = 0; i < points->breakpoints; i++) {
        if (points->breakpoint[i] == address) {
            points->breakpoint[i] = points->breakpoint[--points->breakpoints];
            return true;
        }
    }
    return false;
}

static bool insert_software(struct gdb_target *target, uint64_t address)
{
    const uint32_t brk = vmmp_le32(BRK_0).le;
    struct gdb_software_point point = { .address = address };
    if (find_software(target, address) < target->software_count) {
        return true;
    }
    if (address % 4 || target->software_count >= GDB_SOFTWARE_POINTS ||
        !translate(target, target->stop.cpu, address, &point.physical) ||
        !vmmp_guest_memory_read(target->memory, vmmp_gpa(point.physical), &point.original,
                                sizeof(point.original))) {
        return insert_hardware(target, address);
    }
    if (!patch(target, point.physical, &brk, sizeof(brk))) {
        return false;
    }
    target->software[target->software_count++] = point;
    return true;
}

static bool remove_software(struct gdb_target *target, uint64_t address)
{
    unsigned i = find_software(target, address);
    if (i == target->software_count) {
        return remove_hardware(target, address);
    }
    struct gdb_software_point point = target->software[i];
    target->software[i] = target->software[--target->software_count];
    return patch(target, point.physical, &point.original, sizeof(point.original));
}

static bool insert_watch(struct gdb_target *target, enum gdb_point type, uint64_t address,
                         uint64_t size)
{
    struct hosted_kvm_debug *points = &target->points;
    unsigned most = hosted_kvm_watchpoints(target->vm);
    if (size == 0 || size > UINT32_MAX || points->watchpoints >= GDB_HARDWARE_POINTS ||
        points->watchpoints >= most) {
        return false;
    }
    struct hosted_kvm_watchpoint *watch = &points->watchpoint[points->watchpoints];
    watch->address = address;
    watch->size = (unsigned)size;
    watch->read = type != GDB_WRITE_WATCHPOINT;
    watch->write = type != GDB_READ_WATCHPOINT;
    points->watchpoints++;
    /* The engine knows which ones the hardware can do. */
    if (hosted_kvm_vcpu_debug(target->vm->vcpus[0], points) != 0) {
        points->watchpoints--;
        return false;
    }
    return true;
}

static bool remove_watch(struct gdb_target *target, enum gdb_point type, uint64_t address,
                         uint64_t size)
{
    struct hosted_kvm_debug *points = &target->points;
    for (unsigned i = 0; i < points->watchpoints; i++) {
        struct hosted_kvm_watchpoint *watch = &points->watchpoint[i];
        if (watch->address == address && watch->size == size &&
            watch->read == (type != GDB_WRITE_WATCHPOINT) &&
            watch->write == (type != GDB_READ_WATCHPOINT)) {
            *watch = points->watchpoint[--points->watchpoints];
            return true;
        }
    }
    return false;
}

static bool point_insert(void *cookie, enum gdb_point type, uint64_t address, uint64_t size)
{
    struct gdb_target *target = cookie;
    pthread_mutex_lock(&target->lock);
    bool good;
    switch (type) {
    case GDB_SOFTWARE_BREAKPOINT:
        good = insert_software(target, address);
        break;
    case GDB_HARDWARE_BREAKPOINT:
        good = insert_hardware(target, address);
        break;
    default:
        good = insert_watch(target, type, address, size);
        break;
    }
    pthread_mutex_unlock(&target->lock);
    return good;
}

static bool point_remove(void *cookie, enum gdb_point type, uint64_t address, uint64_t size)
{
    struct gdb_target *target = cookie;
    pthread_mutex_lock(&target->lock);
    bool good;
    switch (type) {
    case GDB_SOFTWARE_BREAKPOINT:
        good = remove_software(target, address);
        break;
    case GDB_HARDWARE_BREAKPOINT:
        good = remove_hardware(target, address);
        break;
    default:
        good = remove_watch(target, type, address, size);
        break;
    }
    pthread_mutex_unlock(&target->lock);
    return good;
}

static void points_clear(void *cookie)
{
    struct gdb_target *target = cookie;
    pthread_mutex_lock(&target->lock);
    while (target->software_count) {
        remove_software(target, target->software[target->software_count - 1].address);
    }
    memset(&target->points, 0, sizeof(target->points));
    pthread_mutex_unlock(&target->lock);
}

static void let_run(struct gdb_target *target)
{
    pthread_mutex_lock(&target->lock);
    bool paused = target->paused;
    target->paused = false;
    pthread_mutex_unlock(&target->lock);
    if (paused) {
        hosted_kvm_resume(target->vm);
    }
}

static void begin_step(struct gdb_target *target, unsigned cpu)
{
    vm_vcpu_t *vcpu = target->vm->vcpus[cpu];
    vmmp_le32_t instruction = { 0 };
    memory_read(target, cpu, reg(vcpu, HOSTED_KVM_REG_PC), &instruction, sizeof(instruction));
    gdb_step_begin(&target->steps[cpu], vcpu, vmmp_le32_get(instruction));
}

static void end_steps(struct gdb_target *target)
{
    for (unsigned i = 0; i < target->vm->num_vcpus; i++) {
        gdb_step_end(&target->steps[i], target->vm->vcpus[i]);
    }
}

static void resume(void *cookie, const enum gdb_action *actions)
{
    struct gdb_target *target = cookie;
    for (unsigned i = 0; i < target->vm->num_vcpus; i++) {
        struct hosted_kvm_debug debug = target->points;
        debug.software_breakpoints = true;
        debug.step = actions[i] == GDB_STEP;
        if (debug.step) {
            begin_step(target, i);
        }
        hosted_kvm_vcpu_debug(target->vm->vcpus[i], &debug);
    }
    let_run(target);
}

/* Stops all vCPUs; false if they are stopped already. */
static bool pause(struct gdb_target *target, const struct gdb_stop *stop)
{
    pthread_mutex_lock(&target->lock);
    bool first = !target->paused;
    if (first) {
        hosted_kvm_pause(target->vm);
        target->paused = true;
        target->stop = *stop;
    }
    pthread_mutex_unlock(&target->lock);
    return first;
}

static void interrupt(void *cookie)
{
    struct gdb_target *target = cookie;
    struct gdb_stop stop = { .cpu = target->stop.cpu, .signal = SIGNAL_INT };
    if (pause(target, &stop)) {
        end_steps(target);
        target->stopped(target->cookie, &stop);
    }
}

static void kill(void *cookie)
{
    struct gdb_target *target = cookie;
    target->kill(target->vm);
    let_run(target);
}

static void detach(void *cookie)
{
    gdb_target_detach(cookie);
}

const struct gdb_target_ops gdb_target_ops = {
    .registers_get = registers_get,
    .registers_set = registers_set,
    .system_get = system_get,
    .memory_read = memory_read,
    .memory_write = memory_write,
    .point_insert = point_insert,
    .point_remove = point_remove,
    .points_clear = points_clear,
    .resume = resume,
    .interrupt = interrupt,
    .kill = kill,
    .detach = detach,
};

static void tell_stopped(void *cookie)
{
    struct gdb_target *target = cookie;
    pthread_mutex_lock(&target->lock);
    bool still = target->paused;
    struct gdb_stop stop = target->stop;
    pthread_mutex_unlock(&target->lock);
    if (still) {
        end_steps(target);
        target->stopped(target->cookie, &stop);
    }
}

void gdb_target_init(struct gdb_target *target)
{
    pthread_mutex_init(&target->lock, NULL);
    target->work.run = tell_stopped;
    target->work.cookie = target;
}

void gdb_target_fini(struct gdb_target *target)
{
    vmmp_host_cancel(&target->host, &target->work);
    pthread_mutex_destroy(&target->lock);
}

void gdb_target_attach(struct gdb_target *target)
{
    struct gdb_stop stop = { .signal = SIGNAL_TRAP };
    pause(target, &stop);
    pthread_mutex_lock(&target->lock);
    target->attached = true;
    pthread_mutex_unlock(&target->lock);
}

void gdb_target_detach(struct gdb_target *target)
{
    struct gdb_stop stop = { .signal = SIGNAL_TRAP };
    static const struct hosted_kvm_debug nothing;
    pause(target, &stop);
    end_steps(target);
    points_clear(target);
    for (unsigned i = 0; i < target->vm->num_vcpus; i++) {
        hosted_kvm_vcpu_debug(target->vm->vcpus[i], &nothing);
    }
    pthread_mutex_lock(&target->lock);
    target->attached = false;
    pthread_mutex_unlock(&target->lock);
    let_run(target);
}

/*
 * Takes the exception that a BRK of the guest's own would have taken to EL1, as the architecture
 * does it (Arm ARM D1.3, AArch64.TakeException).
 */
static void deliver_brk(vm_vcpu_t *vcpu, const struct hosted_kvm_debug_event *event)
{
    uint64_t pstate = reg(vcpu, HOSTED_KVM_REG_PSTATE);
    uint64_t mode = pstate & PSTATE_MODE_MASK;
    uint64_t offset = mode == PSTATE_EL1T     ? 0x000
                      : mode == PSTATE_EL1H   ? 0x200
                      : mode & PSTATE_AARCH32 ? 0x600
                                              : 0x400;
    uint64_t taken = PSTATE_EL1H | PSTATE_DAIF | (pstate & PSTATE_PAN);
    if (!(reg(vcpu, HOSTED_KVM_REG_SCTLR_EL1) & SCTLR_SPAN)) {
        taken |= PSTATE_PAN;
    }
    hosted_kvm_vcpu_set_reg(vcpu, HOSTED_KVM_REG_ELR_EL1, event->pc);
    hosted_kvm_vcpu_set_reg(vcpu, HOSTED_KVM_REG_SPSR_EL1, pstate);
    hosted_kvm_vcpu_set_reg(vcpu, HOSTED_KVM_REG_ESR_EL1, event->syndrome);
    hosted_kvm_vcpu_set_reg(vcpu, HOSTED_KVM_REG_PSTATE, taken);
    hosted_kvm_vcpu_set_reg(vcpu, HOSTED_KVM_REG_PC, reg(vcpu, HOSTED_KVM_REG_VBAR_EL1) + offset);
}

static unsigned cpu_of(const struct gdb_target *target, const vm_vcpu_t *vcpu)
{
    unsigned cpu = 0;
    while (cpu + 1 < target->vm->num_vcpus && target->vm->vcpus[cpu] != vcpu) {
        cpu++;
    }
    return cpu;
}

/* Which watchpoint an access hit; its kind is what gdb wants to hear. */
static void name_watch(const struct gdb_target *target, uint64_t address, struct gdb_stop *stop)
{
    const struct hosted_kvm_debug *points = &target->points;
    for (unsigned i = 0; i < points->watchpoints; i++) {
        const struct hosted_kvm_watchpoint *watch = &points->watchpoint[i];
        /* The address reported may be that of a wider access that begins before. */
        if (address + 64 > watch->address && address < watch->address + watch->size) {
            stop->is_watch = true;
            stop->watch = watch->read && watch->write ? GDB_ACCESS_WATCHPOINT
                          : watch->read               ? GDB_READ_WATCHPOINT
                                                      : GDB_WRITE_WATCHPOINT;
            stop->address = watch->address;
            return;
        }
    }
}

void gdb_target_event(void *cookie, vm_vcpu_t *vcpu, const struct hosted_kvm_debug_event *event)
{
    struct gdb_target *target = cookie;
    struct gdb_stop stop = { .cpu = cpu_of(target, vcpu), .signal = SIGNAL_TRAP };
    pthread_mutex_lock(&target->lock);
    bool ours = target->attached;
    if (event->cause == HOSTED_KVM_DEBUG_SOFTWARE_BREAKPOINT) {
        ours = ours && find_software(target, event->pc) < target->software_count;
    } else if (event->cause == HOSTED_KVM_DEBUG_WATCHPOINT) {
        name_watch(target, event->address, &stop);
    }
    pthread_mutex_unlock(&target->lock);
    if (!ours) {
        if (event->cause == HOSTED_KVM_DEBUG_SOFTWARE_BREAKPOINT) {
            deliver_brk(vcpu, event);
        }
        return;
    }
    if (pause(target, &stop)) {
        vmmp_host_defer(&target->host, &target->work);
    }
}
