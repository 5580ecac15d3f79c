/* SPDX-License-Identifier: BSD-2-Clause */
/* A VM with a bare guest on KVM, and what the guest told the test. */
#pragma once

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <sel4vm/guest_vm.h>

#include <hosted/kvm_arm64.h>
#include <hosted/vm.h>

#include "guests.h"

#define MAX_RECORDS 64

/* A guest of guests.S. */
struct bare_guest {
    const char *start, *end;
};
#define BARE_GUEST(name)                                    \
    extern const char guest_##name[], guest_##name##_end[]; \
    static const struct bare_guest name##_guest = { guest_##name, guest_##name##_end }

struct bare_write {
    uint64_t offset;
    size_t size;
    uint64_t value;
};

struct bare_vm {
    vm_t vm;
    vm_vcpu_t *vcpu;
    simple_t simple;
    ps_io_ops_t io_ops;
    struct hosted_kvm_arm64_config config;
    struct vmmp_log log;
    struct hosted_trace trace;
    char logged[4096]; /* Everything the VM said. */
    bool quiet;        /* Do not show it. */
    unsigned gic;
    unsigned vcpus; /* Before bare_start(); 0: one. */
    bool sleeps;    /* Reads of REG_READY are left for bare_complete(). */

    uint64_t reports[MAX_RECORDS];
    unsigned report_count;
    uint64_t second[MAX_RECORDS];
    unsigned second_count;
    struct bare_write writes[MAX_RECORDS];
    unsigned write_count;
    uint64_t memory[0x200 / 8]; /* At REG_MEMORY. */
    uint64_t exceptions[2];
    unsigned exception_count;
    uint64_t taken[MAX_RECORDS];
    unsigned taken_count;
    unsigned lower_after, enough_after; /* Interrupts. */
    sem_t ready;
    pthread_t thread;
    int result;
};

/* Zeroes `bare`, and what every test wants: the GIC that this host has. */
void bare_prepare(struct bare_vm *bare);
/* vm_init() to vcpu_start(), with `guest` at RAM_BASE and `argument` in x0, `second` in x1. */
int bare_start(struct bare_vm *bare, const struct bare_guest *guest, uint64_t argument,
               uint64_t second);
/* The same, failing the test if it does not work: false. */
bool bare_try_start(struct bare_vm *bare, const struct bare_guest *guest, uint64_t argument,
                    uint64_t second);
/* Runs it in this thread. */
int bare_run(struct bare_vm *bare);
/* Runs it in a thread of its own, and waits for its end. */
void bare_run_aside(struct bare_vm *bare);
int bare_join(struct bare_vm *bare);
void bare_end(struct bare_vm *bare);
/* Completes the access that `sleeps` left. */
void bare_complete(struct bare_vm *bare, uint64_t value);

/* Fails the test that is running. */
void bare_fail(const char *file, int line, const char *what, long long got, long long wanted);
#define CHECK_EQUAL(got, wanted)                                          \
    do {                                                                  \
        long long got_ = (long long)(got), wanted_ = (long long)(wanted); \
        if (got_ != wanted_) {                                            \
            bare_fail(__FILE__, __LINE__, #got, got_, wanted_);           \
        }                                                                 \
    } while (0)
#define CHECK(condition) CHECK_EQUAL((condition) != 0, 1)

struct bare_test {
    const char *name;
    void (*run)(void);
};

/* By file; the last one has no name. */
extern const struct bare_test bare_aarch32_tests[];
extern const struct bare_test bare_access_tests[];
extern const struct bare_test bare_exception_tests[];
extern const struct bare_test bare_irq_tests[];
extern const struct bare_test bare_life_tests[];
extern const struct bare_test bare_debug_tests[];
extern const struct bare_test bare_report_tests[];
