/* SPDX-License-Identifier: BSD-2-Clause */
/* hosted on x86: completion of reads, restarts, ports, registers. */
#include "support/fixture.h"

#include <errno.h>
#include <string.h>

#include <sel4vm/arch/guest_x86_context.h>
#include <sel4vm/arch/ioports.h>
#include <sel4vm/arch/vmcall.h>
#include <sel4vm/arch/vmcs_fields.h>
#include <sel4vm/guest_irq_controller.h>
#include <sel4vm/guest_memory.h>
#include <sel4vm/guest_vcpu_fault.h>
#include <sel4vmmplatsupport/vmmp/ports_x86.h>

#define WINDOW      0x10000000u
#define WINDOW_SIZE 0x1000u

static memory_fault_result_t set_raw(vm_t *vm, vm_vcpu_t *vcpu, uintptr_t addr, size_t length,
                                     void *cookie)
{
    (void)vm;
    (void)addr;
    (void)length;
    const seL4_Word *data = cookie;
    if (data) {
        assert_int_equal(set_vcpu_fault_data(vcpu, *data), 0);
        assert_true(get_vcpu_fault_data(vcpu) == *data);
    }
    advance_vcpu_fault(vcpu);
    return FAULT_HANDLED;
}

/** Every size and lane: no shift, no merge. */
static void test_read_writes_the_whole_register(void **state)
{
    struct fixture *f = *state;
    const seL4_Word data = (seL4_Word)0xf1e2d3c4b5a69788;
    vm_reserve_memory_at(&f->vm, WINDOW, WINDOW_SIZE, set_raw, (void *)&data);
    for (unsigned size = 1; size <= sizeof(seL4_Word); size *= 2) {
        for (unsigned offset = 0; offset < 8; offset++) {
            uint64_t reg = 0x10203040;
            assert_int_equal(script_load(f->vcpu, WINDOW + offset, size, &reg), SCRIPT_DONE);
            assert_true(reg == data);
        }
    }
}

static void test_read_without_data_leaves_the_register(void **state)
{
    struct fixture *f = *state;
    vm_reserve_memory_at(&f->vm, WINDOW, WINDOW_SIZE, set_raw, NULL);
    uint64_t reg = 0x11223344;
    assert_int_equal(script_load(f->vcpu, WINDOW, 1, &reg), SCRIPT_DONE);
    assert_int_equal(reg, 0x11223344);
}

static memory_fault_result_t restart(vm_t *vm, vm_vcpu_t *vcpu, uintptr_t addr, size_t length,
                                     void *cookie)
{
    (void)vm;
    (void)vcpu;
    (void)addr;
    (void)length;
    (void)cookie;
    return FAULT_RESTART;
}

static void test_restart_is_a_failure(void **state)
{
    struct fixture *f = *state;
    uint64_t value;
    vm_reserve_memory_at(&f->vm, WINDOW, WINDOW_SIZE, restart, NULL);
    assert_int_equal(script_read(f->vcpu, WINDOW, 4, &value), SCRIPT_FAILED);
    assert_non_null(fixture_log_find(f, "FAULT_RESTART"));
}

static void test_registers(void **state)
{
    struct fixture *f = *state;
    seL4_VCPUContext context;
    seL4_Word word = 0;
    memset(&context, 0, sizeof(context));
    context.esi = 0x9000;
    assert_int_equal(vm_set_thread_context(f->vcpu, context), 0);
    assert_int_equal(vm_get_thread_context_reg(f->vcpu, VCPU_CONTEXT_ESI, &word), 0);
    assert_int_equal(word, 0x9000);
    assert_int_equal(vm_set_thread_context_reg(f->vcpu, VCPU_CONTEXT_EAX, 7), 0);
    assert_int_equal(vm_get_thread_context(f->vcpu, &context), 0);
    assert_int_equal(context.eax, 7);
    assert_int_equal(context.esi, 0x9000);
    assert_int_equal(vm_get_thread_context_reg(f->vcpu, (vcpu_context_reg_t)99, &word), -1);

    assert_int_equal(vm_set_vmcs_field(f->vcpu, VMX_GUEST_RIP, 0x100000), 0);
    assert_int_equal(script_pc(f->vcpu), 0x100000);
    assert_int_equal(vm_get_vmcs_field(f->vcpu, VMX_GUEST_RIP, &word), 0);
    assert_int_equal(word, 0x100000);
    assert_int_equal(vm_get_vmcs_field(f->vcpu, VMX_GUEST_CR3, &word), 0);
    assert_int_equal(word, 0);
    assert_int_equal(vm_set_vmcs_field(f->vcpu, VMX_GUEST_CR3, 0x3000), 0);
    assert_int_equal(vm_get_vmcs_field(f->vcpu, VMX_GUEST_CR3, &word), 0);
    assert_int_equal(word, 0x3000);
}

struct ports {
    unsigned calls;
    unsigned port;
    unsigned size;
    unsigned value;
    bool is_in;
    ioport_fault_result_t result;
};

static ioport_fault_result_t port_in(vm_vcpu_t *vcpu, void *cookie, unsigned int port,
                                     unsigned int size, unsigned int *result)
{
    struct ports *ports = cookie;
    (void)vcpu;
    ports->calls++;
    ports->port = port;
    ports->size = size;
    ports->is_in = true;
    *result = ports->value;
    return ports->result;
}

static ioport_fault_result_t port_out(vm_vcpu_t *vcpu, void *cookie, unsigned int port,
                                      unsigned int size, unsigned int value)
{
    struct ports *ports = cookie;
    (void)vcpu;
    ports->calls++;
    ports->port = port;
    ports->size = size;
    ports->is_in = false;
    ports->value = value;
    return ports->result;
}

static ioport_fault_result_t port_unhandled(vm_vcpu_t *vcpu, unsigned int port, bool is_in,
                                            unsigned int *value, size_t size, void *cookie)
{
    struct ports *ports = cookie;
    if (is_in) {
        return port_in(vcpu, ports, port, (unsigned)size, value);
    }
    return port_out(vcpu, ports, port, (unsigned)size, *value);
}

static int add(struct fixture *f, struct ports *ports, uint16_t start, uint16_t end)
{
    vm_ioport_range_t range = { start, end };
    vm_ioport_interface_t interface = { ports, port_in, port_out, "test" };
    return vm_io_port_add_handler(&f->vm, range, interface);
}

static void test_ports(void **state)
{
    struct fixture *f = *state;
    struct ports low = { .value = 0xaabbccdd };
    struct ports high = { .value = 0x11 };
    uint32_t value = 0;
    assert_int_equal(add(f, &high, 0xfff0, 0xffff), 0);
    assert_int_equal(add(f, &low, 0x60, 0x64), 0);
    assert_int_equal(add(f, &low, 0x64, 0x70), -1);
    assert_int_equal(add(f, &low, 0x50, 0x60), -1);
    assert_int_equal(add(f, &low, 0, 0xffff), -1);
    assert_int_equal(add(f, &low, 0x65, 0x64), -1);
    assert_int_equal(add(f, &low, 0x65, 0x65), 0);
    assert_int_equal(f->vm.arch.ioport_list.num_ioports, 3);
    assert_int_equal(f->vm.arch.ioport_list.ioports[2].range.start, 0xfff0);

    uint64_t pc = script_pc(f->vcpu);
    assert_int_equal(script_in(f->vcpu, 0x64, 2, &value), SCRIPT_DONE);
    assert_int_equal(value, 0xccdd);
    assert_int_equal(low.port, 0x64);
    assert_int_equal(low.size, 2);
    assert_int_equal(script_pc(f->vcpu), pc + 4);
    assert_int_equal(script_out(f->vcpu, 0x60, 1, 0x1234), SCRIPT_DONE);
    assert_int_equal(low.value, 0x34);
    assert_false(low.is_in);
    assert_int_equal(script_in(f->vcpu, 0xffff, 4, &value), SCRIPT_DONE);
    assert_int_equal(value, 0x11);
    assert_int_equal(high.calls, 1);
    assert_int_equal(script_in(f->vcpu, 0x60, 3, &value), SCRIPT_FAILED);
    script_clear_errors(&f->vm);
}

static void test_unhandled_ports(void **state)
{
    struct fixture *f = *state;
    struct ports last = { .value = 0x5a5a5a5a, .result = IO_FAULT_HANDLED };
    struct ports shy = { .result = IO_FAULT_UNHANDLED };
    uint32_t value = 0;
    for (unsigned size = 1; size <= 4; size *= 2) {
        assert_int_equal(script_in(f->vcpu, 0x80, size, &value), SCRIPT_DONE);
        assert_int_equal(value, UINT32_MAX >> (32 - 8 * size));
    }
    assert_int_equal(script_out(f->vcpu, 0x80, 1, 0), SCRIPT_DONE);
    assert_non_null(fixture_log_find(f, "port 0x80"));
    assert_int_equal(vm_register_unhandled_ioport_callback(NULL, port_unhandled, &last), -1);
    assert_int_equal(vm_register_unhandled_ioport_callback(&f->vm, port_unhandled, &last), 0);
    assert_int_equal(add(f, &shy, 0x90, 0x90), 0);
    assert_int_equal(script_in(f->vcpu, 0x80, 1, &value), SCRIPT_DONE);
    assert_int_equal(value, 0x5a);
    assert_int_equal(script_in(f->vcpu, 0x90, 4, &value), SCRIPT_DONE);
    assert_int_equal(value, 0x5a5a5a5a);
    assert_int_equal(shy.calls, 1);
    last.result = IO_FAULT_ERROR;
    assert_int_equal(script_in(f->vcpu, 0x90, 4, &value), SCRIPT_FAILED);
}

static void test_logs_of_ports_are_limited(void **state)
{
    struct fixture *f = *state;
    uint32_t value;
    for (unsigned i = 0; i < 1000; i++) {
        script_in(f->vcpu, 0x80, 1, &value);
    }
    assert_true(f->line_count < 20);
}

static uint64_t window_read(void *device, uint64_t offset, unsigned size)
{
    (void)size;
    return *(uint8_t *)device + offset;
}

static void window_write(void *device, uint64_t offset, unsigned size, uint64_t value)
{
    (void)offset;
    (void)size;
    *(uint8_t *)device = (uint8_t)value;
}

/** The fixture's host has contexts: no access waits for whoever has the client lock. */
static void test_a_port_space(void **state)
{
    static const struct vmmp_window_ops ops = { window_read, window_write };
    struct fixture *f = *state;
    struct ports handler = { .value = 0x77 };
    struct vmmp_io_port_range ranges[1];
    struct vmmp_io_port_space space;
    uint8_t device = 0x10;
    struct vmmp_window window = { .name = "test", .ops = &ops, .device = &device, .size = 4 };
    uint32_t value = 0;
    vmmp_io_port_space_init(&space, ranges, 1, 0, NULL);
    assert_int_equal(vmmp_vm_attach_ports(&f->vmmp, &space), 0);
    assert_int_equal(vmmp_vm_attach_ports(&f->vmmp, &space), -EBUSY);
    assert_int_equal(vmmp_io_port_add(&space, &window, 0x100), 0);
    assert_int_equal(add(f, &handler, 0x103, 0x103), 0);

    hosted_vm_lock(&f->vm);
    assert_int_equal(script_in(f->vcpu, 0x102, 1, &value), SCRIPT_DONE);
    assert_int_equal(value, 0x12);
    assert_int_equal(script_out(f->vcpu, 0x100, 1, 0x40), SCRIPT_DONE);
    assert_int_equal(device, 0x40);
    hosted_vm_unlock(&f->vm);
    /* libsel4vm's own come first; nobody's are all-ones. */
    assert_int_equal(script_in(f->vcpu, 0x103, 1, &value), SCRIPT_DONE);
    assert_int_equal(value, 0x77);
    assert_int_equal(script_in(f->vcpu, 0x200, 2, &value), SCRIPT_DONE);
    assert_int_equal(value, 0xffff);
}

static void test_port_passthrough(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(vm_enable_passthrough_ioport(f->vcpu, 0x3f8, 0x3ff), 0);
    script_fail(&f->vm, HOSTED_CALL_PHYSICAL, 1);
    assert_int_equal(vm_enable_passthrough_ioport(f->vcpu, 0x3f8, 0x3ff), -1);
    assert_non_null(fixture_log_find(f, "0x3f8 to 0x3ff"));
}

static int vmcall(vm_vcpu_t *vcpu)
{
    (void)vcpu;
    return 0;
}

static void test_vmcalls(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(vm_reg_new_vmcall_handler(&f->vm, vmcall, 3), 0);
    assert_int_equal(vm_reg_new_vmcall_handler(&f->vm, vmcall, 4), 0);
    assert_int_equal(vm_reg_new_vmcall_handler(&f->vm, vmcall, 3), -1);
    assert_int_equal(f->vm.arch.vmcall_num_handlers, 2);
    assert_int_equal(f->vm.arch.vmcall_handlers[1].token, 4);
}

static void count(vm_vcpu_t *vcpu, int irq, void *cookie)
{
    (void)vcpu;
    (void)irq;
    ++*(unsigned *)cookie;
}

static void test_irqs(void **state)
{
    struct fixture *f = *state;
    unsigned first = 0;
    unsigned second = 0;
    assert_int_equal(vm_register_irq(f->vcpu, 16, count, &first), -1);
    assert_int_equal(vm_register_irq(f->vcpu, -1, count, &first), -1);
    assert_int_equal(vm_register_irq(f->vcpu, 5, count, &first), 0);
    assert_int_equal(vm_register_irq(f->vcpu, 5, count, &second), 0);
    script_irq_eoi(f->vcpu, 5);
    assert_int_equal(first, 0);
    assert_int_equal(second, 1);
    /* Injecting always works, registered or not, enabled or not. */
    assert_int_equal(vm_inject_irq(f->vcpu, 7), 0);
    script_irq_enable(f->vcpu, 5, false);
    assert_int_equal(vm_inject_irq(f->vcpu, 5), 0);
    assert_false(script_irq_take(f->vcpu, 5));
    script_irq_enable(f->vcpu, 5, true);
    assert_true(script_irq_take(f->vcpu, 5));
    assert_int_equal(second, 1);
    assert_int_equal(vm_inject_irq(f->vcpu, 16), -1);
}

#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int test_hosted_x86(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(test_read_writes_the_whole_register),
        WITH_FIXTURE(test_read_without_data_leaves_the_register),
        WITH_FIXTURE(test_restart_is_a_failure),
        WITH_FIXTURE(test_registers),
        WITH_FIXTURE(test_ports),
        WITH_FIXTURE(test_unhandled_ports),
        WITH_FIXTURE(test_logs_of_ports_are_limited),
        WITH_FIXTURE(test_a_port_space),
        WITH_FIXTURE(test_port_passthrough),
        WITH_FIXTURE(test_vmcalls),
        WITH_FIXTURE(test_irqs),
    };
    return cmocka_run_group_tests_name("hosted_x86", tests, NULL, NULL);
}
