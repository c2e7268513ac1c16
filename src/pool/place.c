#include "pool/place.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <sys/socket.h>

uint64_t place_next_id(void)
{
    static _Atomic uint64_t last;
    return atomic_fetch_add_explicit(&last, 1, memory_order_relaxed) + 1;
}

static void place_set_option(int fd, int level, int option, int value)
{
    (void)setsockopt(fd, level, option, &value, sizeof value); /* a tuning that the kernel refuses does no harm */
}

void place_tune_socket(const struct place *place, int fd)
{
    const struct settings *set = &place->config->set;
    struct sockaddr_storage local = {0};
    socklen_t size = sizeof local;
    if (getsockname(fd, (struct sockaddr *)&local, &size) != 0 || local.ss_family == AF_UNIX)
        return;
    place_set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    if (set->tcp_socket_buffer > 0) {
        place_set_option(fd, SOL_SOCKET, SO_SNDBUF, (int)set->tcp_socket_buffer);
        place_set_option(fd, SOL_SOCKET, SO_RCVBUF, (int)set->tcp_socket_buffer);
    }
    if (set->tcp_user_timeout > 0)
        place_set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, (int)set->tcp_user_timeout);
    if (!set->tcp_keepalive)
        return;
    place_set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    if (set->tcp_keepcnt > 0)
        place_set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, (int)set->tcp_keepcnt);
    if (set->tcp_keepidle > 0)
        place_set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, (int)set->tcp_keepidle);
    if (set->tcp_keepintvl > 0)
        place_set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, (int)set->tcp_keepintvl);
}
