#include "cbor_documents.h"

#include "attest/bind.h"
#include "attest/cbor.h"
#include "attest/cmw.h"
#include "attest/corim_snp.h"
#include "attest/eat.h"
#include "attest/evidence_foreign.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static uint8_t report[SNP_REPORT_SIZE];
static const char nonce[] = "0123456789abcdef";
static struct bind good_bind;

int cbor_documents_begin(void **state)
{
    (void)state;
    struct snp_report fields = {.version = 3, .chip_id = {1, 2, 3}};
    snp_report_write(&fields, report);
    good_bind =
        (struct bind){.kind = BIND_KIND_LEAF, .issued_at_s = 1760000000, .nonce = bytes_of(nonce, sizeof nonce - 1)};
    return 0;
}

/* ---- how they are written ---- */

static void write_cmw_around(struct bytes bind, struct writer *w)
{
    struct cmw cmw = {.report = BYTES(report), .bind = bind};
    cmw_write(&cmw, w);
}

static void write_bind(struct writer *w)
{
    bind_write(&good_bind, w);
}

static void write_cmw(struct writer *w)
{
    uint8_t room[BIND_MAX];
    struct writer bind = writer_over(room, sizeof room);
    write_bind(&bind);
    write_cmw_around(writer_bytes(&bind), w);
}

static void write_eat(struct writer *w)
{
    uint8_t room[BIND_MAX];
    struct writer bind = writer_over(room, sizeof room);
    write_bind(&bind);
    struct cmw cmw = {.report = BYTES(report), .bind = writer_bytes(&bind)};
    assert_false(failed(eat_write(&cmw, &good_bind, w)));
}

static void write_record_around(struct bytes token, struct writer *w)
{
    cbor_write_array(w, 3);
    cbor_write_text(w, EAT_MEDIA_TYPE);
    cbor_write_bytes(w, token);
    cbor_write_uint(w, CMW_EVIDENCE);
}

static void write_record(struct writer *w)
{
    struct writer token = writer_growing(EAT_MAX);
    write_eat(&token);
    write_record_around(writer_bytes(&token), w);
    writer_free(&token);
}

/* As the Go proxy writes it: keys in any order, and members that nobody reads. */
static void write_go_eat(struct writer *w)
{
    cbor_write_map(w, 5);
    cbor_write_uint(w, 10);
    cbor_write_bytes(w, bytes_of(nonce, sizeof nonce - 1));
    cbor_write_uint(w, 6);
    cbor_write_uint(w, 1760000000);
    cbor_write_uint(w, 1002);
    cbor_write_map(w, 2);
    cbor_write_text(w, "tcb");
    cbor_write_array(w, 2);
    cbor_write_uint(w, 1);
    cbor_write_text(w, "two");
    cbor_write_text(w, "measurement");
    cbor_write_bytes(w, BYTES_LITERAL("of something"));
    cbor_write_uint(w, 1001);
    cbor_write_bytes(w, BYTES(report));
    cbor_write_uint(w, 1100);
    cbor_write_array(w, 1);
    cbor_write_bytes(w, BYTES_LITERAL("a certificate"));
}

static void write_key_hash(struct writer *w)
{
    uint8_t hash[32] = {0};
    cbor_write_array(w, 2);
    cbor_write_uint(w, 1);
    cbor_write_bytes(w, BYTES(hash));
}

static void write_claims_around(struct bytes key_hash, struct writer *w)
{
    cbor_write_map(w, 2);
    cbor_write_text(w, "pubkey-hash");
    cbor_write_bytes(w, key_hash);
    cbor_write_text(w, "nonce");
    cbor_write_bytes(w, bytes_of(nonce, sizeof nonce - 1));
}

static void write_claims(struct writer *w)
{
    uint8_t room[64];
    struct writer key_hash = writer_over(room, sizeof room);
    write_key_hash(&key_hash);
    write_claims_around(writer_bytes(&key_hash), w);
}

static void write_dice_around(struct bytes claims, struct writer *w)
{
    cbor_write_tag(w, EVIDENCE_DICE_TAG);
    cbor_write_array(w, 2);
    cbor_write_bytes(w, BYTES(report));
    cbor_write_bytes(w, claims);
}

static void write_dice(struct writer *w)
{
    uint8_t room[256];
    struct writer claims = writer_over(room, sizeof room);
    write_claims(&claims);
    write_dice_around(writer_bytes(&claims), w);
}

/* A class-id of a report, a measurement, its GUEST_SVN, and a value that nobody reads. */
static void write_comid(struct writer *w)
{
    uint8_t measurement[SNP_MEASUREMENT_SIZE] = {7};
    cbor_write_map(w, 3);
    cbor_write_uint(w, 0);
    cbor_write_text(w, "en-GB");
    cbor_write_uint(w, 1);
    cbor_write_map(w, 2);
    cbor_write_uint(w, 0);
    cbor_write_text(w, "release 7");
    cbor_write_uint(w, 1);
    cbor_write_uint(w, 3);
    cbor_write_uint(w, 4);
    cbor_write_map(w, 1);
    cbor_write_uint(w, 0);
    cbor_write_array(w, 1);
    cbor_write_array(w, 2);
    cbor_write_map(w, 1); /* environment */
    cbor_write_uint(w, 0);
    cbor_write_map(w, 1);
    cbor_write_uint(w, 0);
    cbor_write_tag(w, CORIM_TAG_OID);
    cbor_write_bytes(w, BYTES_LITERAL("\x2b\x06\x01\x04\x01\x9c\x78\x03\x01"));
    cbor_write_array(w, 3); /* measurements */
    cbor_write_map(w, 2);
    cbor_write_uint(w, 0);
    cbor_write_uint(w, 641);
    cbor_write_uint(w, 1);
    cbor_write_map(w, 1);
    cbor_write_uint(w, 2);
    cbor_write_array(w, 1);
    cbor_write_array(w, 2);
    cbor_write_uint(w, 7);
    cbor_write_bytes(w, BYTES(measurement));
    cbor_write_map(w, 2);
    cbor_write_uint(w, 0);
    cbor_write_uint(w, 1);
    cbor_write_uint(w, 1);
    cbor_write_map(w, 1);
    cbor_write_uint(w, 1);
    cbor_write_tag(w, CORIM_TAG_MIN_SVN);
    cbor_write_uint(w, 2);
    cbor_write_map(w, 2);
    cbor_write_uint(w, 0);
    cbor_write_uint(w, 642);
    cbor_write_uint(w, 1);
    cbor_write_map(w, 1);
    cbor_write_uint(w, 4);
    cbor_write_tag(w, CORIM_TAG_BYTES);
    cbor_write_bytes(w, BYTES_LITERAL("host data"));
}

static void write_corim_around(struct bytes comid, struct writer *w)
{
    cbor_write_tag(w, CORIM_TAG_CORIM);
    cbor_write_map(w, 4);
    cbor_write_uint(w, 0);
    cbor_write_text(w, "a manifest");
    cbor_write_uint(w, 1);
    cbor_write_array(w, 2);
    cbor_write_tag(w, CORIM_TAG_COMID);
    cbor_write_bytes(w, comid);
    cbor_write_tag(w, 505);
    cbor_write_bytes(w, BYTES_LITERAL("a CoSWID"));
    cbor_write_uint(w, 3);
    cbor_write_tag(w, CORIM_TAG_URI);
    cbor_write_text(w, "tag:amd.com,2024:snp-corim-profile");
    cbor_write_uint(w, 4);
    cbor_write_map(w, 2);
    cbor_write_uint(w, 0);
    cbor_write_tag(w, CORIM_TAG_TIME);
    cbor_write_uint(w, 1700000000);
    cbor_write_uint(w, 1);
    cbor_write_tag(w, CORIM_TAG_TIME);
    cbor_write_uint(w, 1800000000);
}

static void write_corim(struct writer *w)
{
    uint8_t room[512];
    struct writer comid = writer_over(room, sizeof room);
    write_comid(&comid);
    write_corim_around(writer_bytes(&comid), w);
}

static void write_meta(struct writer *w)
{
    cbor_write_map(w, 2);
    cbor_write_uint(w, 0);
    cbor_write_map(w, 1);
    cbor_write_uint(w, 0);
    cbor_write_text(w, "the release team");
    cbor_write_uint(w, 1);
    cbor_write_map(w, 1);
    cbor_write_uint(w, 1);
    cbor_write_tag(w, CORIM_TAG_TIME);
    cbor_write_uint(w, 1800000000);
}

static void write_header_around(struct bytes meta, struct writer *w)
{
    cbor_write_map(w, 4);
    cbor_write_uint(w, 1);
    writer_u8(w, 0x26); /* -7: ES256 */
    cbor_write_uint(w, 3);
    cbor_write_text(w, "application/rim+cbor");
    cbor_write_uint(w, 4);
    cbor_write_bytes(w, BYTES_LITERAL("key"));
    cbor_write_uint(w, 8);
    cbor_write_bytes(w, meta);
}

static void write_header(struct writer *w)
{
    uint8_t room[128];
    struct writer meta = writer_over(room, sizeof room);
    write_meta(&meta);
    write_header_around(writer_bytes(&meta), w);
}

static void write_signed_around(struct bytes header, struct bytes payload, struct writer *w)
{
    uint8_t signature[64] = {0};
    cbor_write_tag(w, COSE_SIGN1_TAG);
    cbor_write_array(w, 4);
    cbor_write_bytes(w, header);
    cbor_write_map(w, 1);
    cbor_write_uint(w, 33);
    cbor_write_bytes(w, BYTES_LITERAL("a chain"));
    cbor_write_bytes(w, payload);
    cbor_write_bytes(w, BYTES(signature));
}

static void write_signed(struct writer *w)
{
    uint8_t header_room[256], payload_room[1024];
    struct writer header = writer_over(header_room, sizeof header_room);
    struct writer payload = writer_over(payload_room, sizeof payload_room);
    write_header(&header);
    write_corim(&payload);
    write_signed_around(writer_bytes(&header), writer_bytes(&payload), w);
}

/* ---- how they are read ---- */

static struct err read_bind(struct bytes cbor)
{
    struct bind bind;
    return bind_parse(cbor, &bind);
}

static struct err read_cmw(struct bytes cbor)
{
    struct cmw cmw;
    return cmw_parse(cbor, &cmw);
}

static struct err read_eat(struct bytes cbor)
{
    struct eat eat;
    return eat_parse(cbor, &eat);
}

static struct err read_record(struct bytes cbor)
{
    struct eat eat;
    struct writer w = writer_growing(CBOR_DOCUMENT_ROOM);
    cmw_wrap(cbor, &w);
    struct err outcome = eat_parse_extension(writer_bytes(&w), &eat);
    writer_free(&w);
    return outcome;
}

static struct err read_go_eat(struct bytes cbor)
{
    struct evidence_go_eat eat;
    return evidence_go_eat_parse(cbor, &eat);
}

static struct err read_dice(struct bytes cbor)
{
    struct evidence_dice dice;
    return evidence_dice_parse(cbor, &dice);
}

static struct err take_nothing(void *arg, const struct corim_reference *reference)
{
    (void)arg;
    (void)reference;
    return OK;
}

static struct err read_corim(struct bytes cbor)
{
    struct corim corim;
    TRY(corim_parse(cbor, &corim));
    return corim_snp_each(&corim, take_nothing, NULL);
}

/* The same of what stands inside another one. */
static struct err read_around(struct bytes inner, void (*write)(struct bytes inner, struct writer *w),
                              struct err (*read)(struct bytes cbor))
{
    struct writer w = writer_growing(CBOR_DOCUMENT_ROOM);
    write(inner, &w);
    struct err outcome = read(writer_bytes(&w));
    writer_free(&w);
    return outcome;
}

static struct err read_claims(struct bytes cbor)
{
    return read_around(cbor, write_dice_around, read_dice);
}

static struct err read_key_hash(struct bytes cbor)
{
    return read_around(cbor, write_claims_around, read_claims);
}

static struct err read_comid(struct bytes cbor)
{
    return read_around(cbor, write_corim_around, read_corim);
}

static void write_signed_by_header(struct bytes header, struct writer *w)
{
    uint8_t room[1024];
    struct writer payload = writer_over(room, sizeof room);
    write_corim(&payload);
    write_signed_around(header, writer_bytes(&payload), w);
}

static struct err read_header(struct bytes cbor)
{
    return read_around(cbor, write_signed_by_header, read_corim);
}

static struct err read_meta(struct bytes cbor)
{
    return read_around(cbor, write_header_around, read_header);
}

const struct cbor_document cbor_documents[CBOR_DOCUMENTS] = {
    {"bind record", write_bind, read_bind, true},
    {"CMW", write_cmw, read_cmw, true},
    {"EAT", write_eat, read_eat, true},
    {"EAT in a record", write_record, read_record, false},
    {"go-eat", write_go_eat, read_go_eat, true},
    {"DICE", write_dice, read_dice, false},
    {"DICE claims", write_claims, read_claims, true},
    {"DICE key hash", write_key_hash, read_key_hash, false},
    {"CoRIM", write_corim, read_corim, true},
    {"CoMID", write_comid, read_comid, true},
    {"signed CoRIM", write_signed, read_corim, true},
    {"COSE header", write_header, read_header, true},
    {"CoRIM meta data", write_meta, read_meta, true},
};
