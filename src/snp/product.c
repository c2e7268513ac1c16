#include "snp/product.h"

#include <string.h>
#include <strings.h>

#define CPUID_FAMILY_ZEN3_4 0x19
#define CPUID_FAMILY_ZEN5   0x1A
#define FIRST_DENSE_MODEL   0xA0 /* of Siena and Bergamo */

struct product_facts {
    const char *name;
    enum snp_tcb_layout layout;
    size_t chip_id_size;
    uint8_t family, model, stepping; /* of a representative part */
};

static const struct product_facts products[SNP_PRODUCT_COUNT] = {
    [SNP_PRODUCT_UNKNOWN] = {"unknown", SNP_TCB_LAYOUT_UNKNOWN, 0, 0, 0, 0},
    [SNP_PRODUCT_MILAN] = {"Milan", SNP_TCB_LAYOUT_MILAN, 64, CPUID_FAMILY_ZEN3_4, 0x01, 1},
    [SNP_PRODUCT_GENOA] = {"Genoa", SNP_TCB_LAYOUT_MILAN, 64, CPUID_FAMILY_ZEN3_4, 0x11, 1},
    [SNP_PRODUCT_TURIN] = {"Turin", SNP_TCB_LAYOUT_TURIN, 8, CPUID_FAMILY_ZEN5, 0x02, 1},
};

/* Models by CPUID; bounds are inclusive. */
static const struct model_range {
    uint8_t family, first, last;
    enum snp_product product;
    const char *name;
} model_ranges[] = {
    {CPUID_FAMILY_ZEN3_4, 0x00, 0x0F, SNP_PRODUCT_MILAN, "Milan"},
    {CPUID_FAMILY_ZEN3_4, 0x10, 0x1F, SNP_PRODUCT_GENOA, "Genoa"},
    {CPUID_FAMILY_ZEN3_4, FIRST_DENSE_MODEL, 0xAF, SNP_PRODUCT_GENOA, "Siena or Bergamo"},
    {CPUID_FAMILY_ZEN5, 0x00, 0x11, SNP_PRODUCT_TURIN, "Turin"},
};

static const struct product_facts *product_facts_of(enum snp_product product)
{
    return &products[product < SNP_PRODUCT_COUNT ? product : SNP_PRODUCT_UNKNOWN];
}

static const struct model_range *product_range_of(uint8_t family, uint8_t model)
{
    for (size_t i = 0; i < sizeof(model_ranges) / sizeof(model_ranges[0]); i++)
        if (family == model_ranges[i].family && model >= model_ranges[i].first && model <= model_ranges[i].last)
            return &model_ranges[i];
    return NULL;
}

/* The line of exactly this name. */
static enum snp_product product_of_name(struct bytes name)
{
    for (int i = SNP_PRODUCT_UNKNOWN + 1; i < SNP_PRODUCT_COUNT; i++)
        if (bytes_equal(name, bytes_of_string(products[i].name)))
            return (enum snp_product)i;
    return SNP_PRODUCT_UNKNOWN;
}

const char *snp_product_name(enum snp_product product)
{
    return product_facts_of(product)->name;
}

enum snp_product snp_product_of_word(const char *word)
{
    if (strcasecmp(word, "Siena") == 0 || strcasecmp(word, "Bergamo") == 0)
        return SNP_PRODUCT_GENOA;
    for (int i = SNP_PRODUCT_UNKNOWN + 1; i < SNP_PRODUCT_COUNT; i++)
        if (strcasecmp(word, products[i].name) == 0)
            return (enum snp_product)i;
    return SNP_PRODUCT_UNKNOWN;
}

enum snp_product snp_product_of_cpuid(uint8_t family, uint8_t model)
{
    const struct model_range *range = product_range_of(family, model);
    return range ? range->product : SNP_PRODUCT_UNKNOWN;
}

void snp_product_cpuid(enum snp_product product, uint8_t *family, uint8_t *model, uint8_t *stepping)
{
    const struct product_facts *facts = product_facts_of(product);
    *family = facts->family;
    *model = facts->model;
    *stepping = facts->stepping;
}

bool snp_product_is_siena_or_bergamo(uint8_t family, uint8_t model)
{
    return snp_product_of_cpuid(family, model) == SNP_PRODUCT_GENOA && model >= FIRST_DENSE_MODEL;
}

const char *snp_product_of_cpuid_name(uint8_t family, uint8_t model)
{
    const struct model_range *range = product_range_of(family, model);
    return range ? range->name : "unknown";
}

enum snp_product snp_product_of_extension(struct bytes text)
{
    const uint8_t *dash = text.n > 0 ? memchr(text.p, '-', text.n) : NULL;
    if (!dash)
        return product_of_name(text);
    if (dash + 1 == text.p + text.n)
        return SNP_PRODUCT_UNKNOWN;
    return product_of_name(bytes_of(text.p, (size_t)(dash - text.p)));
}

enum snp_product snp_product_of_common_name(const char *name, const char *prefix)
{
    size_t size = strlen(prefix);
    if (strncmp(name, prefix, size) != 0)
        return SNP_PRODUCT_UNKNOWN;
    return product_of_name(bytes_of_string(name + size));
}

enum snp_tcb_layout snp_product_tcb_layout(enum snp_product product)
{
    return product_facts_of(product)->layout;
}

size_t snp_product_chip_id_size(enum snp_product product)
{
    return product_facts_of(product)->chip_id_size;
}
