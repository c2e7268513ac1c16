#include "app/vouch_output.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STYLE_NONE  ""
#define STYLE_BAD   "\033[1;31m"
#define STYLE_DOUBT "\033[33m"
#define STYLE_GOOD  "\033[32m"
#define STYLE_FAINT "\033[2m"
#define STYLE_END   "\033[0m"

/* 0x80 to 0x9f are the C1 controls, alone or behind 0xc2 (UTF-8); behind any other byte they continue a character. */
static bool output_is_c1(unsigned char c)
{
    return c >= 0x80 && c < 0xa0;
}

void vouch_print_escaped(FILE *out, const char *text)
{
    unsigned char before = 0;
    for (const unsigned char *p = (const unsigned char *)text; *p; before = *p++) {
        bool is_c0 = *p < 0x20 || *p == 0x7f;
        bool begins_c1 = *p == 0xc2 && output_is_c1(p[1]);
        if (is_c0 || begins_c1 || (output_is_c1(*p) && (before < 0x80 || before == 0xc2)))
            fprintf(out, "\\x%02x", *p);
        else
            fputc(*p, out);
    }
}

bool vouch_wants_colour(FILE *out)
{
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    return isatty(fileno(out)) && !(no_color && *no_color) && term && strcmp(term, "dumb") != 0;
}

static const char *output_style(enum check_outcome outcome)
{
    switch (outcome) {
    case CHECK_PASS:
        return STYLE_GOOD;
    case CHECK_WARN:
        return STYLE_DOUBT;
    case CHECK_FAIL:
        return STYLE_BAD;
    case CHECK_SKIPPED:
        return STYLE_FAINT;
    }
    return STYLE_NONE;
}

static const char *output_verdict_style(enum verdict_kind kind)
{
    switch (kind) {
    case VERDICT_DENY:
        return STYLE_BAD;
    case VERDICT_WARN:
        return STYLE_DOUBT;
    case VERDICT_ALLOW:
        return STYLE_GOOD;
    }
    return STYLE_NONE;
}

static int output_name_width(const struct checklist *checks)
{
    size_t width = 0;
    for (size_t i = 0; i < checks->count; i++) {
        size_t size = strlen(checks->checks[i].name);
        width = size > width ? size : width;
    }
    return (int)width;
}

static void output_word(const struct vouch_output *output, FILE *out, const char *style, int width, const char *word)
{
    if (output->colour)
        fprintf(out, "%s%-*s%s", style, width, word, STYLE_END);
    else
        fprintf(out, "%-*s", width, word);
}

static void output_check(const struct vouch_output *output, FILE *out, const struct check *check, int name_width)
{
    static const int word_width = sizeof "skipped" - 1;
    fputs("  ", out);
    output_word(output, out, output_style(check->outcome), word_width, check_outcome_name(check->outcome));
    fprintf(out, "  %-*s  ", name_width, check->name);
    bool unmet = check->outcome == CHECK_FAIL || check->outcome == CHECK_WARN;
    vouch_print_escaped(out, *check->found || unmet ? check->found : check->expected);
    fputc('\n', out);
    if (unmet && *check->expected) {
        fprintf(out, "  %*s  %*s  expected: ", word_width, "", name_width, "");
        vouch_print_escaped(out, check->expected);
        fputc('\n', out);
    }
}

static void output_remarks(const struct vouch_output *output, FILE *out)
{
    if (!output->identity_was_checked)
        fputs("Identity was not checked: without --ca this says what runs there, not whose server it is.\n", out);
    if (output->verdict->facts.root == SNP_ROOT_EXTRA)
        fputs("The evidence stands on a root that the policy adds to AMD's. If that is a simulated processor's, it "
              "protects nothing.\n",
              out);
}

void vouch_output_print(const struct vouch_output *output, FILE *out)
{
    const struct verdict *verdict = output->verdict;
    int name_width = output_name_width(&verdict->checks);
    fputs("server   ", out);
    vouch_print_escaped(out, output->host);
    fprintf(out, " port %d, %s, %s\n", output->port, output->server->version, output->server->cipher);
    fputs("policy   ", out);
    vouch_print_escaped(out, verdict->policy);
    if (*verdict->policy_version) {
        fputs(", version ", out);
        vouch_print_escaped(out, verdict->policy_version);
    }
    fputc('\n', out);
    for (size_t i = 0; i < verdict->checks.count; i++)
        output_check(output, out, &verdict->checks.checks[i], name_width);
    fputs("verdict  ", out);
    output_word(output, out, output_verdict_style(verdict->kind), 0, verdict_kind_name(verdict->kind));
    fputc('\n', out);
    if (*verdict->reason) {
        fputs("reason   ", out);
        vouch_print_escaped(out, verdict->reason);
        fputc('\n', out);
    }
    output_remarks(output, out);
}
