/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vmmplatsupport/guest_vcpu_util.h>

#include <stdbool.h>
#include <stdio.h>

#include <libfdt.h>

#include <sel4vm/boot.h>
#include <sel4vm/guest_irq_controller.h>
#include <sel4vmmplatsupport/arch/guest_vcpu_fault.h>
#include <sel4vmmplatsupport/arch/irq_defs.h>

#include "compat/compat_vm.h"
#include "sel4/vcpu_arm.h"

/* Function identifiers for the compatible tree's PSCI 0.1 properties (DEN0022 5.1). */
#define PSCI_CPU_OFF 0x84000002u
#if defined(CONFIG_ARCH_AARCH64)
#define PSCI_CPU_SUSPEND 0xc4000001u
#define PSCI_CPU_ON      0xc4000003u
#else
#define PSCI_CPU_SUSPEND 0x84000001u
#define PSCI_CPU_ON      0x84000003u
#endif

static const struct vmmp_log *log_of(vm_t *vm)
{
    struct vmmp_vm *native = vmmp_compat_vm(vm);
    return native ? &native->log : NULL;
}

static void timer_acknowledged(vm_vcpu_t *vcpu, int irq, void *cookie)
{
    (void)cookie;
    vmmp_sys_ack_ppi(vcpu, irq);
}

static void sgi_acknowledged(vm_vcpu_t *vcpu, int irq, void *cookie)
{
    (void)vcpu;
    (void)irq;
    (void)cookie;
}

vm_vcpu_t *create_vmm_plat_vcpu(vm_t *vm, int priority)
{
    if (!vm) {
        return NULL;
    }
    const char *failed = NULL;
    vm_vcpu_t *vcpu = vm_create_vcpu(vm, priority);
    if (!vcpu) {
        failed = "cannot be created";
    } else if (vm_register_unhandled_vcpu_fault_callback(vcpu, vmm_handle_arm_vcpu_exception,
                                                         NULL)) {
        failed = "cannot have its exceptions handled";
    } else if (vm_register_irq(vcpu, PPI_VTIMER_IRQ, timer_acknowledged, NULL)) {
        failed = "cannot have its virtual timer's interrupt registered";
    } else if (vm_register_irq(vcpu, SGI_RESCHEDULE_IRQ, sgi_acknowledged, NULL) ||
               vm_register_irq(vcpu, SGI_FUNC_CALL, sgi_acknowledged, NULL)) {
        failed = "cannot have its software interrupts registered";
    }
    if (failed) {
        vmmp_log(log_of(vm), VMMP_LOG_ERROR, VMMP_LOG_CLIENT, "vCPU %u %s", vm->num_vcpus, failed);
        return NULL;
    }
    return vcpu;
}

/* Properties of a node, until one fails. */
struct node {
    void *fdt;
    int offset;
    int error;
};

static struct node add_node(void *fdt, int parent, const char *name)
{
    struct node node = { .fdt = fdt, .offset = fdt_add_subnode(fdt, parent, name) };
    node.error = node.offset < 0 ? node.offset : 0;
    return node;
}

static void set(struct node *node, const char *name, const void *value, int size)
{
    if (!node->error) {
        node->error = fdt_setprop(node->fdt, node->offset, name, value, size);
    }
}

static void set_u32(struct node *node, const char *name, uint32_t value)
{
    vmmp_be32_t cell = vmmp_be32(value);
    set(node, name, &cell, sizeof(cell));
}

/* For literals: lists of strings keep their inner zeroes. */
#define set_strings(node, name, list) set(node, name, list, sizeof(list))

static int add_cpu(vm_t *vm, void *fdt, int cpus, unsigned index)
{
    char name[sizeof("cpu@ffffffff")];
    uint32_t id = vm->vcpus[index]->vcpu_id;

    snprintf(name, sizeof(name), "cpu@%x", (unsigned)id);
    struct node node = add_node(fdt, cpus, name);
    set_strings(&node, "device_type", "cpu");
    set_strings(&node, "compatible", PLAT_CPU_COMPAT);
    set_u32(&node, "reg", id);
    set_strings(&node, "enable-method", "psci");
    return node.error;
}

static int add_cpus(vm_t *vm, void *fdt, int root)
{
    struct node node = add_node(fdt, root, "cpus");
    set_u32(&node, "#address-cells", 1);
    set_u32(&node, "#size-cells", 0);
    /* A new node becomes the first of its parent. */
    for (unsigned i = vm->num_vcpus; i-- > 0 && !node.error;) {
        node.error = add_cpu(vm, fdt, node.offset, i);
    }
    return node.error;
}

/* For one vCPU as well: PSCI is also how a guest powers off. */
static int add_psci(void *fdt, int root)
{
    int existing = fdt_subnode_offset(fdt, root, "psci");
    if (existing != -FDT_ERR_NOTFOUND) {
        return existing < 0 ? existing : 0;
    }
    struct node node = add_node(fdt, root, "psci");
    set_strings(&node, "compatible", "arm,psci-1.0\0arm,psci-0.2");
    set_strings(&node, "method", "smc");
    set_u32(&node, "cpu_suspend", PSCI_CPU_SUSPEND);
    set_u32(&node, "cpu_off", PSCI_CPU_OFF);
    set_u32(&node, "cpu_on", PSCI_CPU_ON);
    set_strings(&node, "status", "okay");
    return node.error;
}

int fdt_generate_plat_vcpu_node(vm_t *vm, void *fdt)
{
    if (!vm || !fdt) {
        return -FDT_ERR_BADVALUE;
    }
    int root = fdt_path_offset(fdt, "/");
    int err = root < 0 ? root : add_cpus(vm, fdt, root);
    if (!err) {
        err = add_psci(fdt, root);
    }
    if (err) {
        vmmp_log(log_of(vm), VMMP_LOG_ERROR, VMMP_LOG_CLIENT,
                 "device tree: /cpus and /psci cannot be added: %s", fdt_strerror(err));
    }
    return err;
}
