/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sel4vm/guest_irq_controller.h>
#include <sel4vm/guest_ram.h>

static void fixture_sink(void *cookie, enum vmmp_log_level level, enum vmmp_log_origin origin,
                         const char *message)
{
    struct fixture *f = cookie;
    pthread_mutex_lock(&f->lines_lock);
    unsigned at = f->line_count++ % FIXTURE_LOG_LINES;
    f->lines[at].level = level;
    f->lines[at].origin = origin;
    snprintf(f->lines[at].text, sizeof(f->lines[at].text), "%s", message);
    pthread_mutex_unlock(&f->lines_lock);
}

void fixture_init(struct fixture *f, const struct fixture_options *options)
{
    vspace_t vspace = { NULL };
    memset(f, 0, sizeof(*f));
    if (options) {
        f->options = *options;
    }
    pthread_mutex_init(&f->lines_lock, NULL);
    f->log.sink = fixture_sink;
    f->log.cookie = f;
    f->log.level = VMMP_LOG_DEBUG;
    hosted_io_ops_init(&f->io_ops);
    hosted_simple_script(&f->simple, &f->options.script, &f->log);
    assert_int_equal(vm_init(&f->vm, NULL, &f->simple, vspace, &f->io_ops, 0, "guest"), 0);

    unsigned vcpus = f->options.vcpus ? f->options.vcpus : 1;
    for (unsigned i = 0; i < vcpus; i++) {
        assert_non_null(vm_create_vcpu(&f->vm, 100));
        assert_int_equal(vm_assign_vcpu_target(f->vm.vcpus[i], (int)i), 0);
    }
    f->vcpu = f->vm.vcpus[BOOT_VCPU];
    assert_int_equal(vm_create_default_irq_controller(&f->vm), 0);

    uint64_t ram = f->options.ram_size ? f->options.ram_size : FIXTURE_RAM_SIZE;
    if (!f->options.no_ram) {
        assert_int_equal(vm_ram_register_at(&f->vm, FIXTURE_RAM_BASE, (size_t)ram, true), 0);
    }
    f->host = script_host(&f->vm);
    if (!f->options.no_vmmp) {
        assert_int_equal(
            vmmp_vm_init(&f->vmmp, &f->vm, &f->log, f->options.no_host ? NULL : &f->host), 0);
    }
}

void fixture_fini(struct fixture *f)
{
    if (!f->options.no_vmmp) {
        vmmp_vm_fini(&f->vmmp);
    }
    bool clean = script_check(&f->vm);
    for (unsigned i = 0; !clean && script_error(&f->vm, i); i++) {
        print_error("%s\n", script_error(&f->vm, i));
    }
    hosted_vm_destroy(&f->vm);
    pthread_mutex_destroy(&f->lines_lock);
    assert_true(clean);
}

int fixture_setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    fixture_init(f, NULL);
    *state = f;
    return 0;
}

int fixture_teardown(void **state)
{
    struct fixture *f = *state;
    fixture_fini(f);
    free(f);
    return 0;
}

/** The kept lines, from the oldest: index of line i, or -1. */
static int line_index(const struct fixture *f, unsigned i)
{
    unsigned kept = f->line_count < FIXTURE_LOG_LINES ? f->line_count : FIXTURE_LOG_LINES;
    return i < kept ? (int)((f->line_count - kept + i) % FIXTURE_LOG_LINES) : -1;
}

unsigned fixture_log_matches(const struct fixture *f, const char *text)
{
    unsigned count = 0;
    for (unsigned i = 0; line_index(f, i) >= 0; i++) {
        count += strstr(f->lines[line_index(f, i)].text, text) != NULL;
    }
    return count;
}

const char *fixture_log_find(const struct fixture *f, const char *text)
{
    const char *found = NULL;
    for (unsigned i = 0; line_index(f, i) >= 0; i++) {
        if (strstr(f->lines[line_index(f, i)].text, text)) {
            found = f->lines[line_index(f, i)].text;
        }
    }
    return found;
}

void fixture_log_clear(struct fixture *f)
{
    f->line_count = 0;
}

void *fixture_ram(struct fixture *f, uint64_t offset, size_t size)
{
    void *host = script_memory(&f->vm, FIXTURE_RAM_BASE + offset, size);
    assert_non_null(host);
    return host;
}
