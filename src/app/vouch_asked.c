#include "app/vouch_asked.h"

#include "attest/small_file.h"

#include <stdlib.h>
#include <string.h>

#define HEX_DIGITS      "0123456789abcdefABCDEF"
#define SHORT_DATA_SIZE 32 /* of a SHA-256, as many put it into REPORT_DATA */

static struct err asked_read_file(const char *path, struct vouch_nonce *out)
{
    uint8_t *content = NULL;
    size_t size = 0;
    TRY(small_file_read(path, VOUCH_NONCE_MAX, &content, &size));
    if (size > 0)
        memcpy(out->bytes, content, size);
    out->size = size;
    free(content);
    return size > 0 ? OK : err_make(ERR_INPUT, "\"%.100s\" is empty", path);
}

/* A file whose name is of hexadecimal digits alone is named with its folder: ./00ff. */
static struct err asked_read_nonce(const char *word, struct vouch_nonce *out)
{
    bool is_hex = strspn(word, HEX_DIGITS) == strlen(word);
    return err_within(is_hex ? vouch_nonce_read(word, out) : asked_read_file(word, out), "--nonce");
}

static struct err asked_read_data(const char *hex, uint8_t out[SNP_REPORT_DATA_SIZE])
{
    size_t digits = strlen(hex);
    if (digits != 2 * (size_t)SNP_REPORT_DATA_SIZE && digits != 2 * (size_t)SHORT_DATA_SIZE)
        return err_make(ERR_INPUT, "--report-data has %d hexadecimal digits, or %d and zeros behind them, not %zu",
                        2 * SNP_REPORT_DATA_SIZE, 2 * SHORT_DATA_SIZE, digits);
    memset(out, 0, SNP_REPORT_DATA_SIZE);
    return err_within(hex_decode(hex, out, digits / 2), "--report-data");
}

struct err vouch_asked_read(const struct vouch_asking *asking, struct vouch_asked *out)
{
    *out = (struct vouch_asked){.has_report_data = asking->report_data != NULL};
    if (asking->nonce)
        TRY(asked_read_nonce(asking->nonce, &out->nonce));
    return asking->report_data ? asked_read_data(asking->report_data, out->report_data) : OK;
}
