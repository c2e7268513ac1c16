/* Pure parts of the SNP layer: report, TCB, product, checklist, certificate table, signature of a report. */
#include "base/mem.h"
#include "snp/certtable.h"
#include "snp/checklist.h"
#include "snp/psp_issue.h"
#include "snp/signature.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void fill_report(struct snp_report *report)
{
    *report = (struct snp_report){
        .version = 5,
        .guest_svn = 7,
        .policy = UINT64_C(0x0102030405060708),
        .vmpl = 2,
        .signature_algo = 1,
        .current_tcb = {{1, 2, 3, 4, 5, 6, 7, 8}},
        .platform_info = 0x26,
        .key_info = 0x07,
        .reported_tcb = {{11, 12, 13, 14, 15, 16, 17, 18}},
        .cpuid_family = 0x19,
        .cpuid_model = 0xA0,
        .cpuid_stepping = 2,
        .committed_tcb = {{21, 22, 23, 24, 25, 26, 27, 28}},
        .current = {1, 55, 29},
        .committed = {1, 54, 28},
        .launch_tcb = {{31, 32, 33, 34, 35, 36, 37, 38}},
        .launch_mit_vector = 0x1111,
        .current_mit_vector = 0x2222,
    };
    memset(report->family_id, 0xa1, sizeof(report->family_id));
    memset(report->image_id, 0xa2, sizeof(report->image_id));
    memset(report->report_data, 0xa3, sizeof(report->report_data));
    memset(report->measurement, 0xa4, sizeof(report->measurement));
    memset(report->host_data, 0xa5, sizeof(report->host_data));
    memset(report->id_key_digest, 0xa6, sizeof(report->id_key_digest));
    memset(report->author_key_digest, 0xa7, sizeof(report->author_key_digest));
    memset(report->report_id, 0xa8, sizeof(report->report_id));
    memset(report->report_id_ma, 0xa9, sizeof(report->report_id_ma));
    memset(report->chip_id, 0xaa, sizeof(report->chip_id));
}

static void test_every_field_stands_at_its_documented_offset(void **state)
{
    (void)state;
    struct snp_report report;
    uint8_t bytes[SNP_REPORT_SIZE];
    fill_report(&report);
    snp_report_write(&report, bytes);
    static const struct {
        size_t offset, size;
        uint8_t first, last;
    } fields[] = {
        {0x000, 4, 5, 0},        {0x004, 4, 7, 0},        {0x008, 8, 8, 1},        {0x010, 16, 0xa1, 0xa1},
        {0x020, 16, 0xa2, 0xa2}, {0x030, 4, 2, 0},        {0x034, 4, 1, 0},        {0x038, 8, 1, 8},
        {0x040, 8, 0x26, 0},     {0x048, 4, 7, 0},        {0x050, 64, 0xa3, 0xa3}, {0x090, 48, 0xa4, 0xa4},
        {0x0c0, 32, 0xa5, 0xa5}, {0x0e0, 48, 0xa6, 0xa6}, {0x110, 48, 0xa7, 0xa7}, {0x140, 32, 0xa8, 0xa8},
        {0x160, 32, 0xa9, 0xa9}, {0x180, 8, 11, 18},      {0x188, 3, 0x19, 2},     {0x1a0, 64, 0xaa, 0xaa},
        {0x1e0, 8, 21, 28},      {0x1e8, 3, 29, 1},       {0x1ec, 3, 28, 1},       {0x1f0, 8, 31, 38},
        {0x1f8, 8, 0x11, 0},     {0x200, 8, 0x22, 0},
    };
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        assert_int_equal(bytes[fields[i].offset], fields[i].first);
        assert_int_equal(bytes[fields[i].offset + fields[i].size - 1], fields[i].last);
    }
    assert_true(bytes_are_zero(bytes_of(bytes + 0x208, SNP_REPORT_SIZE - 0x208)));
}

static void test_report_is_read_as_it_was_written(void **state)
{
    (void)state;
    for (uint32_t version = SNP_REPORT_VERSION_MIN; version <= SNP_REPORT_VERSION_MAX; version++) {
        struct snp_report report, read;
        uint8_t bytes[SNP_REPORT_SIZE];
        fill_report(&report);
        report.version = version;
        snp_report_write(&report, bytes);
        assert_false(failed(snp_report_parse(BYTES(bytes), &read)));
        if (version < 3)
            report.cpuid_family = report.cpuid_model = report.cpuid_stepping = 0;
        if (version < 5)
            report.launch_mit_vector = report.current_mit_vector = 0;
        uint8_t again[SNP_REPORT_SIZE];
        snp_report_write(&read, again);
        assert_memory_equal(again, bytes, sizeof(bytes));
        assert_int_equal(read.cpuid_model, report.cpuid_model);
        assert_int_equal(read.current_mit_vector, report.current_mit_vector);
        assert_int_equal(read.committed.minor, 54);
    }
}

static void test_report_of_another_length_is_refused(void **state)
{
    (void)state;
    static uint8_t bytes[SNP_REPORT_SIZE + 1] = {3};
    struct snp_report report = {.version = 77};
    assert_int_equal(snp_report_parse(bytes_of(bytes, SNP_REPORT_SIZE - 1), &report).code, ERR_INPUT);
    assert_int_equal(snp_report_parse(bytes_of(bytes, SNP_REPORT_SIZE + 1), &report).code, ERR_INPUT);
    assert_int_equal(snp_report_parse(BYTES_NONE, &report).code, ERR_INPUT);
    assert_int_equal(report.version, 77);
    assert_false(failed(snp_report_parse(bytes_of(bytes, SNP_REPORT_SIZE), &report)));
}

static void test_report_of_an_unknown_version_is_refused_but_can_be_shown(void **state)
{
    (void)state;
    static const uint8_t versions[] = {0, 1, 6, 255};
    for (size_t i = 0; i < sizeof(versions); i++) {
        uint8_t bytes[SNP_REPORT_SIZE] = {versions[i]};
        struct snp_report report = {.version = 77};
        assert_int_equal(snp_report_parse(BYTES(bytes), &report).code, ERR_UNSUPPORTED);
        assert_int_equal(report.version, 77);
        assert_false(failed(snp_report_read(BYTES(bytes), &report)));
        assert_int_equal(report.version, versions[i]);
    }
}

static void test_bits_of_policy_platform_and_key_have_names(void **state)
{
    (void)state;
    assert_true(snp_policy_allows_debug(UINT64_C(1) << 19));
    assert_false(snp_policy_allows_debug(~(UINT64_C(1) << 19)));
    assert_true(snp_policy_allows_smt(UINT64_C(1) << 16));
    assert_true(snp_policy_allows_migration(UINT64_C(1) << 18));
    assert_true(snp_policy_requires_single_socket(UINT64_C(1) << 20));
    assert_int_equal(snp_policy_abi_major(0x1234), 0x12);
    assert_int_equal(snp_policy_abi_minor(0x1234), 0x34);
    assert_true(snp_platform_smt_is_on(1));
    assert_true(snp_platform_alias_check_is_complete(0x20));
    assert_int_equal(snp_platform_unknown_bits(0x1ff), 0x100);
    struct snp_report report = {.key_info = 0x02 | 1 << 2};
    assert_int_equal(snp_report_signing_key(&report), SNP_SIGNING_KEY_VLEK);
    assert_true(snp_report_masks_chip_key(&report));
    assert_false(snp_report_has_author_key(&report));
    report.key_info = 7 << 2;
    assert_string_equal(snp_signing_key_name(snp_report_signing_key(&report)), "none");
    report.key_info = 3 << 2;
    assert_string_equal(snp_signing_key_name(snp_report_signing_key(&report)), "reserved");
    for (const struct snp_bit *bit = snp_policy_bits; bit->name; bit++)
        assert_in_range(bit->bit, 16, 25);
}

static void test_product_is_known_by_cpuid_name_and_extension(void **state)
{
    (void)state;
    assert_int_equal(snp_product_of_cpuid(0x19, 0x0f), SNP_PRODUCT_MILAN);
    assert_int_equal(snp_product_of_cpuid(0x19, 0x10), SNP_PRODUCT_GENOA);
    assert_int_equal(snp_product_of_cpuid(0x19, 0x20), SNP_PRODUCT_UNKNOWN);
    assert_int_equal(snp_product_of_cpuid(0x19, 0xa0), SNP_PRODUCT_GENOA);
    assert_int_equal(snp_product_of_cpuid(0x1a, 0x11), SNP_PRODUCT_TURIN);
    assert_int_equal(snp_product_of_cpuid(0x1a, 0x12), SNP_PRODUCT_UNKNOWN);
    assert_string_equal(snp_product_of_cpuid_name(0x19, 0xaf), "Siena or Bergamo");
    assert_true(snp_product_is_siena_or_bergamo(0x19, 0xa0));
    assert_true(snp_product_is_siena_or_bergamo(0x19, 0xaf));
    assert_false(snp_product_is_siena_or_bergamo(0x19, 0x11));
    assert_false(snp_product_is_siena_or_bergamo(0x19, 0xb0));
    assert_false(snp_product_is_siena_or_bergamo(0x1a, 0xa0));
    assert_int_equal(snp_product_of_word("bergamo"), SNP_PRODUCT_GENOA);
    assert_int_equal(snp_product_of_word("MILAN"), SNP_PRODUCT_MILAN);
    assert_int_equal(snp_product_of_word("Rome"), SNP_PRODUCT_UNKNOWN);
    assert_int_equal(snp_product_of_extension(BYTES_LITERAL("Milan-B0")), SNP_PRODUCT_MILAN);
    assert_int_equal(snp_product_of_extension(BYTES_LITERAL("Turin")), SNP_PRODUCT_TURIN);
    assert_int_equal(snp_product_of_extension(BYTES_LITERAL("milan")), SNP_PRODUCT_UNKNOWN);
    assert_int_equal(snp_product_of_extension(BYTES_LITERAL("Milan-")), SNP_PRODUCT_UNKNOWN);
    assert_int_equal(snp_product_of_extension(BYTES_LITERAL("MilanX")), SNP_PRODUCT_UNKNOWN);
    assert_int_equal(snp_product_of_extension(BYTES_NONE), SNP_PRODUCT_UNKNOWN);
    assert_int_equal(snp_product_of_common_name("SEV-VLEK-Genoa", "SEV-VLEK-"), SNP_PRODUCT_GENOA);
    assert_int_equal(snp_product_of_common_name("SEV-VLEK-Genoa", "SEV-"), SNP_PRODUCT_UNKNOWN);
    for (int i = SNP_PRODUCT_UNKNOWN + 1; i < SNP_PRODUCT_COUNT; i++) {
        uint8_t family, model, stepping;
        snp_product_cpuid((enum snp_product)i, &family, &model, &stepping);
        assert_int_equal(snp_product_of_cpuid(family, model), i);
    }
}

static void test_tcbs_are_compared_component_by_component(void **state)
{
    (void)state;
    struct snp_tcb low = {{4, 0, 0, 0, 0, 0, 24, 219}}, high = {{3, 0, 0, 0, 0, 0, 25, 220}}, same = low;
    assert_false(snp_tcb_at_most(low, high)); /* though smaller as one integer */
    assert_true(snp_tcb_integer(low) < snp_tcb_integer(high));
    assert_true(snp_tcb_at_most(low, same));
    assert_true(snp_tcb_equal(low, same));
    char text[SNP_TCB_TEXT_SIZE];
    snp_tcb_text(low, SNP_TCB_LAYOUT_MILAN, text);
    assert_string_equal(text, "bootloader 4, tee 0, snp 24, microcode 219");
    struct snp_tcb turin = {{255, 255, 255, 255, 0, 0, 0, 255}};
    snp_tcb_text(turin, SNP_TCB_LAYOUT_TURIN, text);
    assert_string_equal(text, "fmc 255, bootloader 255, tee 255, snp 255, microcode 255");
    snp_tcb_text(low, SNP_TCB_LAYOUT_UNKNOWN, text);
    assert_string_equal(text, "db18000000000004");
    assert_int_equal(snp_tcb_index(SNP_TCB_LAYOUT_MILAN, SNP_TCB_FMC), -1);
    snp_tcb_set(&low, SNP_TCB_LAYOUT_MILAN, SNP_TCB_FMC, 9);
    assert_true(snp_tcb_equal(low, same));
}

static void test_checklist_grows_joins_and_finds_the_first_failure(void **state)
{
    (void)state;
    struct checklist list = CHECKLIST_EMPTY, more = CHECKLIST_EMPTY;
    assert_false(checklist_has_failure(&list));
    for (int i = 0; i < 100; i++)
        checklist_addf(&list, "fine", CHECK_PASS, NULL, "%d", i);
    checklist_add(&more, "doubtful", CHECK_WARN, "a", NULL);
    checklist_add(&more, "wrong", CHECK_FAIL, "a", "b");
    checklist_add(&more, "worse", CHECK_FAIL, "a", "c");
    checklist_join(&list, &more);
    assert_int_equal(list.count, 103);
    assert_int_equal(more.count, 0);
    assert_true(checklist_has_failure(&list));
    assert_string_equal(checklist_first(&list, CHECK_FAIL)->name, "wrong");
    assert_string_equal(checklist_find(&list, "doubtful")->found, "");
    assert_string_equal(list.checks[99].found, "99");
    assert_string_equal(list.checks[0].expected, "");
    assert_null(checklist_find(&list, "absent"));
    assert_null(checklist_first(&list, CHECK_SKIPPED));
    checklist_join(&list, &more);
    assert_int_equal(list.count, 103);
    checklist_free(&list);
}

static void test_signature_holds_for_these_bytes_and_this_key_only(void **state)
{
    (void)state;
    uint8_t bytes[SNP_REPORT_SIZE];
    struct snp_report report;
    EVP_PKEY *key = NULL, *other = NULL, *p256 = EVP_EC_gen("P-256");
    fill_report(&report);
    snp_report_write(&report, bytes);
    assert_false(failed(psp_make_p384_key(&key)));
    assert_false(failed(psp_make_p384_key(&other)));
    memset(bytes + SNP_REPORT_SIGNED_SIZE, 0xff, SNP_REPORT_SIZE - SNP_REPORT_SIGNED_SIZE);
    assert_false(snp_signature_padding_is_zero(bytes));
    assert_false(failed(snp_signature_make(bytes, key)));
    assert_true(snp_signature_padding_is_zero(bytes));
    assert_false(failed(snp_signature_verify(bytes, key)));
    assert_int_equal(snp_signature_verify(bytes, other).code, ERR_DENIED);
    assert_int_equal(snp_signature_verify(bytes, p256).code, ERR_DENIED);
    assert_true(failed(snp_signature_make(bytes, p256)));
    bytes[SNP_REPORT_SIGNED_SIZE - 1] ^= 1;
    assert_int_equal(snp_signature_verify(bytes, key).code, ERR_DENIED);
    memset(bytes + SNP_SIGNATURE_OFFSET, 0, 2 * SNP_SIGNATURE_COMPONENT_SIZE);
    assert_int_equal(snp_signature_verify(bytes, key).code, ERR_DENIED);
    EVP_PKEY_free(key);
    EVP_PKEY_free(other);
    EVP_PKEY_free(p256);
}

static void test_every_unsigned_byte_but_r_and_s_must_be_zero(void **state)
{
    (void)state;
    for (size_t i = 0; i < SNP_REPORT_SIZE; i++) {
        uint8_t bytes[SNP_REPORT_SIZE] = {0};
        bytes[i] = 1;
        bool may_be_set = i < 0x2A0 + 48 || (i >= 0x2A0 + 72 && i < 0x2A0 + 72 + 48);
        assert_int_equal(snp_signature_padding_is_zero(bytes), may_be_set);
    }
}

/* A table of two entries: header of 72 bytes, 10 bytes of VCEK at 72, 6 of the ARK at 88, then padding up to 100. */
struct table {
    uint8_t bytes[100];
};
#define TABLE_SIZE_AT(entry)   ((entry)*24 + 20)
#define TABLE_OFFSET_AT(entry) ((entry)*24 + 16)

static struct table make_table(void)
{
    static const uint8_t vcek[] = {0x63, 0xda, 0x75, 0x8d, 0xe6, 0x64, 0x45, 0x64,
                                   0xad, 0xc5, 0xf4, 0xb9, 0x3b, 0xe8, 0xac, 0xcd};
    static const uint8_t ark[] = {0xc0, 0xb4, 0x06, 0xa4, 0xa8, 0x03, 0x49, 0x52,
                                  0x97, 0x43, 0x3f, 0xb6, 0x01, 0x4c, 0xd0, 0xae};
    struct table table = {{0}};
    memcpy(table.bytes, vcek, sizeof(vcek));
    table.bytes[TABLE_OFFSET_AT(0)] = 72;
    table.bytes[TABLE_SIZE_AT(0)] = 10;
    memcpy(table.bytes + 24, ark, sizeof(ark));
    table.bytes[TABLE_OFFSET_AT(1)] = 88;
    table.bytes[TABLE_SIZE_AT(1)] = 6;
    memset(table.bytes + 72, 'v', 10);
    memset(table.bytes + 88, 'a', 6);
    return table;
}

static void check_refused(const struct table *table)
{
    struct snp_certtable read;
    assert_true(failed(snp_certtable_parse(BYTES(table->bytes), &read)));
    assert_int_equal(read.vcek.n + read.ark.n + read.unknown, 0);
}

static void test_table_is_read(void **state)
{
    (void)state;
    struct table table = make_table();
    struct snp_certtable read;
    assert_false(failed(snp_certtable_parse(BYTES(table.bytes), &read)));
    assert_true(bytes_equal(read.vcek, BYTES_LITERAL("vvvvvvvvvv")));
    assert_true(bytes_equal(read.ark, BYTES_LITERAL("aaaaaa")));
    assert_int_equal(read.vlek.n + read.intermediate.n + read.crl.n + read.unknown, 0);
    table.bytes[0] ^= 1;
    assert_false(failed(snp_certtable_parse(BYTES(table.bytes), &read)));
    assert_int_equal(read.unknown, 1);
    assert_int_equal(read.vcek.n, 0);
}

static void test_table_without_bytes_or_entries_is_empty(void **state)
{
    (void)state;
    struct snp_certtable read;
    static const uint8_t zeros[4096];
    assert_false(failed(snp_certtable_parse(BYTES_NONE, &read)));
    assert_false(failed(snp_certtable_parse(BYTES(zeros), &read)));
    assert_int_equal(read.vcek.n + read.unknown, 0);
}

static void test_table_without_an_end_is_refused(void **state)
{
    (void)state;
    struct table table = make_table();
    struct snp_certtable read;
    assert_int_equal(snp_certtable_parse(bytes_of(table.bytes, 48), &read).code, ERR_INPUT);
    assert_int_equal(snp_certtable_parse(bytes_of(table.bytes, 71), &read).code, ERR_INPUT);
    assert_int_equal(snp_certtable_parse(bytes_of(table.bytes, 1), &read).code, ERR_INPUT);
    table.bytes[48 + 16] = 1; /* an offset without a GUID */
    check_refused(&table);
}

static void test_table_entry_that_reaches_where_it_must_not_is_refused(void **state)
{
    (void)state;
    struct table table = make_table();
    table.bytes[TABLE_SIZE_AT(1)] = 13; /* outside */
    check_refused(&table);
    table = make_table();
    table.bytes[TABLE_OFFSET_AT(1)] = 101; /* begins outside */
    check_refused(&table);
    table = make_table();
    memset(table.bytes + TABLE_SIZE_AT(1), 0xff, 4); /* offset + length overflow 32 bits */
    check_refused(&table);
    table = make_table();
    table.bytes[TABLE_OFFSET_AT(0)] = 71; /* into the header */
    check_refused(&table);
    table = make_table();
    table.bytes[TABLE_SIZE_AT(0)] = 17; /* into another */
    check_refused(&table);
    table = make_table();
    table.bytes[TABLE_OFFSET_AT(1)] = 72; /* upon another */
    check_refused(&table);
}

static void test_table_entry_that_is_empty_or_stands_twice_is_refused(void **state)
{
    (void)state;
    struct table table = make_table();
    memset(table.bytes + 88, 0, 6);
    table.bytes[TABLE_SIZE_AT(1)] = 0;
    check_refused(&table);
    table = make_table();
    memcpy(table.bytes + 24, table.bytes, 16);
    check_refused(&table);
    table = make_table();
    table.bytes[0] ^= 1; /* an unknown GUID, twice */
    memcpy(table.bytes + 24, table.bytes, 16);
    check_refused(&table);
}

static void test_table_with_bytes_of_nobody_is_refused(void **state)
{
    (void)state;
    static const size_t gaps[] = {82, 87, 94, 99};
    for (size_t i = 0; i < sizeof(gaps) / sizeof(gaps[0]); i++) {
        struct table table = make_table();
        table.bytes[gaps[i]] = 1;
        check_refused(&table);
    }
}

static void test_table_over_its_limits_is_refused(void **state)
{
    (void)state;
    struct snp_certtable read;
    uint8_t *large = mem_alloc(SNP_CERTTABLE_MAX + 1);
    assert_false(failed(snp_certtable_parse(bytes_of(large, SNP_CERTTABLE_MAX), &read)));
    assert_int_equal(snp_certtable_parse(bytes_of(large, SNP_CERTTABLE_MAX + 1), &read).code, ERR_LIMIT);
    for (uint8_t count = SNP_CERTTABLE_ENTRIES_MAX; count <= SNP_CERTTABLE_ENTRIES_MAX + 1; count++) {
        memset(large, 0, 4096);
        for (size_t i = 0; i < count; i++) {
            large[24 * i] = (uint8_t)(i + 1);
            large[24 * i + 17] = 8; /* offset 2048 + i */
            large[24 * i + 16] = (uint8_t)i;
            large[24 * i + 20] = 1;
        }
        struct err outcome = snp_certtable_parse(bytes_of(large, 4096), &read);
        assert_int_equal(outcome.code, count > SNP_CERTTABLE_ENTRIES_MAX ? ERR_LIMIT : ERR_NONE);
    }
    free(large);
}

static void test_table_is_read_as_it_was_written(void **state)
{
    (void)state;
    struct snp_certtable table = {.vlek = BYTES_LITERAL("leaf"),
                                  .intermediate = BYTES_LITERAL("asvk"),
                                  .ark = BYTES_LITERAL("root"),
                                  .crl = BYTES_LITERAL("revoked")};
    struct snp_certtable read;
    struct writer w = writer_growing(4096);
    snp_certtable_write(&table, &w);
    assert_false(failed(writer_finish(&w, "table")));
    assert_false(failed(snp_certtable_parse(writer_bytes(&w), &read)));
    assert_true(bytes_equal(read.vlek, table.vlek));
    assert_true(bytes_equal(read.intermediate, table.intermediate));
    assert_true(bytes_equal(read.ark, table.ark));
    assert_true(bytes_equal(read.crl, table.crl));
    assert_int_equal(read.vcek.n, 0);
    writer_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_field_stands_at_its_documented_offset),
        cmocka_unit_test(test_report_is_read_as_it_was_written),
        cmocka_unit_test(test_report_of_another_length_is_refused),
        cmocka_unit_test(test_report_of_an_unknown_version_is_refused_but_can_be_shown),
        cmocka_unit_test(test_bits_of_policy_platform_and_key_have_names),
        cmocka_unit_test(test_product_is_known_by_cpuid_name_and_extension),
        cmocka_unit_test(test_tcbs_are_compared_component_by_component),
        cmocka_unit_test(test_checklist_grows_joins_and_finds_the_first_failure),
        cmocka_unit_test(test_signature_holds_for_these_bytes_and_this_key_only),
        cmocka_unit_test(test_every_unsigned_byte_but_r_and_s_must_be_zero),
        cmocka_unit_test(test_table_is_read),
        cmocka_unit_test(test_table_without_bytes_or_entries_is_empty),
        cmocka_unit_test(test_table_without_an_end_is_refused),
        cmocka_unit_test(test_table_entry_that_reaches_where_it_must_not_is_refused),
        cmocka_unit_test(test_table_entry_that_is_empty_or_stands_twice_is_refused),
        cmocka_unit_test(test_table_with_bytes_of_nobody_is_refused),
        cmocka_unit_test(test_table_over_its_limits_is_refused),
        cmocka_unit_test(test_table_is_read_as_it_was_written),
    };
    return cmocka_run_group_tests_name("snp_report", tests, NULL, NULL);
}
