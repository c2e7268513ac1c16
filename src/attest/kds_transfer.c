#include "attest/kds_transfer.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/writer.h"

#include <stdlib.h>
#include <string.h>

#define CONNECT_TIMEOUT_MS 5000L

struct kds_transfer {
    CURL *easy;
    char *url;
    struct writer body;
    char error[CURL_ERROR_SIZE];
};

/* Returning less than was given ends the transfer. The bound is kept here and not by CURLOPT_MAXFILESIZE, which would
 * end it at Content-Length, before a Retry-After that stands behind. */
static size_t transfer_take(char *data, size_t size, size_t count, void *arg)
{
    struct kds_transfer *transfer = arg;
    size_t n = size * count;
    writer_put(&transfer->body, bytes_of(data, n));
    return transfer->body.bad ? 0 : n;
}

static bool transfer_set_route(struct kds_transfer *transfer, const struct kds_options *options)
{
    CURL *easy = transfer->easy;
    bool done = true;
    if (*options->ca_file)
        done = curl_easy_setopt(easy, CURLOPT_CAINFO, options->ca_file) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_CAPATH, NULL) == CURLE_OK;
    if (done && *options->proxy)
        done = curl_easy_setopt(easy, CURLOPT_PROXY, strcmp(options->proxy, "none") == 0 ? "" : options->proxy) ==
               CURLE_OK;
    return done &&
           curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)(options->timeout_us / US_PER_MS) + 1) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS) == CURLE_OK;
}

/* Certificates and names are verified unless somebody asks otherwise, which nobody does. */
static bool transfer_set_rules(struct kds_transfer *transfer)
{
    CURL *easy = transfer->easy;
    return curl_easy_setopt(easy, CURLOPT_URL, transfer->url) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_USERAGENT, "pgvouch/" PACKAGE_VERSION) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, transfer_take) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error) == CURLE_OK;
}

struct err kds_transfer_new(const struct kds_options *options, const char *path, size_t limit,
                            struct kds_transfer **out)
{
    struct kds_transfer *transfer = NEW(struct kds_transfer);
    transfer->url = mem_format("%s%s", options->url, path);
    transfer->body = writer_growing(limit);
    transfer->easy = curl_easy_init();
    if (!transfer->easy || !transfer_set_rules(transfer) || !transfer_set_route(transfer, options)) {
        kds_transfer_free(transfer);
        return err_make(ERR_UNSUPPORTED, "libcurl cannot do what is needed: HTTPS, bounded and verified");
    }
    *out = transfer;
    return OK;
}

void kds_transfer_free(struct kds_transfer *transfer)
{
    if (!transfer)
        return;
    curl_easy_cleanup(transfer->easy);
    writer_free(&transfer->body);
    free(transfer->url);
    free(transfer);
}

CURL *kds_transfer_handle(struct kds_transfer *transfer)
{
    return transfer->easy;
}

const char *kds_transfer_url(const struct kds_transfer *transfer)
{
    return transfer->url;
}

/* libcurl repeats a proxy that it cannot read, with its password; kds_proxy was read when it was set. */
static bool text_may_be_secret(const char *text)
{
    return strstr(text, "nsupported proxy") || strchr(text, '@');
}

static void transfer_judge_failure(const struct kds_transfer *transfer, CURLcode code, struct kds_reply *out)
{
    if (transfer->body.bad) {
        out->answer = KDS_ANSWER_UNUSABLE;
        out->why = err_make(ERR_LIMIT, "the answer is longer than %zu bytes", transfer->body.limit);
        return;
    }
    out->answer = KDS_ANSWER_LATER;
    if (text_may_be_secret(transfer->error))
        out->why = err_make(ERR_NOT_NOW, "the proxy (https_proxy of the environment) cannot be used: %s",
                            curl_easy_strerror(code));
    else
        out->why = err_make(code == CURLE_OPERATION_TIMEDOUT ? ERR_TIMEOUT : ERR_NOT_NOW, "%s",
                            *transfer->error ? transfer->error : curl_easy_strerror(code));
}

/* RFC 9110 section 15.5: what the client did wrong it will do wrong again, but for these. */
static bool status_passes(long status)
{
    return status == 408 || status == 425 || status == 429 || status >= 500;
}

/* Publication 57230: 400 for what cannot be, 404 for what is not. Others (401, 403) are not KDS's own words. */
static bool status_denies(long status)
{
    return status == 400 || status == 404 || status == 410;
}

static void transfer_judge_status(struct kds_transfer *transfer, long status, struct kds_reply *out)
{
    curl_off_t retry_after = 0;
    curl_easy_getinfo(transfer->easy, CURLINFO_RETRY_AFTER, &retry_after);
    if (status_passes(status)) {
        out->answer = KDS_ANSWER_LATER;
        out->throttled = status == 429 || retry_after > 0;
        out->retry_after_s = retry_after;
        out->why =
            err_make(ERR_NOT_NOW, "it answers with status %ld%s", status, status == 429 ? " (too many requests)" : "");
    } else if (status_denies(status)) {
        out->answer = KDS_ANSWER_NONE;
        out->why = err_make(ERR_NOT_FOUND, "it has none (status %ld)", status);
    } else {
        out->answer = KDS_ANSWER_UNUSABLE;
        out->why = err_make(ERR_DENIED, "it answers with status %ld%s", status,
                            status >= 300 && status < 400 ? ", and a redirect is not followed" : "");
    }
}

void kds_transfer_judge(struct kds_transfer *transfer, CURLcode code, struct kds_reply *out)
{
    long status = 0;
    *out = (struct kds_reply){.why = OK};
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    if (code == CURLE_OK && status == 200) {
        out->answer = KDS_ANSWER_CONTENT;
        out->content = writer_bytes(&transfer->body);
    } else if (code == CURLE_OK || status > 200) { /* said, whatever became of the page that follows */
        transfer_judge_status(transfer, status, out);
    } else {
        transfer_judge_failure(transfer, code, out);
    }
}
