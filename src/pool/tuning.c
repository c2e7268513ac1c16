#include "pool/tuning.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

static void tuning_option(int fd, int level, int option, int64_t value)
{
    int number = (int)value;
    (void)setsockopt(fd, level, option, &number, sizeof number);
}

/* 0 means the system's own, which `untuned` tells. */
static void tuning_keep(int fd, int untuned, int option, int64_t value)
{
    int system = 0;
    socklen_t size = sizeof system;
    if (value == 0 && getsockopt(untuned, IPPROTO_TCP, option, &system, &size) == 0)
        value = system;
    if (value > 0)
        tuning_option(fd, IPPROTO_TCP, option, value);
}

/* Sizes would switch the system's own sizing off for good, so that a listening socket must not have them. */
void tuning_set_accepted(const struct settings *set, int fd)
{
    if (set->tcp_socket_buffer == 0)
        return;
    tuning_option(fd, SOL_SOCKET, SO_SNDBUF, set->tcp_socket_buffer);
    tuning_option(fd, SOL_SOCKET, SO_RCVBUF, set->tcp_socket_buffer);
}

/* Off is set as well as on: before a reload it may have been otherwise. */
void tuning_set_listener(const struct settings *set, int fd)
{
    int untuned = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    tuning_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    tuning_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, set->tcp_user_timeout);
    tuning_option(fd, SOL_SOCKET, SO_KEEPALIVE, set->tcp_keepalive);
    tuning_keep(fd, untuned, TCP_KEEPCNT, set->tcp_keepcnt);
    tuning_keep(fd, untuned, TCP_KEEPIDLE, set->tcp_keepidle);
    tuning_keep(fd, untuned, TCP_KEEPINTVL, set->tcp_keepintvl);
    if (untuned >= 0)
        close(untuned);
}

void tuning_set(const struct settings *set, int fd)
{
    tuning_set_listener(set, fd);
    tuning_set_accepted(set, fd);
}
