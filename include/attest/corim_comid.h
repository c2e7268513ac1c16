/*
 * corim_comid.h: the CoMIDs of a CoRIM: for environments, the measurements that are expected of them, one by one.
 *
 * Views into the CoRIM. Pure; any thread.
 */
#ifndef ATTEST_CORIM_COMID_H
#define ATTEST_CORIM_COMID_H

#include "attest/corim.h"

struct corim_comid {
    char id[CORIM_NAME_SIZE]; /* tag-id */
    uint64_t version;
    struct corim_list references; /* triples; as are the next */
    struct corim_list keys;       /* attest-key-triples */
};

/* An identifier under a tag, as class-id or instance; tag 0 where there is none. */
struct corim_identifier {
    uint64_t tag;
    struct bytes value;
};

struct corim_environment {
    struct corim_identifier class_id;
    struct bytes vendor, model; /* empty where there are none */
    bool has_more_class;        /* layer or index */
    struct corim_identifier instance;
    bool has_group;
};

enum corim_key_kind { CORIM_KEY_NONE, CORIM_KEY_NUMBER, CORIM_KEY_OTHER };

struct corim_measurement {
    enum corim_key_kind key_kind;
    uint64_t key;
    bool has_svn, svn_is_minimum;
    uint64_t svn;
    struct corim_list digests;
    bool has_more;       /* than those and a name */
    struct bytes values; /* encoded: all of the measurement's values */
};

struct corim_digest {
    uint64_t algorithm; /* IANA "Named Information Hash Algorithm"; 0 for one that is named by a text of its own */
    struct bytes value;
};

/* Each reads the next one; *found is false at the end. Errors as corim_parse. corim_next_comid passes over tags of
 * other kinds. */
struct err corim_next_comid(struct corim_list *tags, struct corim_comid *out, bool *found) MUST_CHECK;
struct err corim_next_reference(struct corim_list *references, struct corim_environment *out,
                                struct corim_list *measurements, bool *found) MUST_CHECK;
struct err corim_next_key(struct corim_list *keys, struct corim_environment *out, uint64_t *count,
                          bool *found) MUST_CHECK;
struct err corim_next_measurement(struct corim_list *measurements, struct corim_measurement *out,
                                  bool *found) MUST_CHECK;
struct err corim_next_digest(struct corim_list *digests, struct corim_digest *out, bool *found) MUST_CHECK;

#endif
