/* SPDX-License-Identifier: BSD-2-Clause */
/* hosted: several vCPUs at once; run under ThreadSanitizer. */
#include "support/fixture.h"

#include <stdatomic.h>
#include <string.h>

#include <sel4vm/guest_irq_controller.h>
#include <sel4vm/guest_memory.h>
#include <sel4vm/guest_ram.h>
#include <sel4vm/guest_vcpu_fault.h>

#include "sel4/memory.h"

#define VCPUS  4
#define ROUNDS 500
#define WINDOW 0x10000000u
#define PAGE   0x1000u

struct meeting {
    atomic_uint inside;
    atomic_uint most;
    unsigned long plain; /**< No lock of its own: right only if callbacks are serialised. */
    pthread_barrier_t barrier;
    bool meets;
};

static memory_fault_result_t meet(vm_t *vm, vm_vcpu_t *vcpu, uintptr_t addr, size_t size,
                                  void *cookie)
{
    struct meeting *meeting = cookie;
    (void)vm;
    (void)addr;
    (void)size;
    unsigned inside = atomic_fetch_add(&meeting->inside, 1) + 1;
    unsigned most = atomic_load(&meeting->most);
    while (inside > most && !atomic_compare_exchange_weak(&meeting->most, &most, inside)) {
    }
    if (meeting->meets) {
        pthread_barrier_wait(&meeting->barrier);
    } else {
        meeting->plain++;
    }
    atomic_fetch_sub(&meeting->inside, 1);
    advance_vcpu_fault(vcpu);
    return FAULT_HANDLED;
}

struct player {
    pthread_t thread;
    vm_vcpu_t *vcpu;
    unsigned rounds;
};

static void *play(void *cookie)
{
    const struct player *player = cookie;
    for (unsigned i = 0; i < player->rounds; i++) {
        script_put(player->vcpu, WINDOW, 4, i);
    }
    return NULL;
}

static void play_all(struct fixture *f, unsigned rounds, void *(*run)(void *))
{
    struct player players[VCPUS];
    for (unsigned i = 0; i < VCPUS; i++) {
        players[i].vcpu = f->vm.vcpus[i];
        players[i].rounds = rounds;
        assert_int_equal(pthread_create(&players[i].thread, NULL, run, &players[i]), 0);
    }
    for (unsigned i = 0; i < VCPUS; i++) {
        pthread_join(players[i].thread, NULL);
    }
}

static const struct fixture_options options = { .vcpus = VCPUS };

static void test_callbacks_are_serialised(void **state)
{
    struct fixture f;
    struct meeting meeting;
    (void)state;
    memset(&meeting, 0, sizeof(meeting));
    fixture_init(&f, &options);
    assert_non_null(vm_reserve_memory_at(&f.vm, WINDOW, PAGE, meet, &meeting));
    play_all(&f, ROUNDS, play);
    assert_int_equal(meeting.plain, VCPUS * ROUNDS);
    assert_int_equal(meeting.most, 1);
    fixture_fini(&f);
}

/** All vCPUs are inside at once, or this never ends. */
static void test_unserialised_callbacks_run_at_once(void **state)
{
    struct fixture f;
    struct meeting meeting;
    (void)state;
    memset(&meeting, 0, sizeof(meeting));
    meeting.meets = true;
    pthread_barrier_init(&meeting.barrier, NULL, VCPUS);
    fixture_init(&f, &options);
    vm_memory_reservation_t *reservation =
        vm_reserve_memory_at(&f.vm, WINDOW, PAGE, meet, &meeting);
    vmmp_sys_reservation_unserialised(&f.vm, reservation);
    /* Even while someone holds the client lock. */
    hosted_vm_lock(&f.vm);
    play_all(&f, 20, play);
    hosted_vm_unlock(&f.vm);
    assert_int_equal(meeting.most, VCPUS);
    pthread_barrier_destroy(&meeting.barrier);
    fixture_fini(&f);
}

/** RAM, interrupts, reservations that come and go, all at once. */
static void *play_everything(void *cookie)
{
    const struct player *player = cookie;
    vm_vcpu_t *vcpu = player->vcpu;
    uintptr_t own = 0x20000000 + vcpu->vcpu_id * 0x10000;
    unsigned long hits = 0;
    struct meeting meeting;
    memset(&meeting, 0, sizeof(meeting));
    for (unsigned i = 0; i < player->rounds; i++) {
        uint32_t word = i;
        uint64_t gpa = FIXTURE_RAM_BASE + vcpu->vcpu_id * 0x2000 + (i & 0xff) * 8;
        script_put(vcpu, gpa, 4, i);
        if (vm_ram_touch(vcpu->vm, (uintptr_t)gpa + 4, 4, vm_guest_ram_write_callback, &word) ||
            script_get(vcpu, gpa + 4, 4) != i) {
            script_record(vcpu->vm, "a word was lost");
        }
        vm_set_irq_level(vcpu, FIXTURE_IRQ, (int)(i & 1));
        vm_memory_reservation_t *reservation =
            vm_reserve_memory_at(vcpu->vm, own, PAGE, meet, &meeting);
        script_put(vcpu, own, 4, i);
        hits++;
        if (!reservation || vm_free_reserved_memory(vcpu->vm, reservation)) {
            script_record(vcpu->vm, "a reservation was lost");
        }
        script_put(vcpu, WINDOW, 4, i);
    }
    if (meeting.plain != hits) {
        script_record(vcpu->vm, "a fault was lost");
    }
    return NULL;
}

static void test_everything_at_once(void **state)
{
    struct fixture f;
    struct meeting meeting;
    (void)state;
    memset(&meeting, 0, sizeof(meeting));
    fixture_init(&f, &options);
    assert_int_equal(vm_register_irq(f.vcpu, FIXTURE_IRQ, NULL, NULL), 0);
    assert_non_null(vm_reserve_memory_at(&f.vm, WINDOW, PAGE, meet, &meeting));
    play_all(&f, ROUNDS / 2, play_everything);
    assert_int_equal(meeting.plain, VCPUS * (ROUNDS / 2));
    fixture_fini(&f);
}

struct mover {
    vm_memory_reservation_t *reservation;
    atomic_uint where;
    atomic_uint hits;
};

static memory_fault_result_t moved(vm_t *vm, vm_vcpu_t *vcpu, uintptr_t addr, size_t size,
                                   void *cookie)
{
    struct mover *mover = cookie;
    (void)vm;
    (void)addr;
    (void)size;
    atomic_fetch_add(&mover->hits, 1);
    advance_vcpu_fault(vcpu);
    return FAULT_HANDLED;
}

static memory_fault_result_t nobody(vm_t *vm, vm_vcpu_t *vcpu, uintptr_t addr, size_t size,
                                    void *cookie)
{
    (void)vm;
    (void)vcpu;
    (void)addr;
    (void)size;
    (void)cookie;
    return FAULT_IGNORE;
}

static void *play_moving(void *cookie)
{
    const struct player *player = cookie;
    for (unsigned i = 0; i < player->rounds; i++) {
        (void)script_write(player->vcpu, WINDOW, 4, i);
        (void)script_write(player->vcpu, WINDOW + PAGE, 4, i);
    }
    return NULL;
}

/** A window that moves while other vCPUs are in it. */
static void test_moving_a_reservation_in_use(void **state)
{
    struct fixture f;
    struct mover mover;
    struct player players[VCPUS - 1];
    (void)state;
    memset(&mover, 0, sizeof(mover));
    fixture_init(&f, &options);
    vm_register_unhandled_mem_fault_callback(&f.vm, nobody, NULL);
    for (unsigned i = 0; i < VCPUS - 1; i++) {
        players[i].vcpu = f.vm.vcpus[i + 1];
        players[i].rounds = ROUNDS;
        assert_int_equal(pthread_create(&players[i].thread, NULL, play_moving, &players[i]), 0);
    }
    for (unsigned i = 0; i < ROUNDS; i++) {
        vm_memory_reservation_t *reservation =
            vm_reserve_memory_at(&f.vm, WINDOW + (i & 1) * PAGE, PAGE, moved, &mover);
        assert_non_null(reservation);
        vmmp_sys_reservation_unserialised(&f.vm, reservation);
        script_put(f.vcpu, WINDOW + (i & 1) * PAGE, 4, i);
        assert_int_equal(vm_free_reserved_memory(&f.vm, reservation), 0);
    }
    for (unsigned i = 0; i < VCPUS - 1; i++) {
        pthread_join(players[i].thread, NULL);
    }
    assert_true(mover.hits >= ROUNDS);
    fixture_fini(&f);
}

int test_hosted_threads(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_callbacks_are_serialised),
        cmocka_unit_test(test_unserialised_callbacks_run_at_once),
        cmocka_unit_test(test_everything_at_once),
        cmocka_unit_test(test_moving_a_reservation_in_use),
    };
    return cmocka_run_group_tests_name("hosted_threads", tests, NULL, NULL);
}
