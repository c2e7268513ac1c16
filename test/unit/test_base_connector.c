/* Sockets connected by name, address and path; refusals; connections given up. */
#include "base/clock.h"
#include "base/connector.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/un.h>

#include <cmocka.h>

#include "expect.h"

struct scene {
    struct loop *loop;
    struct crew *crew;
    struct timer *timer;
    int listener;
    int port;
    bool returned; /* connector_start has */
    bool told_early;
    size_t told;
    int fd;
    struct address peer;
    struct err outcome;
};

static void scene_connected(void *arg, int fd, const struct address *peer, struct err outcome)
{
    struct scene *scene = arg;
    scene->told_early = !scene->returned;
    scene->told++;
    scene->fd = fd;
    scene->peer = *peer;
    scene->outcome = outcome;
    loop_stop(scene->loop);
}

static void scene_over(void *arg)
{
    struct scene *scene = arg;
    loop_stop(scene->loop);
}

static int begin(void **state)
{
    struct scene *scene = NEW(struct scene);
    expect_ok(loop_new(&scene->loop));
    expect_ok(crew_new(1, &scene->crew));
    scene->timer = timer_new(scene->loop, scene_over, scene);
    scene->listener = -1;
    scene->fd = -1;
    *state = scene;
    return 0;
}

static int end(void **state)
{
    struct scene *scene = *state;
    if (scene->listener >= 0)
        close(scene->listener);
    if (scene->fd >= 0)
        close(scene->fd);
    crew_free(scene->crew);
    timer_free(scene->timer);
    loop_free(scene->loop);
    free(scene);
    return 0;
}

static void listen_tcp(struct scene *scene)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    scene->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(scene->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(scene->listener, 8), 0);
    assert_int_equal(getsockname(scene->listener, (struct sockaddr *)&address, &size), 0);
    scene->port = ntohs(address.sin_port);
}

/* A Unix socket; a path that begins with a zero byte is abstract. */
static void listen_unix(struct scene *scene, struct bytes path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, path.p, path.n);
    scene->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(scene->listener, (struct sockaddr *)&address,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path.n)),
                     0);
    assert_int_equal(listen(scene->listener, 8), 0);
}

static void scene_connect(struct scene *scene, const char *host)
{
    (void)connector_start(scene->loop, scene->crew, host, scene->port, scene_connected, scene);
    scene->returned = true;
    timer_start(scene->timer, 20 * US_PER_SECOND);
    loop_run(scene->loop);
    assert_int_equal(scene->told, 1);
    assert_false(scene->told_early);
}

/* The descriptor reaches the listener, and does not block. */
static void expect_connected(struct scene *scene)
{
    char byte = 0;
    expect_ok(scene->outcome);
    assert_true(fcntl(scene->fd, F_GETFL) & O_NONBLOCK);
    int other = accept(scene->listener, NULL, NULL);
    assert_true(other >= 0);
    assert_int_equal(write(scene->fd, "x", 1), 1);
    assert_int_equal(read(other, &byte, 1), 1);
    assert_int_equal(byte, 'x');
    close(other);
}

static void test_an_address_is_connected_to(void **state)
{
    struct scene *scene = *state;
    char text[ADDRESS_TEXT_SIZE];
    listen_tcp(scene);
    scene_connect(scene, "127.0.0.1");
    expect_connected(scene);
    address_text(&scene->peer, text);
    assert_string_equal(text, "127.0.0.1");
    assert_int_equal(address_port(&scene->peer), scene->port);
}

static void test_a_name_is_looked_up_and_its_addresses_are_tried_in_turn(void **state)
{
    struct scene *scene = *state;
    listen_tcp(scene); /* on 127.0.0.1 alone: where localhost is ::1 too, that one fails first */
    scene_connect(scene, "localhost");
    expect_connected(scene);
}

static void test_a_known_address_is_connected_to(void **state)
{
    struct scene *scene = *state;
    listen_tcp(scene);
    struct address address = {.length = sizeof(struct sockaddr_in)};
    struct sockaddr_in *v4 = (struct sockaddr_in *)&address.storage;
    *v4 = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)scene->port)};
    (void)connector_start_at(scene->loop, &address, scene_connected, scene);
    scene->returned = true;
    loop_run(scene->loop);
    assert_false(scene->told_early);
    expect_connected(scene);
}

static void test_a_directory_holds_the_unix_socket_of_its_port(void **state)
{
    struct scene *scene = *state;
    char text[ADDRESS_TEXT_SIZE];
    char *directory = scratch_make();
    char *path = scratch_file(directory, ".s.PGSQL.6432", NULL);
    scene->port = 6432;
    listen_unix(scene, bytes_of(path, strlen(path) + 1));
    scene_connect(scene, directory);
    expect_connected(scene);
    address_text(&scene->peer, text);
    assert_string_equal(text, "unix");
    assert_int_equal(address_port(&scene->peer), 0);
    scratch_remove(directory);
    free(path);
}

static void test_an_at_sign_begins_an_abstract_socket(void **state)
{
    struct scene *scene = *state;
    char *host = mem_format("@pgvouch-test-%d", (int)getpid());
    char *path = mem_format("%s/.s.PGSQL.6432", host);
    path[0] = '\0';
    scene->port = 6432;
    listen_unix(scene, bytes_of(path, strlen(host) + strlen("/.s.PGSQL.6432")));
    scene_connect(scene, host);
    expect_connected(scene);
    free(path);
    free(host);
}

static void test_nobody_listening_is_an_error(void **state)
{
    struct scene *scene = *state;
    listen_tcp(scene);
    close(scene->listener);
    scene->listener = -1;
    scene_connect(scene, "127.0.0.1");
    expect_err(scene->outcome, ERR_SYSTEM, "connect failed: Connection refused");
    assert_int_equal(scene->fd, -1);
    assert_int_equal(address_port(&scene->peer), scene->port); /* the address that was tried last */
}

static void test_a_missing_unix_socket_is_an_error(void **state)
{
    struct scene *scene = *state;
    scene->port = 6432;
    scene_connect(scene, "/nonexistent");
    expect_err(scene->outcome, ERR_SYSTEM, "No such file or directory");
    assert_int_equal(scene->fd, -1);
}

static void test_a_name_that_does_not_exist_is_an_error(void **state)
{
    struct scene *scene = *state;
    scene->port = 5432;
    scene_connect(scene, "no such host.invalid");
    expect_err(scene->outcome, ERR_NOT_FOUND, "cannot resolve host name \"no such host.invalid\"");
    assert_int_equal(scene->fd, -1);
    assert_int_equal(scene->peer.length, 0);
}

static void test_a_path_too_long_for_a_unix_socket_is_an_error(void **state)
{
    struct scene *scene = *state;
    char directory[128];
    memset(directory, 'x', sizeof directory);
    directory[0] = '/';
    directory[107 - strlen("/.s.PGSQL.6432") + 1] = '\0'; /* the whole has 108 characters: no room for the zero */
    scene->port = 6432;
    scene_connect(scene, directory);
    expect_err(scene->outcome, ERR_LIMIT, "too long");
}

static void test_the_longest_path_of_a_unix_socket_is_tried(void **state)
{
    struct scene *scene = *state;
    char directory[128];
    memset(directory, 'x', sizeof directory);
    directory[0] = '/';
    directory[107 - strlen("/.s.PGSQL.6432")] = '\0';
    scene->port = 6432;
    scene_connect(scene, directory);
    assert_int_equal(scene->outcome.code, ERR_SYSTEM);
}

static void wait_a_little(struct scene *scene)
{
    timer_start(scene->timer, 100 * US_PER_MS);
    loop_run(scene->loop);
    assert_int_equal(scene->told, 0);
}

static void test_a_cancelled_connection_is_not_told(void **state)
{
    struct scene *scene = *state;
    listen_tcp(scene);
    connector_cancel(connector_start(scene->loop, scene->crew, "127.0.0.1", scene->port, scene_connected, scene));
    wait_a_little(scene);
}

/* The crew's only thread is held until the connector has been cancelled. */
static void hold(void *arg)
{
    pthread_barrier_wait(arg);
}

static void held(void *arg)
{
    (void)arg;
}

static void test_a_connection_cancelled_while_its_name_is_looked_up_is_not_told(void **state)
{
    struct scene *scene = *state;
    pthread_barrier_t barrier;
    assert_int_equal(pthread_barrier_init(&barrier, NULL, 2), 0);
    listen_tcp(scene);
    crew_submit(scene->crew, scene->loop, hold, held, &barrier);
    connector_cancel(connector_start(scene->loop, scene->crew, "localhost", scene->port, scene_connected, scene));
    pthread_barrier_wait(&barrier);
    crew_free(scene->crew); /* the answer is in the mailbox now */
    scene->crew = NULL;
    wait_a_little(scene);
    pthread_barrier_destroy(&barrier);
}

static void test_addresses_are_shown(void **state)
{
    (void)state;
    char text[ADDRESS_TEXT_SIZE];
    struct address address = {.length = sizeof(struct sockaddr_in6)};
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&address.storage;
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(6432);
    assert_int_equal(inet_pton(AF_INET6, "2001:db8::1", &v6->sin6_addr), 1);
    address_text(&address, text);
    assert_string_equal(text, "2001:db8::1");
    assert_int_equal(address_port(&address), 6432);
    address.length = 0; /* not known */
    address_text(&address, text);
    assert_string_equal(text, "unix");
    assert_int_equal(address_port(&address), 0);
}

#define in_scene(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_scene(test_an_address_is_connected_to),
        in_scene(test_a_name_is_looked_up_and_its_addresses_are_tried_in_turn),
        in_scene(test_a_known_address_is_connected_to),
        in_scene(test_a_directory_holds_the_unix_socket_of_its_port),
        in_scene(test_an_at_sign_begins_an_abstract_socket),
        in_scene(test_nobody_listening_is_an_error),
        in_scene(test_a_missing_unix_socket_is_an_error),
        in_scene(test_a_name_that_does_not_exist_is_an_error),
        in_scene(test_a_path_too_long_for_a_unix_socket_is_an_error),
        in_scene(test_the_longest_path_of_a_unix_socket_is_tried),
        in_scene(test_a_cancelled_connection_is_not_told),
        in_scene(test_a_connection_cancelled_while_its_name_is_looked_up_is_not_told),
        cmocka_unit_test(test_addresses_are_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
