#include "app/vouch_subject.h"

#include "app/vouch_address.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct err subject_dial(const char *subject, bool direct_tls, int64_t timeout_us,
                               struct vouch_material *material)
{
    struct vouch_server server;
    char *host = NULL;
    int port;
    TRY(vouch_address_read(subject, &host, &port));
    const struct vouch_target target = {.host = host, .port = port, .direct_tls = direct_tls, .timeout_us = timeout_us};
    struct err outcome = vouch_dial(&target, &server);
    if (!failed(outcome)) {
        vouch_material_of_server(&server, material);
        vouch_server_release(&server);
    }
    free(host);
    return outcome;
}

struct err vouch_subject_read(const char *subject, bool direct_tls, int64_t timeout_us, struct vouch_material *out)
{
    *out = (struct vouch_material){0};
    if (access(subject, F_OK) == 0)
        return vouch_material_read(subject, out);
    if (!strchr(subject, ':') || strchr(subject, '/'))
        return err_system("\"%.100s\"", subject);
    return subject_dial(subject, direct_tls, timeout_us, out);
}
