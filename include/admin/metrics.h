/*
 * metrics.h: what GET /metrics tells, in Prometheus's text format (version 0.0.4).
 *
 * Numbers that are at hand without asking the workers: of the attester, its certificate, the verdicts, the pools. Main.
 */
#ifndef ADMIN_METRICS_H
#define ADMIN_METRICS_H

#include "admin/consoles.h"
#include "base/writer.h"

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* `ready` is what GET /ready says. */
void metrics_write(const struct consoles *consoles, bool ready, struct writer *out);

#endif
