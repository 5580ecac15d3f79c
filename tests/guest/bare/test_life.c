/* SPDX-License-Identifier: BSD-2-Clause */
/* Power, stopping, running again. */
#include "bare_vm.h"

#include <dirent.h>

BARE_GUEST(smp);
BARE_GUEST(off);
BARE_GUEST(reset);
BARE_GUEST(spin);
BARE_GUEST(sleep);
BARE_GUEST(poll);

static void test_smp(void)
{
    struct bare_vm bare;
    bare_prepare(&bare);
    bare.vcpus = 2;
    if (!bare_try_start(&bare, &smp_guest, 0, 0)) {
        return;
    }
    CHECK_EQUAL(hosted_kvm_vcpu_affinity(bare.vm.vcpus[0]), 0);
    CHECK_EQUAL(hosted_kvm_vcpu_affinity(bare.vm.vcpus[1]), 1);
    CHECK_EQUAL(bare_run(&bare), 0);
    CHECK_EQUAL(bare.report_count, 5);
    CHECK(bare.reports[0] >= 2);                    /* PSCI version */
    CHECK_EQUAL(bare.reports[1] & 0xff00ffffff, 0); /* MPIDR */
    CHECK_EQUAL(bare.reports[2], 0);                /* CPU_ON */
    CHECK_EQUAL((int32_t)bare.reports[3], -4);      /* ALREADY_ON */
    CHECK_EQUAL(bare.reports[4], 1);                /* AFFINITY_INFO: off */
    CHECK_EQUAL(bare.second_count, 2);
    CHECK_EQUAL(bare.second[0], SMP_CONTEXT);
    CHECK_EQUAL(bare.second[1] & 0xff00ffffff, 1);
    CHECK_EQUAL(hosted_kvm_end(&bare.vm), HOSTED_KVM_END_SHUTDOWN);
    bare_end(&bare);
}

static void test_off_and_reset(void)
{
    struct bare_vm bare;
    bare_prepare(&bare);
    if (bare_try_start(&bare, &off_guest, 0, 0)) {
        CHECK_EQUAL(hosted_kvm_end(&bare.vm), HOSTED_KVM_END_NONE);
        CHECK_EQUAL(bare_run(&bare), 0);
        CHECK_EQUAL(hosted_kvm_end(&bare.vm), HOSTED_KVM_END_SHUTDOWN);
        bare_end(&bare);
    }
    bare_prepare(&bare);
    bare.vcpus = 4;
    if (bare_try_start(&bare, &reset_guest, 0, 0)) {
        CHECK_EQUAL(bare_run(&bare), 0);
        CHECK_EQUAL(hosted_kvm_end(&bare.vm), HOSTED_KVM_END_RESET);
        bare_end(&bare);
    }
}

static void run_stop(const struct bare_guest *guest, unsigned vcpus, bool sleeps)
{
    struct bare_vm bare;
    bare_prepare(&bare);
    bare.vcpus = vcpus;
    bare.sleeps = sleeps;
    if (!bare_try_start(&bare, guest, 0, 0)) {
        return;
    }
    bare_run_aside(&bare);
    sem_wait(&bare.ready);
    hosted_vm_stop(&bare.vm, 42);
    CHECK_EQUAL(bare_join(&bare), 42);
    CHECK_EQUAL(hosted_kvm_end(&bare.vm), HOSTED_KVM_END_NONE);
    bare_end(&bare);
}

static void test_stop_spinning(void)
{
    run_stop(&spin_guest, 1, false);
    run_stop(&spin_guest, 3, false);
}

static void test_stop_sleeping(void)
{
    run_stop(&sleep_guest, 1, false);
    run_stop(&sleep_guest, 2, false);
}

/* In the middle of a read that nobody will complete. */
static void test_stop_in_access(void)
{
    run_stop(&poll_guest, 1, true);
    run_stop(&poll_guest, 2, true);
}

static void test_stop_before_run(void)
{
    struct bare_vm bare;
    bare_prepare(&bare);
    if (!bare_try_start(&bare, &spin_guest, 0, 0)) {
        return;
    }
    hosted_vm_stop(&bare.vm, 7);
    CHECK_EQUAL(bare_run(&bare), 7);
    CHECK_EQUAL(hosted_stats_exits_total(hosted_kvm_vcpu_stats(bare.vcpu)), 0);
    bare_end(&bare);
}

/* Stopped in an access, run again: the access is answered then. */
static void test_run_again(void)
{
    struct bare_vm bare;
    bare_prepare(&bare);
    bare.sleeps = true;
    if (!bare_try_start(&bare, &poll_guest, 0, 0)) {
        return;
    }
    bare_run_aside(&bare);
    sem_wait(&bare.ready);
    hosted_vm_stop(&bare.vm, 1);
    CHECK_EQUAL(bare_join(&bare), 1);
    bare_run_aside(&bare);
    sem_wait(&bare.ready);
    bare_complete(&bare, 5);
    CHECK_EQUAL(bare_join(&bare), 0);
    CHECK_EQUAL(bare.report_count, 1);
    CHECK_EQUAL(bare.reports[0], 5);
    bare_end(&bare);
}

static unsigned entries(const char *folder)
{
    unsigned count = 0;
    DIR *dir = opendir(folder);
    while (dir && readdir(dir)) {
        count++;
    }
    if (dir) {
        closedir(dir);
    }
    return count;
}

static unsigned lines(const char *path)
{
    unsigned count = 0;
    FILE *file = fopen(path, "r");
    for (int c; file && (c = fgetc(file)) != EOF;) {
        count += c == '\n';
    }
    if (file) {
        fclose(file);
    }
    return count;
}

static void test_many_cycles(void)
{
    unsigned fds = 0, maps = 0;
    for (unsigned i = 0; i < 100; i++) {
        switch (i % 4) {
        case 0:
            run_stop(&spin_guest, 2, false);
            break;
        case 1:
            run_stop(&poll_guest, 1, true);
            break;
        case 2:
            test_off_and_reset();
            break;
        default:
            run_stop(&sleep_guest, 1, false);
        }
        if (i == 7) {
            fds = entries("/proc/self/fd");
            maps = lines("/proc/self/maps");
        }
    }
    CHECK_EQUAL(entries("/proc/self/fd"), fds);
    CHECK_EQUAL(entries("/proc/self/task"), 3);
    CHECK(lines("/proc/self/maps") <= maps + 4);
}

static void test_two_vms(void)
{
    struct bare_vm bare[2];
    for (unsigned i = 0; i < 2; i++) {
        bare_prepare(&bare[i]);
        bare[i].vcpus = 2;
        if (!bare_try_start(&bare[i], &spin_guest, 0, 0)) {
            return;
        }
        bare_run_aside(&bare[i]);
    }
    sem_wait(&bare[0].ready);
    sem_wait(&bare[1].ready);
    hosted_vm_stop(&bare[1].vm, 1);
    CHECK_EQUAL(bare_join(&bare[1]), 1);
    bare_end(&bare[1]);
    hosted_vm_stop(&bare[0].vm, 2);
    CHECK_EQUAL(bare_join(&bare[0]), 2);
    bare_end(&bare[0]);
}

const struct bare_test bare_life_tests[] = {
    { "smp", test_smp },
    { "off-and-reset", test_off_and_reset },
    { "stop-spinning", test_stop_spinning },
    { "stop-sleeping", test_stop_sleeping },
    { "stop-in-access", test_stop_in_access },
    { "stop-before-run", test_stop_before_run },
    { "run-again", test_run_again },
    { "many-cycles", test_many_cycles },
    { "two-vms", test_two_vms },
    { NULL, NULL },
};
