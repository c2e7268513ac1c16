/* manual_example.c: etc/pgvouch.ini. */
#include "app/manual.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#define LINE_WIDTH 100

static const char head[] =
    "; pgvouch.ini: an attested pooler in front of one database, and below it every setting with its default.\n"
    ";\n"
    "; Written by settings-manual from include/config/settings.def: in the source tree change that, then run\n"
    "; make update-docs. What the settings mean at length: man 5 pgvouch.ini.\n"
    "\n"
    "[databases]\n"
    "; What clients ask for = where it is.\n"
    "app = host=127.0.0.1 port=5432 dbname=app\n"
    "\n"
    "[policies]\n"
    "; What HBA lines call it (attest=strict) = its file.\n"
    "strict = /etc/pgvouch/policy.yaml\n"
    "\n"
    "[pgvouch]\n"
    "listen_addr = 127.0.0.1\n"
    "listen_port = 6432\n"
    "unix_socket_dir = /run/pgvouch\n"
    "pool_mode = session\n"
    "\n"
    "auth_type = hba\n"
    "auth_hba_file = /etc/pgvouch/hba.conf\n"
    "auth_file = /etc/pgvouch/userlist.txt\n"
    "admin_users = dba\n"
    "stats_users = monitor\n"
    "\n"
    "; Evidence needs TLS 1.3.\n"
    "client_tls_sslmode = require\n"
    "client_tls_protocols = tlsv1.3\n"
    "\n"
    "; Without a processor that attests, pgvouch then refuses to start. To try it anywhere:\n"
    "; attest_provider = simulated, which protects nothing.\n"
    "attest_provider = auto\n"
    "attest_required = 1\n"
    "attest_ca_file = /var/lib/pgvouch/ca.pem\n"
    "attest_state_dir = /var/lib/pgvouch\n"
    "attest_log = /var/log/pgvouch/attest.log\n"
    "\n"
    "; Clients fetch nonces for their evidence here: /api/v1/nonce.\n"
    "http_listen = 127.0.0.1:8432\n"
    "\n"
    "logfile = /var/log/pgvouch/pgvouch.log\n"
    "\n"
    "\n"
    "; Every setting, with its default. A line set above counts unless one is set here, too.\n";

/* Comment lines of at most LINE_WIDTH characters. */
static void write_wrapped(const char *text, FILE *out)
{
    size_t column = 0;
    while (*text) {
        size_t word = strcspn(text, " ");
        if (column > 0 && column + 1 + word > LINE_WIDTH) {
            fputc('\n', out);
            column = 0;
        }
        column += (size_t)fprintf(out, "%s%.*s", column > 0 ? " " : "; ", (int)word, text);
        text += word + (text[word] == ' ');
    }
    fputc('\n', out);
}

static char *describe(const struct setting *setting)
{
    char *type = manual_type(setting);
    const char *flags = manual_flags(setting);
    char *text = mem_format("%s%s%s (%s)", setting->doc, *flags ? " " : "", flags, type);
    free(type);
    return text;
}

static void write_setting(const struct setting *setting, FILE *out)
{
    if (setting->alias_of)
        return;
    char *text = describe(setting);
    fputc('\n', out);
    write_wrapped(text, out);
    fprintf(out, ";%s =%s%s\n", setting->name, *setting->default_text ? " " : "", setting->default_text);
    free(text);
}

void manual_write_example(FILE *out)
{
    fputs(head, out);
    for (size_t i = 0; i < setting_count(); i++) {
        const struct setting *setting = setting_at(i);
        if (setting->type == SETTING_TYPE_GROUP) {
            fprintf(out, "\n\n; ---- %s ----\n", setting->name);
            if (*setting->doc)
                write_wrapped(setting->doc, out);
        } else {
            write_setting(setting, out);
        }
    }
}
