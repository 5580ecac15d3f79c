/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A VM in the scripted engine, ready for a test.
 *
 *     static void test_something(void **state)
 *     {
 *         struct fixture *f = *state;
 *         ... f->vmmp, f->vm, f->vcpu, script_put(f->vcpu, BASE, 4, 1) ...
 *     }
 *     cmocka_unit_test_setup_teardown(test_something, fixture_setup, fixture_teardown)
 *
 * or fixture_init()/fixture_fini() for options or for two at once. Teardown fails the test if the
 * engine recorded an offence (script_clear_errors() if the test provoked it).
 */
#pragma once

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sel4vm/boot.h>
#include <sel4vm/guest_vm.h>

#include <hosted/script.h>
#include <hosted/vm.h>
#include <sel4vmmplatsupport/vmmp/vm.h>

/** Where guests of this platform have their RAM. */
#if defined(CONFIG_ARCH_X86)
#define FIXTURE_RAM_BASE 0x100000
#elif defined(CONFIG_PLAT_TK1) || defined(CONFIG_PLAT_TX1) || defined(CONFIG_PLAT_TX2)
#define FIXTURE_RAM_BASE 0x80000000
#else
#define FIXTURE_RAM_BASE 0x40000000
#endif
#define FIXTURE_RAM_SIZE (16 << 20)

/** An interrupt of the controller that nothing else uses. */
#ifdef CONFIG_ARCH_X86
#define FIXTURE_IRQ 5
#else
#define FIXTURE_IRQ 82
#endif

/** Zeroed is the default. */
struct fixture_options {
    unsigned vcpus;    /**< 0: one. */
    uint64_t ram_size; /**< 0: FIXTURE_RAM_SIZE. */
    bool no_ram;       /**< The test registers RAM itself. */
    bool no_vmmp;      /**< `vmmp` is left alone. */
    bool no_host;      /**< `vmmp` gets no host operations, as from a compatible client. */
    struct script_config script;
};

#define FIXTURE_LOG_LINES 64

struct fixture {
    vm_t vm;
    vm_vcpu_t *vcpu; /**< The boot vCPU. */
    struct vmmp_vm vmmp;
    struct vmmp_log log; /**< Everything is recorded in `lines`. */
    struct vmmp_host host;
    ps_io_ops_t io_ops;
    simple_t simple;
    struct fixture_options options;
    bool owned; /**< By fixture_setup(). */
    pthread_mutex_t lines_lock;
    unsigned line_count; /**< Ever said; the last FIXTURE_LOG_LINES are kept. */
    struct {
        enum vmmp_log_level level;
        enum vmmp_log_origin origin;
        char text[VMMP_LOG_MAX];
    } lines[FIXTURE_LOG_LINES];
};

/** Makes the VM, with RAM at FIXTURE_RAM_BASE, vCPUs and an interrupt controller; or fails the
 * test. */
void fixture_init(struct fixture *f, const struct fixture_options *options);
/** Checks and destroys it. */
void fixture_fini(struct fixture *f);
/** For cmocka: a heap-allocated default fixture in `*state`. */
int fixture_setup(void **state);
int fixture_teardown(void **state);

/** How many of the kept lines contain `text`. */
unsigned fixture_log_matches(const struct fixture *f, const char *text);
/** The latest line that contains `text`, or NULL. */
const char *fixture_log_find(const struct fixture *f, const char *text);
void fixture_log_clear(struct fixture *f);

/** Guest RAM at FIXTURE_RAM_BASE + offset, or fails the test. */
void *fixture_ram(struct fixture *f, uint64_t offset, size_t size);
