/*
 * limits.h: counters that are global and exact whatever the number of threads.
 *
 * A limit counts what is taken and never goes above its ceiling, not even for a moment. A ceiling may change at any
 * time (reload); what is taken then stays until given back. All functions may be called from any thread.
 */
#ifndef POOL_LIMITS_H
#define POOL_LIMITS_H

#include <stdatomic.h>
#include <stdbool.h>

struct limit {
    _Atomic int taken;
    _Atomic int ceiling; /* 0: no limit */
};

static inline bool limit_take_below(struct limit *limit, int ceiling)
{
    int taken = atomic_load_explicit(&limit->taken, memory_order_relaxed);
    do {
        if (ceiling > 0 && taken >= ceiling)
            return false;
    } while (!atomic_compare_exchange_weak(&limit->taken, &taken, taken + 1));
    return true;
}

static inline bool limit_take(struct limit *limit)
{
    return limit_take_below(limit, atomic_load_explicit(&limit->ceiling, memory_order_relaxed));
}

static inline void limit_give(struct limit *limit)
{
    atomic_fetch_sub(&limit->taken, 1);
}

static inline int limit_taken(const struct limit *limit)
{
    return atomic_load_explicit(&limit->taken, memory_order_relaxed);
}

#endif
