/* Snapshots: what a file says, what does not hold, RELOAD and SET. */
#include "base/log.h"
#include "config/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "expect.h"

/* A log and a file in a directory of their own. */
struct scene {
    char *directory;
    char *ini;
    char *log;
};

static int begin(void **state)
{
    struct scene *scene = NEW(struct scene);
    scene->directory = scratch_make();
    scene->ini = scratch_file(scene->directory, "pgvouch.ini", NULL);
    scene->log = scratch_file(scene->directory, "log", NULL);
    expect_ok(log_open(&(struct log_target){.file = scene->log}));
    *state = scene;
    return 0;
}

static int end(void **state)
{
    struct scene *scene = *state;
    expect_ok(log_open(&(struct log_target){.to_stderr = true}));
    free(scene->ini);
    free(scene->log);
    scratch_remove(scene->directory);
    free(scene);
    return 0;
}

static bool logged(const struct scene *scene, const char *part)
{
    char *text = scratch_read(scene->log);
    bool found = strstr(text, part) != NULL;
    free(text);
    return found;
}

static struct err parse(const char *text, struct config **out)
{
    return config_parse("x.ini", bytes_of_string(text), out);
}

static struct config *config_of(const char *text)
{
    struct config *config = NULL;
    expect_ok(parse(text, &config));
    return config;
}

static void expect_refused(const char *text, const char *why)
{
    struct config *config = NULL;
    struct err e = parse(text, &config);
    if (!failed(e))
        fail_msg("taken: %s", text);
    assert_null(config);
    expect_err(e, ERR_INPUT, why);
}

/* ---- what a file says ---- */

static void test_an_empty_file_gives_the_defaults(void **state)
{
    (void)state;
    struct config *config = config_of("");
    assert_int_equal(config->set.listen_port, 6432);
    assert_string_equal(config->set.conffile, "x.ini");
    assert_int_equal(config->database_count + config->user_count + config->peer_count + config->policy_count, 0);
    assert_null(config->fallback);
    config_unref(config);
}

static void test_settings_stand_in_either_section_and_the_last_counts(void **state)
{
    (void)state;
    struct config *config = config_of("[pgbouncer]\nlisten_port = 1\npool_mode = statement\n"
                                      "[pgvouch]\nlisten_port = 2\n"
                                      "[databases]\n[pgbouncer]\nlisten_port = 3\n");
    assert_int_equal(config->set.listen_port, 3);
    assert_int_equal(config->set.pool_mode, POOL_MODE_STATEMENT);
    config_unref(config);
}

static void test_databases_are_read_with_their_keys(void **state)
{
    (void)state;
    struct config *config = config_of(
        "[databases]\n"
        "b = host='h1, h2 ,,/sock' port=5433 dbname=real user=u password='it''s' pool_size=3 pool_mode=transaction\n"
        "a =\n"
        "\"with space\" = connect_query='select ''x''' load_balance_hosts=disable query_wait_timeout=2min\n");
    assert_int_equal(config->database_count, 3);
    const struct config_database *b = config_find_database(config, "b", NULL);
    assert_string_equal(b->name, "b");
    assert_int_equal(b->host_count, 3);
    assert_string_equal(b->hosts[0], "h1");
    assert_string_equal(b->hosts[1], "h2");
    assert_string_equal(b->hosts[2], "/sock");
    assert_int_equal(b->port, 5433);
    assert_string_equal(b->dbname, "real");
    assert_string_equal(b->user, "u");
    assert_string_equal(b->password, "it's");
    assert_int_equal(b->pool_size, 3);
    assert_int_equal(b->pool_mode, POOL_MODE_TRANSACTION);
    const struct config_database *a = config_find_database(config, "a", NULL);
    assert_int_equal(a->host_count, 0);
    assert_int_equal(a->port, 5432);
    assert_string_equal(a->dbname, "");
    assert_int_equal(a->pool_size, CONFIG_UNSET);
    assert_true(a->query_wait_timeout_us == CONFIG_UNSET);
    const struct config_database *spaced = config_find_database(config, "with space", NULL);
    assert_string_equal(spaced->connect_query, "select 'x'");
    assert_int_equal(spaced->load_balance_hosts, LOAD_BALANCE_DISABLE);
    assert_true(spaced->query_wait_timeout_us == 120000000);
    config_unref(config);
}

static void test_a_later_entry_of_a_name_replaces_the_earlier_whole(void **state)
{
    (void)state;
    struct config *config = config_of("[databases]\na = host=one pool_size=1\nb = host=b\n"
                                      "[users]\nu = pool_size=1\n[databases]\na = host=two\n"
                                      "[users]\nu = max_user_connections=2\n");
    assert_int_equal(config->database_count, 2);
    const struct config_database *a = config_find_database(config, "a", NULL);
    assert_string_equal(a->host, "two");
    assert_int_equal(a->pool_size, CONFIG_UNSET);
    assert_int_equal(config->user_count, 1);
    assert_int_equal(config_find_user(config, "u")->pool_size, CONFIG_UNSET);
    assert_int_equal(config_find_user(config, "u")->max_user_connections, 2);
    config_unref(config);
}

static void test_the_fallback_serves_names_without_an_entry(void **state)
{
    (void)state;
    struct config *config = config_of("[databases]\nz = host=z\n* = host=any\na = host=a\n");
    bool autodb = true;
    assert_string_equal(config_find_database(config, "a", &autodb)->host, "a");
    assert_false(autodb);
    assert_string_equal(config_find_database(config, "z", &autodb)->host, "z");
    assert_false(autodb);
    assert_ptr_equal(config_find_database(config, "other", &autodb), config->fallback);
    assert_true(autodb);
    assert_string_equal(config->fallback->host, "any");
    assert_int_equal(config->database_count, 2);
    config_unref(config);
}

static void test_without_a_fallback_other_names_have_none(void **state)
{
    (void)state;
    struct config *config = config_of("[databases]\na = host=a\n");
    bool autodb = true;
    assert_null(config_find_database(config, "other", &autodb));
    assert_false(autodb);
    assert_null(config_find_database(config, "A", NULL));
    assert_null(config_find_user(config, "a"));
    config_unref(config);
}

static void test_reserve_pool_is_another_name(void **state)
{
    (void)state;
    struct config *config = config_of("[databases]\na = reserve_pool=4\n[users]\nu = reserve_pool=5\n");
    assert_int_equal(config_find_database(config, "a", NULL)->reserve_pool_size, 4);
    assert_int_equal(config_find_user(config, "u")->reserve_pool_size, 5);
    config_unref(config);
}

static void test_minus_one_means_not_given(void **state)
{
    (void)state;
    struct config *config = config_of("[databases]\na = pool_size=5 pool_size=-1 server_lifetime=-1\n");
    assert_int_equal(config_find_database(config, "a", NULL)->pool_size, CONFIG_UNSET);
    assert_true(config_find_database(config, "a", NULL)->server_lifetime_us == CONFIG_UNSET);
    config_unref(config);
}

static void test_peers_are_found_by_their_number(void **state)
{
    (void)state;
    struct config *config = config_of("[peers]\n30 = host=c\n1 = host=a port=1\n2 = host=b pool_size=7\n1 = host=d\n");
    assert_int_equal(config->peer_count, 3);
    assert_string_equal(config_find_peer(config, 1)->host, "d");
    assert_int_equal(config_find_peer(config, 1)->port, 6432);
    assert_int_equal(config_find_peer(config, 2)->pool_size, 7);
    assert_string_equal(config_find_peer(config, 30)->host, "c");
    assert_null(config_find_peer(config, 3));
    config_unref(config);
}

static void test_policies_are_named(void **state)
{
    (void)state;
    struct config *config = config_of("[policies]\nb = policy.yaml\na = /etc/a.yaml\nb = later.yaml\n");
    assert_int_equal(config->policy_count, 2);
    assert_string_equal(config_find_policy_path(config, "b"), "later.yaml"); /* relative paths stay so */
    assert_string_equal(config_find_policy_path(config, "a"), "/etc/a.yaml");
    assert_null(config_find_policy_path(config, "c"));
    config_unref(config);
}

static void test_console_databases_are_two(void **state)
{
    (void)state;
    assert_true(config_is_console("pgvouch"));
    assert_true(config_is_console("pgbouncer"));
    assert_false(config_is_console("PgBouncer"));
    assert_false(config_is_console(""));
}

/* ---- what is refused ---- */

static void test_unknown_settings_are_refused_with_place_and_suggestion(void **state)
{
    (void)state;
    expect_refused("[pgbouncer]\n\npoolmode = session\n",
                   "x.ini:3: unknown parameter: pgbouncer/poolmode; did you mean pool_mode?");
    expect_refused("[pgvouch]\nwibble = 1\n", "x.ini:2: unknown parameter: pgvouch/wibble");
}

static void test_values_of_the_wrong_type_are_refused_with_their_place(void **state)
{
    (void)state;
    expect_refused("[pgvouch]\nlisten_port = many\n",
                   "x.ini:2: invalid value \"many\" for parameter listen_port: expected a whole number");
    expect_refused("[pgvouch]\npool_mode = none\n", "x.ini:2: invalid value \"none\" for parameter pool_mode");
    expect_refused("[databases]\na = port=0\n", "x.ini:2: database a: invalid port");
    expect_refused("[databases]\na = pool_size=-2\n", "x.ini:2: database a: invalid pool_size");
    expect_refused("[databases]\na = pool_mode=none\n", "x.ini:2: database a: invalid pool_mode");
    expect_refused("[databases]\na = server_lifetime=soon\n", "x.ini:2: database a: invalid server_lifetime");
    expect_refused("[users]\nu = query_timeout=-2\n", "x.ini:2: user u: invalid query_timeout");
    expect_refused("[peers]\n1 = port=65536\n", "x.ini:2: peer 1: invalid port");
}

static void test_unknown_keys_of_entries_are_refused(void **state)
{
    (void)state;
    expect_refused("[databases]\na = hots=x\n", "x.ini:2: database a: unrecognized connection parameter: hots");
    expect_refused("[users]\nu = host=x\n", "x.ini:2: user u: unrecognized user parameter: host");
    expect_refused("[peers]\n1 = dbname=x\n", "x.ini:2: peer 1: unrecognized peer parameter: dbname");
    expect_refused("[peers]\n1 = reserve_pool=x\n", "unrecognized peer parameter: reserve_pool");
}

static void test_unknown_sections_are_refused(void **state)
{
    (void)state;
    expect_refused("[pgvouch]\n[other]\n", "x.ini:2: invalid section \"other\"");
    expect_refused("[Databases]\n", "x.ini:1: invalid section \"Databases\"");
    expect_refused("[]\n", "x.ini:1: invalid section \"\"");
}

static void test_names_that_cannot_be_are_refused(void **state)
{
    (void)state;
    expect_refused("[databases]\npgvouch = host=x\n", "database name \"pgvouch\" is reserved for the console");
    expect_refused("[databases]\npgbouncer =\n", "database name \"pgbouncer\" is reserved for the console");
    expect_refused("[databases]\n\"\" = host=x\n", "a database has no name");
    static const char *const ids[] = {"0", "16384", "x", "-1"};
    for (size_t i = 0; i < COUNT(ids); i++) {
        char *text = mem_format("[peers]\n%s = host=x\n", ids[i]);
        expect_refused(text, "invalid peer id");
        free(text);
    }
    expect_refused("[policies]\np =\n", "policy p names no file");
}

static void test_settings_that_do_not_fit_together_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *why;
    } bad[] = {
        {"client_tls_cert_file = c", "client_tls_cert_file is set, but client_tls_key_file is not"},
        {"client_tls_key_file = k", "client_tls_key_file is set, but client_tls_cert_file is not"},
        {"server_tls_cert_file = c", "server_tls_cert_file is set, but server_tls_key_file is not"},
        {"server_tls_key_file = k", "server_tls_key_file is set, but server_tls_cert_file is not"},
        {"attest_ca_cert = c", "attest_ca_cert is set, but attest_ca_key is not"},
        {"attest_ca_key = k", "attest_ca_key is set, but attest_ca_cert is not"},
        {"client_tls_protocols = tlsv9", "invalid value \"tlsv9\" for parameter client_tls_protocols"},
        {"server_tls_protocols =", "invalid value \"\" for parameter server_tls_protocols"},
        {"client_tls_sslmode = verify-ca", "client_tls_sslmode = verify-ca needs client_tls_ca_file"},
        {"client_tls_sslmode = verify-full", "client_tls_sslmode = verify-full needs client_tls_ca_file"},
        {"auth_type = cert", "auth_type = cert needs TLS"},
        {"auth_type = cert\nclient_tls_sslmode = require", "auth_type = cert needs client_tls_ca_file"},
        {"auth_type = hba", "auth_type = hba needs auth_hba_file"},
        {"attest_max_age = 0", "attest_max_age must be longer than 0"},
        {"client_attest_policy = p", "section [policies] has no policy of that name"},
        {"http_listen = 8080", "invalid value \"8080\" for parameter http_listen"},
        {"http_listen = localhost:x", "expected a port"},
        {"syslog_facility = mail", "invalid value \"mail\" for parameter syslog_facility"},
        {"auth_dbname = pgbouncer", "auth_dbname cannot be the console database pgbouncer"},
        {"[databases]\na = auth_dbname=pgvouch", "database a: auth_dbname cannot be the console database pgvouch"},
        {"[users]\nu = server_tls_cert_file=c", "server_tls_cert_file and server_tls_key_file are needed together"},
        {"[users]\nu = server_tls_key_file=k", "server_tls_cert_file and server_tls_key_file are needed together"},
        {"attest_simulated_measurement =", "attest_simulated_measurement is empty"},
        {"attest_simulated_measurement = 00", "for parameter attest_simulated_measurement: expected 96"},
        {"attest_simulated_host_data = 00", "for parameter attest_simulated_host_data: expected 64"},
        {"attest_simulated_chip_id = 0011223344556677", "for parameter attest_simulated_chip_id: expected 128"},
        {"attest_simulated_firmware = 1.55", "attest_simulated_firmware must be major.minor.build"},
        {"attest_simulated_firmware = 1.55.256", "attest_simulated_firmware must be major.minor.build"},
        {"attest_simulated_firmware = 1.55.29.", "attest_simulated_firmware must be major.minor.build"},
        {"attest_simulated_tcb = 1.2.3", "attest_simulated_tcb must be bootloader.tee.snp.microcode"},
        {"attest_simulated_product = turin\nattest_simulated_tcb = 1.2.3.4", "attest_simulated_tcb must be fmc.boot"},
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        char *text = mem_format("[pgvouch]\n%s\n", bad[i].text);
        expect_refused(text, bad[i].why);
        free(text);
    }
}

static void test_settings_that_fit_together_are_taken(void **state)
{
    (void)state;
    config_unref(config_of("[pgvouch]\nclient_tls_cert_file = c\nclient_tls_key_file = k\nauth_type = cert\n"
                           "client_tls_sslmode = verify-full\nclient_tls_ca_file = ca\nhttp_listen = [::1]:80\n"
                           "client_attest_policy = p\nsyslog_facility = LOCAL7\n"
                           "attest_simulated_product = turin\nattest_simulated_tcb = 1.2.3.4.5\n"
                           "attest_simulated_chip_id = 0011223344556677\n[policies]\np = p.yaml\n"
                           "[users]\nu = server_tls_cert_file=c server_tls_key_file=k\n"));
}

static void test_an_hba_file_must_be_readable_and_a_user_list_should(void **state)
{
    const struct scene *scene = *state;
    expect_err(parse("[pgvouch]\nauth_type = hba\nauth_hba_file = /nonexistent\n", &(struct config *){NULL}),
               ERR_SYSTEM, "could not open auth_hba_file /nonexistent");
    config_unref(config_of("[pgvouch]\nauth_file = /nonexistent\n"));
    assert_true(logged(scene, "WARNING could not open auth_file /nonexistent"));
    config_unref(config_of("[pgvouch]\nauth_type = scram-sha-256\n"));
    assert_true(logged(scene, "WARNING auth_type = scram-sha-256 without auth_file: no user is known"));
}

static void test_what_is_only_doubtful_is_a_warning(void **state)
{
    const struct scene *scene = *state;
    config_unref(config_of("[pgvouch]\nauth_dbname = other\nsbuf_loopcnt = 3\n"));
    assert_true(logged(scene, "WARNING auth_dbname = other: section [databases] has no such database"));
    config_unref(config_of("[pgvouch]\nauth_dbname = there\n[databases]\n* =\n"));
    assert_false(logged(scene, "auth_dbname = there"));
}

static void test_settings_without_effect_are_said_to_have_none(void **state)
{
    const struct scene *scene = *state;
    const struct setting *inert = NULL;
    for (size_t i = 0; i < setting_count() && !inert; i++)
        if (setting_at(i)->flags & SETTING_INERT && setting_at(i)->type == SETTING_TYPE_DURATION)
            inert = setting_at(i);
    if (!inert)
        skip(); /* all have one by now */
    char *text = mem_format("[pgvouch]\n%s = 12345\n", inert->name);
    char *warning = mem_format("WARNING %s is accepted, but has no effect in this version", inert->name);
    config_unref(config_of(""));
    assert_false(logged(scene, "has no effect"));
    config_unref(config_of(text));
    assert_true(logged(scene, warning));
    free(text);
    free(warning);
}

/* ---- files, RELOAD and SET ---- */

static void rewrite(const struct scene *scene, const char *text)
{
    free(scratch_file(scene->directory, "pgvouch.ini", text));
}

static struct config *load(const struct scene *scene, const char *text)
{
    struct config *config = NULL;
    rewrite(scene, text);
    expect_ok(config_load(scene->ini, &config));
    return config;
}

static void test_a_file_is_loaded_and_knows_its_name(void **state)
{
    const struct scene *scene = *state;
    struct config *config = load(scene, "[pgvouch]\nlisten_port = 1234\n");
    assert_int_equal(config->set.listen_port, 1234);
    assert_string_equal(config->set.conffile, scene->ini);
    assert_true(config->loaded_at_us > 0);
    config_unref(config);
}

static void test_a_file_that_cannot_be_read_is_an_error(void **state)
{
    const struct scene *scene = *state;
    struct config *config = NULL;
    expect_err(config_load(scene->ini, &config), ERR_SYSTEM, "could not load file");
    rewrite(scene, "[pgvouch]\nauth_type = cert\n");
    expect_err(config_load(scene->ini, &config), ERR_INPUT, "pgvouch.ini: auth_type = cert needs TLS");
    assert_null(config);
}

static void test_a_reload_takes_what_can_be_changed_and_keeps_the_rest(void **state)
{
    const struct scene *scene = *state;
    struct config *before =
        load(scene, "[pgvouch]\nlisten_port = 1\nmax_client_conn = 10\n[databases]\na = host=one\n");
    rewrite(scene, "[pgvouch]\nlisten_port = 2\nmax_client_conn = 20\n[databases]\na = host=two\n");
    struct config *after = NULL;
    expect_ok(config_reload(before, &after));
    assert_int_equal(after->set.max_client_conn, 20);
    assert_string_equal(config_find_database(after, "a", NULL)->host, "two");
    assert_int_equal(after->set.listen_port, 1);
    assert_true(logged(scene, "WARNING listen_port cannot be changed while running; restart for its new value"));
    assert_false(logged(scene, "max_client_conn"));
    assert_int_equal(before->set.max_client_conn, 10); /* nobody changes a snapshot */
    assert_string_equal(config_find_database(before, "a", NULL)->host, "one");
    assert_true(after->generation > before->generation);
    config_unref(before);
    config_unref(after);
}

static void test_every_setting_that_cannot_be_changed_stays_through_a_reload(void **state)
{
    const struct scene *scene = *state;
    static const char fixed[] = "[pgvouch]\nlisten_addr = 127.0.0.1\nlisten_port = 1\nunix_socket_mode = 0700\n"
                                "threads = 3\npidfile = /x\npkt_buf = 8192\nso_reuseport = 1\nhttp_listen = :1\n"
                                "peer_id = 4\nio_engine = libevent\njob_name = other\n";
    struct config *before = load(scene, fixed);
    rewrite(scene, "");
    struct config *after = NULL;
    expect_ok(config_reload(before, &after));
    for (size_t i = 0; i < setting_count(); i++) {
        const struct setting *setting = setting_at(i);
        if (setting->type != SETTING_TYPE_GROUP && !(setting->flags & SETTING_RELOADABLE))
            assert_true(setting_equal(setting, &before->set, &after->set));
    }
    assert_string_equal(after->set.service_name, "other");
    config_unref(before);
    config_unref(after);
}

static void test_a_reload_that_fails_leaves_what_runs(void **state)
{
    const struct scene *scene = *state;
    struct config *before = load(scene, "[pgvouch]\nmax_client_conn = 10\n");
    struct config *after = NULL;
    rewrite(scene, "[pgvouch]\nmax_client_conn = 20\nnonsense\n");
    expect_err(config_reload(before, &after), ERR_INPUT, "pgvouch.ini:3: ");
    assert_null(after);
    assert_int_equal(before->set.max_client_conn, 10);
    config_unref(before);
}

static void test_set_makes_a_snapshot_with_one_setting_changed(void **state)
{
    (void)state;
    struct config *before = config_of("[pgvouch]\nmax_client_conn = 10\nlogfile = /x\n[databases]\na = host=h\n");
    struct config *after = NULL;
    expect_ok(config_set(before, "max_client_conn", "30", &after));
    assert_int_equal(after->set.max_client_conn, 30);
    assert_int_equal(before->set.max_client_conn, 10);
    assert_string_equal(after->set.logfile, "/x");
    assert_true(after->generation > before->generation);
    config_unref(before);
    assert_string_equal(config_find_database(after, "a", NULL)->host, "h"); /* its own hold on what both share */
    config_unref(after);
}

static void test_set_refuses_what_cannot_be(void **state)
{
    (void)state;
    static const struct {
        const char *name, *value;
        enum err_code code;
        const char *why;
    } bad[] = {
        {"wibble", "1", ERR_NOT_FOUND, "unknown parameter: wibble"},
        {"Generic settings", "1", ERR_NOT_FOUND, "unknown parameter"},
        {"listen_port", "1", ERR_NOT_NOW, "listen_port cannot be changed while running"},
        {"job_name", "x", ERR_NOT_NOW, "service_name cannot be changed while running"},
        {"max_client_conn", "many", ERR_INPUT, "invalid value \"many\" for parameter max_client_conn"},
        {"auth_type", "cert", ERR_INPUT, "auth_type = cert needs TLS"},
        {"attest_max_age", "0", ERR_INPUT, "attest_max_age must be longer than 0"},
    };
    struct config *before = config_of("");
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct config *after = NULL;
        expect_err(config_set(before, bad[i].name, bad[i].value, &after), bad[i].code, bad[i].why);
        assert_null(after);
    }
    config_unref(before);
}

static void test_a_new_conffile_is_read_at_the_next_reload(void **state)
{
    const struct scene *scene = *state;
    char *other = scratch_file(scene->directory, "other.ini", "[pgvouch]\nmax_client_conn = 77\n");
    struct config *first = load(scene, "");
    struct config *second = NULL;
    struct config *third = NULL;
    expect_ok(config_set(first, "conffile", other, &second));
    expect_ok(config_reload(second, &third));
    assert_int_equal(third->set.max_client_conn, 77);
    assert_string_equal(third->set.conffile, other);
    config_unref(first);
    config_unref(second);
    config_unref(third);
    free(other);
}

static void test_a_snapshot_lives_as_long_as_anybody_holds_it(void **state)
{
    (void)state;
    struct config *config = config_of("[databases]\na = host=h\n");
    assert_ptr_equal(config_ref(config), config);
    config_unref(config);
    assert_string_equal(config_find_database(config, "a", NULL)->host, "h");
    config_unref(config);
    config_unref(NULL);
}

#define in_scene(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_scene(test_an_empty_file_gives_the_defaults),
        in_scene(test_settings_stand_in_either_section_and_the_last_counts),
        in_scene(test_databases_are_read_with_their_keys),
        in_scene(test_a_later_entry_of_a_name_replaces_the_earlier_whole),
        in_scene(test_the_fallback_serves_names_without_an_entry),
        in_scene(test_without_a_fallback_other_names_have_none),
        in_scene(test_reserve_pool_is_another_name),
        in_scene(test_minus_one_means_not_given),
        in_scene(test_peers_are_found_by_their_number),
        in_scene(test_policies_are_named),
        in_scene(test_console_databases_are_two),
        in_scene(test_unknown_settings_are_refused_with_place_and_suggestion),
        in_scene(test_values_of_the_wrong_type_are_refused_with_their_place),
        in_scene(test_unknown_keys_of_entries_are_refused),
        in_scene(test_unknown_sections_are_refused),
        in_scene(test_names_that_cannot_be_are_refused),
        in_scene(test_settings_that_do_not_fit_together_are_refused),
        in_scene(test_settings_that_fit_together_are_taken),
        in_scene(test_an_hba_file_must_be_readable_and_a_user_list_should),
        in_scene(test_what_is_only_doubtful_is_a_warning),
        in_scene(test_settings_without_effect_are_said_to_have_none),
        in_scene(test_a_file_is_loaded_and_knows_its_name),
        in_scene(test_a_file_that_cannot_be_read_is_an_error),
        in_scene(test_a_reload_takes_what_can_be_changed_and_keeps_the_rest),
        in_scene(test_every_setting_that_cannot_be_changed_stays_through_a_reload),
        in_scene(test_a_reload_that_fails_leaves_what_runs),
        in_scene(test_set_makes_a_snapshot_with_one_setting_changed),
        in_scene(test_set_refuses_what_cannot_be),
        in_scene(test_a_new_conffile_is_read_at_the_next_reload),
        in_scene(test_a_snapshot_lives_as_long_as_anybody_holds_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
