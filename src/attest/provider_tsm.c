#include "attest/provider_tsm.h"

#include "attest/provider_kind.h"
#include "base/mem.h"
#include "snp/certtable.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TSM_TECHNOLOGY     "sev_guest"
#define TSM_ATTRIBUTE_SIZE 64

struct tsm {
    struct provider provider;
    char *entry; /* our directory's path */
    int directory;
};

/* A report is made when an attribute that holds part of it is read; errors are those of /dev/sev-guest's driver. */
static struct err tsm_read_failure(const struct tsm *tsm, const char *name)
{
    TRY(provider_check_key(errno, tsm->entry));
    return err_system("cannot read %s/%s", tsm->entry, name);
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
        return err_system("cannot open %s/%s", tsm->entry, name);
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
        return err_system("cannot open %s/%s", tsm->entry, name);
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

/* Under an SVSM the guest may not ask in the name of a level above its own: the floor. */
static struct err tsm_set_level(const struct tsm *tsm, unsigned long *writes)
{
    unsigned long floor = 0;
    TRY(tsm_read_number(tsm, "privlevel_floor", true, &floor));
    if (floor == 0)
        return OK;
    char *text = mem_format("%lu", floor);
    struct err outcome = tsm_write(tsm, "privlevel", bytes_of_string(text));
    free(text);
    ++*writes;
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
    unsigned long before = 0, after = 0, writes = 0;
    TRY(tsm_read_number(tsm, "generation", false, &before));
    TRY(tsm_set_level(tsm, &writes));
    TRY(tsm_write(tsm, "inblob", bytes_of(report_data, SNP_REPORT_DATA_SIZE)));
    writes++;
    TRY(tsm_read_report(tsm, out));
    TRY(tsm_read_number(tsm, "generation", false, &after));
    if (after != before + writes)
        return err_make(ERR_NOT_NOW, "somebody else wrote to %s while the report was made", tsm->entry);
    return OK;
}

static struct err tsm_report(struct provider *provider, const uint8_t report_data[SNP_REPORT_DATA_SIZE],
                             struct provider_report *out)
{
    struct err outcome = tsm_make_report((const struct tsm *)provider, report_data, out);
    if (failed(outcome))
        provider_report_release(out);
    return outcome;
}

static void tsm_free(struct provider *provider)
{
    struct tsm *tsm = (struct tsm *)provider;
    if (tsm->directory >= 0)
        close(tsm->directory);
    rmdir(tsm->entry);
    free(tsm->entry);
    free(tsm);
}

static const struct provider_kind tsm_kind = {.name = "tsm", .report = tsm_report, .free = tsm_free};

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

/* An entry that a process of the same number left behind is taken anew. */
static struct err tsm_make_entry(struct tsm *tsm)
{
    if (mkdir(tsm->entry, 0700) < 0 && (errno != EEXIST || rmdir(tsm->entry) < 0 || mkdir(tsm->entry, 0700) < 0)) {
        bool absent = errno == ENOENT || errno == ENXIO; /* ENXIO: configfs-tsm without a provider behind it */
        struct err why = err_system("cannot make %s", tsm->entry);
        return absent ? err_make(ERR_NOT_FOUND, "%s", why.why) : why;
    }
    tsm->directory = open(tsm->entry, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return tsm->directory < 0 ? err_system("cannot open %s", tsm->entry) : OK;
}

static struct err tsm_prepare(struct tsm *tsm, const char *user)
{
    char technology[TSM_ATTRIBUTE_SIZE];
    TRY(tsm_make_entry(tsm));
    TRY(tsm_read_text(tsm, "provider", false, technology));
    if (strcmp(technology, TSM_TECHNOLOGY) != 0)
        return err_make(ERR_NOT_FOUND, "configfs-tsm stands for \"%s\" here, not for %s", technology, TSM_TECHNOLOGY);
    return tsm_give_to(tsm, user);
}

struct err provider_tsm_open(const char *root, const char *user, struct provider **out)
{
    struct tsm *tsm = NEW(struct tsm);
    tsm->provider.kind = &tsm_kind;
    tsm->directory = -1;
    tsm->entry = mem_format("%s/pgvouch-%ld", root, (long)getpid());
    struct err outcome =
        access(root, F_OK) == 0 ? tsm_prepare(tsm, user) : err_make(ERR_NOT_FOUND, "there is no %s", root);
    if (failed(outcome))
        tsm_free(&tsm->provider);
    else
        *out = &tsm->provider;
    return outcome;
}
