/* SPDX-License-Identifier: BSD-2-Clause */
/* What the control socket can be asked for. */
#include <string.h>

#include <hosted/vm.h>

#include "run_state.h"
#include "screenshot.h"

struct command {
    const char *name;
    const char *help;
    void (*run)(struct run *run, struct json *reply); /**< Of a command of one word. */
    /** Of others; on false `message` says what is wrong and what would be right. */
    bool (*run_words)(struct run *run, unsigned count, char *const words[], struct json *reply,
                      char message[OPTIONS_MESSAGE]);
    bool (*has)(const struct run *run); /**< Whether help lists it; NULL: always. */
};

static void help(struct run *run, struct json *reply);

static void status(struct run *run, struct json *reply)
{
    const struct machine_board *board = machine_board_of(&run->config);
    json_string(reply, "machine", board->name);
    json_number(reply, "memory", run->options->memory);
    json_number(reply, "cpus", run->options->cpus);
    if (board->gic) {
        json_number(reply, "gic", run->config.gic);
    }
    json_number(reply, "starts", run->starts);
    json_bool(reply, "power_off_asked", run->power_off_asked);
    json_begin(reply, "devices", '{');
    for (unsigned i = 0; i < run->devices.count; i++) {
        const struct device *device = &run->devices.list[i];
        json_begin(reply, device->name, '{');
        json_string(reply, "option", device->kind->option);
        if (device->kind->status) {
            device->kind->status(device->state, reply);
        }
        json_end(reply, '}');
    }
    json_end(reply, '}');
}

static void put_vcpus(const struct run *run, struct json *reply)
{
    json_begin(reply, "vcpus", '[');
    for (unsigned i = 0; i < run->options->cpus; i++) {
        const struct hosted_vcpu_stats *stats = hypervisor_vcpu_stats(run->hypervisor, i);
        json_begin(reply, NULL, '{');
        for (int kind = 0; stats && kind < HOSTED_EXIT_KINDS; kind++) {
            uint64_t exits = hosted_stats_exits(stats, (enum hosted_exit_kind)kind);
            if (exits) {
                json_number(reply, hosted_exit_kind_name((enum hosted_exit_kind)kind), exits);
            }
        }
        json_number(reply, "total", stats ? hosted_stats_exits_total(stats) : 0);
        json_end(reply, '}');
    }
    json_end(reply, ']');
}

static void put_window(const struct vmmp_window *window, void *cookie)
{
    struct json *reply = cookie;
    json_begin(reply, NULL, '{');
    json_string(reply, "name", window->name);
    json_number(reply, "reads", __atomic_load_n(&window->reads, __ATOMIC_RELAXED));
    json_number(reply, "writes", __atomic_load_n(&window->writes, __ATOMIC_RELAXED));
    json_end(reply, '}');
}

static void put_queues(const char *name, struct vmmp_virtio_device *virtio, struct json *reply)
{
    vmmp_context_enter(&virtio->context);
    for (unsigned i = 0; i < virtio->queue_count; i++) {
        const struct vmmp_virtio_queue *queue = &virtio->queues[i];
        if (queue->chains || queue->kicks) {
            json_begin(reply, NULL, '{');
            json_string(reply, "device", name);
            json_number(reply, "queue", i);
            json_number(reply, "kicks", queue->kicks);
            json_number(reply, "chains", queue->chains);
            json_number(reply, "interrupts", queue->interrupts);
            json_end(reply, '}');
        }
    }
    vmmp_context_leave(&virtio->context);
}

static void stats(struct run *run, struct json *reply)
{
    struct machine *machine = &run->machine;
    put_vcpus(run, reply);
    json_begin(reply, "windows", '[');
    run_each_window(machine, put_window, reply);
    json_end(reply, ']');
    json_begin(reply, "queues", '[');
    if (machine->console_place.virtio) {
        put_queues("console", machine->console_place.virtio, reply);
    }
    for (unsigned i = 0; i < run->devices.count; i++) {
        if (machine->devices[i].virtio) {
            put_queues(run->devices.list[i].name, machine->devices[i].virtio, reply);
        }
    }
    json_end(reply, ']');
}

static void reset(struct run *run, struct json *reply)
{
    (void)reply;
    run->reset_asked = true;
    hosted_vm_stop(&run->vm, 0);
}

static void quit(struct run *run, struct json *reply)
{
    (void)reply;
    hosted_vm_stop(&run->vm, 0);
}

static void power_off(struct run *run, struct json *reply)
{
    (void)reply;
    run_ask_power_off(run);
}

/* What the control socket says of a pin of the board. */
static bool pin(struct run *run, unsigned count, char *const words[], struct json *reply,
                char message[OPTIONS_MESSAGE])
{
    static const char *const actions[] = {
        [MACHINE_PIN_LOW] = "low",
        [MACHINE_PIN_HIGH] = "high",
        [MACHINE_PIN_RELEASE] = "release",
    };
    const struct machine_board *board = machine_board_of(&run->config);
    enum machine_pin_action action = MACHINE_PIN_LOOK;
    bool high = false;
    for (size_t i = MACHINE_PIN_LOW; i < sizeof(actions) / sizeof(actions[0]) && count == 3; i++) {
        action = strcmp(words[2], actions[i]) == 0 ? (enum machine_pin_action)i : action;
    }
    if (!board->pin) {
        snprintf(message, OPTIONS_MESSAGE, "pin: the machine %s has no pins", board->name);
        return false;
    }
    if (count < 2 || count > 3 || (count == 3 && action == MACHINE_PIN_LOOK)) {
        snprintf(message, OPTIONS_MESSAGE, "pin: give NAME, or NAME low, high or release");
        return false;
    }
    if (board->pin(&run->machine, words[1], action, &high)) {
        snprintf(message, OPTIONS_MESSAGE,
                 "pin: there is no '%.32s': give a bank and a number, such as %s", words[1],
                 board->pin_example);
        return false;
    }
    json_bool(reply, "high", high);
    return true;
}

static bool screenshot(struct run *run, unsigned count, char *const words[], struct json *reply,
                       char message[OPTIONS_MESSAGE])
{
    struct machine_screen screen;
    if (!machine_screen(&run->machine, &screen)) {
        snprintf(message, OPTIONS_MESSAGE,
                 "screenshot: the machine has no screen: a PC has one with --screen WxH");
        return false;
    }
    if (count != 2) {
        snprintf(message, OPTIONS_MESSAGE, "screenshot: give the FILE.png to be written");
        return false;
    }
    if (!screenshot_write(&screen, words[1], message)) {
        return false;
    }
    json_number(reply, "width", screen.width);
    json_number(reply, "height", screen.height);
    return true;
}

static bool has_pins(const struct run *run)
{
    return machine_board_of(&run->config)->pin != NULL;
}

static bool has_screen(const struct run *run)
{
    return run->options->screen_width != 0;
}

static const struct command commands[] = {
    { "help", "lists the commands", help, NULL, NULL },
    { "status", "what the machine has and what its devices are doing", status, NULL, NULL },
    { "stats", "exits, register accesses, queues", stats, NULL, NULL },
    { "power-off", "asks the guest to power off, as SIGTERM does", power_off, NULL, NULL },
    { "reset", "starts the guest again at once", reset, NULL, NULL },
    { "quit", "ends the VMM at once", quit, NULL, NULL },
    { "pin", "NAME [low|high|release]: drives a pin of the board, or looks", NULL, pin, has_pins },
    { "screenshot", "FILE.png: writes what the guest shows", NULL, screenshot, has_screen },
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void help(struct run *run, struct json *reply)
{
    json_begin(reply, "commands", '{');
    for (size_t i = 0; i < COMMANDS; i++) {
        if (!commands[i].has || commands[i].has(run)) {
            json_string(reply, commands[i].name, commands[i].help);
        }
    }
    for (unsigned i = 0; i < run->devices.count; i++) {
        const struct device *device = &run->devices.list[i];
        if (device->kind->command) {
            json_string(reply, device->name, device->kind->command_help);
        }
    }
    json_end(reply, '}');
}

static bool unknown(struct run *run, const char *word, char message[OPTIONS_MESSAGE])
{
    const char *names[COMMANDS + OPTIONS_DEVICES + 1];
    size_t count = 0;
    for (size_t i = 0; i < COMMANDS; i++) {
        names[count++] = commands[i].name;
    }
    for (unsigned i = 0; i < run->devices.count; i++) {
        names[count++] = run->devices.list[i].name;
    }
    names[count] = NULL;
    const char *nearest = options_nearest(word, names);
    snprintf(message, OPTIONS_MESSAGE,
             nearest ? "unknown command '%.64s': did you mean %s?"
                     : "unknown command '%.64s': 'help' lists them",
             word, nearest);
    return false;
}

bool run_command(void *cookie, unsigned count, char *const words[], struct json *reply,
                 char message[OPTIONS_MESSAGE])
{
    struct run *run = cookie;
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(commands[i].name, words[0]) == 0) {
            if (commands[i].run_words) {
                return commands[i].run_words(run, count, words, reply, message);
            }
            if (count > 1) {
                snprintf(message, OPTIONS_MESSAGE, "%s takes nothing behind it", words[0]);
                return false;
            }
            commands[i].run(run, reply);
            return true;
        }
    }
    struct device *device = devices_find(&run->devices, words[0]);
    if (!device) {
        return unknown(run, words[0], message);
    }
    if (!device->kind->command) {
        snprintf(message, OPTIONS_MESSAGE, "%s has no commands: 'status' shows it", device->name);
        return false;
    }
    return device->kind->command(device->state, count - 1, words + 1, reply, message);
}
