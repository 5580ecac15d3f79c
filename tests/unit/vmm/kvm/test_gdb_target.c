/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gdb's target and its TCP end: vmm/linux/gdb_target.c, gdb_step.c and gdb_server.c. The engine
 * below is made up here, so that this runs on machines without KVM for arm64.
 */
#include "linux/gdb_target.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <hosted/event_loop.h>

#include "linux/gdb_server.h"
#include "linux/gdb_step.h"
#include "vmmp_test.h"

#define RAM      UINT64_C(0x40000000)
#define RAM_SIZE 0x10000
#define CODE     (RAM + 0x1000)
#define BRK      0xd4200000u
#define NOP      0xd503201fu

static struct {
    uint64_t regs[2][HOSTED_KVM_REG_COUNT];
    struct hosted_kvm_debug debug[2];
    int paused;
    unsigned pauses;
    unsigned stopped;
    bool refuse_watch;
} kvm;

static unsigned index_of(const vm_vcpu_t *vcpu)
{
    return vcpu->vcpu_id;
}

void hosted_kvm_pause(vm_t *vm)
{
    (void)vm;
    kvm.paused++;
    kvm.pauses++;
}

void hosted_kvm_resume(vm_t *vm)
{
    (void)vm;
    kvm.paused--;
}

int hosted_kvm_vcpu_get_reg(vm_vcpu_t *vcpu, enum hosted_kvm_reg reg, uint64_t *value)
{
    *value = kvm.regs[index_of(vcpu)][reg];
    return 0;
}

int hosted_kvm_vcpu_set_reg(vm_vcpu_t *vcpu, enum hosted_kvm_reg reg, uint64_t value)
{
    kvm.regs[index_of(vcpu)][reg] = value;
    return 0;
}

unsigned hosted_kvm_breakpoints(const vm_t *vm)
{
    (void)vm;
    return 2;
}

unsigned hosted_kvm_watchpoints(const vm_t *vm)
{
    (void)vm;
    return 2;
}

int hosted_kvm_vcpu_debug(vm_vcpu_t *vcpu, const struct hosted_kvm_debug *debug)
{
    if (kvm.refuse_watch && debug->watchpoints) {
        return -1;
    }
    kvm.debug[index_of(vcpu)] = *debug;
    return 0;
}

static void kill_guest(vm_t *vm)
{
    (void)vm;
    kvm.stopped++;
}

struct fixture {
    vm_t vm;
    vm_vcpu_t vcpus[2];
    uint8_t *ram;
    struct vmmp_guest_memory memory;
    struct hosted_event_loop *loop;
    struct gdb_target target;
    struct gdb_server server;
    unsigned told;
    struct gdb_stop stop;
};

static void on_stopped(void *cookie, const struct gdb_stop *stop)
{
    struct fixture *f = cookie;
    f->told++;
    f->stop = *stop;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    memset(&kvm, 0, sizeof(kvm));
    f->ram = calloc(1, RAM_SIZE);
    vmmp_guest_memory_init(&f->memory, NULL, NULL);
    vmmp_guest_memory_add(&f->memory, vmmp_gpa(RAM), RAM_SIZE, f->ram);
    for (unsigned i = 0; i < 2; i++) {
        f->vcpus[i].vcpu_id = i;
        f->vm.vcpus[i] = &f->vcpus[i];
        kvm.regs[i][HOSTED_KVM_REG_PC] = CODE;
        kvm.regs[i][HOSTED_KVM_REG_PSTATE] = 0x5;
        kvm.regs[i][HOSTED_KVM_REG_VBAR_EL1] = RAM + 0x8000;
    }
    f->vm.num_vcpus = 2;
    for (uint32_t i = 0; i < 16; i++) {
        vmmp_le32_t nop = vmmp_le32(NOP + i);
        memcpy(f->ram + 0x1000 + 4 * i, &nop, 4);
    }
    assert_int_equal(hosted_event_loop_create(&f->loop), 0);
    f->target.vm = &f->vm;
    f->target.memory = &f->memory;
    f->target.host = hosted_event_loop_host(f->loop);
    f->target.stopped = on_stopped;
    f->target.cookie = f;
    f->target.kill = kill_guest;
    gdb_target_init(&f->target);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    gdb_target_fini(&f->target);
    hosted_event_loop_destroy(f->loop);
    free(f->ram);
    free(f);
    return 0;
}

static uint32_t code(const struct fixture *f, unsigned i)
{
    vmmp_le32_t instruction;
    memcpy(&instruction, f->ram + 0x1000 + 4 * i, 4);
    return vmmp_le32_get(instruction);
}

static void run(struct fixture *f, enum gdb_action first, enum gdb_action second)
{
    enum gdb_action actions[2] = { first, second };
    gdb_target_ops.resume(&f->target, actions);
    assert_int_equal(kvm.paused, 0);
}

static void event(struct fixture *f, unsigned cpu, enum hosted_kvm_debug_cause cause, uint64_t pc)
{
    struct hosted_kvm_debug_event event = { .cause = cause, .syndrome = 0xf2000000, .pc = pc };
    kvm.regs[cpu][HOSTED_KVM_REG_PC] = pc;
    gdb_target_event(&f->target, f->vm.vcpus[cpu], &event);
}

static void test_software_breakpoints(void **state)
{
    struct fixture *f = *state;
    uint32_t seen;
    gdb_target_attach(&f->target);
    assert_int_equal(kvm.paused, 1);
    assert_true(gdb_target_ops.point_insert(&f->target, GDB_SOFTWARE_BREAKPOINT, CODE + 4, 4));
    assert_true(gdb_target_ops.point_insert(&f->target, GDB_SOFTWARE_BREAKPOINT, CODE + 4, 4));
    assert_int_equal(code(f, 1), BRK);
    /* gdb sees what was there, also when it looks at a part of it. */
    assert_true(gdb_target_ops.memory_read(&f->target, 0, CODE + 4, &seen, 4));
    assert_int_equal(vmmp_le32_get((vmmp_le32_t){ seen }), NOP + 1);
    uint8_t parts[4];
    assert_true(gdb_target_ops.memory_read(&f->target, 0, CODE + 2, parts, 4));
    assert_int_equal(parts[2], (NOP + 1) & 0xff);
    /* What gdb writes there comes to light when the breakpoint goes. */
    vmmp_le32_t other = vmmp_le32(0x12345678);
    assert_true(gdb_target_ops.memory_write(&f->target, 0, CODE + 4, &other, 4));
    assert_int_equal(code(f, 1), BRK);
    run(f, GDB_CONTINUE, GDB_CONTINUE);
    assert_true(kvm.debug[1].software_breakpoints);
    event(f, 1, HOSTED_KVM_DEBUG_SOFTWARE_BREAKPOINT, CODE + 4);
    assert_int_equal(kvm.paused, 1);
    /* The other vCPU comes to the same place before it is stopped: it will do so again. */
    event(f, 0, HOSTED_KVM_DEBUG_SOFTWARE_BREAKPOINT, CODE + 4);
    assert_int_equal(kvm.paused, 1);
    hosted_event_loop_step(f->loop, 0);
    assert_int_equal(f->told, 1);
    assert_int_equal(f->stop.cpu, 1);
    assert_int_equal(f->stop.signal, 5);
    assert_true(gdb_target_ops.point_remove(&f->target, GDB_SOFTWARE_BREAKPOINT, CODE + 4, 4));
    assert_int_equal(code(f, 1), 0x12345678);
    assert_false(gdb_target_ops.point_remove(&f->target, GDB_SOFTWARE_BREAKPOINT, CODE + 4, 4));
    gdb_target_detach(&f->target);
    assert_int_equal(kvm.paused, 0);
    assert_false(kvm.debug[0].software_breakpoints);
}

/* What is not mapped yet gets a hardware breakpoint, as long as there are any. */
static void test_unmapped_breakpoints(void **state)
{
    struct fixture *f = *state;
    gdb_target_attach(&f->target);
    for (unsigned i = 0; i < 2; i++) {
        assert_true(gdb_target_ops.point_insert(&f->target, GDB_SOFTWARE_BREAKPOINT,
                                                0xffff000000000000 + 4 * i, 4));
    }
    assert_false(gdb_target_ops.point_insert(&f->target, GDB_HARDWARE_BREAKPOINT, CODE, 4));
    run(f, GDB_CONTINUE, GDB_CONTINUE);
    assert_int_equal(kvm.debug[0].breakpoints, 2);
    assert_int_equal(kvm.debug[1].breakpoint[1], 0xffff000000000004);
    event(f, 0, HOSTED_KVM_DEBUG_BREAKPOINT, 0xffff000000000004);
    hosted_event_loop_step(f->loop, 0);
    assert_int_equal(f->told, 1);
    assert_true(
        gdb_target_ops.point_remove(&f->target, GDB_SOFTWARE_BREAKPOINT, 0xffff000000000000, 4));
    assert_true(gdb_target_ops.point_insert(&f->target, GDB_HARDWARE_BREAKPOINT, CODE, 4));
    gdb_target_ops.points_clear(&f->target);
    run(f, GDB_CONTINUE, GDB_CONTINUE);
    assert_int_equal(kvm.debug[0].breakpoints, 0);
}

static void test_many_breakpoints(void **state)
{
    struct fixture *f = *state;
    gdb_target_attach(&f->target);
    unsigned inserted = 0;
    while (inserted < 1000 && gdb_target_ops.point_insert(&f->target, GDB_SOFTWARE_BREAKPOINT,
                                                          RAM + 0x2000 + 4 * inserted, 4)) {
        inserted++;
    }
    /* Those of the hardware as well, in the end. */
    assert_int_equal(inserted, GDB_SOFTWARE_POINTS + 2);
    gdb_target_detach(&f->target);
    for (size_t i = 0x2000; i < 0x3000; i++) {
        assert_int_equal(f->ram[i], 0);
    }
}

static void test_watchpoints(void **state)
{
    struct fixture *f = *state;
    gdb_target_attach(&f->target);
    assert_true(gdb_target_ops.point_insert(&f->target, GDB_WRITE_WATCHPOINT, RAM + 0x100, 8));
    assert_true(gdb_target_ops.point_insert(&f->target, GDB_ACCESS_WATCHPOINT, RAM + 0x200, 4));
    assert_false(gdb_target_ops.point_insert(&f->target, GDB_READ_WATCHPOINT, RAM + 0x300, 4));
    run(f, GDB_CONTINUE, GDB_CONTINUE);
    assert_int_equal(kvm.debug[1].watchpoints, 2);
    assert_true(kvm.debug[1].watchpoint[0].write && !kvm.debug[1].watchpoint[0].read);
    struct hosted_kvm_debug_event hit = {
        .cause = HOSTED_KVM_DEBUG_WATCHPOINT,
        .address = RAM + 0x202,
        .pc = CODE,
    };
    gdb_target_event(&f->target, f->vm.vcpus[0], &hit);
    hosted_event_loop_step(f->loop, 0);
    assert_true(f->stop.is_watch);
    assert_int_equal(f->stop.watch, GDB_ACCESS_WATCHPOINT);
    assert_int_equal(f->stop.address, RAM + 0x200);
    assert_true(gdb_target_ops.point_remove(&f->target, GDB_ACCESS_WATCHPOINT, RAM + 0x200, 4));
    assert_false(gdb_target_ops.point_remove(&f->target, GDB_ACCESS_WATCHPOINT, RAM + 0x200, 4));
    kvm.refuse_watch = true;
    assert_false(gdb_target_ops.point_insert(&f->target, GDB_READ_WATCHPOINT, RAM + 0x301, 3));
    assert_int_equal(f->target.points.watchpoints, 1);
    assert_false(gdb_target_ops.point_insert(&f->target, GDB_READ_WATCHPOINT, RAM, 0));
}

/* A BRK of the guest's own is taken by the guest at its vector, as without a debugger. */
static void test_guests_own_brk(void **state)
{
    static const struct {
        uint64_t pstate, offset;
    } modes[] = { { 0x4, 0x0 }, { 0x5, 0x200 }, { 0x0, 0x400 }, { 0x10, 0x600 } };
    struct fixture *f = *state;
    gdb_target_attach(&f->target);
    run(f, GDB_CONTINUE, GDB_CONTINUE);
    for (size_t i = 0; i < 4; i++) {
        kvm.regs[0][HOSTED_KVM_REG_PSTATE] = modes[i].pstate | 0x60000000;
        event(f, 0, HOSTED_KVM_DEBUG_SOFTWARE_BREAKPOINT, CODE + 8);
        assert_int_equal(kvm.paused, 0);
        assert_int_equal(kvm.regs[0][HOSTED_KVM_REG_PC], RAM + 0x8000 + modes[i].offset);
        assert_int_equal(kvm.regs[0][HOSTED_KVM_REG_ELR_EL1], CODE + 8);
        assert_int_equal(kvm.regs[0][HOSTED_KVM_REG_ESR_EL1], 0xf2000000);
        assert_int_equal(kvm.regs[0][HOSTED_KVM_REG_SPSR_EL1], modes[i].pstate | 0x60000000);
        assert_int_equal(kvm.regs[0][HOSTED_KVM_REG_PSTATE], 0x4003c5);
    }
    hosted_event_loop_step(f->loop, 0);
    assert_int_equal(f->told, 0);
}

static void test_step(void **state)
{
    struct fixture *f = *state;
    gdb_target_attach(&f->target);
    run(f, GDB_CONTINUE, GDB_STEP);
    assert_true(kvm.debug[1].step);
    assert_false(kvm.debug[0].step);
    /* Interrupts are masked for the step only, and only where it goes. */
    assert_int_equal(kvm.regs[1][HOSTED_KVM_REG_PSTATE], 0xc5);
    assert_int_equal(kvm.regs[0][HOSTED_KVM_REG_PSTATE], 0x5);
    event(f, 1, HOSTED_KVM_DEBUG_STEP, CODE + 4);
    hosted_event_loop_step(f->loop, 0);
    assert_int_equal(f->told, 1);
    assert_int_equal(kvm.regs[1][HOSTED_KVM_REG_PSTATE], 0x5);
    /* A fault inside the step: the guest's handler returns to what was. */
    run(f, GDB_CONTINUE, GDB_STEP);
    kvm.regs[1][HOSTED_KVM_REG_SPSR_EL1] = 0x600000c5;
    kvm.regs[1][HOSTED_KVM_REG_PSTATE] = 0x3c5;
    event(f, 1, HOSTED_KVM_DEBUG_STEP, RAM + 0x8200);
    hosted_event_loop_step(f->loop, 0);
    assert_int_equal(kvm.regs[1][HOSTED_KVM_REG_SPSR_EL1], 0x60000005);
    assert_int_equal(kvm.regs[1][HOSTED_KVM_REG_PSTATE], 0x3c5);
    /* Code that runs masked is left alone. */
    run(f, GDB_CONTINUE, GDB_STEP);
    assert_int_equal(kvm.regs[1][HOSTED_KVM_REG_PSTATE], 0x3c5);
    event(f, 1, HOSTED_KVM_DEBUG_STEP, RAM + 0x8204);
    hosted_event_loop_step(f->loop, 0);
    assert_int_equal(kvm.regs[1][HOSTED_KVM_REG_PSTATE], 0x3c5);
    /* So is an instruction that looks at the masks: MSR DAIFSet, #2. */
    vmmp_le32_t instruction = vmmp_le32(0xd50342df);
    memcpy(f->ram + 0x1000, &instruction, 4);
    kvm.regs[1][HOSTED_KVM_REG_PSTATE] = 0x5;
    kvm.regs[1][HOSTED_KVM_REG_PC] = CODE;
    run(f, GDB_CONTINUE, GDB_STEP);
    assert_int_equal(kvm.regs[1][HOSTED_KVM_REG_PSTATE], 0x5);
}

static void test_instructions_that_touch_masks(void **state)
{
    (void)state;
    static const uint32_t touching[] = { 0xd53b4220, 0xd53b423e, 0xd51b4225, 0xd50342df,
                                         0xd5034fff, 0xd69f03e0, 0xd69f0bff, 0xd69f0fff };
    static const uint32_t others[] = { NOP, BRK, 0xd65f03c0, 0xd4000001, 0xd5384100, 0 };
    for (size_t i = 0; i < sizeof(touching) / sizeof(touching[0]); i++) {
        assert_true(gdb_step_touches_masks(touching[i]));
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_false(gdb_step_touches_masks(others[i]));
    }
}

static void test_interrupt_and_kill(void **state)
{
    struct fixture *f = *state;
    gdb_target_attach(&f->target);
    run(f, GDB_CONTINUE, GDB_CONTINUE);
    gdb_target_ops.interrupt(&f->target);
    assert_int_equal(kvm.paused, 1);
    assert_int_equal(f->told, 1);
    assert_int_equal(f->stop.signal, 2);
    gdb_target_ops.interrupt(&f->target);
    assert_int_equal(kvm.paused, 1);
    gdb_target_ops.kill(&f->target);
    assert_int_equal(kvm.stopped, 1);
    assert_int_equal(kvm.paused, 0);
}

static void test_registers(void **state)
{
    struct fixture *f = *state;
    struct gdb_registers registers;
    uint64_t value;
    kvm.regs[1][HOSTED_KVM_REG_X0 + 30] = 30;
    kvm.regs[1][HOSTED_KVM_REG_SP] = 0x5000;
    kvm.regs[1][HOSTED_KVM_REG_FAR_EL1] = 0xfa;
    assert_true(gdb_target_ops.registers_get(&f->target, 1, &registers));
    assert_int_equal(registers.x[30], 30);
    assert_int_equal(registers.sp, 0x5000);
    assert_int_equal(registers.pc, CODE);
    assert_int_equal(registers.cpsr, 5);
    registers.x[0] = 7;
    registers.pc = CODE + 4;
    assert_true(gdb_target_ops.registers_set(&f->target, 1, &registers));
    assert_int_equal(kvm.regs[1][HOSTED_KVM_REG_X0], 7);
    assert_int_equal(kvm.regs[1][HOSTED_KVM_REG_PC], CODE + 4);
    assert_true(gdb_target_ops.system_get(&f->target, 1, GDB_FAR_EL1, &value));
    assert_int_equal(value, 0xfa);
}

/* ---- the TCP end ---------------------------------------------------------------------------- */

static uint16_t begin_server(struct fixture *f)
{
    f->target.stopped = gdb_server_stopped;
    f->target.cookie = &f->server;
    f->server.loop = f->loop;
    f->server.target = &f->target;
    f->server.cpus = 2;
    for (uint16_t port = 40000; port < 40100; port++) {
        int probe = socket(AF_INET, SOCK_STREAM, 0);
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        int taken = bind(probe, (struct sockaddr *)&address, sizeof(address));
        close(probe);
        if (taken == 0 && gdb_server_open(&f->server, port) == 0) {
            return port;
        }
    }
    fail_msg("no free port");
    return 0;
}

static int connect_to(struct fixture *f, uint16_t port)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    hosted_event_loop_step(f->loop, 1000);
    return fd;
}

static void expect(struct fixture *f, int fd, const char *send_this, const char *answer)
{
    char got[256] = "";
    size_t size = strlen(send_this);
    assert_int_equal(send(fd, send_this, size, MSG_NOSIGNAL), size);
    hosted_event_loop_step(f->loop, 1000);
    assert_true(recv(fd, got, sizeof(got) - 1, MSG_DONTWAIT) > 0);
    assert_string_equal(got, answer);
}

static void test_server(void **state)
{
    struct fixture *f = *state;
    uint16_t port = begin_server(f);
    char byte;
    for (unsigned round = 0; round < 2; round++) {
        int fd = connect_to(f, port);
        assert_int_equal(kvm.paused, 1);
        expect(f, fd, "+$?#3f", "+$T05thread:1;#d7");
        expect(f, fd, "$Z0,40001000,4#9b", "+$OK#9a");
        assert_int_equal(code(f, 0), BRK);
        /* One at a time. */
        int second = connect_to(f, port);
        assert_int_equal(recv(second, &byte, 1, 0), 0);
        close(second);
        expect(f, fd, "$c#63", "+");
        assert_int_equal(kvm.paused, 0);
        event(f, 1, HOSTED_KVM_DEBUG_SOFTWARE_BREAKPOINT, CODE);
        hosted_event_loop_step(f->loop, 1000);
        char got[64] = "";
        assert_true(recv(fd, got, sizeof(got) - 1, MSG_DONTWAIT) > 0);
        assert_string_equal(got, "$T05thread:2;#d8");
        /* gdb goes away: nothing of it stays. */
        close(fd);
        hosted_event_loop_step(f->loop, 1000);
        assert_int_equal(kvm.paused, 0);
        assert_int_equal(code(f, 0), NOP);
    }
    gdb_server_close(&f->server);
}

static void test_server_end_of_guest(void **state)
{
    struct fixture *f = *state;
    uint16_t port = begin_server(f);
    char got[64] = "";
    int fd = connect_to(f, port);
    expect(f, fd, "$c#63", "+");
    gdb_server_ended(&f->server, false, 3);
    gdb_server_close(&f->server);
    assert_true(recv(fd, got, sizeof(got) - 1, 0) > 0);
    assert_string_equal(got, "$W03#ba");
    assert_int_equal(recv(fd, got, 1, 0), 0);
    close(fd);
}

static void test_port_in_use(void **state)
{
    struct fixture *f = *state;
    struct gdb_server other = { .loop = f->loop, .target = &f->target, .cpus = 2 };
    uint16_t port = begin_server(f);
    int saved = dup(STDERR_FILENO);
    int pipes[2];
    char said[256] = "";
    assert_int_equal(pipe(pipes), 0);
    dup2(pipes[1], STDERR_FILENO);
    int result = gdb_server_open(&other, port);
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(pipes[1]);
    assert_int_equal(result, -1);
    assert_true(read(pipes[0], said, sizeof(said) - 1) > 0);
    close(pipes[0]);
    assert_non_null(strstr(said, "(Address already in use): give another port\n"));
    gdb_server_close(&f->server);
}

int test_gdb_target(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_software_breakpoints, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unmapped_breakpoints, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_breakpoints, setup, teardown),
        cmocka_unit_test_setup_teardown(test_watchpoints, setup, teardown),
        cmocka_unit_test_setup_teardown(test_guests_own_brk, setup, teardown),
        cmocka_unit_test_setup_teardown(test_step, setup, teardown),
        cmocka_unit_test(test_instructions_that_touch_masks),
        cmocka_unit_test_setup_teardown(test_interrupt_and_kill, setup, teardown),
        cmocka_unit_test_setup_teardown(test_registers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_server, setup, teardown),
        cmocka_unit_test_setup_teardown(test_server_end_of_guest, setup, teardown),
        cmocka_unit_test_setup_teardown(test_port_in_use, setup, teardown),
    };
    return cmocka_run_group_tests_name("gdb_target", tests, NULL, NULL);
}
