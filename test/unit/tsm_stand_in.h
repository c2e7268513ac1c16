/*
 * tsm_stand_in.h: for tests: a directory that behaves like configfs-tsm.
 *
 * An entry made in it gets its attributes at once; a thread takes what is written to inblob, counts `generation`, and
 * answers with a report over it. For programs linked with --wrap=mkdir --wrap=rmdir.
 */
#ifndef TEST_TSM_STAND_IN_H
#define TEST_TSM_STAND_IN_H

#include "base/bytes.h"
#include "snp/report.h"

#include <pthread.h>

struct tsm_stand_in {
    /* What it plays; set before an entry is made. */
    const char *technology; /* NULL: nothing stands behind it, entries cannot be made (ENXIO) */
    size_t report_size;
    struct bytes table;
    bool has_auxblob;
    unsigned long floor;        /* privlevel_floor */
    unsigned long stray_writes; /* by somebody else while a report is made */

    char *root;
    char *entry;
    pthread_t thread; /* lives as long as the entry; what follows is its own until then */
    unsigned long generation;
    char level[16]; /* privlevel as it was last written */
};

/* A well-behaved one without certificates. One at a time. */
void tsm_stand_in_open(struct tsm_stand_in *tsm);
void tsm_stand_in_close(struct tsm_stand_in *tsm);

#endif
