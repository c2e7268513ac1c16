/* The HTTP listener and its connections, in a thread of their own, by clients of every kind. */
#include "admin/http_listener.h"
#include "base/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/http.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "expect.h"

#define MOST    4
#define SPARE   (100 * US_PER_MS)
#define LIFE    (400 * US_PER_MS)
#define WAIT_MS 10000
#define FDS     512
#define LARGE   (8 << 20)
#define REQUEST "GET / HTTP/1.1\r\nHost: x\r\n\r\n"

struct scene {
    struct loop *loop;
    struct evhttp *server;
    struct http_listener *listener;
    uint16_t port;
    pthread_t thread;
    int clients[64];
    size_t client_count;
};

/* ---- the server ---- */

static void answer(struct evhttp_request *request, void *arg)
{
    const struct scene *scene = arg;
    struct evbuffer *out = evbuffer_new();
    http_listener_serve(scene->listener, request);
    if (strcmp(evhttp_request_get_uri(request), "/large") == 0) {
        char *bytes = mem_alloc(LARGE);
        evbuffer_add(out, bytes, LARGE);
        free(bytes);
    }
    evhttp_send_reply(request, 200, "OK", out);
    evbuffer_free(out);
}

static void *serve(void *arg)
{
    struct scene *scene = arg;
    loop_run(scene->loop);
    return NULL;
}

static uint16_t free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    close(fd);
    return ntohs(address.sin_port);
}

static struct err listen_on(struct scene *scene, const char *address)
{
    const struct http_limits limits = {.connections = MOST, .spare_us = SPARE, .life_us = LIFE};
    return http_listener_open(scene->loop, scene->server, address, &limits, &scene->listener);
}

static int begin(void **state)
{
    struct scene *scene = NEW(struct scene);
    signal(SIGPIPE, SIG_IGN);
    expect_ok(loop_new(&scene->loop));
    scene->server = evhttp_new(loop_base(scene->loop));
    evhttp_set_gencb(scene->server, answer, scene);
    scene->port = free_port();
    char *address = mem_format("127.0.0.1:%u", scene->port);
    expect_ok(listen_on(scene, address));
    free(address);
    assert_int_equal(pthread_create(&scene->thread, NULL, serve, scene), 0);
    *state = scene;
    return 0;
}

static int end(void **state)
{
    struct scene *scene = *state;
    loop_stop(scene->loop);
    pthread_join(scene->thread, NULL);
    evhttp_free(scene->server);
    http_listener_free(scene->listener);
    loop_free(scene->loop);
    for (size_t i = 0; i < scene->client_count; i++)
        close(scene->clients[i]);
    free(scene);
    return 0;
}

/* ---- clients ---- */

static void call(const struct scene *scene, int fd)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(scene->port)};
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
}

static int dial(struct scene *scene)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    call(scene, fd);
    scene->clients[scene->client_count++] = fd;
    return fd;
}

static void say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static bool can_be_read(int fd, int wait_ms)
{
    struct pollfd one = {.fd = fd, .events = POLLIN};
    return poll(&one, 1, wait_ms) == 1;
}

static bool is_answered(int fd)
{
    char text[1024] = "";
    return can_be_read(fd, WAIT_MS) && recv(fd, text, sizeof text - 1, 0) > 0 && strstr(text, " 200 OK\r\n") != NULL;
}

/* Ended by the server, whether it has read everything or not. */
static bool is_closed(int fd)
{
    char rest[4096];
    ssize_t n = -1;
    while (can_be_read(fd, WAIT_MS) && (n = recv(fd, rest, sizeof rest, 0)) > 0)
        ;
    return n == 0 || (n < 0 && errno == ECONNRESET);
}

/* Sockets of this process that the server has accepted. */
static size_t accepted(const struct scene *scene)
{
    size_t count = 0;
    for (int fd = 0; fd < FDS; fd++) {
        struct sockaddr_in here = {0}, there = {0};
        socklen_t size = sizeof here, other = sizeof there;
        count += getsockname(fd, (struct sockaddr *)&here, &size) == 0 && here.sin_family == AF_INET &&
                 ntohs(here.sin_port) == scene->port && getpeername(fd, (struct sockaddr *)&there, &other) == 0;
    }
    return count;
}

static void rest(int64_t us)
{
    (void)poll(NULL, 0, (int)(us / US_PER_MS));
}

static void await_accepted(const struct scene *scene, size_t count)
{
    int64_t until_us = clock_monotonic_us() + WAIT_MS * US_PER_MS;
    while (accepted(scene) != count && clock_monotonic_us() < until_us)
        rest(US_PER_MS);
    assert_int_equal(accepted(scene), count);
}

/* ---- bounds ---- */

static void test_no_more_are_open_than_may_be_and_all_are_answered(void **state)
{
    struct scene *scene = *state;
    for (int i = 0; i < 5 * MOST; i++) {
        dial(scene);
        assert_in_range(accepted(scene), 0, MOST);
    }
    await_accepted(scene, MOST);
    for (size_t i = 0; i < scene->client_count; i++)
        (void)send(scene->clients[i], REQUEST, strlen(REQUEST), MSG_NOSIGNAL);
    size_t answered = 0;
    for (size_t i = 0; i < scene->client_count; i++) {
        assert_in_range(accepted(scene), 0, MOST);
        answered += is_answered(scene->clients[i]);
    }
    assert_int_equal(answered, scene->client_count);
}

static void test_idle_ones_make_room_for_who_comes_later(void **state)
{
    struct scene *scene = *state;
    for (int i = 0; i < 3 * MOST; i++)
        dial(scene);
    int64_t began_us = clock_monotonic_us();
    int probe = dial(scene);
    say(probe, REQUEST);
    assert_true(is_answered(probe));
    assert_true(clock_monotonic_us() - began_us < 20 * LIFE);
    assert_true(is_closed(scene->clients[0]));
    assert_in_range(accepted(scene), 0, MOST);
}

static void test_who_asks_again_and_again_keeps_the_connection(void **state)
{
    struct scene *scene = *state;
    int fd = dial(scene);
    int64_t until_us = clock_monotonic_us() + 3 * LIFE;
    while (clock_monotonic_us() < until_us) {
        say(fd, REQUEST);
        assert_true(is_answered(fd));
        rest(LIFE / 10);
    }
    assert_int_equal(accepted(scene), 1);
}

static void test_one_that_trickles_ends(void **state)
{
    struct scene *scene = *state;
    int fd = dial(scene);
    int64_t began_us = clock_monotonic_us();
    say(fd, "GET / HTTP/1.1\r\nX: ");
    while (!can_be_read(fd, 10) && clock_monotonic_us() - began_us < WAIT_MS * US_PER_MS)
        (void)send(fd, "x", 1, MSG_NOSIGNAL);
    assert_true(is_closed(fd));
    assert_true(clock_monotonic_us() - began_us >= LIFE / 2);
    await_accepted(scene, 0);
}

static void test_one_that_asks_and_then_says_nothing_ends(void **state)
{
    struct scene *scene = *state;
    int fd = dial(scene);
    say(fd, REQUEST);
    assert_true(is_answered(fd));
    assert_true(is_closed(fd));
    await_accepted(scene, 0);
}

static void test_one_that_does_not_take_its_answer_ends(void **state)
{
    struct scene *scene = *state;
    int fd = dial(scene);
    say(fd, "GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_true(can_be_read(fd, WAIT_MS));
    await_accepted(scene, 0);
}

/* ---- ends ---- */

static void hang_up(struct scene *scene, const char *after, bool hard)
{
    const struct linger at_once = {.l_onoff = 1};
    int fd = dial(scene);
    say(fd, after);
    await_accepted(scene, 1);
    if (hard)
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
    close(fd);
    scene->client_count--;
    await_accepted(scene, 0);
}

/* Were one still counted, no others would be let in. */
static void test_who_hangs_up_whenever_and_however_counts_no_more(void **state)
{
    struct scene *scene = *state;
    static const char *const said[] = {"", "GET", "GET / HTTP/1.1\r\nX",
                                       "POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nx"};
    for (size_t i = 0; i < COUNT(said); i++) {
        hang_up(scene, said[i], false);
        hang_up(scene, said[i], true);
    }
    for (int i = 0; i < MOST; i++) {
        int fd = dial(scene);
        say(fd, REQUEST);
        assert_true(is_answered(fd));
    }
    assert_int_equal(accepted(scene), MOST);
}

static void test_connections_that_end_with_their_answer_count_no_more(void **state)
{
    struct scene *scene = *state;
    int64_t began_us = clock_monotonic_us();
    for (int i = 0; i < 10 * MOST; i++) {
        int fd = dial(scene);
        say(fd, "GET / HTTP/1.1\r\nConnection: close\r\n\r\n");
        assert_true(is_answered(fd));
        assert_true(is_closed(fd));
        close(fd);
        scene->client_count--;
    }
    assert_true(clock_monotonic_us() - began_us < 10 * SPARE);
}

/* ---- trouble ---- */

static int64_t processor_us(void)
{
    struct rusage used;
    assert_int_equal(getrusage(RUSAGE_SELF, &used), 0);
    return (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * US_PER_SECOND + used.ru_utime.tv_usec +
           used.ru_stime.tv_usec;
}

static void test_without_descriptors_it_rests_and_then_goes_on(void **state)
{
    struct scene *scene = *state;
    struct rlimit before, low;
    int fd = dial(scene), late = scene->clients[scene->client_count++] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    say(fd, REQUEST);
    assert_true(is_answered(fd));
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    low = (struct rlimit){.rlim_cur = 3, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    int64_t used_us = processor_us();
    call(scene, late);
    say(late, REQUEST);
    bool came = can_be_read(late, 1000);
    used_us = processor_us() - used_us;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_false(came);
    assert_true(used_us < 200 * US_PER_MS);
    assert_true(is_answered(late));
}

static void test_an_address_that_cannot_be_is_named(void **state)
{
    struct scene *scene = *state;
    struct loop *loop = NULL;
    struct http_listener *other = NULL;
    const struct http_limits limits = {.connections = 1};
    expect_ok(loop_new(&loop));
    struct evhttp *server = evhttp_new(loop_base(loop));
    char *taken = mem_format("127.0.0.1:%u", scene->port);
    expect_err(http_listener_open(loop, server, taken, &limits, &other), ERR_SYSTEM, taken);
    expect_err(http_listener_open(loop, server, "127.0.0.1:none", &limits, &other), ERR_INPUT, "http_listen");
    assert_null(other);
    evhttp_free(server);
    loop_free(loop);
    free(taken);
}

#define OF(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        OF(test_no_more_are_open_than_may_be_and_all_are_answered),
        OF(test_idle_ones_make_room_for_who_comes_later),
        OF(test_who_asks_again_and_again_keeps_the_connection),
        OF(test_one_that_trickles_ends),
        OF(test_one_that_asks_and_then_says_nothing_ends),
        OF(test_one_that_does_not_take_its_answer_ends),
        OF(test_who_hangs_up_whenever_and_however_counts_no_more),
        OF(test_connections_that_end_with_their_answer_count_no_more),
        OF(test_without_descriptors_it_rests_and_then_goes_on),
        OF(test_an_address_that_cannot_be_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
