/* What decides about logins, read whole; and what clients may say at startup. */
#include "gate/rules.h"
#include "gate/startup_parameters.h"
#include "wire/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <strings.h>

#include <cmocka.h>

#include "expect.h"

static struct err rules_of(const char *text, struct rules **out)
{
    struct config *config = NULL;
    expect_ok(config_parse("x.ini", bytes_of_string(text), &config));
    struct err e = rules_load(config, out);
    config_unref(config); /* the rules hold their own */
    return e;
}

struct scene {
    char *directory;
    char *hba;
    char *ident;
    char *users;
};

static int begin(void **state)
{
    struct scene *scene = NEW(struct scene);
    scene->directory = scratch_make();
    scene->hba = scratch_file(scene->directory, "hba", "local all all trust\n");
    scene->ident = scratch_file(scene->directory, "ident", "m alice a\n");
    scene->users = scratch_file(scene->directory, "users", "\"alice\" \"a\"\n");
    *state = scene;
    return 0;
}

static int end(void **state)
{
    struct scene *scene = *state;
    free(scene->hba);
    free(scene->ident);
    free(scene->users);
    scratch_remove(scene->directory);
    free(scene);
    return 0;
}

/* Rules with all three files, in which one has this text. */
static struct err rules_with(const struct scene *scene, const char *name, const char *text, struct rules **out)
{
    free(scratch_file(scene->directory, name, text));
    char *ini = mem_format("[pgvouch]\nauth_type = hba\nauth_hba_file = %s\nauth_ident_file = %s\nauth_file = %s\n",
                           scene->hba, scene->ident, scene->users);
    struct err e = rules_of(ini, out);
    free(ini);
    return e;
}

/* ---- rules ---- */

static void test_all_files_are_read(void **state)
{
    struct rules *rules = NULL;
    expect_ok(rules_with(*state, "hba", "local all all peer map=m\n", &rules));
    assert_non_null(userlist_find(rules->users, "alice"));
    assert_true(ident_has_map(rules->ident, "m"));
    assert_non_null(rules->hba);
    assert_ptr_equal(rules_ref(rules), rules);
    rules_drop(rules);
    assert_non_null(userlist_find(rules->users, "alice"));
    rules_drop(rules);
    rules_drop(NULL);
}

static void test_errors_name_setting_file_and_line(void **state)
{
    static const struct {
        const char *file, *text;
        enum err_code code;
        const char *why, *place;
    } bad[] = {
        {"users", "\"a\" \"b\"\nalice\n", ERR_INPUT, "auth_file: ", "users:2: expected"},
        {"ident", "m a\n", ERR_INPUT, "auth_ident_file: ", "ident:1: expected three words"},
        {"hba", "\nlocal all all ldap\n", ERR_INPUT, "auth_hba_file: ", "hba:2: unknown method"},
        {"hba", "local all all peer map=n\n", ERR_INPUT, "", "hba:1: auth_ident_file has no map \"n\""},
        {"hba", "hostssl all all all md5 attest=p\n", ERR_NOT_FOUND, "",
         "hba:1: section [policies] has no policy \"p\""},
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        void *fresh = NULL;
        struct rules *rules = NULL;
        begin(&fresh);
        struct err e = rules_with(fresh, bad[i].file, bad[i].text, &rules);
        expect_err(e, bad[i].code, bad[i].why);
        expect_err(e, bad[i].code, bad[i].place);
        assert_null(rules);
        end(&fresh);
    }
    (void)state;
}

static void test_a_missing_user_list_is_an_error(void **state)
{
    (void)state;
    struct rules *rules = NULL;
    expect_err(rules_of("[pgvouch]\nauth_file = /nonexistent/users\n", &rules), ERR_SYSTEM,
               "auth_file: cannot open \"/nonexistent/users\"");
    expect_err(rules_of("[pgvouch]\nauth_ident_file = /nonexistent/ident\n", &rules), ERR_SYSTEM, "auth_ident_file: ");
    assert_null(rules);
}

static void test_lines_are_read_only_where_they_decide(void **state)
{
    const struct scene *scene = *state;
    struct rules *rules = NULL;
    free(scratch_file(scene->directory, "hba", "nonsense\n"));
    char *ini = mem_format("[pgvouch]\nauth_type = md5\nauth_hba_file = %s\n", scene->hba);
    expect_ok(rules_of(ini, &rules));
    assert_null(rules->hba);
    rules_drop(rules);
    free(ini);
}

static void test_rights_on_the_console_are_by_name(void **state)
{
    (void)state;
    struct rules *rules = NULL;
    expect_ok(rules_of("[pgvouch]\nadmin_users = root, the boss ,\nstats_users = watcher\n", &rules));
    assert_true(rules_is_admin(rules, "root"));
    assert_true(rules_is_admin(rules, "the boss"));
    assert_false(rules_is_admin(rules, "Root"));
    assert_false(rules_is_admin(rules, "watcher"));
    assert_false(rules_is_admin(rules, ""));
    assert_true(rules_is_watcher(rules, "watcher"));
    assert_false(rules_is_watcher(rules, "root"));
    rules_drop(rules);
}

static void test_certificates_are_wanted_by_what_needs_them(void **state)
{
    static const struct {
        const char *text;
        bool wants;
    } cases[] = {
        {"", false},
        {"[pgvouch]\nclient_tls_sslmode = require\n", false},
        {"[pgvouch]\nclient_tls_sslmode = verify-ca\nclient_tls_ca_file = c\n", true},
        {"[pgvouch]\nclient_tls_sslmode = verify-full\nclient_tls_ca_file = c\n", true},
        {"[pgvouch]\nauth_type = cert\nclient_tls_sslmode = require\nclient_tls_ca_file = c\n", true},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct rules *rules = NULL;
        expect_ok(rules_of(cases[i].text, &rules));
        assert_int_equal(rules_want_certificates(rules), cases[i].wants);
        rules_drop(rules);
    }
    struct rules *rules = NULL;
    expect_ok(rules_with(*state, "hba", "hostssl all all all cert\n", &rules));
    assert_true(rules_want_certificates(rules));
    rules_drop(rules);
    expect_ok(rules_with(*state, "hba", "hostssl all all all md5\n", &rules));
    assert_false(rules_want_certificates(rules));
    rules_drop(rules);
}

/* ---- startup parameters ---- */

static bool is_tracked(const char *name)
{
    return strcasecmp(name, "timezone") == 0 || strcasecmp(name, "application_name") == 0 ||
           strcasecmp(name, "statement_timeout") == 0;
}

static struct wire_startup startup;

/* Takes "name\0value\0..." with these parameters ignored; what is kept stands in *kept as "name=value;". */
static struct err take(const char *ignored, struct bytes parameters, char **kept)
{
    struct rules *rules = NULL;
    struct identity *identity = NEW(struct identity);
    struct writer packet = writer_growing(10000);
    char *ini = mem_format("[pgvouch]\nignore_startup_parameters = %s\n", ignored);
    expect_ok(rules_of(ini, &rules));
    size_t at = wire_begin(&packet, 0);
    writer_u32(&packet, WIRE_PROTOCOL_3_0);
    writer_put(&packet, parameters);
    writer_u8(&packet, 0);
    wire_end(&packet, at);
    expect_ok(wire_startup_parse(writer_bytes(&packet), &startup));
    struct err e = startup_parameters_take(&startup, rules, is_tracked, identity);
    *kept = mem_string("");
    for (size_t i = 0; i < identity->parameter_count; i++) {
        char *more = mem_format("%s%s=%s;", *kept, identity->parameters[i].name, identity->parameters[i].value);
        free(*kept);
        *kept = more;
    }
    identity_free(identity);
    rules_drop(rules);
    writer_free(&packet);
    free(ini);
    return e;
}

static void test_parameters_are_kept_dropped_or_refused(void **state)
{
    (void)state;
    static const struct {
        struct bytes parameters;
        const char *ignored, *kept, *refused;
    } cases[] = {
#define P(text) {(const uint8_t *)(text), sizeof(text) - 1}
        {P(""), "", "", NULL},
        {P("user\0me\0database\0db\0"), "", "", NULL}, /* login's business */
        {P("user\0me\0replication\0off\0"), "", "", NULL},
        {P("TimeZone\0UTC\0application_name\0x\0"), "", "TimeZone=UTC;application_name=x;", NULL},
        {P("extra_float_digits\0002\0"), "", "", "unsupported startup parameter: extra_float_digits"},
        {P("extra_float_digits\0002\0"), "Extra_Float_Digits", "", NULL},
        {P("extra_float_digits\0002\0"), "a, extra_float_digits ,b", "", NULL},
        {P("extra_float_digits\0002\0"), "extra_float_digit", "", "unsupported startup parameter: extra_float_digits"},
        {P("application_name\0\0"), "", "application_name=;", NULL},
        {P("timezone\0UTC\0"), "timezone", "timezone=UTC;", NULL}, /* what is tracked is kept all the same */
        {P("options\0\0"), "", "", NULL},
        {P("options\0   \0"), "", "", NULL},
        {P("options\0-c timezone=UTC\0"), "", "timezone=UTC;", NULL},
        {P("options\0-ctimezone=UTC\0"), "", "timezone=UTC;", NULL},
        {P("options\0--timezone=UTC\0"), "", "timezone=UTC;", NULL},
        {P("options\0--statement-timeout=5\0"), "", "statement_timeout=5;", NULL},
        {P("options\0  -c  timezone=UTC\t-c application_name=a=b \0"), "", "timezone=UTC;application_name=a=b;", NULL},
        {P("options\0-c application_name=two\\ words\\\\\0"), "", "application_name=two words\\;", NULL},
        {P("options\0-c application_name=\0"), "", "application_name=;", NULL},
        {P("options\0-c geqo=off\0"), "", "", "unsupported startup parameter in options: geqo"},
        {P("options\0-c geqo=off\0"), "geqo", "", NULL},
        {P("options\0-c timezone=UTC -c geqo=off\0"), "", NULL, "unsupported startup parameter in options: geqo"},
        {P("options\0-c\0"), "", "", "-c without a value"},
        {P("options\0-c timezone\0"), "", "", "unsupported startup parameter in options: timezone"},
        {P("options\0-c =x\0"), "", "", "unsupported startup parameter in options: =x"},
        {P("options\0--\0"), "", "", "unsupported startup parameter in options: "},
        {P("options\0-B 5\0"), "", "", "unsupported startup parameter in options: -B"},
        {P("options\0nonsense\0"), "", "", "unsupported startup parameter in options: nonsense"},
        {P("options\0-B 5 nonsense\0"), "options", "", NULL}, /* all of it is ignored */
#undef P
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *kept;
        struct err e = take(cases[i].ignored, cases[i].parameters, &kept);
        if (cases[i].refused)
            expect_err(e, e.code == ERR_INPUT ? ERR_INPUT : ERR_UNSUPPORTED, cases[i].refused);
        else
            expect_ok(e);
        if (cases[i].kept)
            assert_string_equal(kept, cases[i].kept);
        free(kept);
    }
}

#define in_scene(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_scene(test_all_files_are_read),
        in_scene(test_errors_name_setting_file_and_line),
        in_scene(test_a_missing_user_list_is_an_error),
        in_scene(test_lines_are_read_only_where_they_decide),
        in_scene(test_rights_on_the_console_are_by_name),
        in_scene(test_certificates_are_wanted_by_what_needs_them),
        cmocka_unit_test(test_parameters_are_kept_dropped_or_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
