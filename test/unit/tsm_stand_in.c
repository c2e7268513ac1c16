#include "tsm_stand_in.h"

#include "tls_pair.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

int __real_mkdir(const char *path, mode_t mode);
int __wrap_mkdir(const char *path, mode_t mode);
int __real_rmdir(const char *path);
int __wrap_rmdir(const char *path);

static struct tsm_stand_in *playing;

static char *stand_in_path(const struct tsm_stand_in *tsm, const char *name)
{
    return mem_format("%s/%s", tsm->entry, name);
}

static int stand_in_open_attribute(const struct tsm_stand_in *tsm, const char *name, int flags)
{
    char *path = stand_in_path(tsm, name);
    int fd = open(path, flags | O_CLOEXEC, 0600);
    if (fd < 0)
        fail_msg("%s: %s", path, strerror(errno));
    free(path);
    return fd;
}

static void stand_in_write(const struct tsm_stand_in *tsm, const char *name, struct bytes value)
{
    int fd = stand_in_open_attribute(tsm, name, O_WRONLY | O_CREAT | O_TRUNC);
    assert_int_equal(write(fd, value.p, value.n), value.n);
    close(fd);
}

static void stand_in_write_number(const struct tsm_stand_in *tsm, const char *name, unsigned long number)
{
    char *text = mem_format("%lu\n", number);
    stand_in_write(tsm, name, bytes_of_string(text));
    free(text);
}

static size_t stand_in_read(const struct tsm_stand_in *tsm, const char *name, void *out, size_t size)
{
    int fd = stand_in_open_attribute(tsm, name, O_RDONLY);
    size_t used = 0;
    ssize_t n;
    while (used < size && (n = read(fd, (char *)out + used, size - used)) > 0)
        used += (size_t)n;
    close(fd);
    return used;
}

/* The two that meet a reader or writer are FIFOs, so that a report is never read before it is made. */
static void *stand_in_main(void *arg)
{
    struct tsm_stand_in *tsm = arg;
    uint8_t report[2 * SNP_REPORT_SIZE] = {2}, asked[SNP_REPORT_DATA_SIZE];
    while (stand_in_read(tsm, "inblob", asked, sizeof asked) == sizeof asked) {
        size_t n = stand_in_read(tsm, "privlevel", tsm->level, sizeof tsm->level - 1);
        tsm->level[n] = '\0';
        tsm->generation += 1 + tsm->stray_writes;
        stand_in_write_number(tsm, "generation", tsm->generation);
        memcpy(report + 0x50, asked, sizeof asked);
        int fd = stand_in_open_attribute(tsm, "outblob", O_WRONLY);
        assert_int_equal(write(fd, report, tsm->report_size), tsm->report_size);
        close(fd);
    }
    return NULL;
}

static void stand_in_make_fifo(const struct tsm_stand_in *tsm, const char *name)
{
    char *path = stand_in_path(tsm, name);
    assert_int_equal(mkfifo(path, 0600), 0);
    free(path);
}

static void stand_in_fill(struct tsm_stand_in *tsm)
{
    char *technology = mem_format("%s\n", tsm->technology);
    stand_in_make_fifo(tsm, "inblob");
    stand_in_make_fifo(tsm, "outblob");
    stand_in_write(tsm, "provider", bytes_of_string(technology));
    stand_in_write_number(tsm, "generation", tsm->generation);
    stand_in_write_number(tsm, "privlevel_floor", tsm->floor);
    stand_in_write(tsm, "privlevel", BYTES_NONE);
    if (tsm->has_auxblob)
        stand_in_write(tsm, "auxblob", tsm->table);
    free(technology);
    assert_int_equal(pthread_create(&tsm->thread, NULL, stand_in_main, tsm), 0);
}

static bool stand_in_holds(const char *path)
{
    return playing && strncmp(path, playing->root, strlen(playing->root)) == 0;
}

int __wrap_mkdir(const char *path, mode_t mode)
{
    if (stand_in_holds(path) && !playing->technology) {
        errno = ENXIO;
        return -1;
    }
    int result = __real_mkdir(path, mode);
    if (result == 0 && stand_in_holds(path)) {
        playing->entry = mem_string(path);
        stand_in_fill(playing);
    }
    return result;
}

/* The entry goes with its attributes, as in configfs. An empty inblob ends the thread. */
int __wrap_rmdir(const char *path)
{
    if (!playing || !playing->entry || strcmp(path, playing->entry) != 0)
        return __real_rmdir(path);
    close(stand_in_open_attribute(playing, "inblob", O_WRONLY));
    pthread_join(playing->thread, NULL);
    char *entry = playing->entry;
    playing->entry = NULL;
    pair_remove_directory(entry);
    return 0;
}

void tsm_stand_in_open(struct tsm_stand_in *tsm)
{
    *tsm = (struct tsm_stand_in){
        .technology = "sev_guest", .report_size = SNP_REPORT_SIZE, .has_auxblob = true, .generation = 7};
    tsm->root = pair_make_directory();
    playing = tsm;
}

void tsm_stand_in_close(struct tsm_stand_in *tsm)
{
    assert_null(tsm->entry); /* whoever made one removed it */
    playing = NULL;
    pair_remove_directory(tsm->root);
}
