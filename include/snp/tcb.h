/*
 * tcb.h: TCB versions: eight bytes whose meaning depends on the product.
 *
 * TCBs are compared component by component, never as one integer. Pure functions; any thread.
 */
#ifndef SNP_TCB_H
#define SNP_TCB_H

#include "snp/product.h"

/* The eight bytes as they stand in the report. */
struct snp_tcb {
    uint8_t bytes[8];
};

enum snp_tcb_component {
    SNP_TCB_FMC, /* Turin only */
    SNP_TCB_BOOTLOADER,
    SNP_TCB_TEE,
    SNP_TCB_SNP,
    SNP_TCB_MICROCODE,
    SNP_TCB_COMPONENTS
};

/* "fmc", "bootloader", "tee", "snp", "microcode". */
const char *snp_tcb_component_name(enum snp_tcb_component component);

/* The byte at which a component stands (0..7), or -1 when the layout has none. */
int snp_tcb_index(enum snp_tcb_layout layout, enum snp_tcb_component component);

/* A component's value; 0 when the layout has none. */
uint8_t snp_tcb_get(struct snp_tcb tcb, enum snp_tcb_layout layout, enum snp_tcb_component component);
/* Does nothing when the layout has no such component. */
void snp_tcb_set(struct snp_tcb *tcb, enum snp_tcb_layout layout, enum snp_tcb_component component, uint8_t value);

/* Whether every one of the eight bytes of `a` is at most that of `b`: holds for every layout. */
bool snp_tcb_at_most(struct snp_tcb a, struct snp_tcb b);
bool snp_tcb_equal(struct snp_tcb a, struct snp_tcb b);

/* Read as one little-endian integer: for showing, and for old policies that compare it so. */
uint64_t snp_tcb_integer(struct snp_tcb tcb);

/* As people write it: "bootloader.tee.snp.microcode", of Turin "fmc.bootloader.tee.snp.microcode". ERR_INPUT otherwise.
 */
struct err snp_tcb_read(const char *text, enum snp_tcb_layout layout, struct snp_tcb *out) MUST_CHECK;

#define SNP_TCB_TEXT_SIZE 72
/* "bootloader 3, tee 0, snp 21, microcode 209", or 16 hexadecimal digits when the layout is unknown. */
void snp_tcb_text(struct snp_tcb tcb, enum snp_tcb_layout layout, char out[SNP_TCB_TEXT_SIZE]);

#endif
