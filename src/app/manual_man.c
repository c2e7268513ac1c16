/* manual_man.c: doc/pgvouch.ini.5, in the macros of man(7). */
#include "app/manual.h"

#include <ctype.h>
#include <stdlib.h>

static const char head[] =
    ".\\\" Written by settings-manual from include/config/settings.def and entries.def: change those, then run\n"
    ".\\\" make update-docs.\n"
    ".TH PGVOUCH.INI 5 \"\" \"pgvouch\" \"File Formats\"\n"
    ".SH NAME\n"
    "pgvouch.ini \\- configuration of pgvouch\n"
    ".SH DESCRIPTION\n"
    "The configuration of\n"
    ".BR pgvouch (8).\n"
    "Names and defaults of settings that PgBouncer has are PgBouncer's.\n"
    "What belongs to the configuration digest is bound by the daemon's evidence.\n";

static const char tail[] = ".SH FILES\n"
                           ".TP\n"
                           ".I /etc/pgvouch/pgvouch.ini\n"
                           "The usual place. An example with every setting is among the documentation's examples.\n"
                           ".SH SEE ALSO\n"
                           ".BR pgvouch (8),\n"
                           ".BR vouch (1)\n";

/* A letter as troff prints it: nothing is a request, a hyphen can be copied, quotes stay what they are. */
static void write_letter(char letter, FILE *out)
{
    switch (letter) {
    case '-':
        fputs("\\-", out);
        break;
    case '\\':
        fputs("\\e", out);
        break;
    case '\'':
        fputs("\\(aq", out);
        break;
    case '.':
        fputs("\\&.", out);
        break;
    case '^':
        fputs("\\(ha", out);
        break;
    case '~':
        fputs("\\(ti", out);
        break;
    default:
        fputc(letter, out);
        break;
    }
}

static void write_plain(const char *text, FILE *out)
{
    for (; *text; text++)
        write_letter(*text, out);
}

/* Backquotes become bold, stars italics. */
static void write_prose(const char *text, FILE *out)
{
    bool bold = false;
    bool italic = false;
    for (; *text; text++) {
        if (*text == '`') {
            bold = !bold;
            fputs(bold ? "\\fB" : "\\fR", out);
        } else if (*text == '*' && !bold) {
            italic = !italic;
            fputs(italic ? "\\fI" : "\\fR", out);
        } else {
            write_letter(*text, out);
        }
    }
    fputc('\n', out);
}

static void write_title(const char *title, FILE *out)
{
    fputs(".SH \"", out);
    for (; *title; title++)
        write_letter((char)toupper((unsigned char)*title), out);
    fputs("\"\n", out);
}

static void write_paragraphs(const struct manual_paragraph *paragraph, FILE *out)
{
    for (; paragraph->text; paragraph++) {
        if (paragraph->language) {
            fputs(".PP\n.RS 4\n.nf\n", out);
            write_plain(paragraph->text, out);
            fputs("\n.fi\n.RE\n", out);
        } else {
            fputs(".PP\n", out);
            write_prose(paragraph->text, out);
        }
    }
}

static void write_chapters(const struct manual_chapter *chapter, FILE *out)
{
    for (; chapter->title; chapter++) {
        write_title(chapter->title, out);
        write_paragraphs(chapter->paragraphs, out);
    }
}

static void write_term(const char *name, const char *type, FILE *out)
{
    fputs(".TP\n\\fB", out);
    write_plain(name, out);
    fputs("\\fR (", out);
    write_plain(type, out);
}

static void write_setting(const struct setting *setting, FILE *out)
{
    if (setting->alias_of) {
        fprintf(out, ".TP\n\\fB%s\\fR\nAnother name of \\fB%s\\fR.\n", setting->name, setting->alias_of);
        return;
    }
    char *type = manual_type(setting);
    const char *flags = manual_flags(setting);
    write_term(setting->name, type, out);
    if (*setting->default_text) {
        fputs("; default \\fB", out);
        write_plain(setting->default_text, out);
        fputs("\\fR", out);
    }
    fputs(")\n", out);
    write_plain(setting->doc, out);
    if (*flags)
        fprintf(out, "\n%s", flags);
    fputc('\n', out);
    free(type);
}

static void write_settings(FILE *out)
{
    for (size_t i = 0; i < setting_count(); i++) {
        const struct setting *setting = setting_at(i);
        if (setting->type != SETTING_TYPE_GROUP) {
            write_setting(setting, out);
            continue;
        }
        fprintf(out, ".SS \"%s\"\n", setting->name);
        if (*setting->doc)
            write_prose(setting->doc, out);
    }
}

static void write_keys(const struct entry_kind *kind, FILE *out)
{
    for (size_t i = 0; i < kind->key_count; i++) {
        char *type = manual_key_type(&kind->keys[i]);
        write_term(kind->keys[i].name, type, out);
        fputs(")\n", out);
        write_plain(kind->keys[i].doc, out);
        fputc('\n', out);
        free(type);
    }
}

void manual_write_man(FILE *out)
{
    fputs(head, out);
    write_chapters(manual_before, out);
    for (const struct manual_section *section = manual_sections; section->title; section++) {
        write_title(section->title, out);
        write_paragraphs(section->paragraphs, out);
        if (section->kind)
            write_keys(section->kind, out);
    }
    fputs(".SH [PGVOUCH]\n", out);
    write_settings(out);
    write_chapters(manual_after, out);
    fputs(tail, out);
}
