#include "app/vouch_output.h"

#include "attest/verifier.h"

#include <errno.h>
#include <fcntl.h>
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

static struct err output_write(int fd, struct bytes b)
{
    while (b.n > 0) {
        ssize_t n = write(fd, b.p, b.n);
        if (n < 0 && errno != EINTR)
            return err_system("write");
        if (n > 0)
            b = bytes_of(b.p + n, b.n - (size_t)n);
    }
    return OK;
}

struct err vouch_save(const char *path, struct bytes content)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return err_system("cannot write \"%.100s\"", path);
    struct err outcome = output_write(fd, content);
    if (close(fd) < 0 && !failed(outcome))
        outcome = err_system("close");
    return err_within(outcome, "\"%.100s\"", path);
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

static void output_word(bool colour, FILE *out, const char *style, int width, const char *word)
{
    if (colour)
        fprintf(out, "%s%-*s%s", style, width, word, STYLE_END);
    else
        fprintf(out, "%-*s", width, word);
}

static void output_check(bool colour, FILE *out, const struct check *check, int name_width)
{
    static const int word_width = sizeof "skipped" - 1;
    fputs("  ", out);
    output_word(colour, out, output_style(check->outcome), word_width, check_outcome_name(check->outcome));
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

void vouch_output_checks(const struct checklist *checks, bool colour, FILE *out)
{
    int name_width = output_name_width(checks);
    for (size_t i = 0; i < checks->count; i++)
        output_check(colour, out, &checks->checks[i], name_width);
}

static void output_remarks(const struct vouch_output *output, FILE *out)
{
    if (output->server && !output->identity_was_checked)
        fputs("Identity was not checked: without --ca this says what runs there, not whose server it is.\n", out);
    if (checklist_find(&output->verdict->checks, VERIFY_CHECK_POLICY))
        fputs("No policy was given: an allow says that a genuine processor of AMD's signed this, not that the right "
              "guest "
              "runs there.\n",
              out);
    if (output->verdict->facts.root == SNP_ROOT_EXTRA)
        fputs("The evidence stands on a root that the policy adds to AMD's. If that is a simulated processor's, it "
              "protects nothing.\n",
              out);
}

static void output_heading(const struct vouch_output *output, FILE *out)
{
    const struct verdict *verdict = output->verdict;
    fputs(output->server ? "server   " : "file     ", out);
    vouch_print_escaped(out, output->server ? output->host : output->file);
    if (output->server)
        fprintf(out, " port %d, %s, %s", output->port, output->server->version, output->server->cipher);
    fputs("\npolicy   ", out);
    vouch_print_escaped(out, *verdict->policy ? verdict->policy : "none");
    if (*verdict->policy_version) {
        fputs(", version ", out);
        vouch_print_escaped(out, verdict->policy_version);
    }
    fputc('\n', out);
}

void vouch_output_print(const struct vouch_output *output, FILE *out)
{
    const struct verdict *verdict = output->verdict;
    if (output->json) {
        char *json = verdict_json(verdict);
        fprintf(out, "%s\n", json);
        free(json);
        return;
    }
    output_heading(output, out);
    vouch_output_checks(&verdict->checks, output->colour, out);
    fputs("verdict  ", out);
    output_word(output->colour, out, output_verdict_style(verdict->kind), 0, verdict_kind_name(verdict->kind));
    fputc('\n', out);
    if (*verdict->reason) {
        fputs("reason   ", out);
        vouch_print_escaped(out, verdict->reason);
        fputc('\n', out);
    }
    output_remarks(output, out);
}
