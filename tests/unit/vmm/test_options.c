/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line: vmm/linux/options*.c. */
#include "linux/options.h"

#include "linux/device_port.h"
#include "linux/devices.h"

#include <stdlib.h>
#include <string.h>

#include "vmmp_test.h"

#define MIB       (UINT64_C(1) << 20)
#define MAX_WORDS 48

struct line {
    char *argv[MAX_WORDS + 1];
    int argc;
};

/* Splits a command line at single spaces. The strings live in `text`. */
static void split(struct line *line, char *text)
{
    line->argc = 0;
    for (char *word = strtok(text, " "); word; word = strtok(NULL, " ")) {
        assert_true(line->argc < MAX_WORDS);
        line->argv[line->argc++] = word;
    }
    line->argv[line->argc] = NULL;
}

static enum options_command parse_all(const char *command_line, struct options_guests *guests,
                                      char *message)
{
    static char text[1024];
    struct line line;
    assert_true(strlen(command_line) < sizeof(text));
    strcpy(text, command_line);
    split(&line, text);
    return options_parse(line.argc, line.argv, guests, message);
}

static enum options_command parse(const char *command_line, struct options *options, char *message)
{
    struct options_guests guests;
    enum options_command command = parse_all(command_line, &guests, message);
    assert_true(guests.count <= 1);
    *options = guests.list[0];
    return command;
}

static void test_defaults(void **state)
{
    struct options options;
    char message[OPTIONS_MESSAGE];
    (void)state;
    assert_int_equal(parse("vmm run --kernel Image", &options, message), OPTIONS_RUN);
    assert_string_equal(options.kernel, "Image");
    assert_null(options.initrd);
    assert_null(options.append);
    assert_int_equal(options.memory, 512 * MIB);
    assert_int_equal(options.cpus, 1);
    assert_int_equal(options.gic, GIC_AUTO);
    assert_int_equal(options.transport, MACHINE_TRANSPORT_PCI);
    assert_false(options.split_rings);
    assert_int_equal(options.console.kind, CONSOLE_STDIO);
    assert_int_equal(options.serial.kind, CONSOLE_NONE);
    assert_int_equal(options.log_level, VMMP_LOG_WARNING);
    assert_false(options.stats);
    assert_int_equal(options.gdb_port, 0);
    assert_string_equal(message, "");
}

static void test_everything_given(void **state)
{
    struct options options;
    char message[OPTIONS_MESSAGE];
    (void)state;
    assert_int_equal(parse("vmm run --kernel=a=b --initrd i --dtb d --append quiet --memory 3G "
                           "--cpus 8",
                           &options, message),
                     OPTIONS_RUN);
    assert_string_equal(options.kernel, "a=b");
    assert_string_equal(options.initrd, "i");
    assert_string_equal(options.dtb, "d");
    assert_string_equal(options.append, "quiet");
    assert_int_equal(options.memory, 3072 * MIB);
    assert_int_equal(options.cpus, 8);
    assert_int_equal(parse("vmm run --kernel k --gic 2 --console file:/tmp/a --serial pty --stats "
                           "--trace t --gdb 1234,wait",
                           &options, message),
                     OPTIONS_RUN);
    assert_int_equal(options.gic, GIC_V2);
    assert_int_equal(options.console.kind, CONSOLE_FILE);
    assert_string_equal(options.console.path, "/tmp/a");
    assert_int_equal(options.serial.kind, CONSOLE_PTY);
    assert_true(options.stats);
    assert_string_equal(options.trace, "t");
    assert_int_equal(options.gdb_port, 1234);
    assert_true(options.gdb_wait);
    assert_int_equal(parse("vmm run --kernel k --gdb 65535 --log-level debug --dump-dtb f "
                           "--console none --gic 3 --transport mmio --rings split",
                           &options, message),
                     OPTIONS_RUN);
    assert_int_equal(options.gdb_port, 65535);
    assert_false(options.gdb_wait);
    assert_int_equal(options.log_level, VMMP_LOG_DEBUG);
    assert_string_equal(options.dump_dtb, "f");
    assert_int_equal(options.gic, GIC_V3);
    assert_int_equal(options.transport, MACHINE_TRANSPORT_MMIO);
    assert_true(options.split_rings);
    /* Consoles behind the first are ports. */
    assert_int_equal(parse("vmm run --kernel k --console none --console socket:/s,name=agent "
                           "--console=pty,hvc",
                           &options, message),
                     OPTIONS_RUN);
    assert_int_equal(options.console.kind, CONSOLE_NONE);
    assert_int_equal(options.device_count, 2);
    assert_ptr_equal(options.devices[1].kind, &device_port);
    assert_string_equal(options.devices[1].value, "pty,hvc");
    /* A tree can be written without a kernel; the last option of a kind counts. */
    assert_int_equal(parse("vmm run --dump-dtb f --cpus 2 --cpus 4", &options, message),
                     OPTIONS_RUN);
    assert_int_equal(options.cpus, 4);
}

static void test_other_commands(void **state)
{
    struct options options;
    char message[OPTIONS_MESSAGE];
    (void)state;
    assert_int_equal(parse("vmm --help", &options, message), OPTIONS_HELP);
    assert_int_equal(parse("vmm -h", &options, message), OPTIONS_HELP);
    assert_int_equal(parse("vmm help", &options, message), OPTIONS_HELP);
    assert_int_equal(parse("vmm --version", &options, message), OPTIONS_VERSION);
    assert_int_equal(parse("vmm run --help", &options, message), OPTIONS_RUN_HELP);
    assert_int_equal(parse("vmm run --cpus 2 -h --nonsense", &options, message), OPTIONS_RUN_HELP);
}

/* Each mistake gives one line that names it and says what would be right. */
static void test_mistakes(void **state)
{
    static const struct {
        const char *line;
        const char *message;
    } rows[] = {
        { "vmm", "no command: try 'vmm run --kernel FILE' or 'vmm --help'" },
        { "vmm rnu", "unknown command 'rnu': did you mean 'vmm run'?" },
        { "vmm frobnicate",
          "unknown command 'frobnicate': try 'vmm run --kernel FILE' or 'vmm --help'" },
        { "vmm --hlep", "unknown option '--hlep': did you mean 'vmm --help'?" },
        { "vmm run", "run: no kernel: give one with --kernel FILE" },
        { "vmm run --kernl k", "unknown option '--kernl': did you mean --kernel?" },
        { "vmm run --memroy=1G", "unknown option '--memroy': did you mean --memory?" },
        { "vmm run --kernel k --xyzzy", "unknown option '--xyzzy': 'vmm run --help' lists them" },
        { "vmm run k", "unexpected argument 'k': options begin with --, see 'vmm run --help'" },
        { "vmm run --kernel", "--kernel needs a value: --kernel FILE" },
        { "vmm run --kernel=", "--kernel: the file name is empty: give the path of a file" },
        { "vmm run --kernel k --stats=yes", "--stats takes no value" },
        { "vmm run --kernel k --screen 1024",
          "--screen 1024: must be WIDTHxHEIGHT from 64x64 to 3840x2160, such as 1024x768" },
        { "vmm run --kernel k --screen 63x480",
          "--screen 63x480: must be WIDTHxHEIGHT from 64x64 to 3840x2160, such as 1024x768" },
        { "vmm run --kernel k --screen 640x480x",
          "--screen 640x480x: must be WIDTHxHEIGHT from 64x64 to 3840x2160, such as 1024x768" },
        { "vmm run --kernel k --screen 12345678x480",
          "--screen 12345678x480: must be WIDTHxHEIGHT from 64x64 to 3840x2160, such as 1024x768" },
        { "vmm run --kernel k --screen 640x480",
          "--screen: a qemu-arm-virt has no screen: leave it out" },
        { "vmm run --memory 0", "--memory 0: must be at least 64M" },
        { "vmm run --memory 63M", "--memory 63M: must be at least 64M" },
        { "vmm run --memory 65537K", "--memory 65537K: must be a multiple of 1M" },
        { "vmm run --memory 1000T",
          "--memory 1000T: must be at most 260560M, which is what the machine has room for" },
        { "vmm run --memory -5",
          "--memory -5: not a size: give a number with K, M or G, such as 512M" },
        { "vmm run --memory 12X",
          "--memory 12X: not a size: give a number with K, M or G, such as 512M" },
        { "vmm run --memory 99999999999999999999G",
          "--memory 99999999999999999999G: not a size: give a number with K, M or G, such as "
          "512M" },
        { "vmm run --cpus 0", "--cpus 0: must be a number from 1 to 8" },
        { "vmm run --cpus 9", "--cpus 9: must be a number from 1 to 8" },
        { "vmm run --cpus two", "--cpus two: must be a number from 1 to 8" },
        { "vmm run --machine exynos5422 --kernel k",
          "--machine exynos5422: no device tree: give the kernel's own, exynos5422-odroidxu4.dtb "
          "of its package, with --dtb" },
        { "vmm run --machine jetson-tk1 --kernel k",
          "--machine jetson-tk1: no device tree: give the kernel's own, tegra124-jetson-tk1.dtb "
          "of its package, with --dtb" },
        { "vmm run --machine exynos542",
          "--machine exynos542: there is none of that name: did you mean exynos5422?" },
        { "vmm run --machine pdp11",
          "--machine pdp11: there is none of that name: 'vmm run --help' lists them" },
        { "vmm run --cpus 5 --machine exynos5422 --dtb d --kernel k",
          "--cpus 5: must be a number from 1 to 4" },
        { "vmm run --memory 2G --machine exynos5422 --dtb d --kernel k",
          "--memory 2G: must be at most 2026M, which is what the machine has room for" },
        { "vmm run --machine exynos5422 --dtb d --kernel k --console pty",
          "--console: the machine exynos5422 has no virtio devices: leave it out" },
        { "vmm run --machine exynos5422 --dtb d --kernel k --rng",
          "--rng: the machine exynos5422 has no virtio devices: leave it out" },
        { "vmm run --gic 4", "--gic 4: must be auto, 2 or 3" },
        { "vmm run --irqchip user", "--irqchip user: must be kernel or split" },
        { "vmm run --irqchip split --kernel k",
          "--irqchip split: a qemu-arm-virt has no IOAPIC: leave it out" },
        { "vmm run --vfio nvme0",
          "--vfio nvme0: must be the address of a PCI device, such as 0000:00:04.0" },
        { "vmm run --kernel k --balloon --vfio 00:04.0",
          "--balloon: all of the guest's memory is in use by the device of --vfio: leave one of "
          "them out" },
        { "vmm run --transport ccw",
          "--transport ccw: must be pci, pci-modern, pci-legacy, mmio or mmio-cmdline" },
        { "vmm run --rings round", "--rings round: must be packed or split" },
        { "vmm run --console file:",
          "--console file:: must be stdio, pty, file:PATH, socket:PATH or none" },
        { "vmm run --console pty --console stdio",
          "--console stdio: every console but the first must be pty, file:PATH or socket:PATH" },
        { "vmm run --console tty",
          "--console tty: must be stdio, pty, file:PATH, socket:PATH or none" },
        { "vmm run --kernel k --serial stdio",
          "--serial stdio: the console uses standard input and output already: add --console none "
          "or another place" },
        { "vmm run --gdb 0", "--gdb 0: must be a TCP port from 1 to 65535, or PORT,wait" },
        { "vmm run --gdb 70000", "--gdb 70000: must be a TCP port from 1 to 65535, or PORT,wait" },
        { "vmm run --gdb 1,now", "--gdb 1,now: must be a TCP port from 1 to 65535, or PORT,wait" },
        { "vmm run --gdb 123456789012",
          "--gdb 123456789012: must be a TCP port from 1 to 65535, or PORT,wait" },
        { "vmm run --log-level loud", "--log-level loud: must be error, warning, info or debug" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct options options;
        char message[OPTIONS_MESSAGE];
        assert_int_equal(parse(rows[i].line, &options, message), OPTIONS_ERROR);
        assert_string_equal(message, rows[i].message);
    }
}

/* A machine without virtio: its UART is what a user talks to. */
static void test_choice_of_machine(void **state)
{
    struct options options;
    char message[OPTIONS_MESSAGE];
    (void)state;
    assert_int_equal(
        parse("vmm run --cpus 4 --machine exynos5422 --dtb d --kernel k", &options, message),
        OPTIONS_RUN);
    assert_string_equal(options.board->name, "exynos5422");
    assert_int_equal(options.console.kind, CONSOLE_NONE);
    assert_int_equal(options.serial.kind, CONSOLE_STDIO);
    assert_int_equal(
        parse("vmm run --machine exynos5422 --dtb d --kernel k --serial pty", &options, message),
        OPTIONS_RUN);
    assert_int_equal(options.serial.kind, CONSOLE_PTY);
    assert_int_equal(parse("vmm run --kernel k", &options, message), OPTIONS_RUN);
    assert_string_equal(options.board->name, "qemu-arm-virt");
    assert_int_equal(options.console.kind, CONSOLE_STDIO);
}

static void test_long_argument_is_cut(void **state)
{
    struct options_guests options;
    char message[OPTIONS_MESSAGE];
    char *word = malloc(100000);
    (void)state;
    memset(word, 'x', 99999);
    word[99999] = '\0';
    char *argv[] = { (char *)"vmm", (char *)"run", word, NULL };
    assert_int_equal(options_parse(3, argv, &options, message), OPTIONS_ERROR);
    assert_int_equal(strlen(message), OPTIONS_MESSAGE - 1);
    word[0] = word[1] = '-';
    assert_int_equal(options_parse(3, argv, &options, message), OPTIONS_ERROR);
    assert_memory_equal(message, "unknown option '--xxxxx", 23);
    free(word);
}

static void test_several_guests(void **state)
{
    struct options_guests guests;
    char message[OPTIONS_MESSAGE];
    (void)state;
    assert_int_equal(parse_all("vmm run --kernel A --name a --cpus 2 -- --kernel B --console none "
                               "--net switch=x -- --kernel C --console pty",
                               &guests, message),
                     OPTIONS_RUN);
    assert_int_equal(guests.count, 3);
    assert_string_equal(guests.list[0].kernel, "A");
    assert_string_equal(guests.list[0].name, "a");
    assert_string_equal(guests.list[1].kernel, "B");
    assert_null(guests.list[1].name);
    assert_int_equal(guests.list[1].cpus, 1);
    assert_int_equal(guests.list[1].device_count, 1);
    assert_int_equal(guests.list[2].device_count, 0);
    assert_int_equal(guests.list[2].console.kind, CONSOLE_PTY);
}

static void test_several_guests_refused(void **state)
{
    static const struct {
        const char *line;
        const char *says;
    } rows[] = {
        { "vmm run --kernel A -- --kernel B", "guest 2: guest 1 uses standard input and output" },
        { "vmm run --kernel A --console none -- --kernel B -- --kernel C --serial stdio "
          "--console none",
          "guest 3: guest 2 uses standard input and output" },
        { "vmm run --kernel A --", "guest 2: run: no kernel" },
        { "vmm run -- --kernel B", "run: no kernel" },
        { "vmm run --kernel A -- --kernel B --cpus 99", "guest 2: --cpus 99: must be" },
        { "vmm run --kernel A -- --kernel B --console none --dump-dtb x", "--dump-dtb: " },
        { "vmm run --kernel A --name=", "--name: the name is empty" },
    };
    struct options_guests guests;
    char message[OPTIONS_MESSAGE];
    char line[1024] = "vmm run --kernel A --console none";
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(parse_all(rows[i].line, &guests, message), OPTIONS_ERROR);
        assert_memory_equal(message, rows[i].says, strlen(rows[i].says));
    }
    for (unsigned i = 1; i < OPTIONS_GUESTS; i++) {
        strcat(line, " -- --kernel B --console none");
    }
    assert_int_equal(parse_all(line, &guests, message), OPTIONS_RUN);
    assert_int_equal(guests.count, OPTIONS_GUESTS);
    strcat(line, " -- --kernel B --console none");
    assert_int_equal(parse_all(line, &guests, message), OPTIONS_ERROR);
    assert_string_equal(message, "too many guests: at most 8");
}

static void test_sizes(void **state)
{
    static const struct {
        const char *text;
        uint64_t size;
    } good[] = {
        { "1", MIB },           { "512", 512 * MIB },
        { "512M", 512 * MIB },  { "512m", 512 * MIB },
        { "3G", 3072 * MIB },   { "65536K", 64 * MIB },
        { "2GiB", 2048 * MIB }, { "2GB", 2048 * MIB },
        { "1T", MIB * MIB },    { "0", 0 },
    };
    static const char *const bad[] = { "",    "M",   "-1",  "+1",   "1.5G", "1P",
                                       "1Gi", "1G ", " 1G", "0x10", "1GG",  "99999999999999999T",
                                       "1\n", "1e3M" };
    uint64_t size;
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(options_parse_size(good[i].text, &size));
        assert_int_equal(size, good[i].size);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(options_parse_size(bad[i], &size));
    }
}

static void test_numbers(void **state)
{
    unsigned long number;
    (void)state;
    assert_true(options_parse_number("7", 1, 8, &number));
    assert_int_equal(number, 7);
    assert_false(options_parse_number("0", 1, 8, &number));
    assert_false(options_parse_number("9", 1, 8, &number));
    assert_false(options_parse_number("7x", 1, 8, &number));
    assert_false(options_parse_number("", 0, 8, &number));
    assert_false(options_parse_number("-1", 0, ~0ul, &number));
    assert_false(options_parse_number("99999999999999999999999", 0, ~0ul, &number));
}

static void test_nearest(void **state)
{
    static const char *const words[] = { "--kernel", "--console", "--cpus", NULL };
    (void)state;
    assert_string_equal(options_nearest("--kernel", words), "--kernel");
    assert_string_equal(options_nearest("--kenrel", words), "--kernel");
    assert_string_equal(options_nearest("--cpu", words), "--cpus");
    assert_string_equal(options_nearest("-console", words), "--console");
    assert_null(options_nearest("--quite-different", words));
    assert_null(options_nearest("", words));
    assert_null(options_nearest("--a-very-long-word-that-does-not-fit-the-table", words));
}

/* Help names every option that is understood, and goes where it is told. */
static void test_help(void **state)
{
    static const char *const names[] = { "--kernel FILE",   "--initrd FILE",    "--dtb FILE",
                                         "--append STRING", "--memory SIZE",    "--cpus N",
                                         "--gic auto|2|3",  "--console WHERE",  "--serial WHERE",
                                         "--dump-dtb FILE", "--stats",          "--trace FILE",
                                         "--gdb PORT",      "--log-level LEVEL" };
    char *text = NULL;
    size_t size = 0;
    (void)state;
    FILE *out = open_memstream(&text, &size);
    options_print_help(out);
    options_print_run_help(out);
    fclose(out);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_non_null(strstr(text, names[i]));
    }
    for (const char *line = text; *line;) {
        size_t length = strcspn(line, "\n");
        assert_true(length <= 80);
        line += length + (line[length] == '\n');
    }
    free(text);
}

/* ---- vmm vhost-user ---- */

static void test_vhost_user(void **state)
{
    struct options options;
    char message[OPTIONS_MESSAGE];
    (void)state;
    assert_int_equal(parse("vmm vhost-user --device blk --socket /s --disk d.img,ro --rings split",
                           &options, message),
                     OPTIONS_VHOST_USER);
    assert_ptr_equal(options.served, &device_disk);
    assert_string_equal(options.socket, "/s");
    assert_true(options.split_rings);
    assert_int_equal(options.device_count, 1);
    assert_string_equal(options.devices[0].value, "d.img,ro");
    /* One whose option has only parts that may be left out. */
    assert_int_equal(parse("vmm vhost-user --device=rng --socket=/s", &options, message),
                     OPTIONS_VHOST_USER);
    assert_int_equal(options.device_count, 1);
    assert_ptr_equal(options.devices[0].kind, &device_rng);
    assert_null(options.devices[0].value);
    /* The first console is a port here. */
    assert_int_equal(parse("vmm vhost-user --device console --socket /s --console pty "
                           "--console file:x,name=log",
                           &options, message),
                     OPTIONS_VHOST_USER);
    assert_int_equal(options.device_count, 2);
    assert_ptr_equal(options.devices[0].kind, &device_port);
    assert_int_equal(parse("vmm vhost-user --help", &options, message), OPTIONS_VHOST_USER_HELP);
}

static void test_vhost_user_errors(void **state)
{
    static const struct {
        const char *line;
        const char *says;
    } rows[] = {
        { "vmm vhost-user", "no device" },
        { "vmm vhost-user --device blk", "no socket" },
        { "vmm vhost-user --device disk --socket /s", "must be net, blk, console, rng or vsock" },
        { "vmm vhost-user --device blk --socket", "--socket needs a value" },
        { "vmm vhost-user --device blk --socket /s", "give --disk FILE" },
        { "vmm vhost-user --device blk --socket /s --rng", "--rng: not the device" },
        { "vmm vhost-user --device blk --socket /s --disk a --disk b", "one device is served" },
        { "vmm vhost-user --device net --socket /s --net nowhere", "--net" },
        { "vmm vhost-user --device blk --kernel Image", "unknown option '--kernel'" },
        { "vmm vhost-user --device blk --socket=", "the file name is empty" },
        { "vmm vhost-user x", "'vmm vhost-user --help'" },
        { "vmm run --socket /s", "unknown option '--socket'" },
        { "vmm vhost-usr", "did you mean 'vmm vhost-user'" },
    };
    struct options options;
    char message[OPTIONS_MESSAGE];
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(parse(rows[i].line, &options, message), OPTIONS_ERROR);
        if (!strstr(message, rows[i].says)) {
            fail_msg("'%s' is not in '%s'", rows[i].says, message);
        }
    }
}

int test_options(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vhost_user),
        cmocka_unit_test(test_vhost_user_errors),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_everything_given),
        cmocka_unit_test(test_other_commands),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_choice_of_machine),
        cmocka_unit_test(test_long_argument_is_cut),
        cmocka_unit_test(test_several_guests),
        cmocka_unit_test(test_several_guests_refused),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_nearest),
        cmocka_unit_test(test_help),
    };
    return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
