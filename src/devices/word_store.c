/* SPDX-License-Identifier: BSD-2-Clause */
#include <sel4vmmplatsupport/vmmp/word_store.h>

#include <errno.h>
#include <string.h>

#include "bus/words.h"

static uint32_t read_word(void *device, uint32_t offset, uint32_t lanes)
{
    const struct vmmp_word_store *store = device;
    (void)lanes;
    return store->config.words[offset / 4];
}

static void write_word(void *device, uint32_t offset, uint32_t value, uint32_t lanes)
{
    struct vmmp_word_store *store = device;
    uint32_t *word = &store->config.words[offset / 4];
    if (store->config.read_only) {
        return;
    }
    *word = words_merge(*word, value, lanes, UINT32_MAX);
    if (store->config.written) {
        store->config.written(store->config.cookie, offset / 4);
    }
}

static const struct vmmp_word_ops word_ops = { read_word, write_word };

int vmmp_word_store_init(struct vmmp_word_store *store, const struct vmmp_word_store_config *config)
{
    if (!config->words || !config->count) {
        return -EINVAL;
    }
    memset(store, 0, sizeof(*store));
    store->config = *config;
    store->window = (struct vmmp_window){
        .name = config->name,
        .words = &word_ops,
        .device = store,
        .size = (uint64_t)config->count * sizeof(uint32_t),
        .context = &store->context,
    };
    return vmmp_host_context_init(&config->host, &store->context);
}

void vmmp_word_store_fini(struct vmmp_word_store *store)
{
    vmmp_host_context_fini(&store->config.host, &store->context);
}
