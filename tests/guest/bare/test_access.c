/* SPDX-License-Identifier: BSD-2-Clause */
/* Accesses to devices and memory. */
#include "bare_vm.h"

#include <string.h>
#include <unistd.h>

#include <sel4vm/guest_memory.h>

BARE_GUEST(mmio);
BARE_GUEST(poll);
BARE_GUEST(memory);
BARE_GUEST(undecoded);

static uint64_t loaded(unsigned offset, unsigned size)
{
    uint64_t value = LOAD_VALUE >> offset * 8;
    return size == 8 ? value : value & ((UINT64_C(1) << size * 8) - 1);
}

static uint64_t extended(unsigned offset, unsigned size)
{
    unsigned shift = 64 - size * 8;
    return (uint64_t)((int64_t)(loaded(offset, size) << shift) >> shift);
}

/*
 * KVM extends signs as the syndrome says (ESR_EL2.SSE), and QEMU before 8.0 as the machine under it
 * never says so: then no signed load of a device is extended, by any VMM.
 */
static bool host_extends(const struct bare_vm *bare)
{
    const unsigned first_negative = 4 * 3 + 2;
    bool extends = bare->reports[first_negative] >> 63;
    if (!extends) {
        printf("    this machine does not report sign extension: not checked\n");
    }
    return extends;
}

static void test_mmio(void)
{
    struct bare_vm bare;
    unsigned n = 0, w = 0;
    bare_prepare(&bare);
    if (!bare_try_start(&bare, &mmio_guest, 0, 0)) {
        return;
    }
    CHECK_EQUAL(bare_run(&bare), 0);
    uint64_t (*as_signed)(unsigned, unsigned) = host_extends(&bare) ? extended : loaded;
    for (unsigned size = 1; size <= 2; size++) {
        for (unsigned offset = 0; offset < 8; offset += size) {
            CHECK_EQUAL(bare.reports[n++], loaded(offset, size));
            CHECK_EQUAL(bare.reports[n++], (uint32_t)as_signed(offset, size));
            CHECK_EQUAL(bare.reports[n++], as_signed(offset, size));
        }
    }
    for (unsigned offset = 0; offset < 8; offset += 4) {
        CHECK_EQUAL(bare.reports[n++], loaded(offset, 4));
        CHECK_EQUAL(bare.reports[n++], as_signed(offset, 4));
    }
    CHECK_EQUAL(bare.reports[n++], LOAD_VALUE);
    CHECK_EQUAL(bare.report_count, n);
    for (unsigned size = 1; size <= 8; size *= 2) {
        uint64_t value = size == 8 ? STORE_VALUE : STORE_VALUE & ((UINT64_C(1) << size * 8) - 1);
        for (unsigned offset = 0; offset < 8; offset += size, w++) {
            CHECK_EQUAL(bare.writes[w].offset, offset);
            CHECK_EQUAL(bare.writes[w].size, size);
            CHECK_EQUAL(bare.writes[w].value, value);
        }
    }
    CHECK_EQUAL(bare.writes[w].offset, 4);
    CHECK_EQUAL(bare.writes[w].value, 0);
    CHECK_EQUAL(bare.write_count, w + 1);

    const struct hosted_vcpu_stats *stats = hosted_kvm_vcpu_stats(bare.vcpu);
    CHECK_EQUAL(hosted_stats_exits(stats, HOSTED_EXIT_MMIO_READ), n);
    CHECK_EQUAL(hosted_stats_exits(stats, HOSTED_EXIT_MMIO_WRITE), n + w + 1);
    CHECK_EQUAL(hosted_stats_exits(stats, HOSTED_EXIT_SYSTEM_EVENT), 1);
    CHECK(hosted_kvm_started_ns(&bare.vm) != 0);
    bare_end(&bare);
}

static vm_frame_t give_page(uintptr_t address, void *cookie)
{
    struct bare_vm *bare = ((void **)cookie)[0];
    bool writable = ((void **)cookie)[2] != NULL;
    vm_frame_t frame = {
        .cptr = hosted_vm_frame(&bare->vm, ((void **)cookie)[1], 12),
        .rights = writable ? seL4_AllRights : seL4_CanRead,
        .vaddr = address,
        .size_bits = 12,
    };
    return frame;
}

struct late {
    vm_memory_reservation_t *reservation;
    void *cookie[3];
    unsigned calls;
};

static memory_fault_result_t map_late(vm_t *vm, vm_vcpu_t *vcpu, uintptr_t address, size_t size,
                                      void *cookie)
{
    struct late *late = cookie;
    (void)vcpu;
    (void)address;
    (void)size;
    late->calls++;
    return vm_map_reservation(vm, late->reservation, give_page, late->cookie) ? FAULT_ERROR
                                                                              : FAULT_RESTART;
}

static memory_fault_result_t ignore(vm_t *vm, vm_vcpu_t *vcpu, uintptr_t address, size_t size,
                                    void *cookie)
{
    struct late *late = cookie;
    (void)vm;
    (void)vcpu;
    late->calls += address == READ_ONLY_MEMORY + 17 && size == 1;
    return FAULT_IGNORE;
}

static void test_memory(void)
{
    static uint64_t pages[2][512] __attribute__((aligned(4096)));
    struct bare_vm bare;
    bare_prepare(&bare);
    if (!bare_try_start(&bare, &memory_guest, 0, 0)) {
        return;
    }
    struct late late = { NULL, { &bare, pages[0], &bare }, 0 };
    struct late fixed = { NULL, { &bare, pages[1], NULL }, 0 };
    pages[0][0] = 0x123456789abcdef0;
    pages[0][1] = 0;
    pages[1][2] = 0x0fedcba987654321;
    late.reservation = vm_reserve_memory_at(&bare.vm, LATE_MEMORY, 4096, map_late, &late);
    fixed.reservation = vm_reserve_memory_at(&bare.vm, READ_ONLY_MEMORY, 4096, ignore, &fixed);
    CHECK_EQUAL(vm_map_reservation(&bare.vm, fixed.reservation, give_page, fixed.cookie), 0);
    CHECK_EQUAL(bare_run(&bare), 0);
    CHECK_EQUAL(bare.report_count, 4);
    CHECK_EQUAL(bare.reports[0], 0x123456789abcdef0);
    CHECK_EQUAL(bare.reports[1], 0x123456789abcdef0);
    CHECK_EQUAL(pages[0][1], 0x123456789abcdef0);
    CHECK_EQUAL(bare.reports[2], 0x0fedcba987654321);
    CHECK_EQUAL(bare.reports[3], 0x0fedcba987654321);
    CHECK_EQUAL(late.calls, 1);
    CHECK_EQUAL(fixed.calls, 1);
    bare_end(&bare);
}

static void test_asynchronous_completion(void)
{
    struct bare_vm bare;
    bare_prepare(&bare);
    bare.sleeps = true;
    if (!bare_try_start(&bare, &poll_guest, 0, 0)) {
        return;
    }
    bare_run_aside(&bare);
    for (unsigned i = 0; i < 5; i++) {
        sem_wait(&bare.ready);
        usleep(2000);
        bare_complete(&bare, i < 4 ? 0 : 77);
    }
    CHECK_EQUAL(bare_join(&bare), 0);
    CHECK_EQUAL(bare.report_count, 1);
    CHECK_EQUAL(bare.reports[0], 77);
    bare_end(&bare);
}

/* On a device, what has no syndrome does what it does on memory; exclusives are refused. */
static void test_undecoded(void)
{
    const unsigned count = 59;
    const uint64_t unsupported = UINT64_C(0x96000035), nothing = UINT64_C(0x96000410);
    struct bare_vm bare;
    bare_prepare(&bare);
    if (!bare_try_start(&bare, &undecoded_guest, 0, 0)) {
        return;
    }
    CHECK_EQUAL(bare_run(&bare), 0);
    CHECK_EQUAL(bare.report_count, 4);
    for (unsigned i = 0; i + 4 < bare.report_count; i++) {
        CHECK_EQUAL(bare.reports[i], 0); /* The number of an instruction that differs. */
    }
    if (bare.report_count >= 4) {
        const uint64_t *last = &bare.reports[bare.report_count - 4];
        CHECK_EQUAL(last[0], 1000 + count);
        CHECK_EQUAL(last[1], unsupported);
        CHECK_EQUAL(last[2] & ~UINT64_C(0x40), unsupported);
        CHECK_EQUAL(last[3] & ~UINT64_C(0x40), nothing);
    }
    CHECK_EQUAL(hosted_kvm_end(&bare.vm), HOSTED_KVM_END_SHUTDOWN);
    bare_end(&bare);
}

const struct bare_test bare_access_tests[] = {
    { "undecoded", test_undecoded },
    { "mmio", test_mmio },
    { "memory", test_memory },
    { "asynchronous", test_asynchronous_completion },
    { NULL, NULL },
};
