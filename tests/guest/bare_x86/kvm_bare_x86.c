/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kvm_x86 engine on real KVM, with bare guests of one property each.
 *
 *   kvm-bare-x86 [TEST]     all tests, or those whose name begins with TEST
 *   kvm-bare-x86 --fast     status 0 if this machine's KVM is one for Linux guests, 1 if it is
 * slower than an emulator (0.45 million instructions a second have been seen)
 *
 * One line per test. What this machine's KVM cannot do by itself (probe.h) is skipped by name. Exit
 * status 0 if no test failed, 77 if this machine has no KVM or one that does not run the smallest
 * guest, which one line says. With KVM_BARE_TRACE set every exit is shown.
 */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <sel4vm/arch/ioports.h>
#include <sel4vm/arch/vmcs_fields.h>
#include <sel4vm/arch/guest_x86_context.h>
#include <sel4vm/boot.h>
#include <sel4vm/guest_irq_controller.h>
#include <sel4vm/guest_memory.h>
#include <sel4vm/guest_ram.h>
#include <sel4vm/guest_vcpu_fault.h>

#include <hosted/kvm_x86.h>
#include <hosted/vm.h>
#include <sel4vmmplatsupport/vmmp/boot_x86.h>
#include <sel4vmmplatsupport/vmmp/vm.h>

#include "guests.h"
#include "probe.h"

#define MAX_RECORDS 128
#define SECONDS     30 /* For one guest, on a machine that is slow and busy. */

#define GUEST(name) extern const char guest_##name[], guest_##name##_end[];
GUEST(ports)
GUEST(strings)
GUEST(mmio)
GUEST(interrupts)
GUEST(pic)
GUEST(sipi)
GUEST(triple_fault)
GUEST(bell)
GUEST(sleep)
GUEST(spin)
GUEST(cpuid)
extern const char interrupt_handlers[], interrupts_halted[], guest_interrupts_code_end[];
extern const char pic_handler[];
extern const char trampoline[], trampoline_end[];

struct access {
    unsigned port;
    unsigned size;
    unsigned value;
};

struct bare {
    vm_t vm;
    simple_t simple;
    ps_io_ops_t io_ops;
    struct hosted_kvm_x86_config config;
    struct hosted_trace trace;
    struct vmmp_log log;
    struct vmmp_vm vmmp;
    struct access writes[MAX_RECORDS];
    unsigned write_count;
    unsigned reads;
    unsigned reports[MAX_RECORDS];
    unsigned report_count;
    sem_t reported;
    sem_t over;
    uint8_t mmio[16];
    unsigned acknowledged;
    bool ended;
    bool send_at_once; /* An interrupt for each report. */
    unsigned sent;
    int result;
    pthread_t thread, watchdog;
};

static unsigned failures;

#define CHECK(got, wanted) check(__LINE__, #got, (long long)(got), (long long)(wanted))

static void check(int line, const char *what, long long got, long long wanted)
{
    if (got != wanted) {
        printf("    line %d: %s is 0x%llx, expected 0x%llx\n", line, what, (unsigned long long)got,
               (unsigned long long)wanted);
        failures++;
    }
}

static void sink(void *cookie, enum vmmp_log_level level, enum vmmp_log_origin origin,
                 const char *message)
{
    (void)cookie;
    printf("    %s (%s): %s\n", vmmp_log_level_name(level), vmmp_log_origin_name(origin), message);
}

/* ---- the guest's outside -------------------------------------------------------------------- */

static ioport_fault_result_t port_in(vm_vcpu_t *vcpu, void *cookie, unsigned port, unsigned size,
                                     unsigned *result)
{
    struct bare *bare = cookie;
    (void)vcpu;
    (void)port;
    (void)size;
    *result = 0xa0b0c0d0u + bare->reads++;
    return IO_FAULT_HANDLED;
}

/* A level-triggered input, a message and an edge. */
static void send_next(struct bare *bare)
{
    vm_vcpu_t *vcpu = bare->vm.vcpus[0];
    struct vmmp_msi msi = hosted_kvm_x86_msi(&bare->vm);
    switch (bare->sent++) {
    case 0:
        CHECK(vm_set_irq_level(vcpu, TEST_IRQ, 1), 0);
        break;
    case 1:
        msi.ops->send(msi.cookie, LOCAL_APIC, VECTOR + 1);
        break;
    case 2:
        CHECK(vm_inject_irq(vcpu, EDGE_IRQ), 0);
        break;
    default:
        break;
    }
}

static ioport_fault_result_t port_out(vm_vcpu_t *vcpu, void *cookie, unsigned port, unsigned size,
                                      unsigned value)
{
    struct bare *bare = cookie;
    if (port == PORT_END) {
        bare->ended = true;
        hosted_vm_stop(vcpu->vm, 0);
    } else if (port == PORT_REPORT && value == REPORT_INTERRUPT && bare->report_count > 1) {
        /* A KVM that emulates may deliver the level once more, though it has fallen. */
    } else if (port == PORT_REPORT && bare->report_count < MAX_RECORDS) {
        bare->reports[bare->report_count++] = value;
        if (value == REPORT_INTERRUPT) {
            vm_set_irq_level(vcpu, TEST_IRQ, 0);
        }
        sem_post(&bare->reported);
        if (bare->send_at_once) {
            send_next(bare);
        }
    } else if (bare->write_count < MAX_RECORDS) {
        bare->writes[bare->write_count++] = (struct access){ port, size, value };
    }
    return IO_FAULT_HANDLED;
}

static memory_fault_result_t mmio_fault(vm_t *vm, vm_vcpu_t *vcpu, uintptr_t address, size_t size,
                                        void *cookie)
{
    struct bare *bare = cookie;
    size_t offset = address - MMIO;
    seL4_Word value = 0;
    (void)vm;
    if (offset + size > sizeof bare->mmio) {
        return FAULT_ERROR;
    }
    if (is_vcpu_read_fault(vcpu)) {
        memcpy(&value, bare->mmio + offset, size);
        set_vcpu_fault_data(vcpu, value);
    } else {
        value = get_vcpu_fault_data(vcpu);
        memcpy(bare->mmio + offset, &value, size);
    }
    advance_vcpu_fault(vcpu);
    return FAULT_HANDLED;
}

static void acknowledge(vm_vcpu_t *vcpu, int irq, void *cookie)
{
    struct bare *bare = cookie;
    (void)vcpu;
    (void)irq;
    __atomic_fetch_add(&bare->acknowledged, 1, __ATOMIC_SEQ_CST);
}

/* ---- a VM ----------------------------------------------------------------------------------- */

static void put(struct bare *bare, uint64_t to, const char *start, const char *end)
{
    vmmp_guest_memory_write(&bare->vmmp.memory, vmmp_gpa(to), start, (size_t)(end - start));
}

static bool split_irqchip; /* Of the VMs that are made. */

static struct bare *make(const char *start, const char *end, unsigned vcpus)
{
    struct bare *bare = calloc(1, sizeof *bare);
    vspace_t vspace;
    memset(&vspace, 0, sizeof vspace);
    sem_init(&bare->reported, 0, 0);
    sem_init(&bare->over, 0, 0);
    bare->log = (struct vmmp_log){ sink, bare, VMMP_LOG_ERROR };
    if (getenv("KVM_BARE_TRACE")) {
        hosted_trace_init(&bare->trace, stdout);
        bare->config.trace = &bare->trace;
    }
    bare->config.split_irqchip = split_irqchip;
    hosted_simple_kvm_x86(&bare->simple, &bare->config, &bare->log);
    hosted_io_ops_init(&bare->io_ops);
    if (vm_init(&bare->vm, NULL, &bare->simple, vspace, &bare->io_ops, 0, "bare")) {
        free(bare);
        return NULL;
    }
    const vm_ioport_range_t ports = { PORT, PORT + 0xf };
    const vm_ioport_range_t bell = { PORT_BELL, PORT_BELL + 3 };
    const vm_ioport_interface_t interface = { bare, port_in, port_out, "test" };
    vmmp_vm_init(&bare->vmmp, &bare->vm, &bare->log, NULL);
    CHECK(vm_ram_register_at(&bare->vm, 0, RAM_SIZE, true), 0);
    CHECK(vmmp_vm_map_ram(&bare->vmmp), 0);
    for (unsigned i = 0; i < vcpus; i++) {
        CHECK(vm_create_vcpu(&bare->vm, 0) != NULL, true);
    }
    CHECK(vm_create_default_irq_controller(&bare->vm), 0);
    CHECK(vm_io_port_add_handler(&bare->vm, ports, interface), 0);
    CHECK(vm_io_port_add_handler(&bare->vm, bell, interface), 0);
    CHECK(vm_reserve_memory_at(&bare->vm, MMIO, 0x1000, mmio_fault, bare) != NULL, true);

    struct vmmp_x86_entry entry;
    put(bare, CODE, start, end);
    CHECK(vmmp_x86_prepare_entry(&bare->vmmp.memory, VMMP_X86_MODE_32, TABLES, CODE, 0, &entry), 0);
    CHECK(hosted_kvm_x86_enter(bare->vm.vcpus[0], &entry), 0);
    CHECK(vcpu_start(bare->vm.vcpus[0]), 0);
    return bare;
}

/* False: it took too long. */
static bool wait_for(sem_t *sem)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += SECONDS;
    return sem_clockwait(sem, CLOCK_MONOTONIC, &until) == 0;
}

static void *thread(void *cookie)
{
    struct bare *bare = cookie;
    bare->result = vm_run(&bare->vm);
    sem_post(&bare->reported);
    sem_post(&bare->over);
    return NULL;
}

/* False: the guest did not report in time; it is stopped then. */
static bool await_report(struct bare *bare)
{
    if (wait_for(&bare->reported)) {
        return true;
    }
    printf("    nothing from the guest in %d s\n", SECONDS);
    hosted_kvm_vcpu_print(bare->vm.vcpus[0], stdout);
    failures++;
    hosted_vm_stop(&bare->vm, -1);
    return false;
}

/* Ends the guest if it has not ended in time. */
static void *watch(void *cookie)
{
    struct bare *bare = cookie;
    if (!wait_for(&bare->over)) {
        printf("    the guest did not end in %d s\n", SECONDS);
        hosted_kvm_vcpu_print(bare->vm.vcpus[0], stdout);
        hosted_vm_stop(&bare->vm, -1);
    }
    return NULL;
}

static void begin(struct bare *bare)
{
    pthread_create(&bare->thread, NULL, thread, bare);
    pthread_create(&bare->watchdog, NULL, watch, bare);
}

static void finish(struct bare *bare)
{
    pthread_join(bare->watchdog, NULL);
    pthread_join(bare->thread, NULL);
}

static void run(struct bare *bare)
{
    begin(bare);
    finish(bare);
}

static void destroy(struct bare *bare)
{
    vmmp_vm_fini(&bare->vmmp);
    hosted_vm_destroy(&bare->vm);
    sem_destroy(&bare->reported);
    sem_destroy(&bare->over);
    free(bare);
}

#define MAKE(name) make(guest_##name, guest_##name##_end, 1)

/* ---- tests ---------------------------------------------------------------------------------- */

static void test_ports(void)
{
    struct bare *bare = MAKE(ports);
    run(bare);
    CHECK(bare->result, 0);
    CHECK(bare->ended, true);
    CHECK(bare->write_count, 3);
    CHECK(bare->writes[0].size << 16 | bare->writes[0].value, 0x10011);
    CHECK(bare->writes[1].size << 16 | bare->writes[1].value, 0x22233);
    CHECK(bare->writes[2].size, 4);
    CHECK(bare->writes[2].value, 0x44556677);
    CHECK(bare->report_count, 4);
    CHECK(bare->reports[0], 0xd0);
    CHECK(bare->reports[1], 0xc0d1);
    CHECK(bare->reports[2], 0xa0b0c0d2);
    CHECK(bare->reports[3], 0xffffffff);
    destroy(bare);
}

static void test_strings(void)
{
    struct bare *bare = MAKE(strings);
    char text[64];
    for (unsigned i = 0; i < sizeof text; i++) {
        text[i] = (char)(i + 1);
    }
    put(bare, BUFFER, text, text + sizeof text);
    run(bare);
    CHECK(bare->ended, true);
    CHECK(bare->write_count, 64);
    for (unsigned i = 0; i < 64; i++) {
        CHECK(bare->writes[i].size << 16 | bare->writes[i].value, 0x10000 | (i + 1));
    }
    CHECK(bare->reads, 8);
    for (unsigned i = 0; i < 4; i++) {
        unsigned low = 0xc0d0 + 2 * i;
        CHECK(bare->reports[i], low | (low + 1) << 16);
    }
    destroy(bare);
}

static void test_mmio(void)
{
    struct bare *bare = MAKE(mmio);
    run(bare);
    CHECK(bare->ended, true);
    CHECK(bare->mmio[1], 0x5a);
    CHECK(bare->mmio[2] | bare->mmio[3] << 8, 0x1234);
    CHECK(bare->report_count, 2);
    CHECK(bare->reports[0], 0x5a);
    CHECK(bare->reports[1], 0x89abcdef);
    destroy(bare);
}

/* An interrupt gate (SDM 3A, 6.11), to the flat code segment that the guest was entered with. */
static void put_gate(struct bare *bare, unsigned vector, uint32_t handler, uint16_t selector)
{
    uint64_t gate = (handler & 0xffff) | (uint64_t)selector << 16 | UINT64_C(0x8e00) << 32 |
                    (uint64_t)(handler >> 16) << 48;
    vmmp_guest_memory_write(&bare->vmmp.memory, vmmp_gpa(BUFFER + 0x1000 + vector * 8), &gate, 8);
}

static struct bare *make_interrupts(void)
{
    struct bare *bare = make(guest_interrupts, guest_interrupts_code_end, 1);
    struct vmmp_x86_entry entry;
    uint32_t handlers = CODE + (uint32_t)(interrupt_handlers - guest_interrupts);
    vmmp_x86_prepare_entry(&bare->vmmp.memory, VMMP_X86_MODE_32, TABLES, CODE, 0, &entry);
    for (unsigned i = 0; i < 3; i++) {
        put_gate(bare, VECTOR + i, handlers + i * HANDLER_SIZE, entry.code.selector);
    }
    CHECK(vm_register_irq(bare->vm.vcpus[0], TEST_IRQ, acknowledge, bare), 0);
    CHECK(vm_register_irq(bare->vm.vcpus[0], EDGE_IRQ, acknowledge, bare), 0);
    return bare;
}

static void check_interrupts(struct bare *bare)
{
    CHECK(bare->ended, true);
    CHECK(bare->report_count, 4);
    for (unsigned i = 0; i < 3; i++) {
        CHECK(bare->reports[1 + i], REPORT_INTERRUPT + i);
    }
    CHECK(hosted_kvm_interrupts(&bare->vm), 3);
    destroy(bare);
}

/* Whether the guest is behind its HLT, where it is while it sleeps alone. */
static bool is_halted(struct bare *bare)
{
    seL4_Word address = 0;
    hosted_kvm_pause(&bare->vm);
    CHECK(vm_get_vmcs_field(bare->vm.vcpus[0], VMX_GUEST_RIP, &address), 0);
    hosted_kvm_resume(&bare->vm);
    return address == CODE + (seL4_Word)(interrupts_halted - guest_interrupts);
}

static bool await_halt(struct bare *bare)
{
    const struct timespec millisecond = { 0, 1000000 };
    for (unsigned i = 0; i < SECONDS * 1000; i++) {
        if (is_halted(bare)) {
            return true;
        }
        nanosleep(&millisecond, NULL);
    }
    CHECK(false, true);
    hosted_vm_stop(&bare->vm, -1);
    return false;
}

/* Each wakes the guest from its sleep. */
static void test_interrupts(void)
{
    struct bare *bare = make_interrupts();
    CHECK(vm_register_irq(bare->vm.vcpus[0], HOSTED_KVM_X86_IRQS, acknowledge, bare), -1);
    begin(bare);
    for (unsigned i = 0; i < 3 && await_report(bare) && await_halt(bare); i++) {
        send_next(bare);
    }
    finish(bare);
    check_interrupts(bare);
}

/* Each is there before the guest enables interrupts. */
static void test_pending(void)
{
    struct bare *bare = make_interrupts();
    bare->send_at_once = true;
    run(bare);
    check_interrupts(bare);
}

/* With the split controller an injection's end is known when the guest has written it. */
static void test_split_interrupts(void)
{
    split_irqchip = true;
    struct bare *bare = make_interrupts();
    split_irqchip = false;
    begin(bare);
    for (unsigned i = 0; i < 3 && await_report(bare) && await_halt(bare); i++) {
        send_next(bare);
    }
    finish(bare);
    CHECK(bare->acknowledged, 1);
    check_interrupts(bare);
}

static void test_split_pending(void)
{
    split_irqchip = true;
    test_pending();
    split_irqchip = false;
}

static struct bare *run_pic(void)
{
    struct bare *bare = MAKE(pic);
    struct vmmp_x86_entry entry;
    uint32_t handler = CODE + (uint32_t)(pic_handler - guest_pic);
    vmmp_x86_prepare_entry(&bare->vmmp.memory, VMMP_X86_MODE_32, TABLES, CODE, 0, &entry);
    put_gate(bare, VECTOR + EDGE_IRQ, handler, entry.code.selector);
    CHECK(vm_register_irq(bare->vm.vcpus[0], EDGE_IRQ, acknowledge, bare), 0);
    begin(bare);
    if (await_report(bare)) {
        CHECK(vm_inject_irq(bare->vm.vcpus[0], EDGE_IRQ), 0);
    }
    finish(bare);
    CHECK(bare->ended, true);
    CHECK(bare->report_count, 2);
    CHECK(bare->reports[1], REPORT_INTERRUPT);
    return bare;
}

static void test_pic(void)
{
    destroy(run_pic());
}

static void test_split_pic(void)
{
    split_irqchip = true;
    struct bare *bare = run_pic();
    split_irqchip = false;
    CHECK(bare->acknowledged, 1);
    destroy(bare);
}

static void test_sipi(void)
{
    struct bare *bare = make(guest_sipi, guest_sipi_end, 2);
    put(bare, BUFFER, trampoline, trampoline_end);
    run(bare);
    CHECK(bare->ended, true);
    CHECK(bare->reports[0], 0x600d);
    destroy(bare);
}

static void test_triple_fault(void)
{
    struct bare *bare = MAKE(triple_fault);
    run(bare);
    CHECK(bare->result, 0);
    CHECK(bare->ended, false);
    CHECK(hosted_kvm_end(&bare->vm), HOSTED_KVM_END_RESET);
    destroy(bare);
}

static void test_bell(void)
{
    struct bare *bare = MAKE(bell);
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    uint64_t count = 0;
    struct hosted_kvm_doorbell doorbell = {
        .gpa = PORT_BELL, .port = true, .size = 2, .match = true, .value = 7, .fd = fd
    };
    CHECK(hosted_kvm_ioeventfd(&bare->vm, &doorbell), 0);
    run(bare);
    CHECK(bare->ended, true);
    CHECK(read(fd, &count, sizeof count), sizeof count);
    CHECK(count, 1);
    /* Another value is no ring: the handler has it. */
    CHECK(bare->write_count, 1);
    CHECK(bare->writes[0].value, 8);
    CHECK(hosted_kvm_ioeventfd_remove(&bare->vm, &doorbell), 0);
    CHECK(hosted_kvm_ioeventfd_remove(&bare->vm, &doorbell), -ENOENT);
    close(fd);
    destroy(bare);
}

/* A halted vCPU sleeps in the kernel: pausing and stopping get it out. */
static void test_sleep(void)
{
    struct bare *bare = MAKE(sleep);
    seL4_Word value;
    begin(bare);
    if (await_report(bare)) {
        CHECK(vm_get_vmcs_field(bare->vm.vcpus[0], VMX_GUEST_RIP, &value), -1);
        hosted_kvm_pause(&bare->vm);
        CHECK(vm_get_vmcs_field(bare->vm.vcpus[0], VMX_GUEST_RIP, &value), 0);
        CHECK(value >= CODE && value < CODE + 0x100, true);
        CHECK(vm_get_thread_context_reg(bare->vm.vcpus[0], VCPU_CONTEXT_EAX, &value), 0);
        CHECK(value, 1);
        CHECK(vm_set_thread_context_reg(bare->vm.vcpus[0], VCPU_CONTEXT_EDI, 0x77), 0);
        CHECK(vm_get_thread_context_reg(bare->vm.vcpus[0], VCPU_CONTEXT_EDI, &value), 0);
        CHECK(value, 0x77);
        hosted_kvm_resume(&bare->vm);
        hosted_vm_stop(&bare->vm, 0);
    }
    finish(bare);
    CHECK(bare->result, 0);
    CHECK(hosted_kvm_end(&bare->vm), HOSTED_KVM_END_NONE);
    destroy(bare);
}

static void test_cpuid(void)
{
    struct bare *bare = MAKE(cpuid);
    run(bare);
    CHECK(bare->ended, true);
    CHECK(bare->report_count, 4);
    CHECK(bare->reports[0] != 0, true);
    CHECK(bare->reports[1], 0); /* The first vCPU's identifier, */
    CHECK(bare->reports[2], 1); /* a hypervisor, */
    CHECK(bare->reports[3], 0); /* and no VMX in it. */
    destroy(bare);
}

/* ---- ---------------------------------------------------------------------------------------- */

#define PROBE(guest) .start = guest_##guest, .end = guest_##guest##_end

#define INTERRUPTS \
    .start = guest_interrupts, .end = guest_interrupts_code_end, .handlers = interrupt_handlers

/* The first has the smallest guest. */
static const struct bare_test {
    const char *name;
    void (*run)(void);
    struct probe probe;
} tests[] = {
    { "ports", test_ports, { PROBE(ports) } },
    { "strings", test_strings, { PROBE(strings) } },
    { "mmio", test_mmio, { PROBE(mmio) } },
    { "triple-fault", test_triple_fault, { PROBE(triple_fault), .wanted = PROBE_SHUTS_DOWN } },
    { "bell", test_bell, { PROBE(bell), .bell = true } },
    { "sleep", test_sleep, { PROBE(sleep), .wanted = PROBE_INTERRUPTED } },
    { "cpuid", test_cpuid, { PROBE(cpuid) } },
    { "interrupts", test_interrupts, { INTERRUPTS, .halted = true } },
    { "pending", test_pending, { INTERRUPTS } },
    { "pic", test_pic, { INTERRUPTS, .halted = true } },
    { "split-interrupts", test_split_interrupts, { INTERRUPTS, .halted = true, .split = true } },
    { "split-pending", test_split_pending, { INTERRUPTS, .split = true } },
    { "split-pic", test_split_pic, { INTERRUPTS, .halted = true, .split = true } },
    { "sipi", test_sipi, { PROBE(sipi), .second_vcpu = true } },
};

/* Whether it did not fail. */
static bool run_test(const struct bare_test *test)
{
    char reason[PROBE_REASON_MAX];
    unsigned before = failures;
    if (!probe_kvm(&test->probe, reason)) {
        printf("skipped %s: this machine's KVM does not run its guest: %s\n", test->name, reason);
        return true;
    }
    test->run();
    printf("%s %s\n", failures == before ? "ok" : "FAILED", test->name);
    return failures == before;
}

static bool is_fast(void)
{
    char reason[PROBE_REASON_MAX];
    const struct probe spin = { PROBE(spin), .milliseconds = 2000 };
    if (probe_kvm(&spin, reason)) {
        return true;
    }
    printf("this machine's KVM is not one for Linux: %s\n", reason);
    return false;
}

int main(int argc, char **argv)
{
    const char *prefix = argc > 1 ? argv[1] : "";
    char reason[PROBE_REASON_MAX];
    unsigned failed = 0;
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (strcmp(prefix, "--fast") == 0) {
        return is_fast() ? 0 : 1;
    }
    if (!probe_kvm(&tests[0].probe, reason)) {
        printf("skipped: this machine's KVM does not run the smallest guest: %s\n", reason);
        return 77;
    }
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++) {
        if (strncmp(tests[i].name, prefix, strlen(prefix)) == 0) {
            failed += !run_test(&tests[i]);
        }
    }
    printf("%u failed\n", failed);
    return failed != 0;
}
