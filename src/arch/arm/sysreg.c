/* SPDX-License-Identifier: BSD-2-Clause */
#include "arch/arm/sysreg.h"

#include <errno.h>
#include <stddef.h>

#include "arch/arm/registers.h"

static const struct vmmp_arm_sysreg *search(const struct vmmp_arm_sysreg *table, unsigned count,
                                            uint32_t id)
{
    for (unsigned i = 0; i < count; i++) {
        uint32_t care = table[i].care ? table[i].care : UINT32_MAX;
        if (((table[i].id ^ id) & care) == 0) {
            return &table[i];
        }
    }
    return NULL;
}

static const struct vmmp_arm_sysreg *find(const struct vmmp_arm_exceptions *exceptions, uint32_t id)
{
    const struct vmmp_arm_sysreg *reg = NULL;

    if (exceptions) {
        reg = search(exceptions->sysregs, exceptions->sysreg_count, id);
    }
    return reg ? reg : search(vmmp_arm_default_sysregs, vmmp_arm_default_sysreg_count, id);
}

/* MRC with r15 as its destination sets the flags. */
static void set_flags(seL4_UserContext *context, uint64_t value)
{
    uint32_t status =
        (vmmp_arm_status(context) & ~VMMP_PSR_NZCV) | ((uint32_t)value & VMMP_PSR_NZCV);
#if defined(CONFIG_ARCH_AARCH64)
    context->spsr = status;
#else
    context->cpsr = status;
#endif
}

static int put(vm_vcpu_t *vcpu, seL4_UserContext *context,
               const struct vmmp_arm_exception *exception, uint64_t value)
{
    uint32_t id = exception->as.sysreg.id;
    unsigned rt = exception->as.sysreg.rt;
    int error = 0;

    if (!(id & VMMP_ARM_CP_FLAG)) {
        error = vmmp_arm_register_set(vcpu, context, rt, value);
        if (exception->ec == VMMP_ARM_EC_SYSREG128) {
            error =
                error ? error : vmmp_arm_register_set(vcpu, context, exception->as.sysreg.rt2, 0);
        }
    } else if (rt == 15) {
        set_flags(context, value);
    } else {
        error = vmmp_arm_register_set(vcpu, context, rt, (uint32_t)value);
        if (id & VMMP_ARM_64_FLAG) {
            error =
                error ? error
                      : vmmp_arm_register_set(vcpu, context, exception->as.sysreg.rt2, value >> 32);
        }
    }
    return error;
}

static int get(vm_vcpu_t *vcpu, const seL4_UserContext *context,
               const struct vmmp_arm_exception *exception, uint64_t *value)
{
    uint64_t high = 0;
    int error = vmmp_arm_register_get(vcpu, context, exception->as.sysreg.rt, value);

    if (!error && (exception->as.sysreg.id & VMMP_ARM_64_FLAG)) {
        error = vmmp_arm_register_get(vcpu, context, exception->as.sysreg.rt2, &high);
        *value = (uint32_t)*value | high << 32;
    }
    return error;
}

static enum vmmp_arm_verdict read_register(const struct vmmp_arm_sysreg *reg, vm_vcpu_t *vcpu,
                                           const struct vmmp_arm_exception *exception)
{
    seL4_UserContext context;
    uint64_t value = reg->value;
    enum vmmp_arm_verdict verdict = reg->read ? reg->read(reg, vcpu, &value) : VMMP_ARM_ADVANCE;

    if (verdict != VMMP_ARM_ADVANCE) {
        return verdict;
    }
    if (vm_get_thread_context(vcpu, &context)) {
        return VMMP_ARM_FAILED;
    }
    int error = put(vcpu, &context, exception, value);
    if (error) {
        /* A number that no instruction has. */
        return error == -EINVAL ? VMMP_ARM_UNDEFINED : VMMP_ARM_FAILED;
    }
    return vm_set_thread_context(vcpu, context) ? VMMP_ARM_FAILED : VMMP_ARM_ADVANCE;
}

static enum vmmp_arm_verdict write_register(const struct vmmp_arm_sysreg *reg, vm_vcpu_t *vcpu,
                                            const struct vmmp_arm_exception *exception)
{
    seL4_UserContext context;
    uint64_t value;

    if (!reg->write) {
        return VMMP_ARM_ADVANCE;
    }
    if (vm_get_thread_context(vcpu, &context)) {
        return VMMP_ARM_FAILED;
    }
    int error = get(vcpu, &context, exception, &value);
    if (error) {
        return error == -EINVAL ? VMMP_ARM_UNDEFINED : VMMP_ARM_FAILED;
    }
    return reg->write(reg, vcpu, value);
}

enum vmmp_arm_verdict vmmp_arm_sysreg_access(const struct vmmp_arm_exceptions *exceptions,
                                             vm_vcpu_t *vcpu,
                                             const struct vmmp_arm_exception *exception)
{
    const struct vmmp_arm_sysreg *reg = find(exceptions, exception->as.sysreg.id);
    bool read = exception->as.sysreg.read;

    if (!reg || (read ? reg->read_undefined : reg->write_undefined)) {
        return VMMP_ARM_UNDEFINED;
    }
    return read ? read_register(reg, vcpu, exception) : write_register(reg, vcpu, exception);
}
