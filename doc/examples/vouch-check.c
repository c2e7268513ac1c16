/*
 * vouch-check.c: judges evidence from a file with libvouch.
 *
 *     cc -o vouch-check vouch-check.c $(pkg-config --cflags --libs vouch)
 *     ./vouch-check [-p POLICY] [-t SECONDS] [-v VEK] [-f FACT] cert|report|cmw FILE
 *
 * Ends with 0 for allow or warn, 1 for deny, 2 when it could not try.
 */
#include <vouch.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char why[VOUCH_WHY_SIZE];

static void give_up(const char *what)
{
    fprintf(stderr, "vouch-check: %s: %s\n", what, why);
    exit(2);
}

static unsigned char *read_file(const char *path, size_t *size)
{
    static unsigned char content[VOUCH_PIECE_MAX + 1]; /* one more: what is too large is seen to be */
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        exit(2);
    }
    *size = fread(content, 1, sizeof content, file);
    fclose(file);
    return content;
}

static void set_subject(vouch_request *request, const char *kind, const char *path)
{
    size_t size;
    unsigned char *bytes = read_file(path, &size);
    int status = VOUCH_ERROR_INPUT;
    if (strcmp(kind, "cert") == 0)
        status = vouch_request_set_certificate(request, bytes, size, why, sizeof why);
    else if (strcmp(kind, "cmw") == 0)
        status = vouch_request_set_cmw(request, bytes, size, why, sizeof why);
    else if (strcmp(kind, "report") == 0)
        status = vouch_request_set_report(request, bytes, size, why, sizeof why);
    else
        snprintf(why, sizeof why, "\"%s\" is none of cert, report and cmw", kind);
    if (status != VOUCH_OK)
        give_up(path);
}

static void set_vek(vouch_request *request, const char *path)
{
    size_t size;
    unsigned char *bytes = read_file(path, &size);
    if (vouch_request_set_endorsement(request, VOUCH_VEK, bytes, size, why, sizeof why) != VOUCH_OK)
        give_up(path);
}

static void set_policy(vouch_request *request, const char *path)
{
    vouch_policy *policy;
    if (vouch_policy_load(path, &policy, why, sizeof why) != VOUCH_OK)
        give_up(path);
    for (size_t i = 0; i < vouch_policy_gap_count(policy); i++)
        fprintf(stderr, "vouch-check: %s: %s\n", vouch_policy_name(policy), vouch_policy_gap(policy, i));
    vouch_request_set_policy(request, policy);
    vouch_policy_free(policy); /* the request holds on to it */
}

static void show(const vouch_verdict *verdict)
{
    static const char *const words[] = {"deny", "warn", "allow"};
    static const char *const outcomes[] = {"fail", "warn", "pass", "skipped"};
    for (size_t i = 0; i < vouch_verdict_check_count(verdict); i++)
        printf("%-7s %-24s %s\n", outcomes[vouch_verdict_check_outcome(verdict, i)],
               vouch_verdict_check_name(verdict, i), vouch_verdict_check_found(verdict, i));
    printf("verdict %s\nreason  %s\n", words[vouch_verdict_outcome(verdict)], vouch_verdict_reason(verdict));
}

int main(int argc, char **argv)
{
    vouch_request *request = vouch_request_new();
    vouch_verdict *verdict;
    int option;
    const char *fact = NULL;
    while ((option = getopt(argc, argv, "p:t:v:f:")) != -1) {
        if (option == 'p')
            set_policy(request, optarg);
        else if (option == 't')
            vouch_request_set_time(request, strtoll(optarg, NULL, 10));
        else if (option == 'v')
            set_vek(request, optarg);
        else if (option == 'f')
            fact = optarg;
        else
            return 2;
    }
    if (argc - optind != 2) {
        fprintf(stderr, "usage: vouch-check [-p POLICY] [-t SECONDS] [-v VEK] [-f FACT] cert|report|cmw FILE\n");
        return 2;
    }
    set_subject(request, argv[optind], argv[optind + 1]);
    if (vouch_verify(NULL, request, &verdict, why, sizeof why) != VOUCH_OK)
        give_up(argv[optind + 1]);
    show(verdict);
    if (fact)
        printf("%s %s\n", fact, vouch_verdict_fact(verdict, fact));
    int status = vouch_verdict_outcome(verdict) == VOUCH_DENY;
    vouch_verdict_free(verdict);
    vouch_request_free(request);
    return status;
}
