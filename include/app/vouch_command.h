/*
 * vouch_command.h: the commands of `vouch`, and what its exit status says.
 */
#ifndef APP_VOUCH_COMMAND_H
#define APP_VOUCH_COMMAND_H

#include "base/err.h"

enum vouch_exit {
    VOUCH_DONE = 0,   /* of verify: allow or warn */
    VOUCH_DENIED = 1, /* of verify, policy and selftest: the answer is no */
    VOUCH_FAILED = 2, /* could not try, or the command line is wrong; said on standard error */
};

/* Runs a command; `argv[0]` is its name. Main. */
enum vouch_exit vouch_verify(int argc, char **argv);
enum vouch_exit vouch_cert(int argc, char **argv);
enum vouch_exit vouch_show(int argc, char **argv);
enum vouch_exit vouch_report(int argc, char **argv);
enum vouch_exit vouch_policy(int argc, char **argv);
enum vouch_exit vouch_selftest(int argc, char **argv);
enum vouch_exit vouch_kds(int argc, char **argv);

/* Says on standard error why a command failed; `hint` where the line was wrong and --help may help. */
enum vouch_exit vouch_fail(const char *command, struct err why, bool hint);

/* What --help says. */
extern const char vouch_usage[];
extern const char vouch_verify_usage[];
extern const char vouch_cert_usage[];
extern const char vouch_show_usage[];
extern const char vouch_report_usage[];
extern const char vouch_policy_usage[];
extern const char vouch_selftest_usage[];
extern const char vouch_kds_usage[];

#endif
