/*
 * attester_scene.h: for tests: a loop with an attester on it, whose provider is the stand-in.
 */
#ifndef TEST_ATTESTER_SCENE_H
#define TEST_ATTESTER_SCENE_H

#include "attest/attester.h"
#include "provider_stand_in.h"

/* Of the configuration that an attester starts with, and of those that it adopts. */
extern const uint8_t scene_digest[SHA384_SIZE], scene_other_digest[SHA384_SIZE];

/* A loop with an attester on it. */
struct scene {
    struct loop *loop;
    struct timer *patience;
    struct attester *attester;
    struct tls_identity *renewed; /* what the last callback showed; kept */
    unsigned renewals;
    unsigned changes;
    unsigned failures_wanted; /* done when the state says so many */
    bool done;
    struct timer *look;
};

/* A configuration of these settings; the caller's. */
struct config *scene_config(const char *settings);
/* A scene without an attester; scene_start gives it one, scene_begin does both and fails the test when it cannot. */
void scene_open(struct scene *scene);
struct err scene_start(struct scene *scene, const char *settings);
void scene_begin(struct scene *scene, const char *settings);
struct err scene_adopt(struct scene *scene, const char *settings);
/* Turns of the loop until a callback says done. */
void scene_run(struct scene *scene);
/* The same until the attester has failed so often since its last success. */
void scene_await_failures(struct scene *scene, unsigned wanted);
void scene_close(struct scene *scene);

/* The attester's, until it is renewed. */
X509 *scene_leaf(const struct scene *scene);
/* The leaf carries a report over what it says, its issuer and this digest. */
void scene_check_evidence(const struct scene *scene, const uint8_t *expected_digest);

#endif
