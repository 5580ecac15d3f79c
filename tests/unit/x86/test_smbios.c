/* SPDX-License-Identifier: BSD-2-Clause */
/* SMBIOS tables, read by the specification and by dmidecode. */
#include "vmmp_test.h"

#include <errno.h>
#include <unistd.h>

#include <sel4vmmplatsupport/vmmp/smbios.h>

#define MIB UINT64_C(0x100000)
#define GIB (MIB * 1024)

static uint8_t tables[VMMP_SMBIOS_AREA_SIZE];
static size_t used;
static struct vmmp_smbios_config config;

static int setup(void **state)
{
    (void)state;
    config =
        (struct vmmp_smbios_config){ .manufacturer = "ACME",
                                     .product = "Anvil",
                                     .serial = "S/N 17",
                                     .cpus = 4,
                                     .ram_below_4g = 2 * GIB,
                                     .ram_above_4g = GIB,
                                     .uuid = { 0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88,
                                               0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff } };
    memset(tables, 0xee, sizeof(tables));
    return 0;
}

static uint64_t get(const uint8_t *at, unsigned bytes)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < bytes; i++) {
        value |= (uint64_t)at[i] << (8 * i);
    }
    return value;
}

static void build(void)
{
    assert_int_equal(vmmp_smbios_build(&config, VMMP_SMBIOS_AREA, tables, sizeof(tables), &used),
                     0);
}

/* Behind a structure's strings. */
static const uint8_t *next(const uint8_t *at)
{
    at += at[1];
    while (at[0] || at[1]) {
        at++;
    }
    return at + 2;
}

/* The `nth` structure of a type, or NULL. */
static const uint8_t *find(uint8_t type, unsigned nth)
{
    const uint8_t *end = tables + used;

    for (const uint8_t *at = tables + 32; at < end; at = next(at)) {
        if (at[0] == type && nth-- == 0) {
            return at;
        }
    }
    return NULL;
}

static const char *string_of(const uint8_t *at, unsigned field)
{
    const char *text = (const char *)at + at[1];

    for (unsigned i = 1; i < at[field]; i++) {
        text += strlen(text) + 1;
    }
    return at[field] ? text : NULL;
}

static void entry_point_and_structures(void **state)
{
    static const uint8_t lengths[][2] = { { 0, 0x1a },  { 1, 0x1b },  { 3, 0x16 },  { 4, 0x30 },
                                          { 16, 0x17 }, { 17, 0x28 }, { 19, 0x1f }, { 19, 0x1f },
                                          { 32, 0x0b }, { 127, 4 } };
    uint8_t sum = 0;

    (void)state;
    build();
    assert_memory_equal(tables, "_SM3_", 5);
    for (unsigned i = 0; i < 24; i++) {
        sum = (uint8_t)(sum + tables[i]);
    }
    assert_int_equal(sum, 0);
    assert_int_equal(tables[6], 24);
    assert_true(get(tables + 16, 8) == VMMP_SMBIOS_AREA + 32);
    assert_int_equal(get(tables + 12, 4), used - 32);
    const uint8_t *at = tables + 32;
    for (unsigned i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++, at = next(at)) {
        assert_int_equal(at[0], lengths[i][0]);
        assert_int_equal(at[1], lengths[i][1]);
    }
    assert_ptr_equal(at, tables + used);
    assert_int_equal(*at, 0xee);
}

static void what_they_say(void **state)
{
    static const uint8_t uuid[16] = { 0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66,
                                      0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff };
    (void)state;
    build();
    const uint8_t *system = find(1, 0);
    assert_string_equal(string_of(system, 4), "ACME");
    assert_string_equal(string_of(system, 5), "Anvil");
    assert_null(string_of(system, 6));
    assert_string_equal(string_of(system, 7), "S/N 17");
    assert_memory_equal(system + 8, uuid, 16);
    assert_int_equal(find(0, 0)[0x13] & 0x10, 0x10); /* A virtual machine. */
    const uint8_t *cpu = find(4, 0);
    assert_true(cpu[0x23] == 4 && get(cpu + 0x2a, 2) == 4);
    assert_int_equal(get(find(16, 0) + 7, 4), 3 * 1024 * 1024);
    assert_int_equal(get(find(17, 0) + 0x0c, 2), 3072);
    assert_int_equal(get(find(19, 0) + 8, 4), 2 * 1024 * 1024 - 1);
    assert_int_equal(get(find(19, 1) + 4, 4), 4 * 1024 * 1024);
    assert_int_equal(get(find(19, 1) + 8, 4), 5 * 1024 * 1024 - 1);
    /* The largest there are. */
    config.cpus = 65534;
    config.ram_above_4g = UINT64_C(1) << 50;
    build();
    assert_true(find(4, 0)[0x23] == 255 && get(find(4, 0) + 0x2a, 2) == 65534);
    assert_true(get(find(16, 0) + 7, 4) == 0x80000000 &&
                get(find(16, 0) + 0x0f, 8) == (UINT64_C(1) << 50) + 2 * GIB);
    assert_true(get(find(17, 0) + 0x0c, 2) == 0x7fff &&
                get(find(17, 0) + 0x1c, 4) == (1u << 30) + 2048);
    assert_true(get(find(19, 1) + 4, 4) == 0xffffffff && get(find(19, 1) + 0x0f, 8) == 4 * GIB &&
                get(find(19, 1) + 0x17, 8) == (UINT64_C(1) << 50) + 4 * GIB - 1);
    config.ram_above_4g = 0;
    build();
    assert_null(find(19, 1));
}

static void refuse(void)
{
    assert_int_equal(vmmp_smbios_build(&config, VMMP_SMBIOS_AREA, tables, sizeof(tables), &used),
                     -EINVAL);
    setup(NULL);
}

static void bad_configurations(void **state)
{
    char text[VMMP_SMBIOS_STRING_MAX + 2];

    (void)state;
    memset(text, 'x', sizeof(text));
    text[VMMP_SMBIOS_STRING_MAX + 1] = '\0';
    config.serial = text;
    refuse();
    config.product = "two\nlines";
    refuse();
    config.cpus = 0;
    refuse();
    config.cpus = 65535;
    refuse();
    config.ram_below_4g = MIB - 1;
    refuse();
    config.ram_below_4g = 4 * GIB + 1;
    refuse();
    assert_int_equal(vmmp_smbios_build(&config, 8, tables, sizeof(tables), &used), -EINVAL);
    build();
    size_t whole = used;
    for (size_t size = 0; size < whole; size++) {
        memset(tables, 0xee, sizeof(tables));
        assert_int_equal(vmmp_smbios_build(&config, 0, tables, size, &used), -ENOSPC);
        assert_int_equal(tables[size], 0xee);
    }
    text[VMMP_SMBIOS_STRING_MAX] = '\0';
    config.serial = text;
    config.version = "";
    build();
    assert_null(string_of(find(1, 0), 6));
}

/* What the usual tool makes of them; it complains of anything that it does not like. */
static void dmidecode_agrees(void **state)
{
    char path[] = "/tmp/vmmp-smbios-XXXXXX";
    char line[128];
    char *out = calloc(1, 0x10000);

    (void)state;
    assert_int_equal(vmmp_smbios_build(&config, 0, tables, sizeof(tables), &used), 0);
    int fd = mkstemp(path);
    FILE *file = fdopen(fd, "wb");
    assert_int_equal(fwrite(tables, 1, used, file), used);
    fclose(file);
    snprintf(line, sizeof(line), "PATH=$PATH:/usr/sbin dmidecode --from-dump %s 2>&1", path);
    FILE *pipe = popen(line, "r");
    size_t size = fread(out, 1, 0xffff, pipe);
    int status = pclose(pipe);
    remove(path);
    if (status != 0 && strstr(out, "not found")) {
        free(out);
        print_message("skipped: there is no dmidecode\n");
        skip();
    }
    assert_true(status == 0 && size > 0);
    static const char *const lines[] = { "SMBIOS 3.3.0 present",
                                         "Manufacturer: ACME",
                                         "Product Name: Anvil",
                                         "Serial Number: S/N 17",
                                         "UUID: 00112233-4455-6677-8899-aabbccddeeff",
                                         "System is a virtual machine",
                                         "Core Count: 4",
                                         "Maximum Capacity: 3 GB",
                                         "Size: 3 GB",
                                         "Range Size: 2 GB",
                                         "Status: No errors detected",
                                         "End Of Table" };
    for (unsigned i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        if (!strstr(out, lines[i])) {
            fail_msg("dmidecode does not say '%s':\n%s", lines[i], out);
        }
    }
    static const char *const complaints[] = { "BROKEN",        "TRUNCATED",   "Wrong",
                                              "<OUT OF SPEC>", "<BAD INDEX>", "Invalid" };
    for (unsigned i = 0; i < sizeof(complaints) / sizeof(complaints[0]); i++) {
        if (strstr(out, complaints[i])) {
            fail_msg("dmidecode says '%s':\n%s", complaints[i], out);
        }
    }
    free(out);
}

int test_smbios(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(entry_point_and_structures, setup),
        cmocka_unit_test_setup(what_they_say, setup),
        cmocka_unit_test_setup(bad_configurations, setup),
        cmocka_unit_test_setup(dmidecode_agrees, setup),
    };
    return cmocka_run_group_tests_name("smbios", tests, NULL, NULL);
}
