/* manual_markdown.c: doc/configuration.md. */
#include "app/manual.h"

#include <stdlib.h>

static const char head[] =
    "# Configuration\n\n"
    "<!-- Written by settings-manual from include/config/settings.def and entries.def: change those, then\n"
    "     run make update-docs. -->\n\n"
    "Everything that may stand in `pgvouch.ini`. The same is in `man 5 pgvouch.ini`, and every setting with its "
    "default in\n"
    "[etc/pgvouch.ini](../etc/pgvouch.ini). How a daemon is set up is in [operations.md](operations.md), policies are "
    "in\n"
    "[attestation.md](attestation.md).\n\n"
    "Names and defaults of settings that PgBouncer has are PgBouncer's. What belongs to the *configuration digest* is "
    "bound\n"
    "by the daemon's evidence: see [attestation.md](attestation.md).\n";

static void write_paragraphs(const struct manual_paragraph *paragraph, FILE *out)
{
    for (; paragraph->text; paragraph++) {
        if (paragraph->language)
            fprintf(out, "\n```%s\n%s\n```\n", paragraph->language, paragraph->text);
        else
            fprintf(out, "\n%s\n", paragraph->text);
    }
}

static void write_chapters(const struct manual_chapter *chapter, FILE *out)
{
    for (; chapter->title; chapter++) {
        fprintf(out, "\n## %s\n", chapter->title);
        write_paragraphs(chapter->paragraphs, out);
    }
}

/* `<empty>` is a value, not HTML. */
static void write_prose(const char *text, FILE *out)
{
    for (; *text; text++) {
        if (*text == '<' || *text == '*' || *text == '_')
            fputc('\\', out);
        fputc(*text, out);
    }
}

static void write_alias(const struct setting *setting, FILE *out)
{
    fprintf(out, "\n#### %s\n\nAnother name of `%s`.\n", setting->name, setting->alias_of);
}

static void write_setting(const struct setting *setting, FILE *out)
{
    if (setting->alias_of) {
        write_alias(setting, out);
        return;
    }
    char *type = manual_type(setting);
    const char *flags = manual_flags(setting);
    fprintf(out, "\n#### %s\n\n", setting->name);
    write_prose(setting->doc, out);
    if (*flags)
        fprintf(out, " %s", flags);
    if (*setting->default_text)
        fprintf(out, "\n\n*%s; default:* `%s`\n", type, setting->default_text);
    else
        fprintf(out, "\n\n*%s; default: empty*\n", type);
    free(type);
}

static void write_settings(FILE *out)
{
    fputs("\n## [pgvouch]\n\nAll other settings, by chapter.\n", out);
    for (size_t i = 0; i < setting_count(); i++) {
        const struct setting *setting = setting_at(i);
        if (setting->type != SETTING_TYPE_GROUP) {
            write_setting(setting, out);
            continue;
        }
        fprintf(out, "\n### %s\n", setting->name);
        if (*setting->doc)
            fprintf(out, "\n%s\n", setting->doc);
    }
}

static void write_keys(const struct entry_kind *kind, FILE *out)
{
    fputs("\n| key | value | |\n|---|---|---|\n", out);
    for (size_t i = 0; i < kind->key_count; i++) {
        const struct entry_key *key = &kind->keys[i];
        char *type = manual_key_type(key);
        fprintf(out, "| `%s` | %s | ", key->name, type);
        write_prose(key->doc, out);
        fputs(" |\n", out);
        free(type);
    }
}

void manual_write_markdown(FILE *out)
{
    fputs(head, out);
    write_chapters(manual_before, out);
    for (const struct manual_section *section = manual_sections; section->title; section++) {
        fprintf(out, "\n## %s\n", section->title);
        write_paragraphs(section->paragraphs, out);
        if (section->kind)
            write_keys(section->kind, out);
    }
    write_settings(out);
    write_chapters(manual_after, out);
}
