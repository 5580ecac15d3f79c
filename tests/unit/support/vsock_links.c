/* SPDX-License-Identifier: BSD-2-Clause */
#include "support/vsock_links.h"

#include "vmmp_test.h"

#include <errno.h>
#include <sys/un.h>
#include <unistd.h>

/* Nothing of a test's takes so long, however busy the machine is. */
#define PATIENCE_NS UINT64_C(30000000000)

int vsock_links_create(struct vsock_links *bench, const char *path,
                       char error[HOSTED_VSOCK_UNIX_ERROR], struct hosted_vsock_unix **made)
{
    const struct hosted_vsock_unix_options options = { path, VSOCK_LINKS, true, bench->timeout_ns };
    return hosted_vsock_unix_create(made, bench->loop, &options, error);
}

static int setup(void **state, uint64_t timeout_ns)
{
    struct vsock_links *bench = calloc(1, sizeof(*bench));
    bench->timeout_ns = timeout_ns;
    char error[HOSTED_VSOCK_UNIX_ERROR];
    const struct vmmp_vsock_mux_options options = {
        .guest_cid = 5, .connections = 16, .buffer_size = VSOCK_LINKS_BUFFER, .seqpacket = true
    };
    snprintf(bench->folder, sizeof(bench->folder), "/tmp/vsock-XXXXXX");
    assert_non_null(mkdtemp(bench->folder));
    snprintf(bench->path, sizeof(bench->path), "%s/v", bench->folder);
    assert_int_equal(hosted_event_loop_create(&bench->loop), 0);
    assert_int_equal(vsock_links_create(bench, bench->path, error, &bench->backend), 0);

    size_t size = VMMP_VSOCK_MUX_MEMORY(16, VSOCK_LINKS_BUFFER);
    bench->memory = calloc(1, size);
    vsock_guest_prepare(&bench->guest, false, 5);
    bench->guest.rig.host = hosted_event_loop_host(bench->loop);
    const struct vmmp_vsock_backend backend = hosted_vsock_unix_backend(bench->backend);
    assert_int_equal(vmmp_vsock_mux_init(&bench->mux, &backend, NULL, &options, bench->memory, size,
                                         &bench->guest.rig.memory, &bench->guest.rig.log,
                                         &bench->guest.rig.host),
                     0);
    vsock_guest_plug(&bench->guest, &bench->mux.device.virtio, &virtio_driver_pci_modern);
    assert_int_equal(hosted_vsock_unix_start(bench->backend, &bench->mux), 0);
    *state = bench;
    return 0;
}

int vsock_links_setup(void **state)
{
    return setup(state, PATIENCE_NS);
}

int vsock_links_setup_impatient(void **state)
{
    return setup(state, VSOCK_LINKS_IMPATIENCE_NS);
}

int vsock_links_teardown(void **state)
{
    struct vsock_links *bench = *state;
    hosted_vsock_unix_stop(bench->backend);
    vsock_guest_unplug(&bench->guest);
    vmmp_vsock_mux_fini(&bench->mux);
    bench->guest.rig.host = (struct vmmp_host){ NULL, NULL };
    vsock_guest_fini(&bench->guest);
    hosted_vsock_unix_destroy(bench->backend);
    assert_int_equal(access(bench->path, F_OK), -1); /* Removed. */
    hosted_event_loop_destroy(bench->loop);
    assert_int_equal(rmdir(bench->folder), 0); /* And nothing else left. */
    free(bench->memory);
    free(bench);
    return 0;
}

void vsock_links_turn(struct vsock_links *bench)
{
    for (unsigned i = 0; i < 6; i++) {
        assert_int_equal(hosted_event_loop_step(bench->loop, 0), 0);
    }
}

void vsock_links_start(struct vsock_links *bench)
{
    vsock_guest_start(&bench->guest, UINT64_MAX);
    vsock_guest_post(&bench->guest, 64);
}

int vsock_links_open_socket(int type, const char *path, bool listens)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    if (listens) {
        assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
        assert_int_equal(listen(fd, 4), 0);
    } else {
        assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    }
    return fd;
}

void vsock_links_say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

void vsock_links_expect_text(int fd, const char *text)
{
    char got[256] = "";
    assert_int_equal(recv(fd, got, sizeof(got), 0), strlen(text));
    assert_memory_equal(got, text, strlen(text));
}

void vsock_links_expect_end(int fd)
{
    char byte;
    ssize_t got = recv(fd, &byte, 1, 0);
    assert_true(got == 0 || (got < 0 && errno == ECONNRESET));
}

void vsock_links_expect_silence(int fd)
{
    char byte;
    assert_int_equal(recv(fd, &byte, 1, 0), -1);
    assert_int_equal(errno, EAGAIN);
}

int vsock_links_connect_client(struct vsock_links *bench, uint32_t *host_port)
{
    struct vmmp_vsock_packet packet;
    char text[64];
    int fd = vsock_links_open_socket(SOCK_STREAM, bench->path, false);
    vsock_links_say(fd, "CONNECT 1234\n");
    vsock_links_turn(bench);
    assert_true(vsock_guest_next(&bench->guest, &packet, NULL));
    assert_int_equal(packet.op, OP(REQUEST));
    assert_int_equal(packet.dst_port, 1234);
    *host_port = packet.src_port;
    vsock_links_expect_silence(fd);
    vsock_guest_send(&bench->guest, OP(RESPONSE), 1234, packet.src_port);
    snprintf(text, sizeof(text), "OK %u\n", packet.src_port);
    vsock_links_expect_text(fd, text);
    return fd;
}

int vsock_links_connect_guest(struct vsock_links *bench, int type)
{
    char path[80];
    snprintf(path, sizeof(path), "%s_99", bench->path);
    int listener = vsock_links_open_socket(type, path, true);
    struct vmmp_vsock_packet packet = vsock_guest_packet(&bench->guest, OP(REQUEST), 7, 99);
    packet.type = type == SOCK_SEQPACKET ? VIRTIO_VSOCK_TYPE_SEQPACKET : VIRTIO_VSOCK_TYPE_STREAM;
    vsock_guest_send_raw(&bench->guest, &packet, NULL, 0);
    vsock_guest_expect(&bench->guest, OP(RESPONSE), 99, 7);
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    assert_true(fd >= 0);
    close(listener);
    unlink(path);
    return fd;
}

void vsock_links_finish(struct vsock_links *bench, uint32_t guest_port, uint32_t host_port)
{
    vsock_guest_send(&bench->guest, OP(RST), guest_port, host_port);
    vsock_links_turn(bench);
    assert_int_equal(bench->mux.in_use, 0);
}
