/* Host-based access lines, ident maps, and the words they are made of. */
#include "gate/hba.h"
#include "gate/words.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "expect.h"

/* ---- words ---- */

/* The words as "text" or "'quoted'", "+" before those that belong to the field before them. */
static char *words_shown(const char *line)
{
    struct words words;
    char *shown = mem_string("");
    expect_ok(words_split(line, &words));
    for (size_t i = 0; i < words.count; i++) {
        const struct word *word = &words.word[i];
        char *more = mem_format("%s%s%s%s%s%s", shown, i ? " " : "", word->joined ? "+" : "", word->quoted ? "'" : "",
                                word->text, word->quoted ? "'" : "");
        free(shown);
        shown = more;
    }
    words_free(&words);
    return shown;
}

static void test_lines_are_split_into_words(void **state)
{
    (void)state;
    static const struct {
        const char *line, *words;
    } cases[] = {
        {"", ""},
        {"   \t ", ""},
        {"# comment", ""},
        {"host all\tall # comment", "host all all"},
        {"a#b", "a"},
        {"a,b, c ,d e", "a +b +c +d e"},
        {"\"a b\" \"\" \"#\" \"a,b\"", "'a b' '' '#' 'a,b'"},
        {"\"all\" all", "'all' all"},
        {"a\r\n", "a"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *shown = words_shown(cases[i].line);
        assert_string_equal(shown, cases[i].words);
        free(shown);
    }
}

static void test_an_open_quote_is_refused(void **state)
{
    (void)state;
    struct words words;
    expect_err(words_split("host \"all", &words), ERR_INPUT, "a double quote is not closed");
    assert_int_equal(words.count, 0);
    expect_ok(words_split("host # \"all", &words));
    words_free(&words);
}

/* ---- lines that match ---- */

static struct err parse(const char *text, struct hba **out)
{
    return hba_parse("/etc/hba.conf", bytes_of_string(text), out);
}

static struct hba *hba_of(const char *text)
{
    struct hba *hba = NULL;
    expect_ok(parse(text, &hba));
    return hba;
}

static struct address address_of(const char *text)
{
    struct address address = {0};
    struct sockaddr_in *v4 = (struct sockaddr_in *)&address.storage;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&address.storage;
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        address.length = sizeof *v4;
    } else {
        assert_int_equal(inet_pton(AF_INET6, text, &v6->sin6_addr), 1);
        v6->sin6_family = AF_INET6;
        address.length = sizeof *v6;
    }
    return address;
}

/* The number of the line that matches, 0 for none. `from`: an address, "tls ADDRESS", or "unix". */
static size_t asked(const struct hba *hba, const char *from, const char *database, const char *user)
{
    bool tls = strncmp(from, "tls ", 4) == 0;
    bool local = strcmp(from, "unix") == 0;
    struct address peer = local ? (struct address){.length = sizeof(sa_family_t), .any.sa_family = AF_UNIX}
                                : address_of(from + (tls ? 4 : 0));
    struct hba_question question = {.peer = &peer, .is_unix = local, .is_tls = tls, .database = database, .user = user};
    const struct hba_line *line = hba_find(hba, &question);
    return line ? line->line : 0;
}

/* As asked, of one line alone. */
static bool matches(const char *line, const char *from, const char *database, const char *user)
{
    struct hba *hba = hba_of(line);
    bool found = asked(hba, from, database, user) == 1;
    hba_free(hba);
    return found;
}

static void test_without_lines_nobody_comes_in(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "\n\n# nothing\n"};
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct hba *hba = hba_of(texts[i]);
        assert_int_equal(asked(hba, "127.0.0.1", "db", "u"), 0);
        assert_int_equal(asked(hba, "unix", "db", "u"), 0);
        hba_free(hba);
    }
    hba_free(NULL);
}

static void test_the_first_line_that_matches_decides(void **state)
{
    (void)state;
    struct hba *hba = hba_of("# order counts\n"
                             "host db1 all 10.0.0.0/8 reject\n"
                             "\n"
                             "host db1 all all md5\n"
                             "host all admin all trust\n");
    assert_int_equal(asked(hba, "10.1.2.3", "db1", "admin"), 2);
    assert_int_equal(asked(hba, "11.1.2.3", "db1", "admin"), 4);
    assert_int_equal(asked(hba, "10.1.2.3", "db2", "admin"), 5);
    assert_int_equal(asked(hba, "10.1.2.3", "db2", "other"), 0);
    hba_free(hba);
}

static void test_kinds_of_connection_are_told_apart(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        bool local, plain, tls;
    } kinds[] = {
        {"local all all trust", true, false, false},
        {"host all all all trust", false, true, true},
        {"hostssl all all all trust", false, false, true},
        {"hostnossl all all all trust", false, true, false},
    };
    for (size_t i = 0; i < COUNT(kinds); i++) {
        assert_int_equal(matches(kinds[i].line, "unix", "db", "u"), kinds[i].local);
        assert_int_equal(matches(kinds[i].line, "127.0.0.1", "db", "u"), kinds[i].plain);
        assert_int_equal(matches(kinds[i].line, "tls 127.0.0.1", "db", "u"), kinds[i].tls);
    }
}

static void test_databases_and_users_match_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *line, *database, *user;
        bool matches;
    } cases[] = {
        {"local all all trust", "db", "u", true},
        {"local db all trust", "db", "u", true},
        {"local db all trust", "DB", "u", false},
        {"local db all trust", "db2", "u", false},
        {"local a,db,c all trust", "db", "u", true},
        {"local a, db all trust", "db", "u", true},
        {"local all a,u trust", "db", "u", true},
        {"local all a,u trust", "db", "v", false},
        {"local sameuser all trust", "u", "u", true},
        {"local sameuser all trust", "db", "u", false},
        {"local a,sameuser all trust", "u", "u", true},
        {"local all sameuser trust", "sameuser", "sameuser", true}, /* as a user only a name */
        {"local all sameuser trust", "u", "u", false},
        {"local \"all\" all trust", "db", "u", false}, /* quoted words mean themselves */
        {"local \"all\" all trust", "all", "u", true},
        {"local all \"all\" trust", "db", "u", false},
        {"local \"sameuser\" all trust", "u", "u", false},
        {"local \"+x\" \"@y\" trust", "+x", "@y", true},
        {"local \"with space\" all trust", "with space", "u", true},
        {"local replication all trust", "replication", "u", false}, /* connections that are not served */
        {"local replication all trust", "db", "u", false},
        {"local replication,db all trust", "db", "u", true},
        {"local \"replication\" all trust", "replication", "u", true},
        {"local all replication trust", "db", "replication", true},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        if (matches(cases[i].line, "unix", cases[i].database, cases[i].user) != cases[i].matches)
            fail_msg("%s: %s as %s", cases[i].line, cases[i].database, cases[i].user);
}

static void test_addresses_match_by_network(void **state)
{
    (void)state;
    static const struct {
        const char *network, *from;
        bool matches;
    } cases[] = {
        {"all", "1.2.3.4", true},
        {"all", "2001:db8::1", true},
        {"127.0.0.1/32", "127.0.0.1", true},
        {"127.0.0.1/32", "127.0.0.2", false},
        {"10.0.0.0/8", "10.255.255.255", true},
        {"10.0.0.0/8", "11.0.0.0", false},
        {"10.1.2.3/8", "10.9.9.9", true}, /* what stands behind the prefix does not count */
        {"192.168.1.128/25", "192.168.1.128", true},
        {"192.168.1.128/25", "192.168.1.127", false},
        {"192.168.1.4/30", "192.168.1.7", true},
        {"192.168.1.4/30", "192.168.1.8", false},
        {"0.0.0.0/0", "1.2.3.4", true},
        {"0.0.0.0/0", "2001:db8::1", false},
        {"::/0", "2001:db8::1", true},
        {"::/0", "1.2.3.4", false},
        {"2001:db8::/33", "2001:db8:7fff::1", true},
        {"2001:db8::/33", "2001:db8:8000::1", false},
        {"::1/128", "::1", true},
        {"::1/128", "::2", false},
        {"10.0.0.0 255.0.0.0", "10.1.1.1", true},
        {"10.0.0.0 255.0.0.0", "11.1.1.1", false},
        {"10.0.0.1 255.0.0.255", "10.9.9.1", true},
        {"2001:db8:: ffff:ffff::", "2001:db8:1::1", true},
        {"127.0.0.1/32", "::ffff:127.0.0.1", true}, /* IPv4 that came over an IPv6 socket */
        {"::ffff:127.0.0.1/128", "1.2.3.4", false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *line = mem_format("host all all %s trust", cases[i].network);
        if (matches(line, cases[i].from, "db", "u") != cases[i].matches)
            fail_msg("%s from %s", cases[i].network, cases[i].from);
        free(line);
    }
}

static void test_methods_and_options_are_kept(void **state)
{
    (void)state;
    struct hba *hba = hba_of("local a all trust\nlocal b all reject\nlocal c all password\nlocal d all plain\n"
                             "local e all md5\nlocal f all scram-sha-256\nlocal g all peer map=m\n"
                             "hostssl h all all cert map=m attest=strict\nhost i all all md5 attest=none\n"
                             "hostssl j all all scram-sha-256 \"attest=p\"\n");
    static const enum auth_type methods[] = {AUTH_TYPE_TRUST, AUTH_TYPE_REJECT,        AUTH_TYPE_PLAIN, AUTH_TYPE_PLAIN,
                                             AUTH_TYPE_MD5,   AUTH_TYPE_SCRAM_SHA_256, AUTH_TYPE_PEER};
    struct address peer = address_of("127.0.0.1");
    struct hba_question question = {.peer = &peer, .is_unix = true, .user = "u"};
    char database[] = "a";
    question.database = database;
    for (size_t i = 0; i < COUNT(methods); i++) {
        database[0] = (char)('a' + i);
        assert_int_equal(hba_find(hba, &question)->method, methods[i]);
    }
    assert_string_equal(hba_find(hba, &question)->map, "m");
    assert_null(hba_find(hba, &question)->attest);
    question.is_unix = false;
    question.is_tls = true;
    question.database = "h";
    assert_int_equal(hba_find(hba, &question)->method, AUTH_TYPE_CERT);
    assert_string_equal(hba_find(hba, &question)->map, "m");
    assert_string_equal(hba_find(hba, &question)->attest, "strict");
    question.database = "i";
    assert_string_equal(hba_find(hba, &question)->attest, "none");
    assert_null(hba_find(hba, &question)->map);
    hba_free(hba);
}

/* ---- lines that are refused ---- */

static void test_malformed_lines_are_refused_with_their_place(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        enum err_code code;
        const char *why;
    } bad[] = {
        {"hosts all all all trust", ERR_INPUT, "unknown connection type \"hosts\""},
        {"hostgssenc all all all trust", ERR_INPUT, "unknown connection type \"hostgssenc\""},
        {"\"open", ERR_INPUT, "a double quote is not closed"},
        {"local", ERR_INPUT, "the line ends where databases are expected"},
        {"local all", ERR_INPUT, "the line ends where users are expected"},
        {"local all all", ERR_INPUT, "the line ends where a method is expected"},
        {"host all all", ERR_INPUT, "the line ends where an address is expected"},
        {"host all all all", ERR_INPUT, "the line ends where a method is expected"},
        {"local all all 127.0.0.1/32 trust", ERR_INPUT, "unknown method \"127.0.0.1/32\""},
        {"local samerole all trust", ERR_UNSUPPORTED, "\"samerole\": membership in roles cannot be looked up"},
        {"local samegroup all trust", ERR_UNSUPPORTED, "\"samegroup\": membership in roles"},
        {"local all +admins trust", ERR_UNSUPPORTED, "\"+admins\": membership in roles"},
        {"local @/nonexistent all trust", ERR_SYSTEM, "cannot open \"/nonexistent\""},
        {"host all all localhost trust", ERR_INPUT, "\"localhost\" is not an IPv4 or IPv6 address"},
        {"host all all samehost trust", ERR_INPUT, "\"samehost\" is not an IPv4 or IPv6 address"},
        {"host all all \"all\" trust", ERR_INPUT, "\"all\" is not an IPv4 or IPv6 address"},
        {"host all all 1.2.3/24 trust", ERR_INPUT, "\"1.2.3\" is not an IPv4"},
        {"host all all 127.0.0.1/33 trust", ERR_INPUT, "\"/33\" is not a prefix length from 0 to 32"},
        {"host all all ::1/129 trust", ERR_INPUT, "\"/129\" is not a prefix length from 0 to 128"},
        {"host all all 127.0.0.1/ trust", ERR_INPUT, "\"/\" is not a prefix length"},
        {"host all all 127.0.0.1/-1 trust", ERR_INPUT, "\"/-1\" is not a prefix length"},
        {"host all all 127.0.0.1/+8 trust", ERR_INPUT, "\"/+8\" is not a prefix length"},
        {"host all all 127.0.0.1/8x trust", ERR_INPUT, "\"/8x\" is not a prefix length"},
        {"host all all 127.0.0.1/18446744073709551624 trust", ERR_INPUT, "is not a prefix length"},
        {"host all all 127.0.0.1 trust", ERR_INPUT, "needs a prefix length (/32) or a mask"},
        {"host all all 127.0.0.1", ERR_INPUT, "needs a prefix length (/32) or a mask"},
        {"host all all 127.0.0.1 ffff:: trust", ERR_INPUT, "needs a prefix length (/32) or a mask"},
        {"local all all ident", ERR_INPUT, "unknown method \"ident\""},
        {"local all all any", ERR_INPUT, "unknown method \"any\""},
        {"local all all hba", ERR_INPUT, "unknown method \"hba\""},
        {"local all all ldap", ERR_INPUT, "unknown method \"ldap\""},
        {"local all all pam", ERR_INPUT, "unknown method \"pam\""},
        {"host all all all peer", ERR_INPUT, "method peer is only for local lines"},
        {"local all all cert", ERR_INPUT, "method cert is only for hostssl lines"},
        {"host all all all cert", ERR_INPUT, "method cert is only for hostssl lines"},
        {"hostnossl all all all cert", ERR_INPUT, "method cert is only for hostssl lines"},
        {"local all all trust clientcert=1", ERR_INPUT, "unknown option \"clientcert=1\""},
        {"local all all trust map", ERR_INPUT, "unknown option \"map\""},
        {"local all all peer map=", ERR_INPUT, "unknown option \"map=\""},
        {"hostssl all all all trust attest=", ERR_INPUT, "unknown option \"attest=\""},
        {"local all all peer map=a map=b", ERR_INPUT, "option \"map=b\" is given twice"},
        {"hostssl all all all md5 attest=a attest=a", ERR_INPUT, "option \"attest=a\" is given twice"},
        {"local all all md5 map=m", ERR_INPUT, "map= goes with the methods cert and peer only"},
        {"host all all all md5 attest=p", ERR_INPUT, "attest= goes with hostssl lines only"},
        {"local all all peer attest=p", ERR_INPUT, "attest= goes with hostssl lines only"},
        {"hostnossl all all all md5 attest=p", ERR_INPUT, "attest= goes with hostssl lines only"},
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct hba *hba = NULL;
        char *text = mem_format("local all all trust\n\n%s\n", bad[i].line);
        struct err e = parse(text, &hba);
        if (!failed(e))
            fail_msg("taken: %s", bad[i].line);
        assert_null(hba);
        expect_err(e, bad[i].code, "/etc/hba.conf:3: ");
        expect_err(e, bad[i].code, bad[i].why);
        free(text);
    }
    struct hba *hba = NULL;
    expect_err(hba_parse("x", BYTES_LITERAL("local all\0all trust"), &hba), ERR_INPUT, "x: there is a zero byte");
}

/* ---- files ---- */

static void test_names_may_stand_in_files_beside_it(void **state)
{
    (void)state;
    char *directory = scratch_make();
    char *names = scratch_file(directory, "names", "db1, db2 # comment\n\"all\"\n\ndb3\n");
    char *path = scratch_file(directory, "hba.conf", "local @names all trust\n");
    struct hba *hba = NULL;
    expect_ok(hba_load(path, &hba));
    assert_int_equal(asked(hba, "unix", "db1", "u"), 1);
    assert_int_equal(asked(hba, "unix", "db2", "u"), 1);
    assert_int_equal(asked(hba, "unix", "db3", "u"), 1);
    assert_int_equal(asked(hba, "unix", "all", "u"), 1); /* a name, in a file */
    assert_int_equal(asked(hba, "unix", "comment", "u"), 0);
    hba_free(hba);
    hba = NULL;
    char *absolute = mem_format("local all \"u\",@%s trust\n", names);
    free(scratch_file(directory, "hba.conf", absolute));
    expect_ok(hba_load(path, &hba));
    assert_int_equal(asked(hba, "unix", "db", "db3"), 1);
    assert_int_equal(asked(hba, "unix", "db", "u"), 1);
    assert_int_equal(asked(hba, "unix", "db", "v"), 0);
    hba_free(hba);
    free(absolute);
    free(scratch_file(directory, "names", "db1\n\"open\n"));
    expect_err(hba_load(path, &hba), ERR_INPUT, "names:2: a double quote is not closed");
    free(names);
    free(path);
    scratch_remove(directory);
}

static void test_a_missing_file_is_an_error(void **state)
{
    (void)state;
    struct hba *hba = NULL;
    struct ident *ident = NULL;
    expect_err(hba_load("/nonexistent/hba.conf", &hba), ERR_SYSTEM, "cannot open \"/nonexistent/hba.conf\": No such");
    expect_err(ident_load("/nonexistent/ident", &ident), ERR_SYSTEM, "cannot open \"/nonexistent/ident\": No such");
    assert_null(hba);
    assert_null(ident);
}

static void test_a_file_that_is_too_large_is_refused(void **state)
{
    (void)state;
    char *directory = scratch_make();
    char *path = scratch_file(directory, "hba.conf", "");
    struct hba *hba = NULL;
    assert_int_equal(truncate(path, 16 * 1024 * 1024 + 1), 0);
    expect_err(hba_load(path, &hba), ERR_LIMIT, "is larger than");
    free(path);
    scratch_remove(directory);
}

/* ---- what lines need ---- */

static void test_certificates_are_wanted_where_a_line_needs_them(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool wants;
    } cases[] = {
        {"host all all all md5\n", false},
        {"host all all all md5 attest=none\n", false},
        {"local all all trust\nhostssl all all all cert\n", true},
        {"local all all trust\nhostssl all all all trust attest=p\n", true},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct hba *hba = hba_of(cases[i].text);
        assert_int_equal(hba_wants_certificates(hba), cases[i].wants);
        hba_free(hba);
    }
}

static struct err note_policy(void *arg, const char *name, size_t line)
{
    char *seen = arg;
    size_t used = strlen(seen);
    snprintf(seen + used, 64 - used, "%s@%zu ", name, line);
    return strcmp(name, "bad") == 0 ? err_make(ERR_NOT_FOUND, "no \"%s\"", name) : OK;
}

static void test_every_policy_of_a_line_is_told(void **state)
{
    (void)state;
    char seen[64] = "";
    struct hba *hba = hba_of("hostssl all all all md5 attest=a\nhost all all all md5 attest=none\n"
                             "hostssl all all all md5 attest=b\n");
    expect_ok(hba_each_policy(hba, note_policy, seen));
    assert_string_equal(seen, "a@1 b@3 ");
    hba_free(hba);
    hba = hba_of("\nhostssl all all all md5 attest=bad\n");
    expect_err(hba_each_policy(hba, note_policy, seen), ERR_NOT_FOUND, "/etc/hba.conf:2: no \"bad\"");
    hba_free(hba);
}

/* ---- ident maps ---- */

static struct ident *ident_of(const char *text)
{
    struct ident *ident = NULL;
    expect_ok(ident_parse("/etc/ident.conf", bytes_of_string(text), &ident));
    return ident;
}

static void test_maps_let_one_be_another(void **state)
{
    (void)state;
    struct ident *ident = ident_of("# map system database\n"
                                   "m alice a\nm alice b\nm \"bob s\" all\nn carol \"all\"\n");
    static const struct {
        const char *map, *system_user, *user;
        bool allows;
    } cases[] = {
        {"m", "alice", "a", true},      {"m", "alice", "b", true},      {"m", "alice", "c", false},
        {"m", "alice", "alice", false}, {"m", "bob s", "anyone", true}, {"m", "bob", "anyone", false},
        {"n", "alice", "a", false},     {"n", "carol", "all", true},    {"n", "carol", "carol", false},
        {"o", "alice", "a", false},     {"M", "alice", "a", false},     {"m", "Alice", "a", false},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        if (ident_allows(ident, cases[i].map, cases[i].system_user, cases[i].user) != cases[i].allows)
            fail_msg("%s: %s as %s", cases[i].map, cases[i].system_user, cases[i].user);
    assert_true(ident_has_map(ident, "n"));
    assert_false(ident_has_map(ident, "o"));
    ident_free(ident);
}

static void test_maps_of_other_than_three_words_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"m alice\n", "m alice a b\n", "m\n"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct ident *ident = NULL;
        char *text = mem_format("m alice a\n%s", bad[i]);
        expect_err(ident_parse("/etc/ident.conf", bytes_of_string(text), &ident), ERR_INPUT,
                   "/etc/ident.conf:2: expected three words");
        assert_null(ident);
        free(text);
    }
    struct ident *ident = NULL;
    expect_err(ident_parse("i", BYTES_LITERAL("m \"alice a\n"), &ident), ERR_INPUT, "i:1: a double quote");
}

static void test_no_ident_file_means_no_maps(void **state)
{
    (void)state;
    struct ident *ident = NULL;
    expect_ok(ident_load("", &ident));
    assert_false(ident_has_map(ident, ""));
    assert_false(ident_allows(ident, "m", "a", "a"));
    ident_free(ident);
    ident_free(NULL);
}

static void test_maps_that_lines_name_must_be_there(void **state)
{
    (void)state;
    struct ident *ident = ident_of("m alice a\n");
    struct hba *good = hba_of("local all all peer map=m\nlocal all all peer\n");
    struct hba *bad = hba_of("local all all peer map=m\nlocal all all peer map=n\n");
    expect_ok(hba_check_maps(good, ident));
    expect_err(hba_check_maps(bad, ident), ERR_INPUT, "/etc/hba.conf:2: auth_ident_file has no map \"n\"");
    hba_free(good);
    hba_free(bad);
    ident_free(ident);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_are_split_into_words),
        cmocka_unit_test(test_an_open_quote_is_refused),
        cmocka_unit_test(test_without_lines_nobody_comes_in),
        cmocka_unit_test(test_the_first_line_that_matches_decides),
        cmocka_unit_test(test_kinds_of_connection_are_told_apart),
        cmocka_unit_test(test_databases_and_users_match_by_name),
        cmocka_unit_test(test_addresses_match_by_network),
        cmocka_unit_test(test_methods_and_options_are_kept),
        cmocka_unit_test(test_malformed_lines_are_refused_with_their_place),
        cmocka_unit_test(test_names_may_stand_in_files_beside_it),
        cmocka_unit_test(test_a_missing_file_is_an_error),
        cmocka_unit_test(test_a_file_that_is_too_large_is_refused),
        cmocka_unit_test(test_certificates_are_wanted_where_a_line_needs_them),
        cmocka_unit_test(test_every_policy_of_a_line_is_told),
        cmocka_unit_test(test_maps_let_one_be_another),
        cmocka_unit_test(test_maps_of_other_than_three_words_are_refused),
        cmocka_unit_test(test_no_ident_file_means_no_maps),
        cmocka_unit_test(test_maps_that_lines_name_must_be_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
