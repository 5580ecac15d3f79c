/* SPDX-License-Identifier: BSD-2-Clause */
/* Pausing, registers and debugging. */
#include "bare_vm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

BARE_GUEST(off);
BARE_GUEST(spin);
BARE_GUEST(debug);

static void test_pause(void)
{
    struct bare_vm bare;
    uint64_t before, after, ignored;
    bare_prepare(&bare);
    bare.vcpus = 2;
    if (!bare_try_start(&bare, &spin_guest, 0, 0)) {
        return;
    }
    bare_run_aside(&bare);
    sem_wait(&bare.ready);
    for (unsigned i = 0; i < 50; i++) {
        hosted_kvm_pause(&bare.vm);
        hosted_kvm_pause(&bare.vm);
        CHECK_EQUAL(hosted_kvm_vcpu_get_reg(bare.vcpu, 1, &before), 0);
        hosted_kvm_resume(&bare.vm);
        usleep(500);
        CHECK_EQUAL(hosted_kvm_vcpu_get_reg(bare.vcpu, 1, &after), 0);
        CHECK_EQUAL(after, before);
        hosted_kvm_resume(&bare.vm);
        usleep(500);
    }
    /* Printing pauses by itself. */
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    hosted_kvm_vcpu_print(bare.vm.vcpus[1], out);
    hosted_kvm_vcpu_print(bare.vm.vcpus[0], out);
    fclose(out);
    CHECK(strstr(text, "vcpu0 pc 0x4000") != NULL);
    free(text);
    /* Running: its registers are out of reach. */
    int busy = 0;
    for (unsigned i = 0; i < 100 && !busy; i++) {
        busy = hosted_kvm_vcpu_get_reg(bare.vm.vcpus[1], 1, &ignored);
        usleep(1000);
    }
    CHECK_EQUAL(busy, -EBUSY);
    hosted_kvm_pause(&bare.vm);
    CHECK_EQUAL(hosted_kvm_vcpu_get_reg(bare.vcpu, 1, &after), 0);
    CHECK(after > before);
    /* Stopped while paused. */
    hosted_vm_stop(&bare.vm, 3);
    CHECK_EQUAL(bare_join(&bare), 3);
    hosted_kvm_resume(&bare.vm);
    bare_end(&bare);
}

extern const char debug_first[], debug_brk[], debug_store[], debug_bp[], debug_data[];

static uint64_t address_in_guest(const char *label)
{
    return RAM_BASE + (uint64_t)(label - guest_debug);
}

struct debugger {
    unsigned count;
    struct hosted_kvm_debug_event events[16];
};

/* Three steps from the first instruction; then on to the BRK, which is skipped; then the store, by
 * watchpoint; then the breakpoint. */
static void debug_event(void *cookie, vm_vcpu_t *vcpu, const struct hosted_kvm_debug_event *event)
{
    struct debugger *debugger = cookie;
    struct hosted_kvm_debug debug = { .software_breakpoints = true };
    if (debugger->count == 16) {
        hosted_vm_stop(vcpu->vm, -2);
        return;
    }
    debugger->events[debugger->count++] = *event;
    switch (debugger->count) {
    case 1:
        debug.step = true;
        debug.breakpoints = 1;
        debug.breakpoint[0] = address_in_guest(debug_bp);
        break;
    case 2:
    case 3:
        debug.step = true;
        break;
    case 5:
        CHECK_EQUAL(hosted_kvm_vcpu_set_reg(vcpu, HOSTED_KVM_REG_PC, event->pc + 4), 0);
        debug.watchpoints = 1;
        debug.watchpoint[0] = (struct hosted_kvm_watchpoint){
            .address = address_in_guest(debug_data), .size = 8, .write = true
        };
        break;
    case 6:
        debug.breakpoints = 1;
        debug.breakpoint[0] = address_in_guest(debug_bp);
        break;
    case 7:
        CHECK_EQUAL(hosted_kvm_vcpu_set_reg(vcpu, 1, 1000), 0);
        CHECK_EQUAL(hosted_kvm_vcpu_set_reg(vcpu, HOSTED_KVM_REG_PC, event->pc + 4), 0);
        break;
    default:
        break;
    }
    CHECK_EQUAL(hosted_kvm_vcpu_debug(vcpu, &debug), 0);
}

static void test_debug(void)
{
    struct bare_vm bare;
    struct debugger debugger = { 0 };
    struct hosted_kvm_debug debug = { 0 };
    uint64_t v[2], value;
    bare_prepare(&bare);
    bare.config.debug = debug_event;
    bare.config.cookie = &debugger;
    if (!bare_try_start(&bare, &debug_guest, 0, 0)) {
        return;
    }
    CHECK(hosted_kvm_breakpoints(&bare.vm) >= 2);
    CHECK(hosted_kvm_watchpoints(&bare.vm) >= 2);
    debug.breakpoints = 17;
    CHECK_EQUAL(hosted_kvm_vcpu_debug(bare.vcpu, &debug), -ENOSPC);
    debug.breakpoints = 0;
    debug.watchpoints = 1;
    debug.watchpoint[0] = (struct hosted_kvm_watchpoint){ .address = 4, .size = 16, .read = true };
    CHECK_EQUAL(hosted_kvm_vcpu_debug(bare.vcpu, &debug), -EINVAL);
    debug.watchpoint[0] = (struct hosted_kvm_watchpoint){ .address = 4, .size = 4 };
    CHECK_EQUAL(hosted_kvm_vcpu_debug(bare.vcpu, &debug), -EINVAL);
    debug.watchpoints = 0;
    debug.breakpoints = 1;
    debug.breakpoint[0] = address_in_guest(debug_first);
    CHECK_EQUAL(hosted_kvm_vcpu_debug(bare.vcpu, &debug), 0);
    CHECK_EQUAL(bare_run(&bare), 0);

    static const struct {
        enum hosted_kvm_debug_cause cause;
        const char *at;
        int offset;
    } expected[] = {
        { HOSTED_KVM_DEBUG_BREAKPOINT, debug_first, 0 },
        { HOSTED_KVM_DEBUG_STEP, debug_first, 4 },
        { HOSTED_KVM_DEBUG_STEP, debug_first, 8 },
        { HOSTED_KVM_DEBUG_STEP, debug_first, 12 },
        { HOSTED_KVM_DEBUG_SOFTWARE_BREAKPOINT, debug_brk, 0 },
        { HOSTED_KVM_DEBUG_WATCHPOINT, debug_store, 0 },
        { HOSTED_KVM_DEBUG_BREAKPOINT, debug_bp, 0 },
    };
    CHECK_EQUAL(debugger.count, sizeof expected / sizeof expected[0]);
    for (unsigned i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        CHECK_EQUAL(debugger.events[i].cause, expected[i].cause);
        CHECK_EQUAL(debugger.events[i].pc,
                    address_in_guest(expected[i].at) + (uint64_t)expected[i].offset);
    }
    CHECK_EQUAL(debugger.events[5].address, address_in_guest(debug_data));
    /* The register that was set at the breakpoint, in the guest's own hands. */
    CHECK_EQUAL(bare.report_count, 1);
    CHECK_EQUAL(bare.reports[0], 1000);
    CHECK_EQUAL(hosted_kvm_vcpu_get_vreg(bare.vcpu, 3, v), 0);
    CHECK_EQUAL(v[0], 1000);
    CHECK_EQUAL(v[1], 0);
    CHECK_EQUAL(hosted_kvm_vcpu_get_vreg(bare.vcpu, 32, v), -EINVAL);
    CHECK_EQUAL(hosted_kvm_vcpu_get_reg(bare.vcpu, HOSTED_KVM_REG_COUNT, &value), -EINVAL);
    CHECK_EQUAL(hosted_stats_exits(hosted_kvm_vcpu_stats(bare.vcpu), HOSTED_EXIT_DEBUG), 7);
    bare_end(&bare);
}

static void test_registers(void)
{
    struct bare_vm bare;
    uint64_t value, v[2];
    bare_prepare(&bare);
    if (!bare_try_start(&bare, &off_guest, 11, 12)) {
        return;
    }
    CHECK_EQUAL(hosted_kvm_vcpu_get_reg(bare.vcpu, 0, &value), 0);
    CHECK_EQUAL(value, 11);
    CHECK_EQUAL(hosted_kvm_vcpu_get_reg(bare.vcpu, HOSTED_KVM_REG_PC, &value), 0);
    CHECK_EQUAL(value, RAM_BASE);
    for (unsigned reg = 0; reg < HOSTED_KVM_REG_COUNT; reg++) {
        uint64_t wanted = UINT64_C(0x0000123450000000) + reg * 4096u;
        /* What cannot hold any value: checked by reading only. */
        bool any = reg <= HOSTED_KVM_REG_PC || reg == HOSTED_KVM_REG_SP_EL0 ||
                   reg == HOSTED_KVM_REG_SP_EL1 || reg == HOSTED_KVM_REG_ELR_EL1 ||
                   reg == HOSTED_KVM_REG_FAR_EL1 || reg == HOSTED_KVM_REG_VBAR_EL1 ||
                   reg == HOSTED_KVM_REG_TTBR0_EL1 || reg == HOSTED_KVM_REG_TTBR1_EL1 ||
                   reg == HOSTED_KVM_REG_MAIR_EL1 || reg == HOSTED_KVM_REG_TPIDR_EL0 ||
                   reg == HOSTED_KVM_REG_TPIDRRO_EL0 || reg == HOSTED_KVM_REG_TPIDR_EL1;
        CHECK_EQUAL(hosted_kvm_vcpu_get_reg(bare.vcpu, (enum hosted_kvm_reg)reg, &value), 0);
        if (any) {
            CHECK_EQUAL(hosted_kvm_vcpu_set_reg(bare.vcpu, (enum hosted_kvm_reg)reg, wanted), 0);
            CHECK_EQUAL(hosted_kvm_vcpu_get_reg(bare.vcpu, (enum hosted_kvm_reg)reg, &value), 0);
            CHECK_EQUAL(value, wanted);
        }
    }
    /* SP is SP_EL1 at EL1h; what was written through it first was overwritten by its own name. */
    CHECK_EQUAL(hosted_kvm_vcpu_get_reg(bare.vcpu, HOSTED_KVM_REG_SP, &value), 0);
    CHECK_EQUAL(value, UINT64_C(0x0000123450000000) + HOSTED_KVM_REG_SP_EL1 * 4096u);
    for (unsigned i = 0; i < 32; i++) {
        const uint64_t wanted[2] = { i + 1, ~(uint64_t)i };
        CHECK_EQUAL(hosted_kvm_vcpu_set_vreg(bare.vcpu, i, wanted), 0);
    }
    for (unsigned i = 0; i < 32; i++) {
        CHECK_EQUAL(hosted_kvm_vcpu_get_vreg(bare.vcpu, i, v), 0);
        CHECK_EQUAL(v[0], i + 1);
        CHECK_EQUAL(v[1], ~(uint64_t)i);
    }
    bare_end(&bare);
}

const struct bare_test bare_debug_tests[] = {
    { "pause", test_pause },
    { "debug", test_debug },
    { "registers", test_registers },
    { NULL, NULL },
};
