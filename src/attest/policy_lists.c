#include "attest/policy_lists.h"

#include "attest/policy_place.h"
#include "attest/policy_products.h"
#include "attest/small_file.h"
#include "attest/tpm_quote.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POLICY_VALUES_MAX ((size_t)10000)
#define POLICY_ARKS_MAX   64
#define TURIN_ID_SIZE     8

/* ---- formats and certificates ---- */

struct err read_formats(const struct policy_place *place, struct policy *policy, void *field)
{
    (void)field;
    if (place->node->kind != TREE_LIST || place->node->count == 0)
        return policy_expect(place, place->node, "a list of formats with at least one");
    memset(policy->formats, 0, sizeof policy->formats);
    for (size_t i = 0; i < place->node->count; i++) {
        const struct tree *node = place->node->members[i];
        enum evidence_format format = policy_is_text(node) ? evidence_format_of_word(node->text) : EVIDENCE_NONE;
        if (format == EVIDENCE_NONE)
            return policy_expect(place, node, EVIDENCE_FORMAT_WORDS);
        if (policy->formats[format])
            return policy_complain(place, node, "the same format stands twice");
        policy->formats[format] = true;
    }
    return OK;
}

static struct err trust_file(const struct policy_place *place, const struct tree *node, struct policy *policy)
{
    uint8_t *content = NULL;
    size_t size = 0;
    char *path = policy_beside(place, node->text);
    struct err e = small_file_read(path, SNP_CERTIFICATE_MAX, &content, &size);
    if (!failed(e))
        e = err_within(snp_arks_add_certificate(policy->certificates.trusted_arks, bytes_of(content, size)), "\"%s\"",
                       path);
    free(content);
    free(path);
    return failed(e) ? policy_complain(place, node, e.why) : OK;
}

static struct err trust(const struct policy_place *place, const struct tree *node, struct policy *policy)
{
    uint8_t hash[SNP_SPKI_SHA256_SIZE];
    if (!policy_is_text(node) || node->text[0] == '\0')
        return policy_expect(place, node, "the file of a root's certificate, or 64 hexadecimal digits");
    if (failed(hex_decode(node->text, hash, sizeof hash)))
        return trust_file(place, node, policy);
    snp_arks_add_spki_sha256(policy->certificates.trusted_arks, hash);
    return OK;
}

struct err read_arks(const struct policy_place *place, struct policy *policy, void *field)
{
    (void)field;
    if (place->node->kind != TREE_LIST)
        return policy_expect(place, place->node, "a list of files or hashes");
    if (place->node->count > POLICY_ARKS_MAX)
        return policy_complain(place, place->node, "there are too many roots");
    for (size_t i = 0; i < place->node->count; i++)
        TRY(trust(place, place->node->members[i], policy));
    return OK;
}

static struct err add_vek(const struct policy_place *place, const struct tree *node, struct policy *policy)
{
    uint8_t *content = NULL;
    size_t size = 0;
    if (!policy_is_text(node) || node->text[0] == '\0')
        return policy_expect(place, node, "the file of a VCEK's or VLEK's certificate");
    char *path = policy_beside(place, node->text);
    struct err e = small_file_read(path, SNP_CERTIFICATE_MAX, &content, &size);
    if (!failed(e))
        e = err_within(veks_add(policy->certificates.veks, bytes_of(content, size)), "\"%s\"", path);
    free(content);
    free(path);
    return failed(e) ? policy_complain(place, node, e.why) : OK;
}

struct err read_veks(const struct policy_place *place, struct policy *policy, void *field)
{
    (void)field;
    if (place->node->kind != TREE_LIST)
        return policy_expect(place, place->node, "a list of files");
    for (size_t i = 0; i < place->node->count; i++)
        TRY(add_vek(place, place->node->members[i], policy));
    return OK;
}

/* ---- words ---- */

/* The words of the key, for an error: "milan, genoa or turin". */
static void list_words(const struct snp_bit *bits, char *out, size_t size)
{
    size_t used = 0;
    for (; bits->name && used < size; bits++) {
        const char *before = used == 0 ? "" : bits[1].name ? ", " : " or ";
        int n = snprintf(out + used, size - used, "%s%s", before, bits->name);
        used += n > 0 ? (size_t)n : 0;
    }
}

static struct err read_word(const struct policy_place *place, const struct tree *node, uint64_t *mask)
{
    char expected[ERR_WHY_SIZE];
    for (const struct snp_bit *bit = place->key->bits; bit->name && policy_is_text(node); bit++) {
        if (strcmp(bit->name, node->text) != 0)
            continue;
        if (bit_is_set(*mask, bit->bit))
            return policy_complain(place, node, "the same word stands twice");
        *mask |= UINT64_C(1) << bit->bit;
        return OK;
    }
    list_words(place->key->bits, expected, sizeof expected);
    return policy_expect(place, node, expected);
}

struct err read_words(const struct policy_place *place, struct policy *policy, void *field)
{
    (void)policy;
    if (place->node->kind != TREE_LIST || place->node->count == 0)
        return policy_expect(place, place->node, "a list with at least one word");
    for (size_t i = 0; i < place->node->count; i++)
        TRY(read_word(place, place->node->members[i], field));
    return OK;
}

#define TORN                                                                                                           \
    "a report does not tell siena from bergamo, so one without the other would let nobody in: name both, or genoa "    \
    "for "                                                                                                             \
    "the whole line"

struct err read_products(const struct policy_place *place, struct policy *policy, void *field)
{
    TRY(read_words(place, policy, field));
    return policy_products_are_torn(*(uint64_t *)field) ? policy_complain(place, place->node, TORN) : OK;
}

struct err read_texts(const struct policy_place *place, struct policy *policy, void *field)
{
    struct policy_texts *texts = field;
    (void)policy;
    if (place->node->kind != TREE_LIST || place->node->count == 0)
        return policy_expect(place, place->node, "a list with at least one name");
    if (place->node->count > POLICY_VALUES_MAX)
        return policy_complain(place, place->node, "there are too many names");
    texts->texts = NEW_ARRAY(char *, place->node->count);
    for (size_t i = 0; i < place->node->count; i++) {
        const struct tree *node = place->node->members[i];
        if (!policy_is_word(node))
            return policy_expect(place, node, "a name of up to 64 printable characters");
        texts->texts[texts->count++] = mem_string(node->text);
    }
    return OK;
}

/* ---- values ---- */

/* `narrow`: another width that is read, with zeros behind it; 0: none. */
static struct err read_hex(const struct policy_place *place, const struct tree *node, size_t narrow, uint8_t *out)
{
    char expected[64];
    size_t width = place->key->width;
    if (policy_is_text(node) && !failed(hex_decode(node->text, out, width)))
        return OK;
    if (narrow > 0 && policy_is_text(node) && !failed(hex_decode(node->text, out, narrow))) {
        memset(out + narrow, 0, width - narrow);
        return OK;
    }
    snprintf(expected, sizeof expected, narrow > 0 ? "%zu or %zu hexadecimal digits" : "%zu hexadecimal digits",
             2 * width, 2 * narrow);
    return policy_expect(place, node, expected);
}

static struct err read_hexes(const struct policy_place *place, size_t narrow, struct policy_values *values)
{
    const struct tree *list = place->node;
    if (list->kind != TREE_LIST || list->count == 0)
        return policy_expect(place, list, "a list with at least one value");
    if (list->count > POLICY_VALUES_MAX)
        return policy_complain(place, list, "there are too many values");
    values->bytes = mem_alloc_array(place->key->width, list->count);
    for (size_t i = 0; i < list->count; i++)
        TRY(read_hex(place, list->members[i], narrow, values->bytes + values->count++ * place->key->width));
    return OK;
}

struct err read_values(const struct policy_place *place, struct policy *policy, void *field)
{
    (void)policy;
    return read_hexes(place, 0, field);
}

struct err read_chips(const struct policy_place *place, struct policy *policy, void *field)
{
    (void)policy;
    return read_hexes(place, TURIN_ID_SIZE, field);
}

/* ---- maps ---- */

struct err read_exact(const struct policy_place *place, struct policy *policy, void *field)
{
    struct policy_word *word = field;
    const struct tree *map = place->node;
    const char *expected = "mask and value, both of them numbers";
    (void)policy;
    if (map->kind != TREE_MAP)
        return policy_expect(place, map, expected);
    const struct tree *mask = tree_find(map, "mask");
    const struct tree *value = tree_find(map, "value");
    for (size_t i = 0; i < map->count; i++)
        if (map->members[i] != mask && map->members[i] != value)
            return policy_expect_key(place, map->members[i], expected);
    if (!mask || !value)
        return policy_expect(place, map, expected);
    TRY(policy_take_whole(place, mask, UINT64_MAX, &word->mask));
    TRY(policy_take_whole(place, value, UINT64_MAX, &word->value));
    if (word->mask == 0)
        return policy_complain(place, mask, "mask: no bit is set, so nothing would be asked");
    if (word->value & ~word->mask)
        return policy_complain(place, value, "value: a bit is set that the mask leaves out");
    word->given = true;
    return OK;
}

static bool pcr_of_key(const char *key, unsigned *out)
{
    size_t digits = strspn(key, "0123456789");
    if (digits == 0 || digits > 2 || key[digits] != '\0' || (digits == 2 && key[0] == '0'))
        return false;
    *out = digits == 1 ? (unsigned)(key[0] - '0') : (unsigned)((key[0] - '0') * 10 + key[1] - '0');
    return *out < TPM_PCRS;
}

static struct err read_pcr(const struct policy_place *place, const struct tree *node, unsigned number,
                           struct policy_pcrs *pcrs)
{
    struct policy_pcr pcr = {.number = number};
    if (!policy_is_text(node) || failed(hex_decode(node->text, pcr.value, sizeof pcr.value)))
        return policy_expect(place, node, "64 hexadecimal digits, or a list of such values");
    pcrs->allowed = mem_resize(pcrs->allowed, (pcrs->count + 1) * sizeof pcr);
    pcrs->allowed[pcrs->count++] = pcr;
    return OK;
}

/* As many as the tree may have nodes. */
struct err read_pcrs(const struct policy_place *place, struct policy *policy, void *field)
{
    const struct tree *map = place->node;
    (void)policy;
    if (map->kind != TREE_MAP || map->count == 0)
        return policy_expect(place, map, "a map of numbers of PCRs to their values");
    for (size_t i = 0; i < map->count; i++) {
        const struct tree *values = map->members[i];
        unsigned number;
        if (!pcr_of_key(values->key, &number))
            return policy_expect_key(place, values, "the number of a PCR, 0 to 23");
        if (values->kind != TREE_LIST)
            TRY(read_pcr(place, values, number, field));
        else if (values->count == 0)
            return policy_expect(place, values, "at least one value");
        for (size_t j = 0; values->kind == TREE_LIST && j < values->count; j++)
            TRY(read_pcr(place, values->members[j], number, field));
    }
    return OK;
}

static struct err read_component(const struct policy_place *place, const struct tree *node, int product,
                                 struct snp_tcb *least)
{
    enum snp_tcb_layout layout = snp_product_tcb_layout(policy_product_line(product));
    for (int i = 0; i < SNP_TCB_COMPONENTS; i++) {
        enum snp_tcb_component component = (enum snp_tcb_component)i;
        uint64_t value = 0;
        if (strcmp(node->key, snp_tcb_component_name(component)) != 0 || snp_tcb_index(layout, component) < 0)
            continue;
        TRY(policy_take_whole(place, node, UINT8_MAX, &value));
        snp_tcb_set(least, layout, component, (uint8_t)value);
        return OK;
    }
    return policy_expect_key(place, node,
                             product == SNP_PRODUCT_TURIN ? "fmc, bootloader, tee, snp or microcode"
                                                          : "bootloader, tee, snp or microcode");
}

static int product_of_key(const char *key)
{
    for (const struct snp_bit *product = policy_product_words; product->name; product++)
        if (strcmp(product->name, key) == 0)
            return (int)product->bit;
    return SNP_PRODUCT_UNKNOWN;
}

struct err read_tcb(const struct policy_place *place, struct policy *policy, void *field)
{
    struct policy_tcb *tcb = field;
    const struct tree *map = place->node;
    (void)policy;
    if (map->kind != TREE_MAP || map->count == 0)
        return policy_expect(place, map,
                             "a map of products, with at least one of milan, genoa, siena, bergamo and "
                             "turin");
    for (size_t i = 0; i < map->count; i++) {
        const struct tree *components = map->members[i];
        int product = product_of_key(components->key);
        if (product == SNP_PRODUCT_UNKNOWN)
            return policy_expect_key(place, components, "milan, genoa, siena, bergamo or turin");
        if (components->kind != TREE_MAP)
            return policy_expect(place, components, "a map of components");
        tcb->names |= UINT64_C(1) << product;
        for (size_t j = 0; j < components->count; j++)
            TRY(read_component(place, components->members[j], product, &tcb->least[product]));
    }
    tcb->given = true;
    return policy_products_are_torn(tcb->names) ? policy_complain(place, map, TORN) : OK;
}
