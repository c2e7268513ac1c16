#include "tls/stream.h"

#include "base/clock.h"
#include "base/mem.h"

#include <openssl/err.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CLOSE_LINGER_US (5 * US_PER_SECOND)
/* So much queued in one turn is offered to the kernel at once, to learn whether the peer keeps up. */
#define FLUSH_FROM      (64 * 1024)
/* Records of one arrival are handed over together up to this size; the smallest that holds any one record. */
#define PLAIN_SIZE      (64 * 1024)

enum stream_state {
    STREAM_PLAIN,
    STREAM_HANDSHAKE,
    STREAM_TLS,
    STREAM_BROKEN, /* the handshake failed, or a record was bad: only closing is left */
};

/* `channel` is NULL between stream_leave and stream_join. `cipher` is what the BIO may still read of the lent buffer:
 * empty outside of a call. `depth` counts the callbacks under way; a stream closed inside one is freed when the last
 * of them returns. */
struct stream {
    struct channel *channel;
    const struct stream_ops *ops;
    void *owner;
    SSL *ssl;
    struct bytes cipher;
    enum stream_state state;
    unsigned depth;
    int fd_between; /* the socket while between two engines, else -1 */
    bool peer_ended;
    bool closed;
};

/* Filled and emptied within one call of stream_read_records; callbacks of one thread do not nest here. */
static _Thread_local uint8_t plain_buffer[PLAIN_SIZE];

static int stream_bio_read(BIO *bio, char *out, size_t size, size_t *got)
{
    struct stream *stream = BIO_get_data(bio);
    size_t n = size < stream->cipher.n ? size : stream->cipher.n;
    BIO_clear_retry_flags(bio);
    *got = n;
    if (n == 0) {
        BIO_set_retry_read(bio);
        return 0;
    }
    memcpy(out, stream->cipher.p, n);
    stream->cipher = bytes_of(stream->cipher.p + n, stream->cipher.n - n);
    return 1;
}

static int stream_bio_write(BIO *bio, const char *data, size_t n, size_t *taken)
{
    struct stream *stream = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    channel_send(stream->channel, bytes_of(data, n));
    *taken = n;
    return 1;
}

static long stream_bio_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH; /* the end of the turn flushes */
}

static BIO_METHOD *stream_bio_method;
static pthread_once_t stream_bio_once = PTHREAD_ONCE_INIT;

static void stream_make_bio_method(void)
{
    stream_bio_method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "pgvouch stream");
    if (!stream_bio_method)
        abort(); /* only memory can be missing */
    BIO_meth_set_read_ex(stream_bio_method, stream_bio_read);
    BIO_meth_set_write_ex(stream_bio_method, stream_bio_write);
    BIO_meth_set_ctrl(stream_bio_method, stream_bio_control);
}

static void stream_arrived(void *owner, const uint8_t *p, size_t n);
static void stream_drained(void *owner);
static void stream_ended(void *owner, struct err why);

static const struct channel_ops stream_channel_ops = {
    .arrived = stream_arrived,
    .drained = stream_drained,
    .ended = stream_ended,
};

static void stream_enter(struct stream *stream)
{
    stream->depth++;
}

static void stream_exit(struct stream *stream)
{
    if (--stream->depth > 0 || !stream->closed)
        return;
    SSL_free(stream->ssl);
    free(stream);
}

/* The reason of the last TLS call; a clean end (close_notify or end of file) is ERR_CLOSED. */
static struct err stream_tls_error(struct stream *stream, int result, const char *doing)
{
    int kind = SSL_get_error(stream->ssl, result);
    if (kind == SSL_ERROR_ZERO_RETURN)
        return err_make(ERR_CLOSED, "the peer closed the connection");
    return err_crypto("%s", doing);
}

static void stream_fail(struct stream *stream, struct err why)
{
    bool in_handshake = stream->state == STREAM_HANDSHAKE;
    stream->state = STREAM_BROKEN;
    stream->cipher = BYTES_NONE;
    stream->peer_ended = why.code == ERR_CLOSED;
    channel_pause(stream->channel);
    if (in_handshake && stream->ops->secured)
        stream->ops->secured(stream->owner, why);
    else
        stream->ops->ended(stream->owner, why);
}

static void stream_shake(struct stream *stream)
{
    ERR_clear_error();
    int result = SSL_do_handshake(stream->ssl);
    if (result == 1) {
        stream->state = STREAM_TLS;
        if (stream->ops->secured)
            stream->ops->secured(stream->owner, OK);
    } else if (SSL_get_error(stream->ssl, result) != SSL_ERROR_WANT_READ) {
        stream_fail(stream, stream_tls_error(stream, result, "TLS handshake failed"));
    }
}

/* Decrypts what is there, up to a buffer full. Sets *stopped when no more can be read for now. */
static size_t stream_fill_plain(struct stream *stream, bool *stopped, struct err *why)
{
    size_t filled = 0;
    while (filled < PLAIN_SIZE) {
        size_t n = 0;
        ERR_clear_error();
        int result = SSL_read_ex(stream->ssl, plain_buffer + filled, PLAIN_SIZE - filled, &n);
        if (result == 1) {
            filled += n;
            continue;
        }
        *stopped = true;
        if (SSL_get_error(stream->ssl, result) != SSL_ERROR_WANT_READ)
            *why = stream_tls_error(stream, result, "TLS record could not be read");
        break;
    }
    return filled;
}

static void stream_read_records(struct stream *stream)
{
    bool stopped = false;
    while (!stopped && !stream->closed && stream->state == STREAM_TLS) {
        struct err why = OK;
        size_t n = stream_fill_plain(stream, &stopped, &why);
        if (n > 0)
            stream->ops->arrived(stream->owner, plain_buffer, n);
        if (failed(why) && !stream->closed)
            stream_fail(stream, why);
    }
}

static void stream_feed_tls(struct stream *stream, struct bytes cipher)
{
    stream->cipher = cipher;
    if (stream->state == STREAM_HANDSHAKE)
        stream_shake(stream);
    if (!stream->closed && stream->state == STREAM_TLS)
        stream_read_records(stream);
    stream->cipher = BYTES_NONE;
}

static void stream_arrived(void *owner, const uint8_t *p, size_t n)
{
    struct stream *stream = owner;
    stream_enter(stream);
    if (stream->state == STREAM_PLAIN)
        stream->ops->arrived(stream->owner, p, n);
    else
        stream_feed_tls(stream, bytes_of(p, n));
    stream_exit(stream);
}

static void stream_drained(void *owner)
{
    struct stream *stream = owner;
    stream_enter(stream);
    if (stream->ops->drained)
        stream->ops->drained(stream->owner);
    stream_exit(stream);
}

static void stream_ended(void *owner, struct err why)
{
    struct stream *stream = owner;
    stream_enter(stream);
    stream->peer_ended = true;
    stream_fail(stream, why);
    stream_exit(stream);
}

struct stream *stream_new(struct engine *engine, int fd, const struct stream_ops *ops, void *owner)
{
    struct stream *stream = NEW(struct stream);
    stream->ops = ops;
    stream->owner = owner;
    stream->fd_between = -1;
    stream->channel = channel_open(engine, fd, &stream_channel_ops, stream);
    return stream;
}

void stream_set_owner(struct stream *stream, const struct stream_ops *ops, void *owner)
{
    stream->ops = ops;
    stream->owner = owner;
}

static void stream_start_tls(struct stream *stream, SSL *ssl)
{
    pthread_once(&stream_bio_once, stream_make_bio_method);
    BIO *bio = BIO_new(stream_bio_method);
    if (!bio)
        abort(); /* only memory can be missing */
    BIO_set_data(bio, stream);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl, bio, bio);
    stream->ssl = ssl;
    stream->state = STREAM_HANDSHAKE;
}

void stream_accept_tls(struct stream *stream, SSL *ssl, struct bytes received)
{
    stream_enter(stream);
    stream_start_tls(stream, ssl);
    SSL_set_accept_state(ssl);
    if (received.n > 0)
        stream_feed_tls(stream, received);
    stream_exit(stream);
}

void stream_connect_tls(struct stream *stream, SSL *ssl)
{
    stream_enter(stream);
    stream_start_tls(stream, ssl);
    SSL_set_connect_state(ssl);
    stream_shake(stream);
    stream_exit(stream);
}

SSL *stream_ssl(const struct stream *stream)
{
    return stream->ssl;
}

bool stream_send(struct stream *stream, struct bytes b)
{
    if (b.n == 0 || stream->state == STREAM_BROKEN)
        return true;
    if (stream->state == STREAM_PLAIN) {
        channel_send(stream->channel, b);
    } else {
        size_t written;
        ERR_clear_error();
        /* The BIO takes everything: what can fail is TLS itself, after which the peer only sees the end. */
        if (SSL_write_ex(stream->ssl, b.p, b.n, &written) != 1)
            channel_break(stream->channel);
    }
    if (channel_unsent(stream->channel) >= FLUSH_FROM)
        channel_flush(stream->channel);
    return !channel_congested(stream->channel);
}

bool stream_congested(const struct stream *stream)
{
    return channel_congested(stream->channel);
}

void stream_pause(struct stream *stream)
{
    channel_pause(stream->channel);
}

void stream_resume(struct stream *stream)
{
    if (stream->state != STREAM_BROKEN)
        channel_resume(stream->channel);
}

static void stream_drop(struct stream *stream)
{
    stream->channel = NULL;
    stream->closed = true;
    stream_enter(stream);
    stream_exit(stream);
}

void stream_close(struct stream *stream)
{
    if (stream->state == STREAM_TLS && !stream->peer_ended) {
        ERR_clear_error();
        (void)SSL_shutdown(stream->ssl); /* close_notify; the peer's is not waited for */
    }
    channel_close_gently(stream->channel, CLOSE_LINGER_US, !stream->peer_ended);
    stream_drop(stream);
}

void stream_part(struct stream *stream)
{
    if (channel_unsent(stream->channel) == 0)
        stream_abort(stream);
    else
        stream_close(stream);
}

void stream_abort(struct stream *stream)
{
    if (stream->channel)
        channel_close(stream->channel);
    else if (stream->fd_between >= 0)
        close(stream->fd_between);
    stream_drop(stream);
}

bool stream_is_quiet(const struct stream *stream)
{
    return stream->state != STREAM_BROKEN && stream->state != STREAM_HANDSHAKE && stream->depth == 0 &&
           channel_unsent(stream->channel) == 0;
}

void stream_leave(struct stream *stream)
{
    stream->fd_between = channel_release(stream->channel);
    stream->channel = NULL;
}

void stream_join(struct stream *stream, struct engine *engine)
{
    stream->channel = channel_open(engine, stream->fd_between, &stream_channel_ops, stream);
    stream->fd_between = -1;
}

int stream_fd(const struct stream *stream)
{
    return channel_fd(stream->channel);
}

struct engine *stream_engine(const struct stream *stream)
{
    return channel_engine(stream->channel);
}
