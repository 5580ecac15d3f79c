/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kvm_arm64 engine on real KVM, with bare guests of one property each.
 *
 *   kvm-bare [TEST]     all tests, or those whose name begins with TEST
 *
 * One line per test; exit status 0 if all passed. With KVM_BARE_TRACE set every exit is shown.
 */
#include "bare_vm.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

static atomic_uint failures;

void bare_fail(const char *file, int line, const char *what, long long got, long long wanted)
{
    printf("    %s:%d: %s is %lld (0x%llx), expected %lld (0x%llx)\n", file, line, what, got,
           (unsigned long long)got, wanted, (unsigned long long)wanted);
    atomic_fetch_add(&failures, 1);
}

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
}

/* How many of them failed. */
static unsigned run(const struct bare_test *tests, const char *prefix)
{
    unsigned failed = 0;
    for (const struct bare_test *test = tests; test->name; test++) {
        if (strncmp(test->name, prefix, strlen(prefix)) != 0) {
            continue;
        }
        unsigned before = failures;
        uint64_t start = now_ms();
        test->run();
        bool ok = failures == before;
        failed += !ok;
        printf("%s %s (%" PRIu64 " ms)\n", ok ? "ok" : "FAILED", test->name, now_ms() - start);
    }
    return failed;
}

int main(int argc, char **argv)
{
    static const struct bare_test *const groups[] = {
        bare_access_tests, bare_exception_tests, bare_irq_tests,     bare_debug_tests,
        bare_report_tests, bare_life_tests,      bare_aarch32_tests,
    };
    unsigned failed = 0;
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (unsigned i = 0; i < sizeof groups / sizeof groups[0]; i++) {
        failed += run(groups[i], argc > 1 ? argv[1] : "");
    }
    printf("%u failed\n", failed);
    return failed != 0;
}
