/* SPDX-License-Identifier: BSD-2-Clause */
/* Hooks of a reboot, and guests made anew one after the other. */
#include "support/fixture.h"
#include "vmmp_test.h"

#include <dirent.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include <sel4vmmplatsupport/arch/guest_reboot.h>
#include <sel4vmmplatsupport/guest_vcpu_util.h>
#include <sel4vmmplatsupport/vmmp/arm_firmware.h>
#include <sel4vmmplatsupport/vmmp/compat.h>

#define HOOKS 100

struct order {
    unsigned ran;
    bool wrong;
    unsigned fails; /* From which on they fail; HOOKS: none. */
};

struct token {
    struct order *order;
    unsigned index;
};

static int hook(vm_t *vm, void *cookie)
{
    const struct token *token = cookie;

    token->order->wrong |= !vm || token->order->ran != token->index;
    token->order->ran++;
    return token->index >= token->order->fails ? 7 : 0;
}

static void hooks_run_in_order(void **state)
{
    struct fixture *f = *state;
    reboot_hooks_list_t list = { NULL, 0 };
    struct order order = { .fails = HOOKS };
    struct token tokens[HOOKS];

    assert_int_equal(vmmp_compat_set_log(&f->vm, &f->log), 0);
    assert_int_equal(vmm_process_reboot_callbacks(&f->vm, &list), 0);
    for (unsigned i = 0; i < HOOKS; i++) {
        tokens[i] = (struct token){ &order, i };
        assert_int_equal(vmm_register_reboot_callback(&list, hook, &tokens[i]), 0);
    }
    assert_int_equal(list.nhooks, HOOKS);
    assert_int_equal(vmm_process_reboot_callbacks(&f->vm, &list), 0);
    assert_true(!order.wrong && order.ran == HOOKS);
    order = (struct order){ .fails = 41 };
    assert_int_equal(vmm_process_reboot_callbacks(&f->vm, &list), -1);
    assert_int_equal(order.ran, 42);
    assert_non_null(fixture_log_find(f, "hook 42 of 100 failed"));
    list.rb_hooks[3].fn = NULL;
    order = (struct order){ .fails = HOOKS };
    assert_int_equal(vmm_process_reboot_callbacks(&f->vm, &list), -1);
    assert_int_equal(order.ran, 3);
    free(list.rb_hooks);
    assert_int_equal(vmm_init_reboot_hooks_list(&list), 0);
    assert_true(!list.rb_hooks && !list.nhooks);
    vmmp_compat_release(&f->vm);
}

static void mistakes_are_refused(void **state)
{
    struct fixture *f = *state;
    reboot_hooks_list_t list = { NULL, 0 };

    assert_int_equal(vmm_init_reboot_hooks_list(NULL), -1);
    assert_int_equal(vmm_register_reboot_callback(NULL, hook, NULL), -1);
    assert_int_equal(vmm_register_reboot_callback(&list, NULL, NULL), -1);
    assert_int_equal(list.nhooks, 0);
    assert_int_equal(vmm_process_reboot_callbacks(NULL, &list), -1);
    assert_int_equal(vmm_process_reboot_callbacks(&f->vm, NULL), -1);
}

static unsigned open_files(void)
{
    DIR *dir = opendir("/proc/self/fd");
    unsigned count = 0;

    assert_non_null(dir);
    while (readdir(dir)) {
        count++;
    }
    closedir(dir);
    return count;
}

static int on_event(void *cookie, vm_t *vm, const struct vmmp_psci_event *event)
{
    (void)vm;
    *(bool *)cookie = event->kind == VMMP_PSCI_SYSTEM_RESET;
    return 0;
}

static int count_reboot(vm_t *vm, void *token)
{
    (void)vm;
    ++*(unsigned *)token;
    return 0;
}

static uint64_t call(vm_vcpu_t *vcpu, uint32_t function, uint64_t a1, uint64_t a2)
{
    const uint64_t arguments[4] = { function, a1, a2, 0 };
    uint64_t results[4];

    assert_int_equal(script_smc(vcpu, arguments, results), SCRIPT_DONE);
    return results[0];
}

/* A guest with two CPUs, from nothing to the reset that it asks for itself. */
static void one_life(reboot_hooks_list_t *list)
{
    const struct fixture_options options = { .no_vmmp = true };
    struct fixture *f = calloc(1, sizeof(*f));
    bool asked = false;

    fixture_init(f, &options);
    vm_vcpu_t *first = create_vmm_plat_vcpu(&f->vm, 0);
    vm_vcpu_t *second = create_vmm_plat_vcpu(&f->vm, 0);
    struct vmmp_arm_firmware *firmware = vmmp_compat_arm_firmware(&f->vm);
    assert_true(first && second && firmware);
    firmware->config.system_event = on_event;
    firmware->config.cookie = &asked;
    assert_int_equal(vm_assign_vcpu_target(first, 0x100), 0);
    assert_int_equal(vcpu_start(first), 0);
    /* Nothing of the last guest is left: neither memory nor a CPU that is on. */
    uint8_t *ram = script_memory(&f->vm, FIXTURE_RAM_BASE + 0x1000, 16);
    assert_non_null(ram);
    assert_int_equal(ram[0], 0);
    memset(ram, 0xee, 16);
    assert_true(call(first, 0x84000004, 2, 0) == 1);
    assert_true(call(first, 0x84000003, 2, FIXTURE_RAM_BASE + 0x1000) == 0);
    assert_true(call(first, 0x84000004, 2, 0) == 0);
    call(first, 0x84000009, 0, 0);
    assert_true(asked);
    assert_int_equal(vmm_process_reboot_callbacks(&f->vm, list), 0);
    vmmp_compat_release(&f->vm);
    fixture_fini(f);
    free(f);
}

static void a_hundred_reboots_leave_nothing(void **state)
{
    reboot_hooks_list_t list = { NULL, 0 };
    unsigned reboots = 0;
    unsigned files = 0;
    size_t memory = 0;

    (void)state;
    assert_int_equal(vmm_register_reboot_callback(&list, count_reboot, &reboots), 0);
    for (unsigned i = 0; i < 100; i++) {
        one_life(&list);
        if (i == 0) {
            files = open_files();
            memory = mallinfo2().uordblks;
        }
    }
    assert_int_equal(reboots, 100);
    assert_int_equal(open_files(), files);
    assert_true(mallinfo2().uordblks <= memory + 4096);
    free(list.rb_hooks);
}

int test_reboot(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(hooks_run_in_order, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(mistakes_are_refused, fixture_setup, fixture_teardown),
        cmocka_unit_test(a_hundred_reboots_leave_nothing),
    };
    return cmocka_run_group_tests_name("reboot", tests, NULL, NULL);
}
