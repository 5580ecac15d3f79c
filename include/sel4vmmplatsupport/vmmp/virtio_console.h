/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio-console (OASIS virtio 1.2, 5.3): a console, /dev/hvc0 of a Linux guest, or with
 * F_MULTIPORT many ports: consoles (/dev/hvcN) and generic ones (/dev/vportNpM, with a name).
 *
 *     vmmp_virtio_console_init(&console, &backend, NULL, &vm.memory, &vm.log, &vm.host);
 *
 * makes a console with one port and nothing else. With memory for up to `max` ports instead:
 *
 *     vmmp_virtio_console_init_multiport(&console, &memory_for_ports, NULL, &vm.memory, …);
 *     vmmp_virtio_console_port_add(&console, 1, &(struct vmmp_virtio_console_port_options){
 *                                  .backend = backend, .name = "org.example.agent" });
 *
 * Port 0 has the queues 0 (receive: towards the guest) and 1 (transmit: from the guest), port n
 * the queues 2n + 2 and 2n + 3; 2 and 3 are for control (5.3.2). A driver that does not accept
 * F_MULTIPORT has port 0 alone. Features: F_SIZE, F_MULTIPORT, F_EMERG_WRITE.
 *
 * Nothing is lost either way: output the backend does not take stays in the guest's buffers until
 * vmmp_virtio_console_port_writable(); input the guest has no buffers for, or whose port it has not
 * opened, stays with the client until `input_ready`. The console itself buffers nothing. Control
 * messages wait as bits of their port when the guest has no buffers for them: none is lost, and
 * there is nothing to overflow. A change that is overtaken before the guest could be told is told
 * in its last state, except that no closing is left out.
 *
 * Hostile guest: all bytes and buffer lengths are its own; a call of `write` gets at most
 * VMMP_VIRTIO_CONSOLE_SLICE bytes. Control messages of any content in any order change which ports
 * are open and what is announced again, nothing else; impossible ones are logged (limited) and
 * ignored. Threads: as vmmp/virtio.h: all functions but init and fini inside the device's context,
 * where the backend's functions are called too.
 */
#pragma once

#include <sel4vmmplatsupport/vmmp/virtio.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Entries of each queue: what guests of the legacy interface have always been given. */
#define VMMP_VIRTIO_CONSOLE_QUEUE_SIZE 128
/** Most bytes in one call of `write`. */
#define VMMP_VIRTIO_CONSOLE_SLICE 65536
/** Most ports of a console. */
#define VMMP_VIRTIO_CONSOLE_PORTS_MAX 255
/** Queues of a console with up to `ports` ports (5.3.2). */
#define VMMP_VIRTIO_CONSOLE_QUEUES(ports) (2 * (ports) + 2)
/** Longest name of a port, with its terminating zero. */
#define VMMP_VIRTIO_CONSOLE_NAME 64

/** The outside of a port. The functions may call back into the console. */
struct vmmp_virtio_console_backend {
    /**
     * Output of the guest, in order, `count` pieces of guest memory. Returns how many bytes were
     * taken; if not all, no more come until vmmp_virtio_console_port_writable(). NULL: all output
     * is dropped.
     */
    size_t (*write)(void *cookie, const struct vmmp_iovec *iov, unsigned count);
    /** There is room again for input that was refused. May be NULL. */
    void (*input_ready)(void *cookie);
    void *cookie;
    /**
     * The guest has opened or closed the port; false also when its driver is reset. Without
     * F_MULTIPORT it is open while there is a driver. May be NULL.
     */
    void (*guest_open)(void *cookie, bool open);
};

struct vmmp_virtio_console_options {
    uint16_t cols; /**< Of port 0. Both 0: unknown; with one port F_SIZE is then not offered. */
    uint16_t rows;
    uint64_t features_off; /**< Feature bits not to offer, for tests and old guests. */
};

struct vmmp_virtio_console_port_options {
    struct vmmp_virtio_console_backend backend; /**< Copied. */
    const char *name; /**< Copied; NULL: none. Linux: /sys/class/virtio-ports/vportNpM/name. */
    bool is_console;  /**< A console, /dev/hvcN; otherwise /dev/vportNpM. */
    bool closed;      /**< Starts closed on this side, until vmmp_virtio_console_port_set_open(). */
    /** Input for a port that the guest has not opened is dropped, not refused. */
    bool drop_when_closed;
    uint16_t cols; /**< Of a console; both 0: unknown (port 0: as the console's options). */
    uint16_t rows;
};

/** A port and the transmit chain it is in the middle of. The console's own; statistics at the end.
 */
struct vmmp_virtio_console_port {
    struct vmmp_virtio_console_backend backend;
    char name[VMMP_VIRTIO_CONSOLE_NAME];
    uint16_t cols;
    uint16_t rows;
    uint16_t rx_queue;
    uint16_t tx_queue;
    bool present;
    bool is_console;
    bool drop_when_closed;
    bool host_open;
    bool guest_open;
    bool announced;  /**< The driver knows of the port. */
    bool ready;      /**< It has said so. */
    uint8_t pending; /**< Control messages to be sent, a bit each. */
    bool starved;    /**< Input was refused. */
    bool blocked;    /**< The backend did not take everything. */
    bool busy;       /**< A chain is held in `iov`. */
    bool woken;      /**< The backend was writable again while it wrote. */
    unsigned at;     /**< First element of `iov` that is not written yet; it has lost what is. */
    struct vmmp_virtqueue_chain chain;
    struct vmmp_iovec iov[VMMP_VIRTQUEUE_IOVECS(VMMP_VIRTIO_CONSOLE_QUEUE_SIZE)];
    uint64_t received;    /**< Bytes into the guest. */
    uint64_t transmitted; /**< Bytes out of the guest. */
};

/** Memory for the ports of a console, the caller's, and what else only several ports have. */
struct vmmp_virtio_console_ports {
    struct vmmp_virtio_console_port *ports; /**< `max` of them. */
    struct vmmp_virtio_queue *queues;       /**< VMMP_VIRTIO_CONSOLE_QUEUES(max) of them. */
    unsigned max;                           /**< 1 to VMMP_VIRTIO_CONSOLE_PORTS_MAX. */
    /**
     * Tell sizes as rows and columns, as older versions of Linux expect, and not as columns and
     * rows, as the specification says (5.3.6.2) and others do. The guest cannot be asked.
     */
    bool rows_first;
};

struct vmmp_virtio_console {
    struct vmmp_virtio_device virtio; /**< What a transport is connected to. */
    struct vmmp_virtio_console_port *ports;
    unsigned max_ports;
    bool multiport; /**< F_MULTIPORT is offered. */
    bool has_size;  /**< F_SIZE is offered. */
    bool rows_first;
    bool control_ready; /**< The driver has said DEVICE_READY. */
    unsigned cursor;    /**< Port whose control messages are sent next. */
    struct vmmp_iovec iov[VMMP_VIRTQUEUE_IOVECS(VMMP_VIRTIO_CONSOLE_QUEUE_SIZE)];
    /* Of a console with one port. */
    struct vmmp_virtio_console_port port;
    struct vmmp_virtio_queue queues[2];
};

/**
 * Prepares a console with one port, without F_MULTIPORT. `backend` is copied; `options` may be
 * NULL; the others as vmmp_virtio_init(). 0, -EINVAL or -ENOMEM.
 */
int vmmp_virtio_console_init(struct vmmp_virtio_console *console,
                             const struct vmmp_virtio_console_backend *backend,
                             const struct vmmp_virtio_console_options *options,
                             const struct vmmp_guest_memory *memory, const struct vmmp_log *log,
                             const struct vmmp_host *host);
/**
 * Prepares a console with F_MULTIPORT and no port yet. The memory that `ports` points to must
 * outlive the console; `ports` itself is copied. 0, -EINVAL or -ENOMEM.
 */
int vmmp_virtio_console_init_multiport(struct vmmp_virtio_console *console,
                                       const struct vmmp_virtio_console_ports *ports,
                                       const struct vmmp_virtio_console_options *options,
                                       const struct vmmp_guest_memory *memory,
                                       const struct vmmp_log *log, const struct vmmp_host *host);
/** After the transport's fini. */
void vmmp_virtio_console_fini(struct vmmp_virtio_console *console);

/**
 * Adds port `id`, below `max`, at any time. 0; -EINVAL: no such number, or a console with one
 * port; -EEXIST: it is there already; -ENAMETOOLONG.
 */
int vmmp_virtio_console_port_add(struct vmmp_virtio_console *console, unsigned id,
                                 const struct vmmp_virtio_console_port_options *options);
/**
 * Unplugs port `id`: the backend's functions are not called any more, output under way and to come
 * is dropped. It may be added again at once, as another port. 0; -ENOENT: there is none; -EINVAL:
 * a console with one port.
 */
int vmmp_virtio_console_port_remove(struct vmmp_virtio_console *console, unsigned id);

/* Functions with a port's number do nothing if there is no such port; receive then returns 0. */

/**
 * This side has opened or closed the port; the guest is told. A guest's program that reads a closed
 * port meets its end, one that writes waits. Output is offered to `write` nevertheless.
 */
void vmmp_virtio_console_port_set_open(struct vmmp_virtio_console *console, unsigned id, bool open);
/** Whether the guest has opened the port (`guest_open`). */
bool vmmp_virtio_console_port_guest_open(const struct vmmp_virtio_console *console, unsigned id);
/**
 * Gives the guest input, at most one interrupt per call. Returns how many of the `len` bytes were
 * taken; fewer than `len` when the guest has no buffers (left) or has not opened the port:
 * `input_ready` is called once when it has, or when a new driver has started.
 */
size_t vmmp_virtio_console_port_receive(struct vmmp_virtio_console *console, unsigned id,
                                        const void *data, size_t len);
/** The backend can take output again. Harmless at other times. */
void vmmp_virtio_console_port_writable(struct vmmp_virtio_console *console, unsigned id);
/**
 * The terminal behind a console has a new size; the guest is told. Of port 0 it is a configuration
 * change too, if F_SIZE is offered; without F_MULTIPORT it is nothing else.
 */
void vmmp_virtio_console_port_resize(struct vmmp_virtio_console *console, unsigned id,
                                     uint16_t cols, uint16_t rows);

/** The same of port 0. */
size_t vmmp_virtio_console_receive(struct vmmp_virtio_console *console, const void *data,
                                   size_t len);
void vmmp_virtio_console_writable(struct vmmp_virtio_console *console);
void vmmp_virtio_console_resize(struct vmmp_virtio_console *console, uint16_t cols, uint16_t rows);

#ifdef __cplusplus
}
#endif
