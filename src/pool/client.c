#include "pool/client.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/effective.h"
#include "wire/message.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void client_arrived(void *owner, const uint8_t *p, size_t n);
static void client_drained(void *owner);
static void client_ended(void *owner, struct err why);

static const struct stream_ops client_stream_ops = {
    .arrived = client_arrived,
    .drained = client_drained,
    .ended = client_ended,
};

static struct client *client_of_relay(struct relay *relay)
{
    return (struct client *)((char *)relay - offsetof(struct client, relay));
}

struct client *client_of_waiter(struct waiter *waiter)
{
    return (struct client *)((char *)waiter - offsetof(struct client, waiter));
}

struct client *client_of_link(const struct server *server)
{
    return server->borrower ? client_of_relay(server->borrower) : NULL;
}

static const struct config *client_config(const struct client *client)
{
    return client->clientele->place->config;
}

static int64_t client_now_us(const struct client *client)
{
    return loop_now_us(client->clientele->place->loop);
}

struct client *client_of_guest(struct guest *guest)
{
    return (struct client *)((char *)guest - offsetof(struct client, guest));
}

const char *client_state_text(const struct client *client)
{
    static const char *const texts[] = {"login", "active", "waiting", "active", "active"};
    return texts[client->state];
}

static const struct config_database *client_database(const struct client *client)
{
    return config_find_database(client_config(client), client->shard->pool->database->name, NULL);
}

static void client_log(const struct client *client, enum log_level level, const char *what, const char *text)
{
    const struct identity *identity = client->identity;
    log_write(level, "C-%llu: %s/%s@%s:%d %s%s", (unsigned long long)client->guest.id, identity->database,
              identity->user, identity->address_text, identity->port, what, text);
}

/* ---- the end ---- */

static void client_free(void *arg)
{
    struct client *client = arg;
    relay_clear(&client->relay);
    variables_clear(&client->variables);
    identity_free(client->identity);
    free(client->unwelcome);
    free(client);
}

/* What becomes of the link of a client that leaves. */
static void client_leave_link(struct client *client)
{
    struct relay *relay = &client->relay;
    shard_forget(client->shard, &client->waiter);
    if (client->tuned) {
        shard_give_back(client->tuned, "client disconnect while its parameters were set", false);
        client->tuned = NULL;
    }
    if (!relay->server)
        return;
    bool tuning = client->state == CLIENT_TUNING;
    const char *dirty = !tuning && relay_link_clean(relay) ? NULL : "client disconnect while server was not ready";
    shard_give_back(relay_detach(relay), dirty, relay->mode == POOL_MODE_SESSION);
}

static void client_leave_clientele(struct client *client)
{
    clientele_remove(client->clientele, &client->guest);
    atomic_fetch_sub(&client->shard->pool->clients, 1);
    limit_give(&client->shard->pool->database->clients);
    limit_give(&client->user->clients);
}

static void client_say_error(struct client *client, const char *sqlstate, const char *text)
{
    struct writer out = writer_growing(4096);
    wire_put_error(&out, "FATAL", sqlstate, text, NULL, NULL);
    stream_send(client->stream, writer_bytes(&out));
    writer_free(&out);
}

static void client_go(struct client *client, const char *reason, void (*hang_up)(struct stream *stream))
{
    if (client_config(client)->set.log_disconnections)
        client_log(client, LOG_LEVEL_INFO, "closing because: ", reason);
    client->gone = true;
    client->relay.finished = true;
    client_leave_link(client);
    client_leave_clientele(client);
    hang_up(client->stream);
    loop_defer(client->clientele->place->loop, &client->burial);
}

void client_end(struct client *client, const char *sqlstate, const char *text)
{
    if (client->gone)
        return;
    if (text) {
        client_say_error(client, sqlstate, text);
        if (client_config(client)->set.log_pooler_errors)
            client_log(client, LOG_LEVEL_WARNING, "pooler error: ", text);
    }
    client_go(client, text ? text : "client close request", text ? stream_close : stream_part);
}

/* A client that waits has not begun its transaction, and a link that is being prepared has not seen it. */
static bool client_is_between_transactions(const struct client *client)
{
    switch (client->state) {
    case CLIENT_GREETING:
    case CLIENT_IDLE:
    case CLIENT_WAITING:
    case CLIENT_TUNING:
        return true;
    case CLIENT_ACTIVE:
        break;
    }
    return client->relay.server && relay_link_clean(&client->relay);
}

void client_dismiss(struct client *client, const char *why)
{
    if (client->gone)
        return;
    free(client->unwelcome);
    client->unwelcome = mem_format("attestation is no longer accepted: %s", why);
    if (client_is_between_transactions(client))
        client_end(client, "57P01", client->unwelcome);
}

void client_pardon(struct client *client)
{
    free(client->unwelcome);
    client->unwelcome = NULL;
}

/* ---- stream ---- */

static void client_arrived(void *owner, const uint8_t *p, size_t n)
{
    struct client *client = owner;
    if (!client->gone)
        relay_from_client(&client->relay, bytes_of(p, n));
}

static void client_drained(void *owner)
{
    struct client *client = owner;
    if (!client->gone)
        relay_client_drained(&client->relay);
}

static void client_ended(void *owner, struct err why)
{
    struct client *client = owner;
    if (!client->gone)
        client_go(client, why.code == ERR_CLOSED ? "client unexpected eof" : why.why, stream_close);
}

/* ---- links ---- */

static void client_need_link(struct relay *relay)
{
    struct client *client = client_of_relay(relay);
    client->state = CLIENT_WAITING;
    client->waiter.greeting = false;
    shard_request(client->shard, &client->waiter);
}

static void client_activate(struct client *client, struct server *server)
{
    client->state = CLIENT_ACTIVE;
    relay_attach(&client->relay, server);
}

/* The backend may spell a value its own way ("ISO" becomes "ISO, MDY"): the session then holds what the backend says.
 * A backend that reports nothing is taken at its word. */
static void client_adopt_variables(struct client *client, struct server *server)
{
    for (size_t i = 0; i < variables_count(); i++) {
        const char *wanted = variables_get(&client->variables, i);
        const char *before = variables_get(&server->before_tuning, i);
        const char *now = variables_get(&server->variables, i);
        bool reported = now && (!before || strcmp(before, now) != 0);
        if (wanted && reported)
            variables_put(&client->variables, i, now);
        else if (wanted)
            variables_put(&server->variables, i, wanted);
    }
    variables_clear(&server->before_tuning);
}

static void client_tuned(struct server *server, struct err outcome)
{
    struct client *client = client_of_link(server);
    client->tuned = NULL;
    if (!failed(outcome)) {
        client_adopt_variables(client, server);
        client_activate(client, server);
        return;
    }
    char text[ERR_WHY_SIZE + 64];
    snprintf(text, sizeof text, "cannot set the session's parameters on the server: %s", outcome.why);
    client->state = CLIENT_IDLE;
    if (!server->gone)
        shard_give_back(server, server->transaction_status == 'I' ? NULL : "setting parameters failed", false);
    client_end(client, "08P01", text);
}

static void client_tune(struct client *client, struct server *server)
{
    struct writer sql = writer_growing(1024 * 1024);
    variables_write_set(&client->variables, &server->variables, &sql);
    writer_u8(&sql, 0);
    client->state = CLIENT_TUNING;
    client->tuned = server;
    variables_clear(&server->before_tuning); /* a tuning that failed leaves them behind */
    variables_fill(&server->before_tuning, &server->variables);
    server_borrow(server, NULL, &client->relay);
    server_run(server, (const char *)sql.start, client_tuned);
    writer_free(&sql);
}

static void client_greet(struct client *client);

static void client_lent(struct waiter *waiter, struct server *server)
{
    struct client *client = client_of_waiter(waiter);
    if (client->state == CLIENT_GREETING) {
        shard_give_back_unused(server);
        client_greet(client);
    } else if (variables_differ(&client->variables, &server->variables)) {
        client_tune(client, server);
    } else {
        client_activate(client, server);
    }
}

static void client_link_failed(struct waiter *waiter, const char *text)
{
    client_end(client_of_waiter(waiter), "08P01", text);
}

static const struct waiter_ops client_waiter_ops = {.lent = client_lent, .failed = client_link_failed};

/* ---- relay ---- */

static void client_settled(struct relay *relay, bool idle)
{
    struct client *client = client_of_relay(relay);
    if (relay->mode == POOL_MODE_STATEMENT && !idle) {
        client_end(client, "08P01", "transaction blocks not allowed in statement pooling mode");
        return;
    }
    relay->server->used_us = client_now_us(client);
    if (idle && client->unwelcome) {
        client_end(client, "57P01", client->unwelcome);
        return;
    }
    if (!idle || relay->mode == POOL_MODE_SESSION)
        return;
    client->state = CLIENT_IDLE;
    shard_give_back(relay_detach(relay), NULL, false);
    clientele_touch(client->clientele, &client->guest);
    if (client->clientele->leaving)
        client_end(client, "57P01", "pooler is shutting down");
}

static void client_finished(struct relay *relay, const char *sqlstate, const char *text)
{
    client_end(client_of_relay(relay), sqlstate, text);
}

static void client_link_ended(struct relay *relay, struct err why)
{
    (void)why;
    client_end(client_of_relay(relay), "08P01", "server conn crashed?");
}

static const struct relay_ops client_relay_ops = {
    .need_link = client_need_link,
    .settled = client_settled,
    .finished = client_finished,
    .link_ended = client_link_ended,
};

/* ---- greeting ---- */

static void client_write_parameters(struct client *client, const struct welcome *welcome, struct writer *out)
{
    const char *end = welcome->pairs + welcome->size;
    for (const char *name = welcome->pairs; name < end;) {
        const char *value = name + strlen(name) + 1;
        int index = variables_index(name);
        const char *own = index >= 0 ? variables_get(&client->variables, (size_t)index) : NULL;
        if (index >= 0 && !own)
            variables_put(&client->variables, (size_t)index, value);
        wire_put_parameter_status(out, name, own ? own : value);
        name = value + strlen(value) + 1;
    }
}

static void client_greet(struct client *client)
{
    struct welcome *welcome = pool_welcome(client->shard->pool);
    struct writer out = writer_growing(64 * 1024);
    uint8_t secret[CANCEL_SECRET_MAX];
    size_t secret_size = clientele_secret_size(client->identity->protocol_minor);
    client_write_parameters(client, welcome, &out);
    welcome_drop(welcome);
    uint32_t pid = clientele_cancel_key(client->clientele, &client->guest, secret, secret_size);
    wire_put_backend_key_data(&out, pid, bytes_of(secret, secret_size));
    wire_put_ready_for_query(&out, 'I');
    stream_send(client->stream, writer_bytes(&out));
    writer_free(&out);
    client->shard->stats.login_count++;
    client->state = CLIENT_IDLE;
    clientele_touch(client->clientele, &client->guest);
    relay_begin(&client->relay);
}

static void client_ask_for_welcome(struct client *client)
{
    client->state = CLIENT_GREETING;
    client->waiter.greeting = true;
    client->relay.asked = true; /* nothing is relayed before the greeting */
    stream_pause(client->stream);
    shard_request(client->shard, &client->waiter);
}

/* server_login_retry: while the backend is known to be down, new clients learn so at once. */
static bool client_backend_is_down(struct client *client)
{
    struct pool *pool = client->shard->pool;
    int64_t retry = atomic_load(&pool->retry_at_us);
    if (retry <= client_now_us(client) || limit_taken(&pool->links) > 0)
        return false;
    char why[ERR_WHY_SIZE];
    char text[ERR_WHY_SIZE + 96];
    pool_failure(pool, why);
    snprintf(text, sizeof text, "server login has been failing, cached error: %s (server_login_retry)", why);
    client_end(client, "08P01", text);
    return true;
}

static void client_take_startup(struct client *client)
{
    const struct identity *identity = client->identity;
    for (size_t i = 0; i < identity->parameter_count; i++) {
        int index = variables_index(identity->parameters[i].name);
        if (index >= 0)
            variables_put(&client->variables, (size_t)index, identity->parameters[i].value);
    }
}

static const char *client_over_limit(struct client *client)
{
    struct pool_database *database = client->shard->pool->database;
    if (!limit_take(&database->clients))
        return "client connections exceeded (max_db_client_connections)";
    if (!limit_take(&client->user->clients)) {
        limit_give(&database->clients);
        return "client connections exceeded (max_user_client_connections)";
    }
    return NULL;
}

static struct client *client_new(struct clientele *clientele, struct stream *stream, struct identity *identity,
                                 struct pool *pool)
{
    struct client *client = NEW(struct client);
    const struct config *config = clientele->place->config;
    client->guest.id = identity->id;
    client->clientele = clientele;
    client->identity = identity;
    client->stream = stream;
    client->shard = &pool->shards[clientele->place->index];
    client->user = registry_user(clientele->registry, config, identity->user);
    client->connected_wall_us = clock_wall_us();
    client->burial = (struct loop_task){.run = client_free, .arg = client};
    client->waiter.ops = &client_waiter_ops;
    client->relay.ops = &client_relay_ops;
    client->relay.client = stream;
    client->relay.stats = &client->shard->stats;
    client->relay.variables = &client->variables;
    client->relay.mode = config_pool_mode(config, client_database(client), config_find_user(config, identity->user));
    client_take_startup(client);
    return client;
}

/* The user that links log in as: one for all clients where the database names one. */
static const char *client_pool_user(const struct config_database *database, const struct identity *identity)
{
    return database->user[0] ? database->user : identity->user;
}

/* What the login has shown serves links too, where they log in as the client's own user. */
static void client_lend_credentials(struct pool *pool, const struct config_database *database,
                                    const struct identity *identity)
{
    if (database->password[0]) {
        struct credentials *credentials = credentials_new(database->password, NULL, NULL);
        pool_set_credentials(pool, credentials);
        credentials_drop(credentials);
    } else if (identity->backend_credentials) {
        pool_set_credentials(pool, identity->backend_credentials);
    }
}

static void client_refuse(struct clientele *clientele, struct stream *stream, struct identity *identity,
                          const char *sqlstate, const char *text)
{
    struct writer out = writer_growing(4096);
    wire_put_error(&out, "FATAL", sqlstate, text, NULL, NULL);
    stream_send(stream, writer_bytes(&out));
    writer_free(&out);
    log_warning("C-%llu: %s/%s@%s:%d pooler error: %s", (unsigned long long)identity->id, identity->database,
                identity->user, identity->address_text, identity->port, text);
    stream_close(stream);
    identity_free(identity);
    limit_give(clientele->limit);
}

void client_admit(struct clientele *clientele, struct stream *stream, struct identity *identity, struct bytes unread)
{
    const struct config *config = clientele->place->config;
    const struct config_database *database = config_find_database(config, identity->database, NULL);
    if (!database) {
        client_refuse(clientele, stream, identity, "3D000", "no such database"); /* a reload took it away just now */
        return;
    }
    struct pool *pool =
        registry_pool(clientele->registry, config, identity->database, client_pool_user(database, identity));
    if (atomic_load(&pool->database->disabled)) {
        client_refuse(clientele, stream, identity, "08P01", "database does not allow connections");
        return;
    }
    struct client *client = client_new(clientele, stream, identity, pool);
    const char *over = client_over_limit(client);
    if (over) {
        client_refuse(clientele, stream, identity, "53300", over);
        client->identity = NULL;
        client_free(client);
        return;
    }
    clientele_add(clientele, &client->guest);
    atomic_fetch_add(&pool->clients, 1);
    client_lend_credentials(pool, database, identity);
    stream_set_owner(stream, &client_stream_ops, client);
    if (client_backend_is_down(client))
        return;
    relay_hold_early(&client->relay, unread);
    struct welcome *welcome = pool_welcome(pool);
    if (welcome)
        client_greet(client);
    else
        client_ask_for_welcome(client);
    welcome_drop(welcome);
}

bool client_cancel_waiting(struct client *client)
{
    if (client->state != CLIENT_WAITING || !relay_drop_held_query(&client->relay))
        return false;
    struct writer out = writer_growing(1024);
    shard_forget(client->shard, &client->waiter);
    client->state = CLIENT_IDLE;
    wire_put_error(&out, "ERROR", "57014", "canceling statement due to user request", NULL, NULL);
    wire_put_ready_for_query(&out, 'I');
    stream_send(client->stream, writer_bytes(&out));
    writer_free(&out);
    stream_resume(client->stream);
    return true;
}
