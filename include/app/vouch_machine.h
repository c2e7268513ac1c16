/*
 * vouch_machine.h: what a machine says of itself: whether it is a SEV-SNP guest, and which device gives reports.
 *
 * Main; reads devices.
 */
#ifndef APP_VOUCH_MACHINE_H
#define APP_VOUCH_MACHINE_H

#include "snp/checklist.h"

#define MACHINE_CPU    "cpu"    /* CPUID: an AMD processor that shows SEV-SNP */
#define MACHINE_GUEST  "guest"  /* SEV_STATUS: SEV-SNP is active in this guest */
#define MACHINE_DEVICE "device" /* configfs-tsm or /dev/sev-guest */

/* Appends these checks. `root` is "" or a directory that stands for / (then the processor itself is not asked). */
void vouch_machine_probe(const char *root, struct checklist *out);

#endif
