/* The one table of variants, and which of them is in use. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

#define MOST 3

static const struct tcpk_kernels *usable[MOST];
static const char *names[MOST + 1];
static size_t usable_count;
static pthread_once_t detected = PTHREAD_ONCE_INIT;

static pthread_once_t resolved = PTHREAD_ONCE_INIT;
static _Atomic(const struct tcpk_kernels *) current;

static void add(const struct tcpk_kernels *kernels)
{
    names[usable_count] = kernels->name;
    usable[usable_count++] = kernels;
}

static void detect(void)
{
    add(&tcpk_kernels_generic);
#if defined(__x86_64__)
    if (tcpk_cpu_has_avx2())
        add(&tcpk_kernels_avx2);
    if (tcpk_cpu_has_avx512())
        add(tcpk_cpu_has_vnni() ? &tcpk_kernels_avx512_vnni : &tcpk_kernels_avx512);
#elif defined(__aarch64__)
    add(&tcpk_kernels_neon); /* part of the baseline there */
#endif
}

const char *const *tcpk_variants(void)
{
    pthread_once(&detected, detect);
    return names;
}

/* The variant of a name; the best for NULL or "". */
static const struct tcpk_kernels *find(const char *name)
{
    pthread_once(&detected, detect);
    if (!name || !*name)
        return usable[usable_count - 1];
    for (size_t i = 0; i < usable_count; i++)
        if (strcmp(usable[i]->name, name) == 0)
            return usable[i];
    return NULL;
}

static void resolve(void)
{
    atomic_store(&current, find(getenv("TCPK_VARIANT")));
}

const struct tcpk_kernels *tcpk_kernels(void)
{
    const struct tcpk_kernels *kernels = atomic_load_explicit(&current, memory_order_relaxed);
    if (kernels)
        return kernels;
    pthread_once(&resolved, resolve);
    return atomic_load(&current);
}

const char *tcpk_variant(void)
{
    const struct tcpk_kernels *kernels = tcpk_kernels();
    return kernels ? kernels->name : NULL;
}

enum tcpk_status tcpk_variant_select(const char *name, struct tcpk_error *error)
{
    pthread_once(&resolved, resolve);
    const char *wanted = name ? name : getenv("TCPK_VARIANT");
    const struct tcpk_kernels *kernels = find(wanted);
    if (!kernels) {
        char allowed[64] = "";
        for (size_t i = 0; i < usable_count; i++) {
            const size_t used = strlen(allowed);
            snprintf(allowed + used, sizeof allowed - used, "%s%s", i ? ", " : "", names[i]);
        }
        return tcpk_fail(error, TCPK_ERROR_VARIANT, 0, "variant is '%.40s'; allowed on this machine: %s", wanted,
                         allowed);
    }
    atomic_store(&current, kernels);
    return TCPK_OK;
}

const char *tcpk_version(void)
{
    return TCPK_VERSION;
}
