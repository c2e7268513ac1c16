#include "pool/requests.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

/* What an entry stands for. A series of extended-query messages is one entry until its Sync. */
enum entry {
    ENTRY_QUERY,    /* Query or FunctionCall: one ReadyForQuery */
    ENTRY_SERIES,   /* Parse, Bind, Describe, Execute, Close: none of its own */
    ENTRY_SYNC,     /* one ReadyForQuery */
    ENTRY_COPY_END, /* CopyDone or CopyFail, kept to know which Sync the backend will have ignored */
};

static uint8_t *requests_at(struct requests *requests, uint32_t index)
{
    uint32_t size = requests->grown ? requests->size : REQUESTS_INLINE;
    uint8_t *ring = requests->grown ? requests->grown : requests->inlined;
    uint32_t position = requests->first + index; /* both are below size */
    return &ring[position < size ? position : position - size];
}

static void requests_push(struct requests *requests, enum entry entry)
{
    uint32_t size = requests->grown ? requests->size : REQUESTS_INLINE;
    if (requests->count == size) {
        uint8_t *bigger = mem_alloc(2 * (size_t)size);
        for (uint32_t i = 0; i < requests->count; i++)
            bigger[i] = *requests_at(requests, i);
        free(requests->grown);
        requests->grown = bigger;
        requests->size = 2 * size;
        requests->first = 0;
    }
    *requests_at(requests, requests->count++) = (uint8_t)entry;
}

static enum entry requests_pop(struct requests *requests)
{
    enum entry entry = *requests_at(requests, 0);
    requests->count--;
    requests->first = (requests->first + 1) % (requests->grown ? requests->size : REQUESTS_INLINE);
    return entry;
}

static bool requests_has_series(struct requests *requests)
{
    for (uint32_t i = 0; i < requests->count; i++)
        if (*requests_at(requests, i) == ENTRY_SERIES)
            return true;
    return false;
}

static void requests_sent_series(struct requests *requests)
{
    if (requests->discarding)
        return;
    if (requests->count == 0 || *requests_at(requests, requests->count - 1) != ENTRY_SERIES)
        requests_push(requests, ENTRY_SERIES);
}

void requests_sent(struct requests *requests, uint8_t type)
{
    switch (type) {
    case 'Q':
    case 'F':
        if (!requests->discarding)
            requests_push(requests, ENTRY_QUERY);
        break;
    case 'P':
    case 'B':
    case 'D':
    case 'E':
    case 'C':
        requests_sent_series(requests);
        break;
    case 'S':
        if (!requests->copying)
            requests_push(requests, ENTRY_SYNC);
        requests->discarding = false;
        break;
    case 'c':
    case 'f':
        if (!requests->copying && requests_has_series(requests))
            requests_push(requests, ENTRY_COPY_END);
        requests->copying = false;
        break;
    default: /* CopyData, Flush: nothing is owed for them */
        break;
    }
}

bool requests_answered(struct requests *requests)
{
    while (requests->count > 0) {
        enum entry entry = requests_pop(requests);
        if (entry == ENTRY_QUERY || entry == ENTRY_SYNC)
            return true;
    }
    return requests->lost;
}

void requests_failed(struct requests *requests)
{
    requests->copying = false;
    if (requests->count == 0 || *requests_at(requests, 0) != ENTRY_SERIES)
        return;
    while (requests->count > 0 && *requests_at(requests, 0) != ENTRY_SYNC)
        if (requests_pop(requests) == ENTRY_QUERY)
            requests->lost = true; /* the error may be the query's own, which is then answered, or the series' */
    requests->discarding = requests->count == 0;
}

/* Everything sent behind the Execute that started the COPY is read by the backend in COPY mode. */
void requests_copy_in(struct requests *requests)
{
    if (requests->count == 0 || *requests_at(requests, 0) != ENTRY_SERIES)
        return;
    uint32_t kept = 0;
    bool ended = false;
    for (uint32_t i = 0; i < requests->count; i++) {
        uint8_t entry = *requests_at(requests, i);
        ended = ended || entry == ENTRY_COPY_END;
        if (entry != ENTRY_SYNC || ended)
            *requests_at(requests, kept++) = entry;
    }
    requests->count = kept;
    requests->copying = !ended;
}

void requests_clear(struct requests *requests)
{
    free(requests->grown);
    *requests = (struct requests){0};
}
