#include "tls/san.h"

#include "base/mem.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HOST_NAME_MAX_SIZE  253
#define HOST_LABEL_MAX_SIZE 63

/* Letters, digits, '-' and '_' in labels of 1 to 63; a first label "*" is a wildcard. */
static bool san_is_host_name(const char *name)
{
    if (strlen(name) > HOST_NAME_MAX_SIZE)
        return false;
    if (strncmp(name, "*.", 2) == 0)
        name += 2;
    for (;;) {
        size_t size = strcspn(name, ".");
        if (size == 0 || size > HOST_LABEL_MAX_SIZE || name[0] == '-' || name[size - 1] == '-')
            return false;
        for (size_t i = 0; i < size; i++)
            if (!isascii((unsigned char)name[i]) ||
                (!isalnum((unsigned char)name[i]) && name[i] != '-' && name[i] != '_'))
                return false;
        if (name[size] == '\0')
            return true;
        name += size + 1;
    }
}

static size_t san_read_address(const char *text, uint8_t out[16])
{
    if (inet_pton(AF_INET, text, out) == 1)
        return 4;
    return inet_pton(AF_INET6, text, out) == 1 ? 16 : 0;
}

static GENERAL_NAME *san_make(int kind, struct bytes value)
{
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_STRING *text = ASN1_STRING_type_new(kind == GEN_DNS ? V_ASN1_IA5STRING : V_ASN1_OCTET_STRING);
    if (!name || !text || ASN1_STRING_set(text, value.p, (int)value.n) != 1) {
        GENERAL_NAME_free(name);
        ASN1_STRING_free(text);
        return NULL;
    }
    GENERAL_NAME_set0_value(name, kind, text);
    return name;
}

/* Adds unless it is there. */
static struct err san_add(GENERAL_NAMES *names, int kind, struct bytes value)
{
    GENERAL_NAME *name = san_make(kind, value);
    if (!name)
        return err_crypto("cannot make a subjectAltName");
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++)
        if (GENERAL_NAME_cmp(sk_GENERAL_NAME_value(names, i), name) == 0) {
            GENERAL_NAME_free(name);
            return OK;
        }
    if (sk_GENERAL_NAME_push(names, name) <= 0) {
        GENERAL_NAME_free(name);
        return err_crypto("cannot make a subjectAltName");
    }
    return OK;
}

static struct err san_add_text(GENERAL_NAMES *names, const char *entry)
{
    bool only_name = strncasecmp(entry, "dns:", 4) == 0, only_address = strncasecmp(entry, "ip:", 3) == 0;
    const char *text = entry + (only_name ? 4 : only_address ? 3 : 0);
    uint8_t address[16];
    size_t size = san_read_address(text, address);
    if (size > 0 && !only_name)
        return san_add(names, GEN_IPADD, bytes_of(address, size));
    if (size == 0 && !only_address && san_is_host_name(text))
        return san_add(names, GEN_DNS, bytes_of_string(text));
    return err_make(ERR_INPUT, "\"%.100s\" is not %s", entry,
                    only_address ? "an address"
                    : only_name  ? "a host name"
                                 : "a host name or an address");
}

static struct err san_add_list(GENERAL_NAMES *names, const char *list)
{
    for (const char *at = list; *at;) {
        size_t size = strcspn(at, ",");
        const char *start = at, *end = at + size;
        while (start < end && isspace((unsigned char)*start))
            start++;
        while (end > start && isspace((unsigned char)end[-1]))
            end--;
        if (start < end) {
            char *entry = mem_string_of(bytes_of(start, (size_t)(end - start)));
            struct err outcome = san_add_text(names, entry);
            free(entry);
            TRY(outcome);
        }
        at += size + (at[size] == ',');
    }
    return OK;
}

struct err san_read(const char *list, GENERAL_NAMES **out)
{
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    if (!names)
        return err_crypto("cannot make a subjectAltName");
    struct err outcome = list ? san_add_list(names, list) : OK;
    if (failed(outcome))
        GENERAL_NAMES_free(names);
    else
        *out = names;
    return outcome;
}
