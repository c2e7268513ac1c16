#include "attester_scene.h"

#include "base/clock.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>
#include <event2/event.h>

#define PATIENCE_US (30 * US_PER_SECOND)

const uint8_t scene_digest[SHA384_SIZE] = "the digest of a configuration";
const uint8_t scene_other_digest[SHA384_SIZE] = "the digest of another configuration";

static void scene_lose_patience(void *arg)
{
    (void)arg;
    fail_msg("what was waited for did not happen");
}

static void scene_note_renewal(void *ctx, struct tls_identity *identity)
{
    struct scene *scene = ctx;
    tls_identity_release(scene->renewed);
    scene->renewed = tls_identity_keep(identity);
    scene->renewals++;
    scene->done = true;
}

static void scene_note_change(void *ctx)
{
    ((struct scene *)ctx)->changes++;
}
static const struct attester_ops scene_ops = {.renewed = scene_note_renewal, .changed = scene_note_change};

static void scene_look(void *arg)
{
    struct scene *scene = arg;
    struct attester_state state;
    attester_read_state(scene->attester, &state);
    if (state.failures >= scene->failures_wanted)
        scene->done = true;
    else
        timer_start(scene->look, 5 * US_PER_MS);
}

struct config *scene_config(const char *settings)
{
    /* Most tests renew faster than any device is to be asked. */
    char *text = mem_format("[pgvouch]\nattest_report_rate = 0\n%s\n", settings);
    struct config *config = NULL;
    struct err outcome = config_parse("test.ini", bytes_of_string(text), &config);
    if (failed(outcome))
        fail_msg("%s", outcome.why);
    free(text);
    return config;
}

void scene_open(struct scene *scene)
{
    *scene = (struct scene){0};
    provider_stand_in_reset();
    assert_false(failed(loop_new(&scene->loop)));
    scene->patience = timer_new(scene->loop, scene_lose_patience, scene);
    scene->look = timer_new(scene->loop, scene_look, scene);
    loop_stop(scene->loop);
}

struct err scene_start(struct scene *scene, const char *settings)
{
    struct config *config = scene_config(settings);
    struct err outcome =
        attester_start(config, scene_digest, NULL, NULL, scene->loop, &scene_ops, scene, &scene->attester);
    if (!failed(outcome) && failed(outcome = attester_make_first(scene->attester, -1))) {
        attester_stop(scene->attester);
        scene->attester = NULL;
    }
    config_unref(config);
    return outcome;
}

void scene_begin(struct scene *scene, const char *settings)
{
    scene_open(scene);
    struct err outcome = scene_start(scene, settings);
    if (failed(outcome))
        fail_msg("%s", outcome.why);
}

struct err scene_adopt(struct scene *scene, const char *settings)
{
    struct config *config = scene_config(settings);
    struct err outcome = attester_adopt(scene->attester, config, scene_other_digest);
    config_unref(config);
    return outcome;
}

/* A loop that has been told to stop ends its turn and no more. */
void scene_run(struct scene *scene)
{
    timer_start(scene->patience, PATIENCE_US);
    for (scene->done = false; !scene->done; loop_run(scene->loop))
        event_base_loop(loop_base(scene->loop), EVLOOP_ONCE);
    timer_stop(scene->patience);
}

void scene_await_failures(struct scene *scene, unsigned wanted)
{
    scene->failures_wanted = wanted;
    timer_start(scene->look, 0);
    scene_run(scene);
}

void scene_close(struct scene *scene)
{
    attester_stop(scene->attester);
    tls_identity_release(scene->renewed);
    timer_free(scene->look);
    timer_free(scene->patience);
    loop_free(scene->loop);
    assert_int_equal(provider_stand_in.freed, provider_stand_in.opened);
}

X509 *scene_leaf(const struct scene *scene)
{
    return tls_identity_certificate(attester_identity(scene->attester));
}

void scene_check_evidence(const struct scene *scene, const uint8_t *expected_digest)
{
    struct certificate certificate;
    struct evidence evidence;
    uint8_t issuer_spki[SHA384_SIZE], report_data[SNP_REPORT_DATA_SIZE];
    struct tls_identity *identity = attester_identity(scene->attester);
    assert_false(failed(certificate_read(scene_leaf(scene), &certificate)));
    assert_false(failed(evidence_find(scene_leaf(scene), NULL, &evidence)));
    X509 *issuer = certificate_find_issuer(scene_leaf(scene), tls_identity_chain(identity));
    assert_non_null(issuer);
    assert_false(failed(certificate_spki_sha384(issuer, issuer_spki)));
    assert_false(failed(evidence_report_data(&evidence, &certificate, issuer_spki, report_data)));
    assert_memory_equal(evidence.report.p + 0x50, report_data, sizeof report_data);
    assert_true(bytes_equal(evidence.bind.config_digest, bytes_of(expected_digest, SHA384_SIZE)));
    assert_int_equal(evidence.bind.nonce.n, 0);
    certificate_release(&certificate);
}
