#include "app/vouch_address.h"

#include "base/mem.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define PORT_DIGITS_MAX 5

static bool address_is_ipv6(const char *text)
{
    struct in6_addr ignored;
    size_t size = strcspn(text, "%"); /* a zone, as in fe80::1%eth0, is the resolver's business */
    char address[INET6_ADDRSTRLEN];
    if (size >= sizeof address)
        return false;
    memcpy(address, text, size);
    address[size] = '\0';
    return inet_pton(AF_INET6, address, &ignored) == 1;
}

/* Decimal only: "0x1538" and "05432" are slips, not ports. */
static struct err address_read_port(const char *digits, int *port)
{
    size_t size = strspn(digits, "0123456789");
    long number = size > 0 && size <= PORT_DIGITS_MAX && !digits[size] && *digits != '0' ? strtol(digits, NULL, 10) : 0;
    if (number < 1 || number > 65535)
        return err_make(ERR_INPUT, "a port is a number between 1 and 65535");
    *port = (int)number;
    return OK;
}

static struct err address_check_host(const char *host, bool bracketed)
{
    if (!*host)
        return err_make(ERR_INPUT, "the host is missing");
    if (bracketed && !address_is_ipv6(host))
        return err_make(ERR_INPUT, "no IPv6 address stands between the brackets");
    for (const char *p = host; *p; p++)
        if ((unsigned char)*p <= ' ' || *p == 0x7f || *p == '[' || *p == ']')
            return err_make(ERR_INPUT, "this names no host");
    return OK;
}

static struct err address_split(const char *text, char **host, int *port)
{
    if (strchr(text, '/') || *text == '@')
        return err_make(ERR_UNSUPPORTED, "a Unix socket carries no TLS, so there is nothing to verify; give HOST:PORT");
    if (address_is_ipv6(text))
        return err_make(ERR_INPUT, "write an IPv6 address in brackets: [%.60s]:PORT", text);
    bool bracketed = *text == '[';
    const char *start = text + bracketed;
    const char *end = start + strcspn(start, bracketed ? "]" : ":");
    if (bracketed && !*end)
        return err_make(ERR_INPUT, "the closing bracket is missing");
    const char *rest = end + bracketed;
    if (*rest && *rest != ':')
        return err_make(ERR_INPUT, "expected HOST:PORT, an IPv6 address in brackets");
    *port = VOUCH_DEFAULT_PORT;
    if (*rest)
        TRY(address_read_port(rest + 1, port));
    *host = mem_string_of(bytes_of(start, (size_t)(end - start)));
    struct err outcome = address_check_host(*host, bracketed);
    if (failed(outcome)) {
        free(*host);
        *host = NULL;
    }
    return outcome;
}

struct err vouch_address_read(const char *text, char **host, int *port)
{
    return err_within(address_split(text, host, port), "\"%.100s\"", text);
}
