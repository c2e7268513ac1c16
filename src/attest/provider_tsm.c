#include "attest/provider_tsm.h"

#include "attest/provider_kind.h"
#include "attest/provider_sev_guest.h"
#include "base/mem.h"
#include "snp/certtable.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define TSM_TECHNOLOGY     "sev_guest"
#define TSM_ATTRIBUTE_SIZE 64
#define TSM_ENTRIES_MAX    256

struct tsm {
    struct provider provider;
    char *root;
    char *entry;       /* our directory's path */
    int directory;     /* open and locked, as a sign of life; -1: there is no entry */
    bool shows_driver; /* whether its driver's device could be seen when we began */
};

/* A report is made when an attribute that holds part of it is read; errors are those of /dev/sev-guest's driver, or
 * ENOTTY of configfs-tsm itself, when there is no driver any more. That is told by the device, which goes with the
 * driver: attributes that ask the driver (`provider`, both privlevels) make the kernel follow a null pointer then. */
static struct err tsm_read_failure(const struct tsm *tsm, const char *name)
{
    int error = errno;
    bool driver_is_gone = error == ENOTTY && tsm->shows_driver && access(PROVIDER_SEV_GUEST_DEVICE, F_OK) < 0;
    if (driver_is_gone)
        return err_make(ERR_SYSTEM, "no driver stands behind %s any more: load sev-guest again", tsm->entry);
    struct err key = provider_check_key(error, tsm->entry);
    if (failed(key) && error == ENOTTY && !tsm->shows_driver)
        return err_make(key.code, "%s, unless the driver sev-guest was unloaded, which cannot be told here", key.why);
    TRY(key);
    errno = error;
    return err_system("cannot read %s/%s", tsm->entry, name);
}

/* ERR_NOT_FOUND: it is gone, mostly with the whole entry. */
static struct err tsm_open_failure(const struct tsm *tsm, const char *name)
{
    struct err why = err_system("cannot open %s/%s", tsm->entry, name);
    if (errno == ENOENT)
        why.code = ERR_NOT_FOUND;
    return why;
}

/* Reads a whole attribute of at most `size` bytes. One that the kernel does not show is empty when `may_lack`. */
static struct err tsm_read(const struct tsm *tsm, const char *name, uint8_t *out, size_t size, bool may_lack,
                           size_t *used)
{
    *used = 0;
    int fd = openat(tsm->directory, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT && may_lack)
        return OK;
    if (fd < 0)
        return tsm_open_failure(tsm, name);
    struct err outcome = OK;
    ssize_t n = 1;
    uint8_t beyond;
    while (n > 0) {
        bool full = *used == size;
        n = read(fd, full ? &beyond : out + *used, full ? 1 : size - *used);
        if (n < 0)
            outcome = tsm_read_failure(tsm, name);
        else if (n > 0 && full)
            outcome = err_make(ERR_LIMIT, "%s/%s has more than %zu bytes", tsm->entry, name, size);
        if (failed(outcome))
            break;
        *used += (size_t)n;
    }
    close(fd);
    return outcome;
}

/* A text attribute without its newline, into out[TSM_ATTRIBUTE_SIZE]. */
static struct err tsm_read_text(const struct tsm *tsm, const char *name, bool may_lack, char *out)
{
    size_t used;
    TRY(tsm_read(tsm, name, (uint8_t *)out, TSM_ATTRIBUTE_SIZE - 1, may_lack, &used));
    out[used] = '\0';
    out[strcspn(out, "\n")] = '\0';
    return OK;
}

static struct err tsm_read_number(const struct tsm *tsm, const char *name, bool may_lack, unsigned long *out)
{
    char text[TSM_ATTRIBUTE_SIZE], *end = NULL;
    TRY(tsm_read_text(tsm, name, may_lack, text));
    errno = 0;
    *out = strtoul(text, &end, 10);
    if (*end || errno || (end == text && !may_lack))
        return err_make(ERR_INPUT, "%s/%s holds \"%s\", not a number", tsm->entry, name, text);
    return OK;
}

/* In one piece; configfs takes it over when the file is closed, so that close can fail for its content. */
static struct err tsm_write(const struct tsm *tsm, const char *name, struct bytes value)
{
    int fd = openat(tsm->directory, name, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return tsm_open_failure(tsm, name);
    ssize_t n = write(fd, value.p, value.n);
    struct err outcome = OK;
    if (n < 0)
        outcome = err_system("cannot write %s/%s", tsm->entry, name);
    else if ((size_t)n != value.n)
        outcome = err_make(ERR_SYSTEM, "%s/%s took %zd of %zu bytes", tsm->entry, name, n, value.n);
    if (close(fd) < 0 && !failed(outcome))
        outcome = err_system("cannot write %s/%s", tsm->entry, name);
    return outcome;
}

/* Under an SVSM the guest may not ask in the name of a level above its own: the floor. The entry keeps it. */
static struct err tsm_set_level(const struct tsm *tsm)
{
    unsigned long floor = 0;
    TRY(tsm_read_number(tsm, "privlevel_floor", true, &floor));
    if (floor == 0)
        return OK;
    char *text = mem_format("%lu", floor);
    struct err outcome = tsm_write(tsm, "privlevel", bytes_of_string(text));
    free(text);
    return outcome;
}

static struct err tsm_read_report(const struct tsm *tsm, struct provider_report *out)
{
    size_t used;
    TRY(tsm_read(tsm, "outblob", out->report, SNP_REPORT_SIZE, false, &used));
    if (used != SNP_REPORT_SIZE)
        return err_make(ERR_INPUT, "%s/outblob has %zu bytes, not %d", tsm->entry, used, SNP_REPORT_SIZE);
    out->table = mem_alloc(SNP_CERTTABLE_MAX);
    return tsm_read(tsm, "auxblob", out->table, SNP_CERTTABLE_MAX, true, &out->table_size);
}

/* `generation` grows by one with every write: by more when somebody else wrote to our entry. */
static struct err tsm_make_report(const struct tsm *tsm, const uint8_t *report_data, struct provider_report *out)
{
    unsigned long before = 0, after = 0;
    TRY(tsm_read_number(tsm, "generation", false, &before));
    TRY(tsm_write(tsm, "inblob", bytes_of(report_data, SNP_REPORT_DATA_SIZE)));
    TRY(tsm_read_report(tsm, out));
    TRY(tsm_read_number(tsm, "generation", false, &after));
    if (after != before + 1)
        return err_make(ERR_NOT_NOW, "somebody else wrote to %s while the report was made", tsm->entry);
    return OK;
}

/* ---- our entry ---- */

/* Whether it is the one that we made: another of the same name is not below our descriptor. */
static bool tsm_is_there(const struct tsm *tsm)
{
    int fd = openat(tsm->directory, "generation", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno != ENOENT;
    close(fd);
    return true;
}

static void tsm_let_go(struct tsm *tsm)
{
    if (tsm->directory >= 0)
        close(tsm->directory);
    tsm->directory = -1;
}

/* Who has become another user may not remove it from root's folder: the next start takes it. */
static void tsm_free(struct provider *provider)
{
    struct tsm *tsm = (struct tsm *)provider;
    if (tsm->directory >= 0 && tsm_is_there(tsm))
        rmdir(tsm->entry);
    tsm_let_go(tsm);
    free(tsm->entry);
    free(tsm->root);
    free(tsm);
}

/* An entry lives as long as somebody holds a lock on it. Nothing else tells: numbers of processes are those of a
 * container, and there may be several with one configfs. */
static void tsm_remove_abandoned(const char *entry)
{
    int fd = open(entry, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        rmdir(entry);
    close(fd);
}

/* *held is false when another process took the entry for an abandoned one before we could lock it. */
static struct err tsm_hold(struct tsm *tsm, bool *held)
{
    *held = false;
    tsm->directory = open(tsm->entry, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (tsm->directory < 0)
        return errno == ENOENT ? OK : err_system("cannot open %s", tsm->entry);
    *held = (flock(tsm->directory, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) && tsm_is_there(tsm);
    if (!*held)
        tsm_let_go(tsm);
    return OK;
}

static struct err tsm_entry_failure(const struct tsm *tsm)
{
    if (errno == EACCES || errno == EPERM)
        return provider_lacks_right("make an entry in", tsm->root);
    bool absent = errno == ENOENT || errno == ENXIO; /* ENXIO: configfs-tsm without a provider behind it */
    struct err why = err_system("cannot make %s", tsm->entry);
    if (absent)
        why.code = ERR_NOT_FOUND;
    return why;
}

/* The first name that is free, or whose entry was left behind. */
static struct err tsm_make_entry(struct tsm *tsm)
{
    for (unsigned i = 0; i < TSM_ENTRIES_MAX; i++) {
        bool held;
        free(tsm->entry);
        tsm->entry = mem_format("%s/pgvouch-%u", tsm->root, i);
        int made = mkdir(tsm->entry, 0700);
        if (made < 0 && errno == EEXIST) {
            tsm_remove_abandoned(tsm->entry);
            made = mkdir(tsm->entry, 0700);
        }
        if (made < 0 && errno == EEXIST)
            continue;
        if (made < 0)
            return tsm_entry_failure(tsm);
        TRY(tsm_hold(tsm, &held));
        if (held)
            return OK;
    }
    return err_make(ERR_LIMIT, "%s has %d entries pgvouch-N, each of them in use", tsm->root, TSM_ENTRIES_MAX);
}

/* The attributes belong to who makes the entry and can only be opened afresh for every report. */
static struct err tsm_give_to(const struct tsm *tsm, const char *user)
{
    static const char *const names[] = {".",          "inblob",   "outblob",   "auxblob",
                                        "generation", "provider", "privlevel", "privlevel_floor"};
    if (!*user || geteuid() != 0)
        return OK;
    const struct passwd *who = getpwnam(user);
    if (!who)
        return err_make(ERR_NOT_FOUND, "there is no user \"%s\"", user);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (fchownat(tsm->directory, names[i], who->pw_uid, who->pw_gid, 0) < 0 && errno != ENOENT)
            return err_system("cannot give %s/%s to user \"%s\"", tsm->entry, names[i], user);
    return OK;
}

static struct err tsm_prepare(struct tsm *tsm, const char *user)
{
    char technology[TSM_ATTRIBUTE_SIZE];
    TRY(tsm_make_entry(tsm));
    TRY(tsm_read_text(tsm, "provider", false, technology));
    if (strcmp(technology, TSM_TECHNOLOGY) != 0)
        return err_make(ERR_NOT_FOUND, "configfs-tsm stands for \"%s\" here, not for %s", technology, TSM_TECHNOLOGY);
    TRY(tsm_set_level(tsm));
    return tsm_give_to(tsm, user);
}

/* ---- the provider ---- */

/* Somebody removed the entry. Whoever is the same user as at the start can make another. */
static struct err tsm_replace_entry(struct tsm *tsm)
{
    tsm_let_go(tsm);
    struct err again = tsm_prepare(tsm, "");
    return err_within(again, "somebody removed our entry from configfs-tsm, and there is no other: start anew");
}

static struct err tsm_report(struct provider *provider, const uint8_t report_data[SNP_REPORT_DATA_SIZE],
                             struct provider_report *out)
{
    struct tsm *tsm = (struct tsm *)provider;
    struct err outcome = tsm->directory < 0 ? err_make(ERR_NOT_FOUND, "there is no entry in %s", tsm->root)
                                            : tsm_make_report(tsm, report_data, out);
    if (outcome.code == ERR_NOT_FOUND) {
        provider_report_release(out);
        outcome = tsm_replace_entry(tsm);
        if (!failed(outcome))
            outcome = tsm_make_report(tsm, report_data, out);
    }
    if (failed(outcome))
        provider_report_release(out);
    return outcome;
}

static const struct provider_kind tsm_kind = {.name = "tsm", .report = tsm_report, .free = tsm_free};

struct err provider_tsm_open(const char *root, const char *user, struct provider **out)
{
    if (access(root, F_OK) != 0)
        return err_make(ERR_NOT_FOUND, "there is no %s", root);
    struct tsm *tsm = NEW(struct tsm);
    tsm->provider.kind = &tsm_kind;
    tsm->directory = -1;
    tsm->root = mem_string(root);
    tsm->shows_driver = access(PROVIDER_SEV_GUEST_DEVICE, F_OK) == 0;
    struct err outcome = tsm_prepare(tsm, user);
    if (failed(outcome))
        tsm_free(&tsm->provider);
    else
        *out = &tsm->provider;
    return outcome;
}
