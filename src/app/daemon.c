#include "app/daemon.h"

#include "admin/console.h"
#include "admin/http.h"
#include "app/attestation.h"
#include "app/contexts.h"
#include "app/process.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "pool/listener.h"

#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define SHUTDOWN_CHECK_US (50 * US_PER_MS)

/* How far a shutdown has come. */
enum ending {
    ENDING_NOT,
    ENDING_WAITS_FOR_SERVERS, /* SIGINT: PAUSE; ends when no link is in use */
    ENDING_WAITS_FOR_CLIENTS, /* SIGTERM: no new clients; ends when the last has left */
};

struct daemon {
    const struct options *options;
    struct loop *loop;
    struct config *config;
    struct rules *rules;
    struct snapshot *snapshot; /* in force */
    struct attest *attest;
    struct provider *device; /* opened as root, until the attester has it; may be NULL */
    struct fleet *fleet;
    struct consoles *consoles;
    struct http *http; /* NULL: no http_listen */
    int signal_fd;     /* signalfd(2) */
    int stop_fd;       /* the same of those that end the process; only looked at, by who waits outside the loop */
    struct event *signal_event;
    struct timer *ending_timer;
    enum ending ending;
};

/* ---- configuration ---- */

static struct err daemon_open_log(const struct daemon *daemon)
{
    const struct settings *set = &daemon->config->set;
    const struct log_target target = {
        .file = set->logfile,
        .to_stderr = !daemon->options->quiet && !daemon->options->daemonize,
        .to_syslog = set->syslog,
        .syslog_ident = set->syslog_ident,
        .syslog_facility = set->syslog_facility,
    };
    log_set_verbose(daemon->options->verbose > set->verbose ? daemon->options->verbose : set->verbose);
    return log_open(&target);
}

static struct err daemon_make_snapshot(const struct daemon *daemon, struct config *config, struct rules *rules,
                                       struct snapshot **out)
{
    struct tls_context *client_tls = NULL;
    struct tls_context *server_tls = NULL;
    struct err e = contexts_for_clients(rules, attestation_identity(daemon->attest, config), &client_tls);
    if (!failed(e))
        e = contexts_for_servers(config, &server_tls);
    if (!failed(e))
        *out = snapshot_new(config, rules, client_tls, server_tls);
    tls_context_release(client_tls);
    tls_context_release(server_tls);
    return e;
}

/* What workers are to use from now on; takes the reference over. */
static void daemon_put_in_force(struct daemon *daemon, struct snapshot *snapshot)
{
    snapshot_drop(daemon->snapshot);
    daemon->snapshot = snapshot;
    daemon->attest->evidence_is_shown = attestation_identity(daemon->attest, snapshot->config) != NULL;
    if (daemon->fleet)
        fleet_adopt(daemon->fleet, snapshot);
}

/* A renewed leaf: handshakes from now on show it, sessions go on with the one they began with. */
static void daemon_renewed(void *ctx, struct tls_identity *identity)
{
    struct daemon *daemon = ctx;
    const struct snapshot *before = daemon->snapshot;
    struct tls_context *client_tls;
    if (!before || !before->client_tls || identity != attestation_identity(daemon->attest, before->config))
        return; /* an operator's certificate is shown */
    struct err e = tls_context_with_identity(before->client_tls, identity, &client_tls);
    if (failed(e)) {
        log_error("the renewed certificate cannot be used: %s", e.why);
        return;
    }
    daemon_put_in_force(daemon, snapshot_new(before->config, before->rules, client_tls, before->server_tls));
    tls_context_release(client_tls);
}

static void daemon_evidence_changed(void *ctx)
{
    const struct daemon *daemon = ctx;
    attestation_tell_status(daemon->attest);
}

static const struct attester_ops daemon_attester_ops = {.renewed = daemon_renewed, .changed = daemon_evidence_changed};

/* Everything is read and checked before anything changes. Takes the reference over. */
static struct err daemon_adopt(struct daemon *daemon, struct config *config)
{
    struct rules *rules = NULL;
    struct snapshot *snapshot = NULL;
    struct err e =
        attestation_start(daemon->attest, config, &daemon->device, daemon->loop, &daemon_attester_ops, daemon);
    if (!failed(e))
        e = rules_load(config, &rules);
    if (!failed(e))
        e = attestation_make_first(daemon->attest, daemon->stop_fd);
    if (!failed(e))
        e = daemon_make_snapshot(daemon, config, rules, &snapshot);
    if (!failed(e))
        e = attestation_adopt(daemon->attest, daemon->loop, rules);
    if (!failed(e))
        e = attestation_renew(daemon->attest, config);
    if (failed(e)) {
        attestation_undo(daemon->attest);
        snapshot_drop(snapshot);
        rules_drop(rules);
        config_unref(config);
        return e;
    }
    config_unref(daemon->config);
    rules_drop(daemon->rules);
    daemon->config = config;
    daemon->rules = rules;
    daemon_put_in_force(daemon, snapshot);
    consoles_judge(daemon->consoles);
    statistics_adopt(daemon->consoles->statistics, config);
    return daemon_open_log(daemon);
}

static struct err daemon_reload(struct daemon *daemon)
{
    struct config *config = NULL;
    TRY(config_reload(daemon->config, &config));
    return daemon_adopt(daemon, config);
}

/* ---- signals ---- */

static void daemon_end(struct daemon *daemon, const char *why)
{
    log_info("%s", why);
    loop_stop(daemon->loop);
}

static void daemon_check_end(void *arg)
{
    struct daemon *daemon = arg;
    if (daemon->ending == ENDING_WAITS_FOR_SERVERS && fleet_has_no_links(daemon->fleet, NULL))
        daemon_end(daemon, "server connections dropped, exiting");
    else if (daemon->ending == ENDING_WAITS_FOR_CLIENTS &&
             limit_taken(fleet_clients(daemon->fleet)) <= atomic_load(&daemon->consoles->count))
        daemon_end(daemon, "client connections dropped, exiting");
    else
        timer_start(daemon->ending_timer, SHUTDOWN_CHECK_US);
}

static void daemon_begin_end(struct daemon *daemon, enum ending ending)
{
    process_notify("STOPPING=1");
    daemon->ending = ending;
    atomic_store(&daemon->consoles->ending, true);
    fleet_drain(daemon->fleet);
    if (ending == ENDING_WAITS_FOR_SERVERS)
        fleet_pause(daemon->fleet, NULL);
    daemon_check_end(daemon);
}

static void daemon_take_int(struct daemon *daemon)
{
    if (daemon->ending != ENDING_NOT) {
        daemon_end(daemon, "got SIGINT while shutting down => immediate exit");
        return;
    }
    log_info("got SIGINT, shutting down, waiting for all servers connections to be released");
    daemon_begin_end(daemon, ENDING_WAITS_FOR_SERVERS);
}

static void daemon_take_term(struct daemon *daemon)
{
    if (daemon->ending != ENDING_NOT) {
        daemon_end(daemon, "got SIGTERM while shutting down => immediate exit");
        return;
    }
    log_info("got SIGTERM, shutting down, waiting for all clients disconnect");
    daemon_begin_end(daemon, ENDING_WAITS_FOR_CLIENTS);
}

static void daemon_take_hup(struct daemon *daemon)
{
    process_notify("RELOADING=1");
    log_info("got SIGHUP, re-reading config");
    struct err e = daemon_reload(daemon);
    if (failed(e))
        log_error("reload failed, the configuration in force stays: %s", e.why);
    process_notify("READY=1");
}

static void daemon_take_usr(struct daemon *daemon, bool pause)
{
    if (daemon->ending != ENDING_NOT) {
        log_info("got SIGUSR%d while shutting down, ignored", pause ? 1 : 2);
    } else if (pause) {
        log_info("got SIGUSR1, pausing all activity");
        fleet_pause(daemon->fleet, NULL);
    } else {
        log_info("got SIGUSR2, continuing from PAUSE");
        fleet_resume(daemon->fleet, NULL);
    }
}

static void daemon_take_signal(struct daemon *daemon, uint32_t number)
{
    switch (number) {
    case SIGINT:
        daemon_take_int(daemon);
        break;
    case SIGTERM:
        daemon_take_term(daemon);
        break;
    case SIGQUIT:
        daemon_end(daemon, "got SIGQUIT, fast exit");
        break;
    case SIGHUP:
        daemon_take_hup(daemon);
        break;
    default:
        daemon_take_usr(daemon, number == SIGUSR1);
        break;
    }
}

static void daemon_signalled(evutil_socket_t fd, short what, void *arg)
{
    struct signalfd_siginfo signal;
    (void)what;
    while (read(fd, &signal, sizeof signal) == sizeof signal)
        daemon_take_signal(arg, signal.ssi_signo);
}

/* Signals are blocked, in every thread that is started later, too, and read: no handler interrupts anything, and none
 * can be lost between two system calls. */
static struct err daemon_catch_signals(struct daemon *daemon)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2};
    sigset_t set;
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        sigaddset(&set, numbers[i]);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        signal(numbers[i], SIG_DFL); /* one that the parent ignores, as shells do in the background, would never come */
    daemon->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGQUIT);
    daemon->stop_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (daemon->signal_fd >= 0)
        daemon->signal_event =
            event_new(loop_base(daemon->loop), daemon->signal_fd, EV_READ | EV_PERSIST, daemon_signalled, daemon);
    if (daemon->stop_fd < 0 || !daemon->signal_event || event_add(daemon->signal_event, NULL) != 0)
        return err_system("cannot wait for signals");
    return OK;
}

/* ---- what the console asks for ---- */

static struct err daemon_console_reload(void *ctx)
{
    process_notify("RELOADING=1");
    struct err e = daemon_reload(ctx);
    process_notify("READY=1");
    return e;
}

static struct err daemon_console_set(void *ctx, const char *name, const char *value)
{
    struct daemon *daemon = ctx;
    struct config *config = NULL;
    TRY(config_set(daemon->config, name, value, &config));
    return daemon_adopt(daemon, config);
}

static struct err daemon_console_shutdown(void *ctx, enum shutdown_mode mode)
{
    struct daemon *daemon = ctx;
    if (mode == SHUTDOWN_NOW)
        daemon_end(daemon, "SHUTDOWN command issued, fast exit");
    else if (daemon->ending != ENDING_NOT)
        return err_make(ERR_NOT_NOW, "already shutting down");
    else
        daemon_begin_end(daemon,
                         mode == SHUTDOWN_WAIT_FOR_SERVERS ? ENDING_WAITS_FOR_SERVERS : ENDING_WAITS_FOR_CLIENTS);
    return OK;
}

static const struct console_ops daemon_console_ops = {
    .reload = daemon_console_reload,
    .set = daemon_console_set,
    .shutdown = daemon_console_shutdown,
};

/* ---- life ---- */

/* Whatever can fail for nothing, before a report is asked for: a host gives few, and a service manager may start us
 * over and over. No socket is kept: clients are refused by the kernel until there is somebody to serve them. */
static struct err daemon_try(struct daemon *daemon)
{
    const struct config *config = daemon->config;
    struct tls_context *server_tls = NULL;
    TRY(contexts_for_servers(config, &server_tls));
    tls_context_release(server_tls);
    TRY(attestation_open_log(daemon->attest, config));
    TRY(listeners_try(config));
    if (!config->set.http_listen[0])
        return OK;
    TRY(http_start(daemon->loop, config->set.http_listen, daemon->consoles, &daemon->http));
    http_stop(daemon->http);
    daemon->http = NULL;
    return OK;
}

static struct err daemon_serve(struct daemon *daemon)
{
    struct config *config = daemon->config;
    TRY(loop_new(&daemon->loop));
    TRY(daemon_catch_signals(daemon));
    TRY(variables_track(config->set.track_extra_parameters));
    daemon->ending_timer = timer_new(daemon->loop, daemon_check_end, daemon);
    TRY(attest_new(&config->set, &daemon->attest));
    TRY(attestation_start(daemon->attest, config, &daemon->device, daemon->loop, &daemon_attester_ops, daemon));
    TRY(rules_load(config, &daemon->rules));
    TRY(daemon_try(daemon));
    TRY(attestation_make_first(daemon->attest, daemon->stop_fd));
    TRY(attestation_adopt(daemon->attest, daemon->loop, daemon->rules));
    struct snapshot *snapshot;
    TRY(daemon_make_snapshot(daemon, config, daemon->rules, &snapshot));
    daemon_put_in_force(daemon, snapshot);
    daemon->consoles = consoles_new(daemon->loop, &daemon_console_ops, daemon, options_version(), daemon->attest);
    TRY(fleet_start(daemon->snapshot, daemon->attest, console_admit, daemon->consoles, &daemon->fleet));
    consoles_open(daemon->consoles, daemon->fleet, config);
    if (config->set.http_listen[0])
        TRY(http_start(daemon->loop, config->set.http_listen, daemon->consoles, &daemon->http));
    log_info("process up: %s, libevent %s, %zu threads", options_version(), event_get_version(),
             fleet_size(daemon->fleet));
    process_notify("READY=1");
    attestation_tell_status(daemon->attest);
    loop_run(daemon->loop);
    return OK;
}

static struct err daemon_begin(struct daemon *daemon)
{
    const struct settings *set;
    TRY(config_load(daemon->options->file, &daemon->config));
    set = &daemon->config->set;
    process_raise_limits();
    if (daemon->options->daemonize && (!set->pidfile[0] || (!set->logfile[0] && !set->syslog)))
        return err_make(ERR_INPUT, "-d needs pidfile, and logfile or syslog, in the configuration");
    const char *user = daemon->options->user ? daemon->options->user : set->user;
    TRY(attestation_open_device(daemon->config, user, &daemon->device));
    TRY(process_become(user));
    if (geteuid() == 0)
        return err_make(ERR_DENIED, "pgvouch does not run as root: set user in the configuration, or -u");
    TRY(daemon_open_log(daemon));
    if (daemon->options->reboot)
        log_warning("-R takes nothing over in this version: set so_reuseport = 1 in both configurations, start the new "
                    "process, then stop the old one with SIGTERM");
    if (daemon->options->daemonize)
        TRY(process_detach());
    return process_write_pidfile(set->pidfile);
}

static void daemon_free(struct daemon *daemon)
{
    http_stop(daemon->http);
    consoles_close(daemon->consoles, "pooler is shutting down");
    if (daemon->fleet)
        fleet_stop(daemon->fleet, "pooler is shutting down");
    daemon->fleet = NULL; /* a renewed certificate may still arrive */
    if (daemon->loop) {
        loop_stop(daemon->loop);
        loop_run(daemon->loop); /* opens what workers have posted last */
    }
    consoles_free(daemon->consoles);
    attest_free(daemon->attest);
    provider_free(daemon->device);
    if (daemon->signal_event)
        event_free(daemon->signal_event);
    if (daemon->signal_fd >= 0)
        close(daemon->signal_fd);
    if (daemon->stop_fd >= 0)
        close(daemon->stop_fd);
    timer_free(daemon->ending_timer);
    loop_free(daemon->loop);
    snapshot_drop(daemon->snapshot);
    rules_drop(daemon->rules);
    if (daemon->config)
        process_remove_pidfile(daemon->config->set.pidfile);
    config_unref(daemon->config);
    free(daemon);
}

/* The signal that a start was ended by; 0: none. */
static uint32_t daemon_read_stop(const struct daemon *daemon)
{
    struct signalfd_siginfo signal;
    bool told = daemon->stop_fd >= 0 && read(daemon->stop_fd, &signal, sizeof signal) == sizeof signal;
    return told ? signal.ssi_signo : 0;
}

/* A start that has failed. One that was told to end does so as a daemon that serves: that is no failure. */
static int daemon_fail(struct daemon *daemon, const struct err *why)
{
    uint32_t number = why->code == ERR_NOT_NOW ? daemon_read_stop(daemon) : 0;
    if (number)
        log_info("got SIG%s while starting, exiting: %s",
                 number == SIGINT    ? "INT"
                 : number == SIGTERM ? "TERM"
                                     : "QUIT",
                 why->why);
    else
        log_fatal("%s", why->why);
    if (daemon->attest && attestation_is_busy(daemon->attest)) {
        /* The device keeps the attester's thread, for a minute when it is throttled. Nobody has been served yet, so
         * that there is nothing to take leave of; what that thread uses must stay until it is gone with the process. */
        log_warning("the provider of reports has not let go of a request: leaving without waiting for it");
        process_remove_pidfile(daemon->config->set.pidfile);
        _exit(number ? 0 : 1);
    }
    daemon_free(daemon);
    return number ? 0 : 1;
}

int daemon_run(const struct options *options)
{
    struct daemon *daemon = NEW(struct daemon);
    daemon->options = options;
    daemon->signal_fd = -1;
    daemon->stop_fd = -1;
    struct err e = daemon_begin(daemon);
    if (!failed(e))
        e = daemon_serve(daemon);
    if (failed(e))
        return daemon_fail(daemon, &e);
    daemon_free(daemon);
    return 0;
}
