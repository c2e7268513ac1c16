/* vouch_show.c: `vouch show`: what lies in a file, or what a server shows, in plain sight. */
#include "app/vouch_address.h"
#include "app/vouch_command.h"
#include "app/vouch_decode.h"
#include "app/vouch_options.h"
#include "app/vouch_output.h"
#include "attest/check_json.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct err show_dial(const struct vouch_show_options *options, struct vouch_material *material)
{
    struct vouch_server server;
    char *host = NULL;
    int port;
    TRY(vouch_address_read(options->subject, &host, &port));
    const struct vouch_target target = {
        .host = host, .port = port, .direct_tls = options->direct_tls, .timeout_us = options->timeout_us};
    struct err outcome = vouch_dial(&target, &server);
    if (!failed(outcome)) {
        vouch_material_of_server(&server, material);
        vouch_server_release(&server);
    }
    free(host);
    return outcome;
}

/* A name with a colon that is no file is a server: a slip in a file's name should not wait for the network. */
static struct err show_read(const struct vouch_show_options *options, struct vouch_material *material)
{
    *material = (struct vouch_material){0};
    if (access(options->subject, F_OK) == 0)
        return vouch_material_read(options->subject, material);
    if (!strchr(options->subject, ':') || strchr(options->subject, '/'))
        return err_system("\"%.100s\"", options->subject);
    return show_dial(options, material);
}

static void show_print(const struct vouch_material *material, bool as_json)
{
    json_t *tree = vouch_decode(material);
    if (as_json) {
        char *text = json_line(tree);
        puts(text);
        free(text);
        return;
    }
    vouch_decode_print(tree, stdout);
    json_decref(tree);
    fputs("Decoded, not verified.\n", stdout);
}

enum vouch_exit vouch_show(int argc, char **argv)
{
    struct vouch_show_options options;
    struct vouch_material material;
    struct err outcome = vouch_show_options_read(argc, argv, &options);
    if (failed(outcome))
        return vouch_fail("show", outcome, true);
    if (options.help) {
        fputs(vouch_show_usage, stdout);
        return VOUCH_DONE;
    }
    outcome = show_read(&options, &material);
    if (!failed(outcome))
        show_print(&material, options.json);
    vouch_material_release(&material);
    return failed(outcome) ? vouch_fail("show", outcome, false) : VOUCH_DONE;
}
