/* vouch_kds.c: `vouch kds fetch`: what AMD's KDS has, into a cache or into files. */
#include "app/vouch_certify.h"
#include "app/vouch_command.h"
#include "app/vouch_decode.h"
#include "app/vouch_material.h"
#include "app/vouch_options.h"
#include "app/vouch_output.h"
#include "base/mem.h"
#include "snp/kds_check.h"

#include <errno.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <sys/stat.h>

struct fetching {
    const struct vouch_kds_options *options;
    struct kds *kds;
    enum snp_product product;
    enum snp_vek_kind family;
    struct snp_kds_item vceks[SNP_KDS_CANDIDATES]; /* the report's, the likeliest first */
    size_t vcek_count;                             /* 0: no VCEK is wanted */
    json_t *items;
};

/* ---- what is wanted ---- */

static struct err fetch_read_product(struct fetching *f)
{
    f->product = snp_product_of_word(f->options->product);
    if (f->product == SNP_PRODUCT_UNKNOWN)
        return err_make(ERR_INPUT, "--product \"%.80s\": expected milan, genoa or turin", f->options->product);
    return OK;
}

/* Of a report by itself, or of what carries one: a certificate, a CMW, ... */
static struct err fetch_find_report(const struct vouch_material *material, struct snp_report *out)
{
    if (material->kind == MATERIAL_CERTIFICATE && !material->has_evidence)
        return material->evidence_problem;
    if (material->report.n == 0)
        return err_make(ERR_INPUT, "a %s has no report: give one, or a certificate, CMW or EAT that carries it",
                        material_kind_name(material->kind));
    return snp_report_parse(material->report, out);
}

static struct err fetch_read_report(struct fetching *f)
{
    struct vouch_material material;
    struct snp_report report;
    struct err outcome = vouch_material_read(f->options->report, &material);
    if (!failed(outcome))
        outcome = err_within(fetch_find_report(&material, &report), "\"%.100s\"", f->options->report);
    if (!failed(outcome))
        outcome = snp_kds_of_report(&report, f->product, f->vceks, &f->vcek_count);
    vouch_material_release(&material);
    return outcome;
}

static struct err fetch_read_chip(struct fetching *f)
{
    uint8_t hwid[SNP_CHIP_ID_SIZE] = {0};
    struct snp_tcb tcb;
    TRY(err_within(hex_decode(f->options->hwid, hwid, snp_product_chip_id_size(f->product)), "--hwid"));
    TRY(err_within(snp_tcb_read(f->options->tcb, snp_product_tcb_layout(f->product), &tcb), "--tcb"));
    f->vceks[f->vcek_count++] = snp_kds_vcek(f->product, hwid, tcb);
    return OK;
}

static struct err fetch_prepare(struct fetching *f)
{
    f->family = f->options->vlek ? SNP_VEK_VLEK : SNP_VEK_VCEK;
    if (f->options->product)
        TRY(fetch_read_product(f));
    if (f->options->report)
        TRY(fetch_read_report(f));
    if (f->options->hwid)
        TRY(fetch_read_chip(f));
    if (f->options->out && mkdir(f->options->out, 0777) < 0 && errno != EEXIST)
        return err_system("cannot make \"%.200s\"", f->options->out);
    return vouch_kds_open(&f->options->settings, NULL, &f->kds);
}

/* ---- what has come ---- */

static struct err fetch_save(const struct fetching *f, const char *name, struct bytes content)
{
    char *path = mem_format("%s/%s", f->options->out, name);
    struct err outcome = vouch_save(path, content);
    free(path);
    return outcome;
}

static struct err fetch_save_chain(const struct fetching *f, struct bytes content)
{
    struct snp_kds_authorities parts;
    TRY(snp_kds_chain_read(content, &parts));
    TRY(fetch_save(f, f->family == SNP_VEK_VLEK ? "asvk.pem" : "ask.pem", parts.intermediate));
    return fetch_save(f, "ark.pem", parts.ark);
}

static struct err fetch_save_item(const struct fetching *f, const struct snp_kds_item *item, struct bytes content)
{
    if (!f->options->out)
        return OK;
    switch (item->kind) {
    case SNP_KDS_VCEK:
        return fetch_save(f, "vcek.der", content);
    case SNP_KDS_CHAIN:
        return fetch_save_chain(f, content);
    case SNP_KDS_CRL:
        return fetch_save(f, "crl.der", content);
    }
    return OK;
}

static void fetch_tell(struct fetching *f, const struct snp_kds_item *item, struct bytes content, bool fetched)
{
    uint8_t sha256[SHA256_DIGEST_LENGTH];
    char name[SNP_KDS_NAME_SIZE], path[SNP_KDS_PATH_SIZE];
    SHA256(content.p, content.n, sha256);
    snp_kds_name(item, name);
    snp_kds_path(item, path);
    json_array_append_new(f->items,
                          json_pack("{s:s, s:s, s:s, s:s, s:I, s:o}", "kind", snp_kds_kind_name(item->kind), "product",
                                    snp_product_name(item->product), "path", path, "from", fetched ? "kds" : "cache",
                                    "size", (json_int_t)content.n, "sha256", vouch_decode_hex(BYTES(sha256))));
    if (!f->options->json)
        printf("%-6s %s (%zu bytes, from %s)\n", snp_kds_kind_name(item->kind), name, content.n,
               fetched ? "KDS" : "the cache");
}

static struct err fetch_item(struct fetching *f, const struct snp_kds_item *item)
{
    uint8_t *content = NULL;
    size_t size = 0;
    bool fetched = false;
    TRY(kds_get(f->kds, item, &content, &size, &fetched));
    struct err outcome = fetch_save_item(f, item, bytes_of(content, size));
    if (!failed(outcome))
        fetch_tell(f, item, bytes_of(content, size), fetched);
    free(content);
    return outcome;
}

/* A VCEK is checked by its chain, and so that comes first; where it cannot be had, AMD's own authorities have to do. */
static struct err fetch_vcek(struct fetching *f, const struct snp_kds_item *item)
{
    const struct snp_kds_item chain = snp_kds_chain(item->product, SNP_VEK_VCEK);
    uint8_t *content = NULL;
    size_t size = 0;
    if (!failed(kds_get(f->kds, &chain, &content, &size, NULL)))
        free(content);
    TRY(fetch_item(f, item));
    f->product = item->product;
    return OK;
}

static struct err fetch_all(struct fetching *f)
{
    struct err outcome = OK;
    for (size_t i = 0; i < f->vcek_count; i++) {
        outcome = fetch_vcek(f, &f->vceks[i]);
        if (!failed(outcome))
            break;
    }
    TRY(outcome);
    const struct snp_kds_item chain = snp_kds_chain(f->product, f->family), crl = snp_kds_crl(f->product, f->family);
    if (f->options->chain)
        TRY(fetch_item(f, &chain));
    return f->options->crl ? fetch_item(f, &crl) : OK;
}

static enum vouch_exit fetch_run(const struct vouch_kds_options *options)
{
    struct fetching f = {.options = options, .items = json_array()};
    struct err outcome = fetch_prepare(&f);
    if (!failed(outcome))
        outcome = fetch_all(&f);
    if (!failed(outcome) && options->json) {
        json_t *all = json_pack("{s:O}", "items", f.items);
        json_dumpf(all, stdout, JSON_INDENT(2));
        putchar('\n');
        json_decref(all);
    }
    json_decref(f.items);
    kds_free(f.kds);
    return failed(outcome) ? vouch_fail("kds", outcome, false) : VOUCH_DONE;
}

enum vouch_exit vouch_kds(int argc, char **argv)
{
    struct vouch_kds_options options;
    enum vouch_exit status = VOUCH_DONE;
    struct err outcome = vouch_kds_options_read(argc, argv, &options);
    if (failed(outcome))
        status = vouch_fail("kds", outcome, true);
    else if (options.help)
        fputs(vouch_kds_usage, stdout);
    else
        status = fetch_run(&options);
    vouch_kds_options_release(&options);
    return status;
}
