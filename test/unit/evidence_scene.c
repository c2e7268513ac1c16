#include "evidence_scene.h"

#include "base/clock.h"
#include "base/mem.h"
#include "simulated.h"
#include "tls_pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MEASUREMENT "measurements:\n  mode: disabled\nguest:\n  mode: disabled\n"

static char *directory;
struct psp *scene_psp;
char *scene_vcek_path;

int scene_open_processor(void **state)
{
    (void)state;
    struct psp_identity identity;
    directory = pair_make_directory();
    psp_identity_default(SNP_PRODUCT_MILAN, &identity);
    if (failed(psp_open(directory, &identity, &scene_psp)))
        return -1;
    scene_vcek_path = mem_format("%s/vcek.der", directory);
    FILE *file = fopen(scene_vcek_path, "w");
    if (!file)
        return -1;
    struct bytes vcek = psp_vcek(scene_psp);
    bool written = fwrite(vcek.p, 1, vcek.n, file) == vcek.n;
    return fclose(file) == 0 && written ? 0 : -1;
}

int scene_close_processor(void **state)
{
    (void)state;
    psp_free(scene_psp);
    free(scene_vcek_path);
    pair_remove_directory(directory);
    return 0;
}

int scene_begin(void **state)
{
    struct scene *scene = NEW(struct scene);
    int64_t now_s = clock_wall_us() / US_PER_SECOND;
    struct leaf_spec spec = {
        .common_name = "client", .not_before_s = now_s - 60, .not_after_s = now_s + 3600, .for_client = true};
    verdict_init(&scene->verdict);
    scene->extension = writer_over(scene->room, sizeof scene->room);
    if (failed(leaf_draft(&spec, NULL, &scene->leaf)) || failed(nonces_new(16, &scene->nonces)) ||
        failed(nonces_issue(scene->nonces, clock_boot_us(), scene->nonce, NULL)))
        return -1;
    *state = scene;
    return 0;
}

int scene_end(void **state)
{
    struct scene *scene = *state;
    verdict_release(&scene->verdict);
    policy_drop(scene->policy);
    nonces_free(scene->nonces);
    tls_identity_release(scene->identity);
    leaf_free(scene->leaf);
    free(scene);
    return 0;
}

void scene_set_policy(struct scene *scene, const char *top, const char *certificates)
{
    scene->policy = simulated_policy(directory, top, MEASUREMENT, certificates);
}

void scene_make_report(struct scene *scene, const uint8_t report_data[SNP_REPORT_DATA_SIZE])
{
    assert_false(failed(psp_report(scene_psp, report_data, 0, scene->report)));
}

void scene_add_extension(struct scene *scene, enum evidence_format format, struct bytes content)
{
    assert_false(failed(leaf_add_extension(scene->leaf, evidence_format_oid(format), content)));
}

void scene_judge_as(struct scene *scene, enum verify_role role)
{
    if (!scene->identity)
        assert_false(failed(leaf_sign(scene->leaf, &scene->identity)));
    verdict_release(&scene->verdict);
    verdict_init(&scene->verdict);
    struct verify_request request = {.role = role,
                                     .certificate = tls_identity_certificate(scene->identity),
                                     .is_tls13 = true,
                                     .policy = scene->policy,
                                     .nonces = scene->nonces,
                                     .nonces_now_us = clock_boot_us(),
                                     .expected_nonce = scene->expected_nonce,
                                     .now_us = clock_wall_us()};
    verify_certificate(&request, &scene->verdict);
}

void scene_judge(struct scene *scene)
{
    scene_judge_as(scene, VERIFY_CLIENT);
}

const struct check *scene_find_check(const struct scene *scene, const char *name)
{
    for (size_t i = 0; i < scene->verdict.checks.count; i++)
        if (strcmp(scene->verdict.checks.checks[i].name, name) == 0)
            return &scene->verdict.checks.checks[i];
    return NULL;
}

void scene_assert_check(const struct scene *scene, const char *name, enum check_outcome outcome, const char *found)
{
    const struct check *check = scene_find_check(scene, name);
    if (!check)
        fail_msg("there is no check %s", name);
    else if (check->outcome != outcome || !strstr(check->found, found))
        fail_msg("%s: outcome %d, found \"%s\"", name, check->outcome, check->found);
}

void scene_make_raw(struct scene *scene, struct bytes nonce)
{
    uint8_t report_data[SNP_REPORT_DATA_SIZE];
    assert_false(failed(evidence_raw_report_data(leaf_facts(scene->leaf)->spki, nonce, report_data)));
    scene_make_report(scene, report_data);
}

void scene_set_policy_with_veks(struct scene *scene, const char *top)
{
    char *certificates = mem_format(VEKS, scene_vcek_path);
    scene_set_policy(scene, top, certificates);
    free(certificates);
}
