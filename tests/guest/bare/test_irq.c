/* SPDX-License-Identifier: BSD-2-Clause */
/* Interrupts. */
#include "bare_vm.h"

#include <string.h>
#include <unistd.h>

#include <sel4vm/guest_irq_controller.h>

BARE_GUEST(irq);
BARE_GUEST(off);

/* Starts the guest that takes interrupts, telling it which controller it got. */
static bool start_irq(struct bare_vm *bare, unsigned lower_after, unsigned enough_after)
{
    bare_prepare(bare);
    if (!bare_try_start(bare, &irq_guest, 0, 0)) {
        return false;
    }
    bare->lower_after = lower_after;
    bare->enough_after = enough_after;
    CHECK_EQUAL(hosted_kvm_vcpu_set_reg(bare->vcpu, HOSTED_KVM_REG_X0, bare->gic), 0);
    return true;
}

static void wait_taken(struct bare_vm *bare, unsigned count)
{
    while (__atomic_load_n(&bare->taken_count, __ATOMIC_ACQUIRE) < count) {
        usleep(1000);
    }
}

static void test_irq_level(void)
{
    struct bare_vm bare;
    if (!start_irq(&bare, 5, 8)) {
        return;
    }
    bare_run_aside(&bare);
    sem_wait(&bare.ready);
    /* High until the guest has taken it five times: a level, not an edge. */
    CHECK_EQUAL(vm_set_irq_level(bare.vcpu, TEST_INTID, 1), 0);
    wait_taken(&bare, 5);
    usleep(20000);
    CHECK_EQUAL(__atomic_load_n(&bare.taken_count, __ATOMIC_ACQUIRE), 5);
    bare.lower_after = 8;
    CHECK_EQUAL(vm_set_irq_level(bare.vcpu, TEST_INTID, 1), 0);
    CHECK_EQUAL(bare_join(&bare), 0);
    CHECK_EQUAL(bare.taken_count, 8);
    for (unsigned i = 0; i < bare.taken_count; i++) {
        CHECK_EQUAL(bare.taken[i], TEST_INTID);
    }
    CHECK_EQUAL(hosted_kvm_interrupts(&bare.vm), 2);
    bare_end(&bare);
}

/* A level that is high before the VM runs. */
static void test_irq_early(void)
{
    struct bare_vm bare;
    if (!start_irq(&bare, 1, 1)) {
        return;
    }
    CHECK_EQUAL(vm_set_irq_level(bare.vcpu, TEST_INTID + 1, 1), 0);
    CHECK_EQUAL(vm_set_irq_level(bare.vcpu, TEST_INTID + 1, 0), 0);
    CHECK_EQUAL(vm_set_irq_level(bare.vcpu, TEST_INTID, 1), 0);
    CHECK_EQUAL(bare_run(&bare), 0);
    CHECK_EQUAL(bare.taken_count, 1);
    bare_end(&bare);
}

struct injector {
    atomic_uint acknowledged;
    unsigned wanted;
};

static void acknowledge(vm_vcpu_t *vcpu, int irq, void *cookie)
{
    struct injector *injector = cookie;
    unsigned count = atomic_fetch_add(&injector->acknowledged, 1) + 1;
    CHECK_EQUAL(irq, TEST_INTID);
    if (count < injector->wanted) {
        CHECK_EQUAL(vm_inject_irq(vcpu, irq), 0);
    }
}

static void test_irq_inject(void)
{
    struct bare_vm bare;
    struct injector injector = { .wanted = 6 };
    if (!start_irq(&bare, 0, 6)) {
        return;
    }
    CHECK_EQUAL(vm_register_irq(bare.vcpu, TEST_INTID, acknowledge, &injector), 0);
    bare_run_aside(&bare);
    sem_wait(&bare.ready);
    CHECK_EQUAL(vm_inject_irq(bare.vcpu, TEST_INTID), 0);
    CHECK_EQUAL(bare_join(&bare), 0);
    CHECK_EQUAL(bare.taken_count, 6);
    CHECK(atomic_load(&injector.acknowledged) >= 5);
    bare_end(&bare);
}

/* The version that this host does not have, and numbers that are no inputs. */
static void test_irq_errors(void)
{
    struct bare_vm bare;
    bare_prepare(&bare);
    if (!bare_try_start(&bare, &off_guest, 0, 0)) {
        return;
    }
    unsigned version = bare.gic;
    bare.quiet = true;
    CHECK(vm_set_irq_level(bare.vcpu, 15, 1) != 0);
    CHECK(vm_set_irq_level(bare.vcpu, 256, 1) != 0);
    CHECK(vm_set_irq_level(bare.vcpu, -1, 1) != 0);
    CHECK(vm_set_irq_level(bare.vcpu, 1020, 1) != 0);
    CHECK(vm_register_irq(bare.vcpu, 300, NULL, NULL) != 0);
    bare_end(&bare);

    for (unsigned other = 2; other <= 3; other++) {
        char text[80];
        bare_prepare(&bare);
        bare.quiet = true;
        bare.config.gic = (enum hosted_kvm_gic)other;
        int result = bare_start(&bare, &off_guest, 0, 0);
        if (other == version || result == 0) {
            CHECK_EQUAL(result, 0);
            bare_end(&bare);
            continue;
        }
        snprintf(text, sizeof text, "this host offers no GICv%u: use --gic %u\n", other, version);
        CHECK(strstr(bare.logged, text) != NULL);
    }
}

const struct bare_test bare_irq_tests[] = {
    { "irq-level", test_irq_level },
    { "irq-early", test_irq_early },
    { "irq-inject", test_irq_inject },
    { "irq-errors", test_irq_errors },
    { NULL, NULL },
};
