#include "attest/policy_products.h"

#define BIT(product) (UINT64_C(1) << (product))
#define DENSE        (BIT(POLICY_PRODUCT_SIENA) | BIT(POLICY_PRODUCT_BERGAMO))

const struct snp_bit policy_product_words[] = {
    {SNP_PRODUCT_MILAN, "milan"},        {SNP_PRODUCT_GENOA, "genoa"}, {POLICY_PRODUCT_SIENA, "siena"},
    {POLICY_PRODUCT_BERGAMO, "bergamo"}, {SNP_PRODUCT_TURIN, "turin"}, {0, NULL},
};

static bool names_its_product(const struct snp_report *report)
{
    return report->version > SNP_REPORT_VERSION_MIN;
}

static bool is_dense(const struct snp_report *report)
{
    return names_its_product(report) && snp_product_is_siena_or_bergamo(report->cpuid_family, report->cpuid_model);
}

uint64_t policy_products_of(const struct snp_facts *facts)
{
    if (facts->product == SNP_PRODUCT_UNKNOWN)
        return 0;
    if (facts->product != SNP_PRODUCT_GENOA)
        return BIT(facts->product);
    if (is_dense(&facts->report))
        return DENSE;
    return BIT(SNP_PRODUCT_GENOA) | (names_its_product(&facts->report) ? 0 : DENSE);
}

const char *policy_products_text(const struct snp_facts *facts)
{
    if (facts->product != SNP_PRODUCT_GENOA)
        return snp_product_name(facts->product);
    if (is_dense(&facts->report))
        return "Siena or Bergamo";
    return names_its_product(&facts->report) ? "Genoa" : "Genoa, Siena or Bergamo";
}

static uint64_t with_lines(uint64_t list)
{
    return bit_is_set(list, SNP_PRODUCT_GENOA) ? list | DENSE : list;
}

bool policy_products_cover(uint64_t list, uint64_t products)
{
    return products != 0 && (products & ~with_lines(list)) == 0;
}

bool policy_products_touch(uint64_t list, uint64_t products)
{
    return (products & with_lines(list)) != 0;
}

bool policy_products_has_line(uint64_t list, enum snp_product line)
{
    uint64_t of_line = BIT(line) | (line == SNP_PRODUCT_GENOA ? DENSE : 0);
    return list == 0 || (list & of_line) != 0;
}

int policy_products_minimum(const struct policy_tcb *tcb, int product)
{
    if (bit_is_set(tcb->names, (unsigned)product))
        return product;
    int line = (int)policy_product_line(product);
    return bit_is_set(tcb->names, (unsigned)line) ? line : -1;
}

bool policy_products_are_torn(uint64_t list)
{
    return !bit_is_set(list, SNP_PRODUCT_GENOA) && (list & DENSE) != 0 && (list & DENSE) != DENSE;
}

enum snp_product policy_product_line(int product)
{
    return product < SNP_PRODUCT_COUNT ? (enum snp_product)product : SNP_PRODUCT_GENOA;
}

const char *policy_product_name(int product)
{
    if (product == POLICY_PRODUCT_SIENA)
        return "Siena";
    return product == POLICY_PRODUCT_BERGAMO ? "Bergamo" : snp_product_name(policy_product_line(product));
}
