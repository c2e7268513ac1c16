#include "admin/command.h"

#include "base/mem.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- tokens ---- */

enum token_kind {
    TOKEN_END, /* of the statement: a semicolon, or the end of the text */
    TOKEN_WORD,
    TOKEN_QUOTED, /* an identifier or text in quotes: never a keyword */
    TOKEN_PARAMETER,
    TOKEN_EQUALS,
    TOKEN_BAD, /* quotes or a comment without end */
};

struct token {
    enum token_kind kind;
    const char *start; /* without the quotes */
    size_t size;
    char quote;
};

/* NULL when a comment does not end. Comments do not nest here. */
static const char *skip_blanks(const char *p)
{
    for (;;) {
        if (isspace((unsigned char)*p)) {
            p++;
        } else if (p[0] == '-' && p[1] == '-') {
            p += strcspn(p, "\n");
        } else if (p[0] == '/' && p[1] == '*') {
            p = strstr(p + 2, "*/");
            if (!p)
                return NULL;
            p += 2;
        } else {
            return p;
        }
    }
}

/* From behind the opening quote; a doubled quote stands for one. */
static const char *take_quoted(const char *p, char quote, struct token *token)
{
    token->start = p;
    token->quote = quote;
    for (; *p; p++) {
        if (*p != quote)
            continue;
        if (p[1] != quote) {
            token->kind = TOKEN_QUOTED;
            token->size = (size_t)(p - token->start);
            return p + 1;
        }
        p++;
    }
    token->kind = TOKEN_BAD;
    return p;
}

static bool is_parameter(const char *p, size_t n)
{
    return n > 1 && p[0] == '$' && strspn(p + 1, "0123456789") == n - 1;
}

/* Takes the next token and returns what follows it; a semicolon is not passed over. */
static const char *take_token(const char *p, struct token *token)
{
    *token = (struct token){.kind = TOKEN_BAD, .start = p};
    p = skip_blanks(p);
    if (!p)
        return token->start;
    *token = (struct token){.kind = TOKEN_END, .start = p};
    if (!*p || *p == ';')
        return p;
    if (*p == '\'' || *p == '"')
        return take_quoted(p + 1, *p, token);
    token->kind = TOKEN_EQUALS;
    token->size = *p == '=' ? 1 : strcspn(p, " \t\r\n\f\v;'\"=");
    if (*p != '=')
        token->kind = is_parameter(p, token->size) ? TOKEN_PARAMETER : TOKEN_WORD;
    return p + token->size;
}

static bool token_is(const struct token *token, const char *word)
{
    return token->kind == TOKEN_WORD && strlen(word) == token->size &&
           strncasecmp(token->start, word, token->size) == 0;
}

static bool token_is_of(const struct token *token, const char *const *words)
{
    for (; *words; words++)
        if (token_is(token, *words))
            return true;
    return false;
}

static char *token_text(const struct token *token)
{
    char *text = mem_alloc(token->size + 1);
    size_t used = 0;
    for (size_t i = 0; i < token->size; i++) {
        text[used++] = token->start[i];
        if (token->kind == TOKEN_QUOTED && token->start[i] == token->quote)
            i++;
    }
    return text;
}

/* ---- statements ---- */

struct parser {
    const char *begin;
    const char *p; /* behind `token` */
    struct token token;
};

static void advance(struct parser *parser)
{
    parser->p = take_token(parser->p, &parser->token);
}

static struct err invalid(const struct parser *parser)
{
    const char *begin = parser->begin;
    size_t n = strcspn(begin, ";");
    while (n > 0 && isspace((unsigned char)begin[n - 1]))
        n--;
    return err_make(ERR_INPUT, "invalid command '%.*s', use SHOW HELP;", n > 200 ? 200 : (int)n, begin);
}

/* To the end of a statement that is not looked at further. */
static struct err skip_rest(struct parser *parser)
{
    while (parser->token.kind != TOKEN_END && parser->token.kind != TOKEN_BAD)
        advance(parser);
    return parser->token.kind == TOKEN_END ? OK : invalid(parser);
}

static struct err expect_end(const struct parser *parser)
{
    return parser->token.kind == TOKEN_END ? OK : invalid(parser);
}

static struct err take_operand(struct parser *parser, struct command *out)
{
    const struct token *token = &parser->token;
    if (token->kind == TOKEN_PARAMETER) {
        unsigned long number = strtoul(token->start + 1, NULL, 10);
        if (number < 1 || number > COMMAND_PARAMETERS_MAX)
            return err_make(ERR_INPUT, "there is no parameter %.*s", token->size > 20 ? 20 : (int)token->size,
                            token->start);
        out->parameter = (unsigned)number;
    } else if (token->kind == TOKEN_WORD || token->kind == TOKEN_QUOTED) {
        out->operand = token_text(token);
    } else {
        return invalid(parser);
    }
    advance(parser);
    return OK;
}

enum needs { NEEDS_NOTHING, MAY_HAVE_OPERAND, NEEDS_DATABASE, NEEDS_ID };

static struct err check_operand(enum needs needs, bool given)
{
    if (given || needs == NEEDS_NOTHING || needs == MAY_HAVE_OPERAND)
        return OK;
    return err_make(ERR_INPUT, needs == NEEDS_DATABASE ? "a database is required" : "an id is required");
}

static struct err take_operand_if(struct parser *parser, enum needs needs, struct command *out)
{
    bool given = parser->token.kind != TOKEN_END;
    TRY(check_operand(needs, given));
    if (given && needs != NEEDS_NOTHING)
        TRY(take_operand(parser, out));
    return expect_end(parser);
}

static const struct {
    const char *word;
    enum needs needs;
} shows[SHOW_KINDS] = {
    [SHOW_HELP] = {"help", NEEDS_NOTHING},
    [SHOW_VERSION] = {"version", NEEDS_NOTHING},
    [SHOW_CONFIG] = {"config", NEEDS_NOTHING},
    [SHOW_DATABASES] = {"databases", NEEDS_NOTHING},
    [SHOW_POOLS] = {"pools", NEEDS_NOTHING},
    [SHOW_CLIENTS] = {"clients", NEEDS_NOTHING},
    [SHOW_SERVERS] = {"servers", NEEDS_NOTHING},
    [SHOW_SOCKETS] = {"sockets", NEEDS_NOTHING},
    [SHOW_ACTIVE_SOCKETS] = {"active_sockets", NEEDS_NOTHING},
    [SHOW_USERS] = {"users", NEEDS_NOTHING},
    [SHOW_PEERS] = {"peers", NEEDS_NOTHING},
    [SHOW_LISTS] = {"lists", NEEDS_NOTHING},
    [SHOW_STATS] = {"stats", NEEDS_NOTHING},
    [SHOW_STATS_TOTALS] = {"stats_totals", NEEDS_NOTHING},
    [SHOW_STATS_AVERAGES] = {"stats_averages", NEEDS_NOTHING},
    [SHOW_TOTALS] = {"totals", NEEDS_NOTHING},
    [SHOW_MEM] = {"mem", NEEDS_NOTHING},
    [SHOW_STATE] = {"state", NEEDS_NOTHING},
    [SHOW_ATTESTATIONS] = {"attestations", NEEDS_NOTHING},
    [SHOW_ATTESTATION] = {"attestation", NEEDS_ID},
    [SHOW_EVIDENCE] = {"evidence", NEEDS_NOTHING},
    [SHOW_POLICIES] = {"policies", NEEDS_NOTHING},
    [SHOW_KDS] = {"kds", NEEDS_NOTHING},
};

const char *show_kind_name(enum show_kind kind)
{
    return shows[kind].word;
}

static struct err parse_show(struct parser *parser, struct command *out)
{
    for (unsigned i = 0; i < SHOW_KINDS; i++) {
        if (!token_is(&parser->token, shows[i].word))
            continue;
        out->show = (enum show_kind)i;
        advance(parser);
        return take_operand_if(parser, shows[i].needs, out);
    }
    return invalid(parser);
}

static struct err parse_shutdown(struct parser *parser, struct command *out)
{
    if (token_is(&parser->token, "wait_for_servers"))
        out->shutdown = SHUTDOWN_WAIT_FOR_SERVERS;
    else if (token_is(&parser->token, "wait_for_clients"))
        out->shutdown = SHUTDOWN_WAIT_FOR_CLIENTS;
    else
        return expect_end(parser);
    advance(parser);
    return expect_end(parser);
}

/* Variables of a session that drivers set by themselves. None of them is a setting of ours. */
static const char *const driver_variables[] = {
    "application_name",
    "bytea_output",
    "client_encoding",
    "client_min_messages",
    "datestyle",
    "default_transaction_isolation",
    "default_transaction_read_only",
    "extra_float_digits",
    "intervalstyle",
    "lock_timeout",
    "search_path",
    "standard_conforming_strings",
    "statement_timeout",
    "timezone",
    "transaction",
    "characteristics", /* SET SESSION CHARACTERISTICS AS TRANSACTION … */
    "time",            /* SET TIME ZONE … */
    "names",
    NULL,
};

static struct err parse_set(struct parser *parser, struct command *out)
{
    if (token_is(&parser->token, "session") || token_is(&parser->token, "local"))
        advance(parser);
    if (token_is_of(&parser->token, driver_variables)) {
        out->kind = COMMAND_NOTHING;
        return skip_rest(parser);
    }
    if (parser->token.kind != TOKEN_WORD && parser->token.kind != TOKEN_QUOTED)
        return invalid(parser);
    out->name = token_text(&parser->token);
    advance(parser);
    if (parser->token.kind != TOKEN_EQUALS && !token_is(&parser->token, "to"))
        return invalid(parser);
    advance(parser);
    TRY(take_operand(parser, out));
    return expect_end(parser);
}

static struct err parse_nothing(struct parser *parser, struct command *out)
{
    (void)out;
    return skip_rest(parser);
}

/* ROLLBACK TO SAVEPOINT leaves the transaction open. */
static struct err parse_rollback(struct parser *parser, struct command *out)
{
    while (parser->token.kind != TOKEN_END && parser->token.kind != TOKEN_BAD) {
        if (token_is(&parser->token, "to"))
            out->kind = COMMAND_NOTHING;
        advance(parser);
    }
    return skip_rest(parser);
}

/* What asyncpg's pool says to a connection that it takes back. Nothing else can be selected. */
static struct err parse_select(struct parser *parser, struct command *out)
{
    (void)out;
    if (!token_is(&parser->token, "pg_advisory_unlock_all()"))
        return invalid(parser);
    advance(parser);
    return expect_end(parser);
}

static const struct statement {
    const char *word;
    enum command_kind kind;
    const char *tag;
    struct err (*parse)(struct parser *parser, struct command *out); /* NULL: an operand as `needs` says */
    enum needs needs;
} statements[] = {
    {"show", COMMAND_SHOW, "SHOW", parse_show, NEEDS_NOTHING},
    {"set", COMMAND_SET, "SET", parse_set, NEEDS_NOTHING},
    {"reload", COMMAND_RELOAD, "RELOAD", NULL, NEEDS_NOTHING},
    {"pause", COMMAND_PAUSE, "PAUSE", NULL, MAY_HAVE_OPERAND},
    {"resume", COMMAND_RESUME, "RESUME", NULL, MAY_HAVE_OPERAND},
    {"kill", COMMAND_KILL, "KILL", NULL, MAY_HAVE_OPERAND},
    {"kill_client", COMMAND_KILL_CLIENT, "KILL_CLIENT", NULL, NEEDS_ID},
    {"reconnect", COMMAND_RECONNECT, "RECONNECT", NULL, MAY_HAVE_OPERAND},
    {"wait_close", COMMAND_WAIT_CLOSE, "WAIT_CLOSE", NULL, MAY_HAVE_OPERAND},
    {"disable", COMMAND_DISABLE, "DISABLE", NULL, NEEDS_DATABASE},
    {"enable", COMMAND_ENABLE, "ENABLE", NULL, NEEDS_DATABASE},
    {"shutdown", COMMAND_SHUTDOWN, "SHUTDOWN", parse_shutdown, NEEDS_NOTHING},
    {"begin", COMMAND_BEGIN, "BEGIN", parse_nothing, NEEDS_NOTHING},
    {"start", COMMAND_BEGIN, "START TRANSACTION", parse_nothing, NEEDS_NOTHING},
    {"commit", COMMAND_END, "COMMIT", parse_nothing, NEEDS_NOTHING},
    {"end", COMMAND_END, "COMMIT", parse_nothing, NEEDS_NOTHING},
    {"rollback", COMMAND_END, "ROLLBACK", parse_rollback, NEEDS_NOTHING},
    {"abort", COMMAND_END, "ROLLBACK", parse_nothing, NEEDS_NOTHING},
    {"savepoint", COMMAND_NOTHING, "SAVEPOINT", parse_nothing, NEEDS_NOTHING},
    {"release", COMMAND_NOTHING, "RELEASE", parse_nothing, NEEDS_NOTHING},
    {"reset", COMMAND_NOTHING, "RESET", parse_nothing, NEEDS_NOTHING},
    {"discard", COMMAND_NOTHING, "DISCARD ALL", parse_nothing, NEEDS_NOTHING},
    {"deallocate", COMMAND_NOTHING, "DEALLOCATE", parse_nothing, NEEDS_NOTHING},
    {"close", COMMAND_NOTHING, "CLOSE CURSOR", parse_nothing, NEEDS_NOTHING},
    {"select", COMMAND_NOTHING, "SELECT 0", parse_select, NEEDS_NOTHING},
    {"unlisten", COMMAND_NOTHING, "UNLISTEN", parse_nothing, NEEDS_NOTHING},
};

static struct err parse_statement(struct parser *parser, struct command *out)
{
    advance(parser);
    if (parser->token.kind == TOKEN_END)
        return OK;
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
        const struct statement *statement = &statements[i];
        if (!token_is(&parser->token, statement->word))
            continue;
        out->kind = statement->kind;
        out->tag = statement->tag;
        advance(parser);
        return statement->parse ? statement->parse(parser, out) : take_operand_if(parser, statement->needs, out);
    }
    return invalid(parser);
}

struct err command_parse(const char **text, struct command *out)
{
    const char *begin = skip_blanks(*text);
    struct parser parser = {.begin = begin ? begin : *text, .p = *text};
    *out = (struct command){.kind = COMMAND_EMPTY, .tag = ""};
    struct err e = parse_statement(&parser, out);
    if (failed(e)) {
        command_release(out);
        return e;
    }
    *text = *parser.p == ';' ? parser.p + 1 : parser.p;
    return OK;
}

void command_release(struct command *command)
{
    free(command->name);
    mem_free_secret_string(command->operand);
    command->name = NULL;
    command->operand = NULL;
}

static enum needs command_needs(const struct command *command)
{
    if (command->kind == COMMAND_SHOW)
        return shows[command->show].needs;
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++)
        if (statements[i].kind == command->kind)
            return statements[i].needs;
    return NEEDS_NOTHING;
}

struct err command_bind(const struct command *command, const char *value, struct command *out)
{
    const char *operand = command->parameter > 0 ? value : command->operand;
    TRY(check_operand(command_needs(command), operand != NULL));
    if (command->kind == COMMAND_SET && !operand)
        return err_make(ERR_INPUT, "a setting cannot be NULL");
    *out = *command;
    out->parameter = 0;
    out->name = mem_string(command->name);
    out->operand = mem_string(operand);
    return OK;
}

bool command_needs_admin(const struct command *command)
{
    switch (command->kind) {
    case COMMAND_EMPTY:
    case COMMAND_SHOW:
    case COMMAND_BEGIN:
    case COMMAND_END:
    case COMMAND_NOTHING:
        return false;
    case COMMAND_SET:
    case COMMAND_RELOAD:
    case COMMAND_PAUSE:
    case COMMAND_RESUME:
    case COMMAND_KILL:
    case COMMAND_KILL_CLIENT:
    case COMMAND_RECONNECT:
    case COMMAND_WAIT_CLOSE:
    case COMMAND_DISABLE:
    case COMMAND_ENABLE:
    case COMMAND_SHUTDOWN:
        break;
    }
    return true;
}
