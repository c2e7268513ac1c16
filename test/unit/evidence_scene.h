/*
 * evidence_scene.h: for tests: a certificate that is given evidence of any format, over a report of the simulated
 * processor, and is judged.
 */
#ifndef TEST_EVIDENCE_SCENE_H
#define TEST_EVIDENCE_SCENE_H

#include "attest/verifier.h"
#include "snp/psp.h"

#define EXTENSION_MAX 16384

/* The processor, and the file with its VCEK: around all tests of a program. */
extern struct psp *scene_psp;
extern char *scene_vcek_path;
int scene_open_processor(void **state);
int scene_close_processor(void **state);

/* A certificate that is being made, and what is judged of it. */
struct scene {
    struct leaf *leaf;
    struct tls_identity *identity;
    struct policy *policy;
    struct nonces *nonces;
    struct bytes expected_nonce; /* empty: nobody asked */
    struct verdict verdict;
    struct writer extension;
    uint8_t room[EXTENSION_MAX];
    uint8_t nonce[NONCE_SIZE];
    uint8_t report[SNP_REPORT_SIZE];
};

/* Around each test. */
int scene_begin(void **state);
int scene_end(void **state);
#define IN_SCENE(test) cmocka_unit_test_setup_teardown(test, scene_begin, scene_end)

/* A policy of the top-level lines `top` and of `certificates`, lines indented by two. */
void scene_set_policy(struct scene *scene, const char *top, const char *certificates);
/* The same with the processor's VCEK at hand, which raw reports and DICE evidence do not bring. */
#define VEKS "  verify_chain: false\n  veks: [\"%s\"]\n"
void scene_set_policy_with_veks(struct scene *scene, const char *top);

void scene_make_report(struct scene *scene, const uint8_t report_data[SNP_REPORT_DATA_SIZE]);
/* A report that binds the certificate's key and a nonce (may be empty), as the raw format has it. */
void scene_make_raw(struct scene *scene, struct bytes nonce);
void scene_add_extension(struct scene *scene, enum evidence_format format, struct bytes content);

/* Signs the certificate, the first time, and fills the verdict; of a client unless said otherwise. */
void scene_judge_as(struct scene *scene, enum verify_role role);
void scene_judge(struct scene *scene);
/* NULL: there is none of this name. */
const struct check *scene_find_check(const struct scene *scene, const char *name);
void scene_assert_check(const struct scene *scene, const char *name, enum check_outcome outcome, const char *found);

#endif
