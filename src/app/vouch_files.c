#include "app/vouch_files.h"

#include "attest/small_file.h"
#include "snp/crl.h"
#include "snp/kds_check.h"

#include <stdlib.h>

static struct err files_read_one(const char *flag, const char *path, uint8_t **content, struct bytes *out)
{
    size_t size = 0;
    if (!path)
        return OK;
    TRY(err_within(small_file_read(path, MATERIAL_MAX, content, &size), "%s", flag));
    if (size == 0)
        return err_make(ERR_INPUT, "%s: \"%.100s\" is empty", flag, path);
    *out = bytes_of(*content, size);
    return OK;
}

static bool files_is_root(struct bytes pem)
{
    X509 *certificate = NULL;
    bool is_root = !failed(snp_certificate_parse(pem, &certificate)) &&
                   X509_NAME_cmp(X509_get_issuer_name(certificate), X509_get_subject_name(certificate)) == 0;
    X509_free(certificate);
    return is_root;
}

/* Two certificates are a chain, in KDS's order or the other one; anything else has to be one certificate. */
static void files_take_authorities(struct bytes ask, struct snp_evidence *evidence)
{
    struct snp_kds_authorities parts;
    evidence->intermediate = ask;
    if (failed(snp_kds_chain_read(ask, &parts)))
        return;
    bool is_reversed = files_is_root(parts.intermediate);
    evidence->intermediate = is_reversed ? parts.ark : parts.intermediate;
    evidence->ark = is_reversed ? parts.intermediate : parts.ark;
}

static struct err files_take_table(const char *path, struct vouch_material *table, struct snp_evidence *evidence)
{
    TRY(err_within(vouch_material_read(path, table), "--certs"));
    if (table->kind != MATERIAL_TABLE)
        return err_make(ERR_INPUT, "--certs: \"%.100s\" is no table of certificates, but of the kind \"%s\"", path,
                        material_kind_name(table->kind));
    snp_evidence_take_table(evidence, &table->table);
    return OK;
}

struct err vouch_files_read(const struct vouch_files *files, struct vouch_contents *contents,
                            struct snp_evidence *evidence)
{
    struct bytes ask = BYTES_NONE;
    if (files->certs)
        return files_take_table(files->certs, &contents->table, evidence);
    TRY(files_read_one("--vek", files->vek, &contents->file[0], &evidence->vek));
    TRY(files_read_one("--vcek", files->vcek, &contents->file[1], &evidence->vcek));
    TRY(files_read_one("--vlek", files->vlek, &contents->file[2], &evidence->vlek));
    TRY(files_read_one("--ask", files->ask, &contents->file[3], &ask));
    if (ask.n > 0)
        files_take_authorities(ask, evidence);
    return files_read_one("--ark", files->ark, &contents->file[4], &evidence->ark);
}

/* A slip in a file is told from a list that says no. */
struct err vouch_files_read_crl(const struct vouch_files *files, struct vouch_contents *contents, struct bytes *out)
{
    struct snp_crl *crl = NULL;
    if (!files->crl)
        return OK;
    TRY(files_read_one("--crl", files->crl, &contents->crl, out));
    TRY(err_within(snp_crl_parse(*out, &crl), "--crl"));
    snp_crl_free(crl);
    return OK;
}

void vouch_contents_release(struct vouch_contents *contents)
{
    for (size_t i = 0; i < VOUCH_FILES_MAX; i++)
        free(contents->file[i]);
    vouch_material_release(&contents->table);
    free(contents->crl);
    *contents = (struct vouch_contents){0};
}

/* ---- --ark ---- */

static struct bytes files_vek(const struct snp_evidence *evidence)
{
    if (evidence->vek.n > 0)
        return evidence->vek;
    return evidence->vcek.n > 0 ? evidence->vcek : evidence->vlek;
}

/* The intermediate that is given, or else AMD's of the VEK's issuer; NULL when neither is known, or either is wrong:
 * the verdict says that. */
static X509 *files_intermediate(const struct snp_evidence *evidence)
{
    X509 *found = NULL, *certificate = NULL;
    struct snp_vek vek;
    if (evidence->intermediate.n > 0)
        return failed(snp_certificate_parse(evidence->intermediate, &found)) ? NULL : found;
    if (!failed(snp_certificate_parse(files_vek(evidence), &certificate)) && !failed(snp_vek_read(certificate, &vek)))
        found = snp_amd_intermediate(vek.issuer_product, vek.kind);
    if (found)
        X509_up_ref(found);
    X509_free(certificate);
    return found;
}

static struct err ark_fits(const char *path, X509 *ark, X509 *intermediate, const struct policy *policy)
{
    uint8_t hash[SNP_SPKI_SHA256_SIZE];
    TRY(snp_ark_check(ark));
    snp_spki_sha256(ark, hash);
    if (intermediate && !snp_certificate_is_signed_by(intermediate, X509_get0_pubkey(ark)))
        return err_make(ERR_INPUT, "\"%.100s\" is not the root that signed the ASK or ASVK", path);
    if (!intermediate && !snp_amd_ark_is_pinned(hash) &&
        !snp_arks_trust(policy ? policy->certificates.trusted_arks : NULL, hash))
        return err_make(ERR_INPUT, "\"%.100s\" is neither AMD's root nor one of the policy's trusted_arks", path);
    return OK;
}

struct err vouch_files_check_ark(const struct vouch_files *files, const struct snp_evidence *evidence,
                                 const struct policy *policy)
{
    X509 *ark = NULL;
    if (!files->ark)
        return OK;
    TRY(err_within(snp_certificate_parse(evidence->ark, &ark), "--ark"));
    X509 *intermediate = files_intermediate(evidence);
    struct err outcome = err_within(ark_fits(files->ark, ark, intermediate, policy), "--ark");
    X509_free(intermediate);
    X509_free(ark);
    return outcome;
}
