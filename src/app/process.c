#include "app/process.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef HAVE_SYSTEMD
#include <systemd/sd-daemon.h>
#endif

/* The kernel takes them from who stops being root, unless the caller's securebits (SecureBits= of systemd, some
 * containers) say otherwise. Of this thread, and there is no other yet. */
static struct err process_drop_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};
    return syscall(SYS_capset, &header, none) == 0 ? OK : err_system("user: cannot give up root's capabilities");
}

struct err process_become(const char *user)
{
    if (!user[0])
        return OK;
    const struct passwd *who = getpwnam(user);
    if (!who)
        return err_make(ERR_NOT_FOUND, "user: there is no user \"%s\"", user);
    if (who->pw_uid == geteuid())
        return OK;
    if (geteuid() != 0)
        return err_make(ERR_DENIED, "user: only root can become \"%s\"", user);
    if (initgroups(user, who->pw_gid) != 0 || setgid(who->pw_gid) != 0 || setuid(who->pw_uid) != 0)
        return err_system("user: cannot become \"%s\"", user);
    TRY(process_drop_capabilities());
    if (setuid(0) == 0)
        return err_make(ERR_SYSTEM, "user: root could be regained after becoming \"%s\"", user);
    return OK;
}

struct err process_detach(void)
{
    pid_t child = fork();
    if (child < 0)
        return err_system("cannot go into the background");
    if (child > 0)
        _exit(0);
    if (setsid() < 0)
        return err_system("cannot make a session");
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0)
        return err_system("cannot open /dev/null");
    for (int fd = 0; fd <= 2; fd++)
        if (dup2(null, fd) < 0)
            return err_system("cannot redirect standard streams");
    if (null > 2)
        close(null);
    return OK;
}

static long process_read_pid(const char *path)
{
    char line[32] = "";
    FILE *file = fopen(path, "re");
    if (!file)
        return 0;
    if (!fgets(line, sizeof line, file))
        line[0] = '\0';
    fclose(file);
    return strtol(line, NULL, 10);
}

struct err process_write_pidfile(const char *path)
{
    if (!path[0])
        return OK;
    long before = process_read_pid(path);
    if (before > 0 && before != getpid() && (kill((pid_t)before, 0) == 0 || errno == EPERM))
        return err_make(ERR_NOT_NOW, "pidfile \"%s\" names process %ld, which is running", path, before);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return err_system("cannot write pidfile \"%s\"", path);
    bool good = dprintf(fd, "%ld\n", (long)getpid()) > 0;
    struct err e = good ? OK : err_system("cannot write pidfile \"%s\"", path);
    close(fd);
    return e;
}

void process_remove_pidfile(const char *path)
{
    if (path[0] && process_read_pid(path) == getpid())
        unlink(path);
}

void process_raise_limits(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

void process_notify(const char *state)
{
#ifdef HAVE_SYSTEMD
    (void)sd_notify(0, state);
#else
    (void)state;
#endif
}
