/* SPDX-License-Identifier: BSD-2-Clause */
/* Failures and what is said about them, traces, doorbells and what exits cost. */
#include "bare_vm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

BARE_GUEST(mmio);
BARE_GUEST(off);
BARE_GUEST(knock);

/* Nothing at the guest's first instruction. */
static void test_nowhere(void)
{
    struct bare_vm bare;
    bare_prepare(&bare);
    bare.quiet = true;
    if (!bare_try_start(&bare, &knock_guest, 1, 0x200000)) {
        return;
    }
    CHECK_EQUAL(bare_run(&bare), -1);
    CHECK(strstr(bare.logged, "exit -1 mmio-write 0xa200000 size 4 value 0x1") != NULL);
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    hosted_kvm_vcpu_print(bare.vcpu, out);
    fclose(out);
    CHECK(strstr(text, "vcpu0 pc 0x4000") != NULL);
    CHECK(strstr(text, "vcpu0 -1 mmio-write 0xa200000 size 4 value 0x1\n") != NULL);
    free(text);
    bare_end(&bare);
}

static void test_config_errors(void)
{
    static const struct {
        const char *device;
        uint64_t limit;
        unsigned interrupts;
        const char *said;
    } cases[] = {
        { "/nowhere/kvm", 0, 0, "/nowhere/kvm is missing: this machine has no hardware" },
        { "/dev/null", 0, 0, "/dev/null is not KVM" },
        { NULL, UINT64_C(1) << 60, 0, "give the guest less memory" },
        { NULL, 0, 63, "a multiple of 32 from 64 to 1024 is right" },
        { NULL, RAM_BASE, 0, "reaches beyond the VM's address limit 0x40000000" },
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bare_vm bare;
        bare_prepare(&bare);
        bare.quiet = true;
        bare.config.device = cases[i].device;
        bare.config.address_limit = cases[i].limit;
        bare.config.gic_interrupts = cases[i].interrupts;
        CHECK(bare_start(&bare, &off_guest, 0, 0) != 0);
        if (!strstr(bare.logged, cases[i].said)) {
            printf("    logged: %s", bare.logged);
            CHECK_EQUAL(i, -1);
        }
        bare_end(&bare);
    }
}

static void test_no_permission(void)
{
    struct bare_vm bare;
    bare_prepare(&bare);
    bare.quiet = true;
    if (geteuid() != 0 || seteuid(65534) != 0) {
        return;
    }
    int result = bare_start(&bare, &off_guest, 0, 0);
    CHECK_EQUAL(seteuid(0), 0);
    if (result) {
        CHECK(strstr(bare.logged, "add the user to group kvm: usermod -aG kvm USER") != NULL);
    }
    bare_end(&bare);
}

static void test_trace(void)
{
    struct bare_vm bare;
    struct hosted_trace trace;
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    bare_prepare(&bare);
    hosted_trace_init(&trace, file);
    bare.config.trace = &trace;
    if (!bare_try_start(&bare, &mmio_guest, 0, 0)) {
        return;
    }
    CHECK_EQUAL(bare_run(&bare), 0);
    fclose(file);
    CHECK(strstr(text, " vcpu0 mmio-read 0xa000000 size 1 value 0x78 pc 0x4000") != NULL);
    CHECK(strstr(text, " vcpu0 mmio-read 0xa000000 size 8 value 0x8f8e8d8c7b7a7978 pc") != NULL);
    CHECK(strstr(text, " vcpu0 mmio-write 0xa000004 size 4 value 0x55667788 pc 0x4000") != NULL);
    CHECK(strstr(text, " vcpu0 system-event 0x1 value 0x0 pc 0x4000") != NULL);
    unsigned count = 0;
    for (const char *c = text; *c; c++) {
        count += *c == '\n';
    }
    CHECK_EQUAL(count, hosted_stats_exits_total(hosted_kvm_vcpu_stats(bare.vcpu)));
    free(text);
    bare_end(&bare);
}

static double run_knock(uint64_t count, uint64_t reg, int doorbell, uint64_t *exits)
{
    struct bare_vm bare;
    double us = 0;
    bare_prepare(&bare);
    if (!bare_try_start(&bare, &knock_guest, count, reg)) {
        return 0;
    }
    struct hosted_kvm_doorbell bell = { .gpa = DEVICE + reg, .size = 4, .fd = doorbell };
    if (doorbell >= 0) {
        CHECK_EQUAL(hosted_kvm_ioeventfd(&bare.vm, &bell), 0);
        CHECK_EQUAL(hosted_kvm_ioeventfd(&bare.vm, &bell), -EEXIST);
    }
    CHECK_EQUAL(bare_run(&bare), 0);
    CHECK_EQUAL(bare.report_count, 2);
    if (bare.reports[1]) {
        us = (double)bare.reports[0] * 1e6 / (double)bare.reports[1] / (double)count;
    }
    *exits = hosted_stats_exits(hosted_kvm_vcpu_stats(bare.vcpu), HOSTED_EXIT_MMIO_WRITE) - 2;
    if (doorbell >= 0) {
        CHECK_EQUAL(hosted_kvm_ioeventfd_remove(&bare.vm, &bell), 0);
        CHECK_EQUAL(hosted_kvm_ioeventfd_remove(&bare.vm, &bell), -ENOENT);
    }
    bare_end(&bare);
    return us;
}

static void test_doorbell_and_cost(void)
{
    struct rusage before, after;
    uint64_t exits, rung = 0;
    int fd = eventfd(0, EFD_NONBLOCK);
    getrusage(RUSAGE_SELF, &before);
    double plain = run_knock(2000, REG_PLAIN, -1, &exits);
    getrusage(RUSAGE_SELF, &after);
    CHECK_EQUAL(exits, 2000);
    double kick = run_knock(2000, REG_DOORBELL, fd, &exits);
    CHECK_EQUAL(exits, 0);
    CHECK_EQUAL(read(fd, &rung, sizeof rung), sizeof rung);
    CHECK_EQUAL(rung, 2000);
    close(fd);
    printf("    an exit to user space %.1f us, an ioeventfd %.1f us; context switches %ld\n", plain,
           kick, after.ru_nvcsw - before.ru_nvcsw);
}

const struct bare_test bare_report_tests[] = {
    { "nowhere", test_nowhere },
    { "config-errors", test_config_errors },
    { "no-permission", test_no_permission },
    { "trace", test_trace },
    { "cost", test_doorbell_and_cost },
    { NULL, NULL },
};
