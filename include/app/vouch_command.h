/*
 * vouch_command.h: the commands of `vouch`, and what its exit status says.
 */
#ifndef APP_VOUCH_COMMAND_H
#define APP_VOUCH_COMMAND_H

enum vouch_exit {
    VOUCH_DONE = 0,   /* of verify: allow or warn */
    VOUCH_DENIED = 1, /* of verify alone */
    VOUCH_FAILED = 2, /* could not try, or the command line is wrong; said on standard error */
};

/* Runs a command; `argv[0]` is its name. Main. */
enum vouch_exit vouch_verify(int argc, char **argv);
enum vouch_exit vouch_cert(int argc, char **argv);

/* What --help says. */
extern const char vouch_usage[];
extern const char vouch_verify_usage[];
extern const char vouch_cert_usage[];

#endif
