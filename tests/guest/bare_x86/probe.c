/* SPDX-License-Identifier: BSD-2-Clause */
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "guests.h"

#define MILLISECONDS 10000 /* For a guest of some ten instructions. */
#define OWN_BASE     UINT64_C(0xfeffc000)
#define GDT          TABLES
#define CODE_SEL     0x10
#define DATA_SEL     0x18

extern const char trampoline[], trampoline_end[];

/* One guest in a process. */
static _Alignas(4096) uint8_t ram[RAM_SIZE];

struct machine {
    const struct probe *probe;
    char *reason;
    int system, vm, vcpu[2], bell;
    struct kvm_run *run;
    unsigned interrupts;
    uint32_t reported; /* The last report. */
    bool due;          /* One of them, once the guest has halted. */
};

__attribute__((format(printf, 2, 3))) static void say(const struct machine *machine,
                                                      const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(machine->reason, PROBE_REASON_MAX, format, arguments);
    va_end(arguments);
}

/* False, and why. */
#define CANNOT(...) (say(__VA_ARGS__), false)

/* ---- a machine ------------------------------------------------------------------------------ */

static bool call(const struct machine *machine, int fd, unsigned long request, const void *argument,
                 const char *what)
{
    if (ioctl(fd, request, argument) < 0) {
        return CANNOT(machine, "%s: %s", what, strerror(errno));
    }
    return true;
}

static bool open_machine(struct machine *machine)
{
    uint64_t identity_map = OWN_BASE;
    struct kvm_userspace_memory_region region = { .memory_size = RAM_SIZE };
    machine->system = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (machine->system < 0) {
        return CANNOT(machine, "/dev/kvm: %s", strerror(errno));
    }
    machine->vm = ioctl(machine->system, KVM_CREATE_VM, 0);
    if (machine->vm < 0) {
        return CANNOT(machine, "KVM_CREATE_VM: %s", strerror(errno));
    }
    if (machine->probe->split &&
        ioctl(machine->system, KVM_CHECK_EXTENSION, KVM_CAP_SPLIT_IRQCHIP) <= 0) {
        return CANNOT(machine, "it has no split interrupt controller");
    }
    region.userspace_addr = (uintptr_t)ram;
    return call(machine, machine->vm, KVM_SET_IDENTITY_MAP_ADDR, &identity_map,
                "KVM_SET_IDENTITY_MAP_ADDR") &&
           call(machine, machine->vm, KVM_SET_TSS_ADDR, (void *)(OWN_BASE + 0x1000),
                "KVM_SET_TSS_ADDR") &&
           call(machine, machine->vm, KVM_CREATE_IRQCHIP, NULL, "KVM_CREATE_IRQCHIP") &&
           call(machine, machine->vm, KVM_SET_USER_MEMORY_REGION, &region,
                "KVM_SET_USER_MEMORY_REGION");
}

static bool give_cpuid(const struct machine *machine, int vcpu)
{
    static union {
        struct kvm_cpuid2 list;
        uint8_t room[sizeof(struct kvm_cpuid2) + 256 * sizeof(struct kvm_cpuid_entry2)];
    } cpuid;
    cpuid.list.nent = 256;
    return call(machine, machine->system, KVM_GET_SUPPORTED_CPUID, &cpuid,
                "KVM_GET_SUPPORTED_CPUID") &&
           call(machine, vcpu, KVM_SET_CPUID2, &cpuid, "KVM_SET_CPUID2");
}

static bool open_vcpus(struct machine *machine)
{
    for (unsigned i = 0; i < (machine->probe->second_vcpu ? 2u : 1u); i++) {
        machine->vcpu[i] = ioctl(machine->vm, KVM_CREATE_VCPU, (unsigned long)i);
        if (machine->vcpu[i] < 0) {
            return CANNOT(machine, "KVM_CREATE_VCPU: %s", strerror(errno));
        }
        if (!give_cpuid(machine, machine->vcpu[i])) {
            return false;
        }
    }
    int size = ioctl(machine->system, KVM_GET_VCPU_MMAP_SIZE, 0);
    machine->run = size < 0 ? MAP_FAILED
                            : mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED,
                                   machine->vcpu[0], 0);
    return machine->run != MAP_FAILED || CANNOT(machine, "KVM_GET_VCPU_MMAP_SIZE");
}

/* 32-bit protected mode, all of memory. */
static bool set_registers(const struct machine *machine)
{
    static const uint64_t table[] = { 0, 0, 0x00cf9b000000ffff, 0x00cf93000000ffff };
    struct kvm_sregs sregs;
    struct kvm_regs regs = { .rip = CODE, .rflags = 2 };
    const struct kvm_segment code = {
        .limit = 0xffffffff,
        .selector = CODE_SEL,
        .type = 0xb,
        .present = 1,
        .db = 1,
        .s = 1,
        .g = 1,
    };
    struct kvm_segment data = code;
    data.selector = DATA_SEL;
    data.type = 3;
    memcpy(ram + GDT, table, sizeof table);
    if (!call(machine, machine->vcpu[0], KVM_GET_SREGS, &sregs, "KVM_GET_SREGS")) {
        return false;
    }
    sregs.cr0 |= 1;
    sregs.gdt.base = GDT;
    sregs.gdt.limit = sizeof table - 1;
    sregs.cs = code;
    sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = data;
    return call(machine, machine->vcpu[0], KVM_SET_SREGS, &sregs, "KVM_SET_SREGS") &&
           call(machine, machine->vcpu[0], KVM_SET_REGS, &regs, "KVM_SET_REGS");
}

static void put_guest(const struct machine *machine)
{
    const struct probe *probe = machine->probe;
    memcpy(ram + CODE, probe->start, (size_t)(probe->end - probe->start));
    memcpy(ram + BUFFER, trampoline,
           probe->second_vcpu ? (size_t)(trampoline_end - trampoline) : 0);
    for (size_t i = 0; probe->handlers && i < 3; i++) {
        size_t handler = CODE + (size_t)(probe->handlers - probe->start) + i * HANDLER_SIZE;
        uint64_t gate = handler | CODE_SEL << 16 | UINT64_C(0x8e00) << 32;
        memcpy(ram + BUFFER + 0x1000 + (VECTOR + i) * 8, &gate, sizeof gate);
    }
}

static bool add_bell(struct machine *machine)
{
    machine->bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    struct kvm_ioeventfd bell = {
        .datamatch = 7,
        .addr = PORT_BELL,
        .len = 2,
        .fd = machine->bell,
        .flags = KVM_IOEVENTFD_FLAG_DATAMATCH | KVM_IOEVENTFD_FLAG_PIO,
    };
    return call(machine, machine->vm, KVM_IOEVENTFD, &bell, "KVM_IOEVENTFD");
}

/* ---- running it ----------------------------------------------------------------------------- */

static void *run_second(void *cookie)
{
    const struct machine *machine = cookie;
    while (ioctl(machine->vcpu[1], KVM_RUN, 0) == 0 || errno == EAGAIN || errno == EINTR) {
    }
    return NULL;
}

static void set_line(const struct machine *machine, uint32_t input, uint32_t level)
{
    struct kvm_irq_level line = { .irq = input, .level = level };
    ioctl(machine->vm, KVM_IRQ_LINE, &line);
}

/* It is ready for the first, or has had one. */
static void send_next(struct machine *machine)
{
    struct kvm_msi message = { .address_lo = LOCAL_APIC, .data = VECTOR + 1 };
    switch (machine->interrupts++) {
    case 0:
        set_line(machine, TEST_IRQ, 1);
        break;
    case 1:
        set_line(machine, TEST_IRQ, 0);
        ioctl(machine->vm, KVM_SIGNAL_MSI, &message);
        break;
    case 2:
        set_line(machine, EDGE_IRQ, 1);
        set_line(machine, EDGE_IRQ, 0);
        break;
    default:
        break;
    }
}

static void answer_port(struct machine *machine)
{
    struct kvm_run *run = machine->run;
    uint32_t value = 0;
    if (run->io.direction == KVM_EXIT_IO_IN) {
        memset((uint8_t *)run + run->io.data_offset, 0, (size_t)run->io.size * run->io.count);
        return;
    }
    memcpy(&value, (uint8_t *)run + run->io.data_offset, run->io.size);
    /* A KVM that emulates may deliver the level once more, though it has fallen. */
    if (run->io.port == PORT_REPORT && machine->probe->handlers && value != machine->reported) {
        machine->reported = value;
        machine->due = machine->probe->halted;
        if (!machine->due) {
            send_next(machine);
        }
    }
}

/* A signal came. */
static void look_at_state(struct machine *machine)
{
    struct kvm_mp_state state = { 0 };
    if (machine->due && ioctl(machine->vcpu[0], KVM_GET_MP_STATE, &state) == 0 &&
        state.mp_state == KVM_MP_STATE_HALTED) {
        machine->due = false;
        send_next(machine);
    }
}

static bool ended(const struct machine *machine, enum probe_end end)
{
    static const char *const ends[] = { "ends", "has a triple fault", "halts" };
    uint64_t count = 0;
    if (end != machine->probe->wanted) {
        return CANNOT(machine, "the guest %s, unexpectedly", ends[end]);
    }
    if (machine->probe->bell &&
        (read(machine->bell, &count, sizeof count) != sizeof count || count != 1)) {
        return CANNOT(machine, "the doorbell did not ring once");
    }
    return true;
}

/* Whether the guest ended as wanted. */
static bool run_first(struct machine *machine)
{
    struct kvm_run *run = machine->run;
    for (;;) {
        if (ioctl(machine->vcpu[0], KVM_RUN, 0) < 0) {
            if (errno == EINTR && machine->probe->wanted == PROBE_INTERRUPTED) {
                return true;
            }
            if (errno != EINTR && errno != EAGAIN) {
                return CANNOT(machine, "KVM_RUN: %s", strerror(errno));
            }
            look_at_state(machine);
            continue;
        }
        switch (run->exit_reason) {
        case KVM_EXIT_IO:
            if (run->io.port == PORT_END) {
                return ended(machine, PROBE_ENDS);
            }
            answer_port(machine);
            break;
        case KVM_EXIT_MMIO:
            memset(run->mmio.data, 0, sizeof run->mmio.data);
            break;
        case KVM_EXIT_SHUTDOWN:
            return ended(machine, PROBE_SHUTS_DOWN);
        case KVM_EXIT_INTERNAL_ERROR:
            return CANNOT(machine, "internal error %u of KVM%s", run->internal.suberror,
                          run->internal.suberror == KVM_INTERNAL_ERROR_EMULATION
                              ? ": it cannot emulate an instruction"
                              : "");
        default:
            return CANNOT(machine, "KVM_RUN gives reason %u", run->exit_reason);
        }
    }
}

static void wake(int number)
{
    (void)number;
}

/* A signal every 20 ms: the first may come before the guest halts. */
static void send_signals(void)
{
    const struct itimerval interval = { { 0, 20000 }, { 0, 20000 } };
    struct sigaction action = { .sa_handler = wake };
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &interval, NULL);
}

static bool try_guest(const struct probe *probe, char *reason)
{
    struct machine machine = { .probe = probe, .reason = reason };
    pthread_t second;
    if (!open_machine(&machine) || !open_vcpus(&machine) || !set_registers(&machine)) {
        return false;
    }
    put_guest(&machine);
    if (probe->bell && !add_bell(&machine)) {
        return false;
    }
    if (probe->second_vcpu && pthread_create(&second, NULL, run_second, &machine)) {
        return CANNOT(&machine, "no thread");
    }
    if (probe->wanted == PROBE_INTERRUPTED || probe->halted) {
        send_signals();
    }
    return run_first(&machine);
}

/* ---- its process ---------------------------------------------------------------------------- */

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
}

/* False: it has not ended in time. */
static bool await_process(pid_t pid, int *status, unsigned milliseconds)
{
    const struct timespec millisecond = { 0, 1000000 };
    uint64_t start = now_ms();
    do {
        if (waitpid(pid, status, WNOHANG) == pid) {
            return true;
        }
        nanosleep(&millisecond, NULL);
    } while (now_ms() - start < milliseconds);
    return false;
}

bool probe_kvm(const struct probe *probe, char reason[PROBE_REASON_MAX])
{
    int status = -1;
    unsigned limit = probe->milliseconds ? probe->milliseconds : MILLISECONDS;
    char *shared =
        mmap(NULL, PROBE_REASON_MAX, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    snprintf(reason, PROBE_REASON_MAX, "the probe cannot start");
    if (shared == MAP_FAILED) {
        return false;
    }
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        _exit(try_guest(probe, shared) ? 0 : 1);
    }
    if (pid > 0 && !await_process(pid, &status, limit)) {
        snprintf(reason, PROBE_REASON_MAX, "the guest did not get to its end in %u ms", limit);
        kill(pid, SIGKILL);
        /* One that is stuck in the kernel for good is left behind. */
        await_process(pid, &status, 1000);
        status = -1;
    } else if (pid > 0) {
        snprintf(reason, PROBE_REASON_MAX, "%s", shared[0] ? shared : "the probe ended early");
    }
    munmap(shared, PROBE_REASON_MAX);
    return status == 0;
}
