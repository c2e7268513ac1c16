/*
 * relay.c: the floor of the benchmark: one thread that carries bytes between clients and a Unix socket, and knows no
 * protocol.
 *
 * With a certificate it ends TLS in the way pgvouch does: bytes go through a BIO that reads the buffer just received
 * and appends to the one that is sent at the end of the turn, one send a direction and turn. What a pooler takes beyond
 * this is the price of being one. Not for use: it checks nothing, ends on the first surprise, and pools nothing.
 *
 *   relay PORT SOCKET-PATH [CERTIFICATE KEY]
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { RECEIVE_SIZE = 64 * 1024, CHUNK_SIZE = 512 * 1024, EVENTS = 64, SSL_REQUEST_SIZE = 8 };

/* Bytes on their way out; what the kernel did not take stays here and stops the other side. */
struct chunk {
    uint8_t *p;
    size_t n;
};

struct side {
    int fd;
    struct side *other;
    SSL *ssl;            /* NULL: plain */
    bool awaits_request; /* TLS is to begin when the client has asked for it */
    bool gone;
    struct chunk unsent;
    struct side *next_gone;
};

/* The worker's: one buffer received into, one chunk a direction, valid for one turn. */
static uint8_t received[RECEIVE_SIZE];
static struct {
    const uint8_t *p;
    size_t n;
} lent;
static uint8_t plain[CHUNK_SIZE];
static uint8_t cipher[CHUNK_SIZE];
static size_t cipher_n;

static int epoll_fd;
static struct sockaddr_un backend = {.sun_family = AF_UNIX};
static SSL_CTX *tls;
static BIO_METHOD *lent_bio;
static struct side *gone_sides;

static int lent_bio_read(BIO *bio, char *out, size_t size, size_t *n)
{
    BIO_clear_retry_flags(bio);
    if (lent.n == 0) {
        BIO_set_retry_read(bio);
        return 0;
    }
    *n = size < lent.n ? size : lent.n;
    memcpy(out, lent.p, *n);
    lent.p += *n;
    lent.n -= *n;
    return 1;
}

static int lent_bio_write(BIO *bio, const char *p, size_t size, size_t *n)
{
    BIO_clear_retry_flags(bio);
    if (size > sizeof cipher - cipher_n)
        errx(1, "more than a chunk in one turn");
    memcpy(cipher + cipher_n, p, size);
    cipher_n += size;
    *n = size;
    return 1;
}

static long lent_bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
    (void)bio, (void)number, (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

static void tls_prepare(const char *certificate, const char *key)
{
    tls = SSL_CTX_new(TLS_server_method());
    lent_bio = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "lent");
    if (!tls || !lent_bio || SSL_CTX_use_certificate_chain_file(tls, certificate) != 1 ||
        SSL_CTX_use_PrivateKey_file(tls, key, SSL_FILETYPE_PEM) != 1)
        errx(1, "no TLS with %s and %s", certificate, key);
    SSL_CTX_set_num_tickets(tls, 0);
    SSL_CTX_set_options(tls, SSL_OP_NO_TICKET);
    SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(tls, 1);
    BIO_meth_set_read_ex(lent_bio, lent_bio_read);
    BIO_meth_set_write_ex(lent_bio, lent_bio_write);
    BIO_meth_set_ctrl(lent_bio, lent_bio_ctrl);
}

static SSL *tls_new(void)
{
    SSL *ssl = SSL_new(tls);
    BIO *bio = BIO_new(lent_bio);
    if (!ssl || !bio)
        errx(1, "out of memory");
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl, bio, bio);
    SSL_set_accept_state(ssl);
    return ssl;
}

static void side_watch(struct side *side, int operation, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = side};
    if (epoll_ctl(epoll_fd, operation, side->fd, &event) != 0)
        err(1, "epoll_ctl");
}

static struct side *side_new(int fd)
{
    struct side *side = calloc(1, sizeof *side);
    if (!side)
        err(1, "calloc");
    side->fd = fd;
    return side;
}

/* Both sides end together; their memory lives until the turn's end, for events that are still to come. */
static void side_end(struct side *side)
{
    struct side *both[2] = {side, side->other};
    if (side->gone)
        return;
    for (int i = 0; i < 2; i++) {
        both[i]->gone = true;
        close(both[i]->fd);
        both[i]->next_gone = gone_sides;
        gone_sides = both[i];
    }
}

static void gone_sides_free(void)
{
    while (gone_sides) {
        struct side *side = gone_sides;
        gone_sides = side->next_gone;
        SSL_free(side->ssl);
        free(side->unsent.p);
        free(side);
    }
}

/* What the kernel does not take is kept, and the other side is not read until it has left. */
static void side_send(struct side *side, const uint8_t *p, size_t n)
{
    if (n == 0 || side->gone)
        return;
    ssize_t sent = side->unsent.n ? 0 : send(side->fd, p, n, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) {
        side_end(side);
        return;
    }
    size_t left = n - (size_t)(sent > 0 ? sent : 0);
    if (left == 0)
        return;
    side->unsent.p = realloc(side->unsent.p, side->unsent.n + left);
    if (!side->unsent.p)
        err(1, "realloc");
    memcpy(side->unsent.p + side->unsent.n, p + n - left, left);
    side->unsent.n += left;
    side_watch(side, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
    side_watch(side->other, EPOLL_CTL_MOD, side->other->unsent.n ? EPOLLOUT : 0);
}

static void side_writable(struct side *side)
{
    ssize_t sent = send(side->fd, side->unsent.p, side->unsent.n, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) {
        side_end(side);
        return;
    }
    if (sent > 0) {
        side->unsent.n -= (size_t)sent;
        memmove(side->unsent.p, side->unsent.p + sent, side->unsent.n);
    }
    if (side->unsent.n == 0) {
        side_watch(side, EPOLL_CTL_MOD, EPOLLIN);
        side_watch(side->other, EPOLL_CTL_MOD, EPOLLIN | (side->other->unsent.n ? EPOLLOUT : 0));
    }
}

static void side_flush_cipher(struct side *side)
{
    size_t n = cipher_n;
    cipher_n = 0;
    side_send(side, cipher, n);
}

/* Cipher bytes from the client: what they decrypt to goes to the backend. */
static void side_decrypt(struct side *side, size_t n)
{
    size_t filled = 0, got = 0;
    lent.p = received;
    lent.n = n;
    while (SSL_read_ex(side->ssl, plain + filled, sizeof plain - filled, &got) == 1)
        filled += got;
    int why = SSL_get_error(side->ssl, 0);
    side_flush_cipher(side); /* of the handshake */
    side_send(side->other, plain, filled);
    if (why != SSL_ERROR_WANT_READ)
        side_end(side);
}

static void side_encrypt(struct side *side, const uint8_t *p, size_t n)
{
    size_t written = 0;
    if (SSL_write_ex(side->ssl, p, n, &written) != 1 || written != n) {
        side_end(side);
        return;
    }
    side_flush_cipher(side);
}

static void side_readable(struct side *side)
{
    ssize_t n = recv(side->fd, received, sizeof received, 0);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0)
        side_end(side);
    else if (side->awaits_request && n == SSL_REQUEST_SIZE) {
        side->awaits_request = false;
        side->ssl = tls_new();
        side_send(side, (const uint8_t *)"S", 1);
    } else if (side->ssl)
        side_decrypt(side, (size_t)n);
    else if (side->other->ssl)
        side_encrypt(side->other, received, (size_t)n);
    else
        side_send(side->other, received, (size_t)n);
}

static void client_accept(int listener)
{
    int one = 1;
    int client_fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (client_fd < 0)
        return;
    int backend_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (backend_fd < 0 || connect(backend_fd, (const struct sockaddr *)&backend, sizeof backend) != 0)
        err(1, "%s", backend.sun_path);
    if (fcntl(backend_fd, F_SETFL, O_NONBLOCK) != 0)
        err(1, "fcntl");
    setsockopt(client_fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct side *client = side_new(client_fd), *server = side_new(backend_fd);
    client->other = server;
    server->other = client;
    client->awaits_request = tls != NULL;
    side_watch(client, EPOLL_CTL_ADD, EPOLLIN);
    side_watch(server, EPOLL_CTL_ADD, EPOLLIN);
}

static int listen_on(const char *port)
{
    int one = 1;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)strtoul(port, NULL, 10)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
        bind(fd, (const struct sockaddr *)&address, sizeof address) != 0 || listen(fd, SOMAXCONN) != 0)
        err(1, "port %s", port);
    return fd;
}

static void serve(int listener)
{
    struct epoll_event events[EVENTS];
    for (;;) {
        int n = epoll_wait(epoll_fd, events, EVENTS, -1);
        for (int i = 0; i < n; i++) {
            struct side *side = events[i].data.ptr;
            if (!side) {
                client_accept(listener);
                continue;
            }
            if (!side->gone && events[i].events & EPOLLOUT)
                side_writable(side);
            if (!side->gone && events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
                side_readable(side);
        }
        gone_sides_free();
    }
}

int main(int argc, char **argv)
{
    if ((argc != 3 && argc != 5) || strlen(argv[2]) >= sizeof backend.sun_path)
        errx(2, "usage: relay PORT SOCKET-PATH [CERTIFICATE KEY]");
    strcpy(backend.sun_path, argv[2]);
    if (argc == 5)
        tls_prepare(argv[3], argv[4]);
    int listener = listen_on(argv[1]);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &event) != 0)
        err(1, "epoll");
    serve(listener);
}
