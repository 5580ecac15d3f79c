/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory of scripted VMs: lent pages that are taken back, and a host's device memory. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "script.h"

#define PAGE_SIZE_HOST ((size_t)4096)
#define CHUNK_SIZE     ((uint64_t)16 << 20)

void *script_memory(vm_t *vm, uint64_t gpa, size_t size)
{
    uint64_t contiguous = 0;
    void *host = hosted_vm_memory(vm, gpa, &contiguous);
    return host && contiguous >= size ? host : NULL;
}

/** Under the lock: a place for one more alias; the oldest dead one goes. NULL if all are in use. */
static struct script_alias *alias_place(struct script_vm *script)
{
    for (unsigned i = 0; i < SCRIPT_ALIASES; i++) {
        struct script_alias *alias = &script->aliases[(script->next_alias + i) % SCRIPT_ALIASES];
        if (!alias->page || alias->dead) {
            script->next_alias = (unsigned)(alias - script->aliases + 1) % SCRIPT_ALIASES;
            if (alias->page) {
                munmap(alias->page, alias->size);
            }
            memset(alias, 0, sizeof(*alias));
            return alias;
        }
    }
    return NULL;
}

void *script_alias_begin(struct hosted_vm *hosted, void *host, size_t size)
{
    struct script_vm *script = hosted_vm_engine_state(hosted);
    int fd;
    uint64_t offset;
    if (hosted_memory_file(hosted, host, &fd, &offset)) {
        /* A client's own memory: it cannot be mapped twice. */
        return host;
    }
    size_t in_page = (size_t)(offset & (PAGE_SIZE_HOST - 1));
    size_t length = (in_page + size + PAGE_SIZE_HOST - 1) & ~(PAGE_SIZE_HOST - 1);
    uint8_t *page = NULL;
    pthread_mutex_lock(&script->lock);
    struct script_alias *alias = alias_place(script);
    if (alias) {
        page =
            mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)(offset - in_page));
        page = page == MAP_FAILED ? NULL : page;
        alias->page = page;
        alias->size = length;
    }
    pthread_mutex_unlock(&script->lock);
    return page ? page + in_page : NULL;
}

void script_alias_end(struct hosted_vm *hosted, void *alias, size_t size)
{
    struct script_vm *script = hosted_vm_engine_state(hosted);
    (void)size;
    pthread_mutex_lock(&script->lock);
    for (unsigned i = 0; i < SCRIPT_ALIASES; i++) {
        struct script_alias *live = &script->aliases[i];
        uintptr_t offset = (uintptr_t)alias - (uintptr_t)live->page;
        if (live->page && !live->dead && offset < live->size) {
            mprotect(live->page, live->size, PROT_NONE);
            live->dead = true;
            break;
        }
    }
    pthread_mutex_unlock(&script->lock);
}

/** Under the lock. */
static struct script_chunk *chunk_find(struct script_vm *script, uint64_t paddr)
{
    for (struct script_chunk *chunk = script->chunks; chunk; chunk = chunk->next) {
        if (chunk->paddr == paddr) {
            return chunk;
        }
    }
    struct script_chunk *chunk = calloc(1, sizeof(*chunk));
    if (!chunk) {
        return NULL;
    }
    void *host = mmap(NULL, CHUNK_SIZE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (host == MAP_FAILED) {
        free(chunk);
        return NULL;
    }
    chunk->paddr = paddr;
    chunk->host = host;
    chunk->next = script->chunks;
    script->chunks = chunk;
    return chunk;
}

void *script_memory_physical(struct hosted_vm *hosted, uint64_t paddr, uint64_t size)
{
    struct script_vm *script = hosted_vm_engine_state(hosted);
    uint64_t offset = paddr & (CHUNK_SIZE - 1);
    if (size > CHUNK_SIZE - offset) {
        return NULL;
    }
    pthread_mutex_lock(&script->lock);
    const struct script_chunk *chunk = chunk_find(script, paddr - offset);
    pthread_mutex_unlock(&script->lock);
    return chunk ? chunk->host + offset : NULL;
}

void *script_physical(vm_t *vm, uint64_t paddr, size_t size)
{
    return script_memory_physical(hosted_vm_of(vm), paddr, size);
}

/** Under the lock. False: no memory. */
static bool map_page(struct script_vm *script, uint64_t page)
{
    for (unsigned i = 0; i < script->ram_page_count; i++) {
        if (script->ram_pages[i] == page) {
            return true;
        }
    }
    uint64_t *pages = realloc(script->ram_pages, (script->ram_page_count + 1) * sizeof(*pages));
    if (!pages) {
        return false;
    }
    script->ram_pages = pages;
    pages[script->ram_page_count++] = page;
    return true;
}

/* As vmmp_sys_map_ram() of seL4 does where RAM is in pages of 4 KiB (src/sel4/ram.c). */
uint64_t script_memory_mapped(struct hosted_vm *hosted, uint64_t gpa, uint64_t wanted,
                              uint64_t size)
{
    struct script_vm *script = hosted_vm_engine_state(hosted);
    uint64_t page = gpa & ~(uint64_t)(PAGE_SIZE_HOST - 1);

    if (!script->config.ram_in_pages) {
        return size;
    }
    pthread_mutex_lock(&script->lock);
    while (page < gpa + size && page < gpa + wanted && map_page(script, page)) {
        page += PAGE_SIZE_HOST;
    }
    pthread_mutex_unlock(&script->lock);
    if (page <= gpa) {
        return 0;
    }
    return page - gpa < size ? page - gpa : size;
}

unsigned script_ram_pages(vm_t *vm)
{
    struct script_vm *script = script_vm_of(vm);
    pthread_mutex_lock(&script->lock);
    unsigned count = script->ram_page_count;
    pthread_mutex_unlock(&script->lock);
    return count;
}

void script_memory_free(struct script_vm *script)
{
    free(script->ram_pages);
    for (unsigned i = 0; i < SCRIPT_ALIASES; i++) {
        if (script->aliases[i].page) {
            munmap(script->aliases[i].page, script->aliases[i].size);
        }
    }
    while (script->chunks) {
        struct script_chunk *chunk = script->chunks;
        script->chunks = chunk->next;
        munmap(chunk->host, CHUNK_SIZE);
        free(chunk);
    }
}
