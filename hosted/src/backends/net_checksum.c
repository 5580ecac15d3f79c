/* SPDX-License-Identifier: BSD-2-Clause */
/* The Internet checksum (RFC 1071), where a guest leaves it to its device. */
#include "backends/net_internal.h"

#include <endian.h>
#include <linux/virtio_net.h>
#include <string.h>

/* The sum does not depend on the order of bytes as long as all words have the same (RFC 1071, 2).
 */
static uint16_t sum(const uint8_t *bytes, size_t len)
{
    uint64_t total = 0;
    uint32_t word;

    for (; len >= sizeof(word); bytes += sizeof(word), len -= sizeof(word)) {
        memcpy(&word, bytes, sizeof(word));
        total += word;
    }
    word = 0;
    memcpy(&word, bytes, len);
    total += word;
    while (total > UINT16_MAX) {
        total = (total & UINT16_MAX) + (total >> 16);
    }
    return (uint16_t)total;
}

void net_complete_checksum(uint8_t *frame, size_t len, const uint8_t *header)
{
    struct virtio_net_hdr head;

    memcpy(&head, header, sizeof(head));
    size_t start = le16toh(head.csum_start);
    size_t at = start + le16toh(head.csum_offset);
    if (!(head.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) || at + sizeof(uint16_t) > len) {
        return;
    }
    /* What is there is the pseudo header's sum. Of UDP, 0 would mean that there is no checksum. */
    uint16_t checksum = (uint16_t)~sum(frame + start, len - start);
    if (checksum == 0) {
        checksum = UINT16_MAX;
    }
    memcpy(frame + at, &checksum, sizeof(checksum));
}
