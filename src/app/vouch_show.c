/* vouch_show.c: `vouch show`: what lies in a file, or what a server shows, in plain sight. */
#include "app/vouch_command.h"
#include "app/vouch_decode.h"
#include "app/vouch_options.h"
#include "app/vouch_output.h"
#include "app/vouch_subject.h"
#include "attest/check_json.h"

#include <stdlib.h>

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
    outcome = vouch_subject_read(options.subject, options.direct_tls, options.timeout_us, &material);
    if (!failed(outcome))
        show_print(&material, options.json);
    vouch_material_release(&material);
    return failed(outcome) ? vouch_fail("show", outcome, false) : VOUCH_DONE;
}
