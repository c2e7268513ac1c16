#include "snp/tcb.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Byte of each component, one more than its index, so that what is not named is 0: absent. */
static const uint8_t component_places[][SNP_TCB_COMPONENTS] = {
    [SNP_TCB_LAYOUT_UNKNOWN] = {0},
    [SNP_TCB_LAYOUT_MILAN] = {[SNP_TCB_BOOTLOADER] = 1, [SNP_TCB_TEE] = 2, [SNP_TCB_SNP] = 7, [SNP_TCB_MICROCODE] = 8},
    [SNP_TCB_LAYOUT_TURIN] =
        {[SNP_TCB_FMC] = 1, [SNP_TCB_BOOTLOADER] = 2, [SNP_TCB_TEE] = 3, [SNP_TCB_SNP] = 4, [SNP_TCB_MICROCODE] = 8},
};

const char *snp_tcb_component_name(enum snp_tcb_component component)
{
    switch (component) {
    case SNP_TCB_FMC:
        return "fmc";
    case SNP_TCB_BOOTLOADER:
        return "bootloader";
    case SNP_TCB_TEE:
        return "tee";
    case SNP_TCB_SNP:
        return "snp";
    case SNP_TCB_MICROCODE:
        return "microcode";
    case SNP_TCB_COMPONENTS:
        break;
    }
    return "unknown";
}

int snp_tcb_index(enum snp_tcb_layout layout, enum snp_tcb_component component)
{
    if (layout > SNP_TCB_LAYOUT_TURIN || component >= SNP_TCB_COMPONENTS)
        return -1;
    return component_places[layout][component] - 1;
}

uint8_t snp_tcb_get(struct snp_tcb tcb, enum snp_tcb_layout layout, enum snp_tcb_component component)
{
    int index = snp_tcb_index(layout, component);
    return index < 0 ? 0 : tcb.bytes[index];
}

void snp_tcb_set(struct snp_tcb *tcb, enum snp_tcb_layout layout, enum snp_tcb_component component, uint8_t value)
{
    int index = snp_tcb_index(layout, component);
    if (index >= 0)
        tcb->bytes[index] = value;
}

struct err snp_tcb_read(const char *text, enum snp_tcb_layout layout, struct snp_tcb *out)
{
    static const enum snp_tcb_component order[] = {SNP_TCB_FMC, SNP_TCB_BOOTLOADER, SNP_TCB_TEE, SNP_TCB_SNP,
                                                   SNP_TCB_MICROCODE};
    const size_t end = sizeof order / sizeof order[0];
    size_t first = snp_tcb_index(layout, SNP_TCB_FMC) < 0 ? 1 : 0;
    struct snp_tcb tcb = {{0}};
    for (size_t i = first; i < end; i++) {
        char *rest = NULL;
        unsigned long value = *text >= '0' && *text <= '9' ? strtoul(text, &rest, 10) : UINT8_MAX + 1UL;
        if (value > UINT8_MAX || *rest != (i + 1 < end ? '.' : '\0'))
            return err_make(ERR_INPUT, "a TCB must be %zu numbers below 256 with dots between", end - first);
        snp_tcb_set(&tcb, layout, order[i], (uint8_t)value);
        text = rest + 1;
    }
    *out = tcb;
    return OK;
}

bool snp_tcb_at_most(struct snp_tcb a, struct snp_tcb b)
{
    for (size_t i = 0; i < sizeof(a.bytes); i++)
        if (a.bytes[i] > b.bytes[i])
            return false;
    return true;
}

bool snp_tcb_equal(struct snp_tcb a, struct snp_tcb b)
{
    return memcmp(a.bytes, b.bytes, sizeof(a.bytes)) == 0;
}

uint64_t snp_tcb_integer(struct snp_tcb tcb)
{
    uint64_t value = 0;
    for (size_t i = sizeof(tcb.bytes); i-- > 0;)
        value = value << 8 | tcb.bytes[i];
    return value;
}

void snp_tcb_text(struct snp_tcb tcb, enum snp_tcb_layout layout, char out[SNP_TCB_TEXT_SIZE])
{
    if (layout == SNP_TCB_LAYOUT_UNKNOWN) {
        snprintf(out, SNP_TCB_TEXT_SIZE, "%016llx", (unsigned long long)snp_tcb_integer(tcb));
        return;
    }
    size_t used = 0;
    out[0] = '\0';
    for (int i = 0; i < SNP_TCB_COMPONENTS; i++) {
        enum snp_tcb_component component = (enum snp_tcb_component)i;
        if (snp_tcb_index(layout, component) < 0)
            continue;
        int n = snprintf(out + used, SNP_TCB_TEXT_SIZE - used, "%s%s %u", used > 0 ? ", " : "",
                         snp_tcb_component_name(component), snp_tcb_get(tcb, layout, component));
        if (n < 0 || (size_t)n >= SNP_TCB_TEXT_SIZE - used)
            return;
        used += (size_t)n;
    }
}
