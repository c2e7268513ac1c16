/* CLIENTS, SERVERS, SOCKETS, ACTIVE_SOCKETS: every connection. */
#include "admin/show.h"
#include "base/clock.h"
#include "base/reader.h"
#include "tls/peer.h"

#include <inttypes.h>
#include <stdio.h>

static const struct column columns[] = {
    {"type", COLUMN_TEXT},
    {"user", COLUMN_TEXT},
    {"database", COLUMN_TEXT},
    {"replication", COLUMN_TEXT},
    {"state", COLUMN_TEXT},
    {"addr", COLUMN_TEXT},
    {"port", COLUMN_INT},
    {"local_addr", COLUMN_TEXT},
    {"local_port", COLUMN_INT},
    {"connect_time", COLUMN_TEXT},
    {"request_time", COLUMN_TEXT},
    {"wait", COLUMN_INT},
    {"wait_us", COLUMN_INT},
    {"close_needed", COLUMN_INT},
    {"ptr", COLUMN_TEXT},
    {"link", COLUMN_TEXT},
    {"remote_pid", COLUMN_INT},
    {"tls", COLUMN_TEXT},
    {"application_name", COLUMN_TEXT},
    {"prepared_statements", COLUMN_INT},
    {"id", COLUMN_BIGINT},
    {"attestation", COLUMN_TEXT}, /* of a client: the id of its verdict */
    {"worker", COLUMN_INT},
};

/* A row before it is written. */
struct socket_row {
    const char *type, *user, *database, *state, *address, *application_name, *attestation;
    const char *tls_version, *tls_cipher;
    struct stream *stream; /* NULL while connecting */
    int port;
    int64_t connected_wall_us, request_wall_us, wait_us;
    bool close_needed;
    uint64_t id, partner; /* 0: none */
    int remote_pid;
};

static void put_local_address(struct table *out, const struct stream *stream)
{
    struct address address = {.length = sizeof address.storage};
    char text[ADDRESS_TEXT_SIZE] = "";
    int port = 0;
    if (stream && getsockname(stream_fd(stream), &address.any, &address.length) == 0) {
        address_text(&address, text);
        port = address_port(&address);
    }
    table_text(out, text);
    table_int(out, port);
}

/* Where PgBouncer shows an address in memory, an id does as well and tells nothing about the process. */
static void put_handle(struct table *out, uint64_t id)
{
    if (id == 0)
        table_text(out, "");
    else
        table_textf(out, "0x%" PRIx64, id);
}

static void put_time(struct table *out, int64_t wall_us)
{
    char text[SHOW_TIME_SIZE];
    table_text(out, show_time(wall_us, text));
}

static void put_row(struct table *out, const struct worker *worker, const struct socket_row *row)
{
    table_text(out, row->type);
    table_text(out, row->user);
    table_text(out, row->database);
    table_text(out, "none");
    table_text(out, row->state);
    table_text(out, row->address);
    table_int(out, row->port);
    put_local_address(out, row->stream);
    put_time(out, row->connected_wall_us);
    put_time(out, row->request_wall_us);
    table_int(out, row->wait_us / US_PER_SECOND);
    table_int(out, row->wait_us % US_PER_SECOND);
    table_bool(out, row->close_needed);
    put_handle(out, row->id);
    put_handle(out, row->partner);
    table_int(out, row->remote_pid);
    if (row->tls_version)
        table_textf(out, "%s/%s", row->tls_version, row->tls_cipher);
    else
        table_text(out, "");
    table_text(out, row->application_name ? row->application_name : "");
    table_int(out, 0);
    table_int(out, (int64_t)row->id);
    table_text(out, row->attestation);
    table_int(out, (int64_t)worker->place.index);
}

/* A monotonic time of the worker as the time of day. */
static int64_t wall_of(const struct worker *worker, int64_t monotonic_us)
{
    return monotonic_us ? clock_wall_us() - (loop_now_us(worker->place.loop) - monotonic_us) : 0;
}

static int unix_peer_pid(const struct identity *identity, const struct stream *stream)
{
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (!identity->is_unix || getsockopt(stream_fd(stream), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        return 0;
    return peer.pid;
}

static struct socket_row row_of_identity(const struct identity *identity, struct stream *stream)
{
    return (struct socket_row){
        .type = "C",
        .user = identity->user,
        .database = identity->database,
        .address = identity->address_text,
        .port = identity->port,
        .attestation = identity->attestation,
        .tls_version = identity->tls_version,
        .tls_cipher = identity->tls_cipher,
        .stream = stream,
        .remote_pid = unix_peer_pid(identity, stream),
        .id = identity->id,
    };
}

/* ---- clients ---- */

static const char *application_name_of(const struct client *client)
{
    int index = variables_index("application_name");
    return index >= 0 ? variables_get(&client->variables, (size_t)index) : NULL;
}

static const struct server *link_of(const struct client *client)
{
    return client->relay.server ? client->relay.server : client->tuned;
}

static const char *state_of_client(const struct client *client)
{
    if (client->waiter.queued)
        return "waiting";
    return link_of(client) ? "active" : "idle";
}

static void put_client(const struct worker *worker, const struct client *client, struct table *out)
{
    const struct server *link = link_of(client);
    struct socket_row row = row_of_identity(client->identity, client->stream);
    row.state = state_of_client(client);
    row.connected_wall_us = client->connected_wall_us;
    row.request_wall_us = wall_of(worker, client->guest.active_us);
    if (client->waiter.queued)
        row.wait_us = loop_now_us(worker->place.loop) - client->waiter.since_us;
    row.partner = link ? link->id : 0;
    row.application_name = application_name_of(client);
    put_row(out, worker, &row);
}

static const char *startup_application_name(const struct identity *identity)
{
    for (size_t i = 0; i < identity->parameter_count; i++)
        if (strcasecmp(identity->parameters[i].name, "application_name") == 0)
            return identity->parameters[i].value;
    return NULL;
}

static void put_console(const struct worker *worker, const struct console_seat *seat, struct table *out)
{
    struct socket_row row = row_of_identity(seat->identity, seat->stream);
    row.state = "active";
    row.connected_wall_us = seat->connected_wall_us;
    row.request_wall_us = seat->request_wall_us;
    row.application_name = startup_application_name(seat->identity);
    put_row(out, worker, &row);
}

static void collect_some_clients(struct showing *showing, struct worker *worker, bool only_active, struct table *out)
{
    const struct guest *guest;
    const struct console_seat *seat;
    TAILQ_FOREACH (guest, &worker->clientele.guests, entry) {
        const struct client *client = client_of_guest((struct guest *)(uintptr_t)guest);
        if (!only_active || link_of(client) || client->waiter.queued)
            put_client(worker, client, out);
    }
    TAILQ_FOREACH (seat, &showing->consoles->seats[worker->place.index], entry)
        put_console(worker, seat, out);
}

static void collect_clients(struct showing *showing, struct worker *worker, struct table *out)
{
    collect_some_clients(showing, worker, false, out);
}

/* ---- links ---- */

static const char *state_of_link(const struct worker *worker, const struct server *server)
{
    switch (server->state) {
    case SERVER_OPENING:
        return "new";
    case SERVER_TASKED:
        return "tested";
    case SERVER_LENT:
        return "active";
    case SERVER_IDLE:
        break;
    }
    if (server->cancels > 0)
        return "being_canceled";
    int64_t idle_us = loop_now_us(worker->place.loop) - server->used_us;
    return idle_us > worker->place.config->set.server_check_delay_us ? "used" : "idle";
}

static int cancel_pid_of(const struct server *server)
{
    struct reader key = reader_of(bytes_of(server->cancel_key, sizeof server->cancel_key));
    return server->has_cancel_key ? (int)reader_u32(&key) : 0;
}

static void put_server(const struct worker *worker, const struct server *server, struct table *out)
{
    const SSL *ssl = server->stream ? stream_ssl(server->stream) : NULL;
    const struct client *client = client_of_link(server);
    char address[ADDRESS_TEXT_SIZE];
    address_text(&server->peer, address);
    struct socket_row row = {
        .type = "S",
        .user = server->pool->user->name,
        .database = server->pool->database->name,
        .state = state_of_link(worker, server),
        .address = server->peer.length > 0 ? address : server->host,
        .port = server->port,
        .stream = server->stream,
        .connected_wall_us = server->opened_wall_us,
        .request_wall_us = wall_of(worker, server->request_us ? server->request_us : server->used_us),
        .close_needed = server->close_reason || server->epoch != atomic_load(&server->pool->database->epoch),
        .id = server->id,
        .partner = client ? client->guest.id : 0,
        .remote_pid = cancel_pid_of(server),
        .tls_version = ssl ? tls_peer_version(ssl) : NULL,
        .tls_cipher = ssl ? tls_peer_cipher(ssl) : NULL,
        .application_name = client ? application_name_of(client) : NULL,
    };
    put_row(out, worker, &row);
}

static void put_servers(const struct worker *worker, const struct server_list *list, struct table *out)
{
    const struct server *server;
    TAILQ_FOREACH (server, list, entry)
        put_server(worker, server, out);
}

static void collect_some_servers(const struct showing *showing, struct worker *worker, bool only_active,
                                 struct table *out)
{
    for (struct pool *pool = registry_pools(fleet_registry(showing->fleet)); pool; pool = pool->next) {
        const struct shard *shard = &pool->shards[worker->place.index];
        put_servers(worker, &shard->lent, out);
        put_servers(worker, &shard->tasked, out);
        put_servers(worker, &shard->opening, out);
        if (!only_active)
            put_servers(worker, &shard->idle, out);
    }
}

static void collect_servers(struct showing *showing, struct worker *worker, struct table *out)
{
    collect_some_servers(showing, worker, false, out);
}

static void collect_sockets(struct showing *showing, struct worker *worker, struct table *out)
{
    collect_some_clients(showing, worker, false, out);
    collect_some_servers(showing, worker, false, out);
}

static void collect_active_sockets(struct showing *showing, struct worker *worker, struct table *out)
{
    collect_some_clients(showing, worker, true, out);
    collect_some_servers(showing, worker, true, out);
}

const struct show_table show_clients = {SHOW_COLUMNS(columns), .collect = collect_clients};
const struct show_table show_servers = {SHOW_COLUMNS(columns), .collect = collect_servers};
const struct show_table show_sockets = {SHOW_COLUMNS(columns), .collect = collect_sockets};
const struct show_table show_active_sockets = {SHOW_COLUMNS(columns), .collect = collect_active_sockets};
