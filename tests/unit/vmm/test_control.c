/* SPDX-License-Identifier: BSD-2-Clause */
/* The control socket, both ends: vmm/linux/control*.c, and hosted/src/unix_socket.c below it. */
#include "linux/control.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmmp_test.h"

struct fixture {
    char folder[64];
    char path[96];
    struct hosted_event_loop *loop;
    struct control control;
    unsigned calls;
};

static bool command(void *cookie, unsigned count, char *const words[], struct json *reply,
                    char message[OPTIONS_MESSAGE])
{
    struct fixture *f = cookie;
    f->calls++;
    json_number(reply, "count", count);
    if (strcmp(words[0], "fail") == 0) {
        snprintf(message, OPTIONS_MESSAGE, "it is \"wrong\"");
        return false;
    }
    if (strcmp(words[0], "long") == 0) {
        for (unsigned i = 0; i < 100000; i++) {
            json_number(reply, "member", i);
        }
    }
    json_string(reply, "last", words[count - 1]);
    return true;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    strcpy(f->folder, "/tmp/vmmp-control.XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->path, sizeof(f->path), "%s/socket", f->folder);
    assert_int_equal(hosted_event_loop_create(&f->loop), 0);
    f->control.command = command;
    f->control.cookie = f;
    assert_int_equal(control_open(&f->control, f->path, f->loop), 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    control_close(&f->control);
    control_close(&f->control);
    assert_int_equal(access(f->path, F_OK), -1);
    hosted_event_loop_destroy(f->loop);
    assert_int_equal(rmdir(f->folder), 0);
    free(f);
    return 0;
}

static int connect_to(const struct fixture *f)
{
    int fd = hosted_unix_connect(f->path, SOCK_STREAM);
    assert_true(fd >= 0);
    return fd;
}

static void run(struct fixture *f)
{
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(hosted_event_loop_step(f->loop, 0), 0);
    }
}

/* Sends bytes, lets the loop run and returns what came back until the connection was closed. */
static const char *ask(struct fixture *f, const char *bytes)
{
    static char reply[4096];
    int fd = connect_to(f);
    size_t size = 0;
    assert_int_equal(send(fd, bytes, strlen(bytes), 0), strlen(bytes));
    run(f);
    ssize_t got;
    while ((got = recv(fd, reply + size, sizeof(reply) - 1 - size, 0)) > 0) {
        size += (size_t)got;
    }
    assert_int_equal(got, 0);
    reply[size] = '\0';
    close(fd);
    return reply;
}

static void test_requests(void **state)
{
    struct fixture *f = *state;
    assert_string_equal(ask(f, "a\n"), "{\"ok\": true, \"count\": 1, \"last\": \"a\"}\n");
    assert_string_equal(ask(f, "  a  b\tc \r\n"),
                        "{\"ok\": true, \"count\": 3, \"last\": \"c\"}\n");
    /* Nothing of what a command wrote before it failed. */
    assert_string_equal(ask(f, "fail x\n"),
                        "{\"ok\": false, \"error\": \"it is \\\"wrong\\\"\"}\n");
    assert_string_equal(ask(f, " \n"), "{\"ok\": false, \"error\": \"no command: try 'help'\"}\n");
    assert_int_equal(f->calls, 3);
}

static void test_piece_by_piece(void **state)
{
    struct fixture *f = *state;
    char reply[128];
    int fd = connect_to(f);
    for (const char *c = "ab c\n"; *c; c++) {
        assert_int_equal(f->calls, 0);
        assert_int_equal(send(fd, c, 1, 0), 1);
        run(f);
    }
    ssize_t size = recv(fd, reply, sizeof(reply) - 1, 0);
    assert_true(size > 0);
    reply[size] = '\0';
    assert_string_equal(reply, "{\"ok\": true, \"count\": 2, \"last\": \"c\"}\n");
    close(fd);
}

/* Too long, and clients that leave or never finish: nobody is kept out. */
static void test_bad_clients(void **state)
{
    struct fixture *f = *state;
    char flood[CONTROL_REQUEST + 1];
    memset(flood, 'x', CONTROL_REQUEST);
    flood[CONTROL_REQUEST] = '\0';
    int fd = connect_to(f);
    assert_int_equal(send(fd, flood, CONTROL_REQUEST, 0), CONTROL_REQUEST);
    run(f);
    char byte;
    assert_true(recv(fd, &byte, 1, 0) <= 0);
    close(fd);
    int idle[CONTROL_CLIENTS];
    for (unsigned i = 0; i < CONTROL_CLIENTS; i++) {
        idle[i] = connect_to(f);
        run(f);
    }
    assert_string_equal(ask(f, "a\n"), "{\"ok\": true, \"count\": 1, \"last\": \"a\"}\n");
    assert_int_equal(recv(idle[0], &byte, 1, 0), 0);
    assert_int_equal(recv(idle[1], &byte, 1, 0), -1);
    for (unsigned i = 0; i < CONTROL_CLIENTS; i++) {
        close(idle[i]);
    }
    run(f);
    assert_int_equal(f->calls, 1);
}

static void *serve(void *cookie)
{
    struct fixture *f = cookie;
    hosted_event_loop_run(f->loop);
    return NULL;
}

/* The other end: more than a socket takes at once comes through whole. */
static void test_call(void **state)
{
    struct fixture *f = *state;
    char *text = NULL;
    size_t size = 0;
    pthread_t thread;
    char word[] = "long";
    char bad[] = "two words";
    char *words[] = { word };
    char *bad_words[] = { bad };
    assert_int_equal(pthread_create(&thread, NULL, serve, f), 0);
    FILE *out = open_memstream(&text, &size);
    assert_int_equal(control_call(f->path, 1, words, out), 0);
    strcpy(word, "fail");
    assert_int_equal(control_call(f->path, 1, words, out), 1);
    assert_int_equal(control_call(f->path, 1, bad_words, out), 1);
    assert_int_equal(control_call("/nonexistent/socket", 1, words, out), 1);
    fclose(out);
    hosted_event_loop_stop(f->loop);
    pthread_join(thread, NULL);
    assert_true(size > 1000000);
    assert_non_null(strstr(text, "\"member\": 99999, \"last\": \"long\"}\n{\"ok\": false"));
    free(text);
}

/* Who waits is not announced over and over, and gets an answer in the end. */
static void test_without_descriptors(void **state)
{
    struct fixture *f = *state;
    struct rlimit before;
    unsigned rounds = 0;
    int fd = connect_to(f);
    assert_int_equal(send(fd, "a\n", 2, 0), 2);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    struct rlimit none = before;
    none.rlim_cur = 3;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    assert_int_equal(hosted_event_loop_step(f->loop, 0), 0);
    assert_true(f->control.again.armed);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    while (f->calls == 0) { /* 100 ms. */
        assert_int_equal(hosted_event_loop_step(f->loop, -1), 0);
        assert_true(++rounds < 6);
    }
    close(fd);
}

static void test_the_socket(void **state)
{
    struct fixture *f = *state;
    struct stat status;
    struct control other = { .command = command, .cookie = f };
    struct hosted_unix_listener listener;
    char message[HOSTED_UNIX_MESSAGE];
    assert_int_equal(stat(f->path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    /* In use: refused, and left alone. */
    assert_int_equal(control_open(&other, f->path, f->loop), -1);
    assert_string_equal(ask(f, "a\n"), "{\"ok\": true, \"count\": 1, \"last\": \"a\"}\n");
    control_close(&f->control);
    /* Left over by a program that is gone: taken. */
    assert_int_equal(hosted_unix_listen(&listener, f->path, SOCK_STREAM, 1, message), 0);
    close(listener.fd);
    assert_int_equal(control_open(&f->control, f->path, f->loop), 0);
    control_close(&f->control);
    /* No socket: neither taken nor removed. */
    FILE *file = fopen(f->path, "w");
    fclose(file);
    assert_int_equal(hosted_unix_listen(&listener, f->path, SOCK_STREAM, 1, message), -EADDRINUSE);
    assert_non_null(strstr(message, "it is no socket"));
    assert_int_equal(unlink(f->path), 0);
    char longest[200];
    memset(longest, 'x', sizeof(longest));
    longest[199] = '\0';
    assert_int_equal(hosted_unix_listen(&listener, longest, SOCK_STREAM, 1, message),
                     -ENAMETOOLONG);
    assert_int_equal(hosted_unix_listen(&listener, "/nonexistent/a", SOCK_STREAM, 1, message),
                     -ENOENT);
    assert_int_equal(listener.fd, -1);
    assert_int_equal(control_open(&f->control, f->path, f->loop), 0);
}

int test_control(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_requests, setup, teardown),
        cmocka_unit_test_setup_teardown(test_piece_by_piece, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_clients, setup, teardown),
        cmocka_unit_test_setup_teardown(test_call, setup, teardown),
        cmocka_unit_test_setup_teardown(test_without_descriptors, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_socket, setup, teardown),
    };
    return cmocka_run_group_tests_name("control", tests, NULL, NULL);
}
