#include "gate/proof.h"

#include "tls/peer.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static bool proof_name_fits(const struct ident *ident, const char *map, const char *name, const char *user)
{
    return map ? ident_allows(ident, map, name, user) : strcmp(name, user) == 0;
}

struct err proof_by_certificate(const SSL *ssl, const struct ident *ident, const char *map, const char *user)
{
    char *name = NULL;
    if (!ssl || !tls_peer_certificate(ssl))
        return err_make(ERR_DENIED, "TLS client certificate required");
    if (!tls_peer_chains(ssl))
        return err_make(ERR_DENIED, "TLS client certificate is not trusted: %s", tls_peer_chain_problem(ssl));
    TRY(certificate_common_name(tls_peer_certificate(ssl), &name));
    bool good = name && proof_name_fits(ident, map, name, user);
    free(name);
    return good ? OK : err_make(ERR_DENIED, "TLS certificate name mismatch");
}

bool proof_peer_uid(int fd, uid_t *uid)
{
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        return false;
    *uid = peer.uid;
    return true;
}

struct err proof_by_peer(int fd, const struct ident *ident, const char *map, const char *user)
{
    uid_t uid;
    struct passwd about;
    struct passwd *found = NULL;
    char buffer[4096];
    if (!proof_peer_uid(fd, &uid) || getpwuid_r(uid, &about, buffer, sizeof buffer, &found) != 0 || !found ||
        !proof_name_fits(ident, map, found->pw_name, user))
        return err_make(ERR_DENIED, "unix socket login rejected");
    return OK;
}
