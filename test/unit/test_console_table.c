/* Result sets, byte by byte (PostgreSQL documentation, "Message Formats"). */
#include "admin/table.h"

#include "base/reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct column columns[] = {{"name", COLUMN_TEXT}, {"few", COLUMN_INT}, {"many", COLUMN_BIGINT}};
#define COLUMNS (sizeof columns / sizeof *columns)

static struct table *table_of_two_rows(void)
{
    struct table *table = table_new(columns, COLUMNS);
    table_text(table, "one");
    table_int(table, -1);
    table_int(table, INT64_C(1) << 40);
    table_null(table);
    table_bool(table, true);
    table_text(table, NULL);
    return table;
}

static void assert_cell(struct reader *reader, const void *bytes, size_t n)
{
    assert_int_equal(reader_u32(reader), n);
    assert_memory_equal(reader_bytes(reader, n).p, bytes, n);
}

/* The head of a message whose body ends the reader's next `size` bytes. */
static void assert_head(struct reader *reader, char type)
{
    assert_int_equal(reader_u8(reader), type);
    assert_true(reader_u32(reader) >= 4);
}

static void test_a_description_names_columns_types_and_formats(void **state)
{
    (void)state;
    static const uint32_t oids[] = {25, 23, 20};
    static const uint16_t sizes[] = {UINT16_MAX, 4, 8};
    const uint16_t binary = 1;
    struct writer out = writer_growing(4096);
    table_write_description(columns, COLUMNS, (struct formats){&binary, 1}, &out);
    struct reader reader = reader_of(writer_bytes(&out));
    assert_int_equal(reader_u8(&reader), 'T');
    assert_int_equal(reader_u32(&reader), out.used - 1);
    assert_int_equal(reader_u16(&reader), COLUMNS);
    for (size_t i = 0; i < COLUMNS; i++) {
        assert_string_equal(reader_cstring(&reader), columns[i].name);
        assert_int_equal(reader_u32(&reader), 0);
        assert_int_equal(reader_u16(&reader), 0);
        assert_int_equal(reader_u32(&reader), oids[i]);
        assert_int_equal(reader_u16(&reader), sizes[i]);
        assert_int_equal(reader_u32(&reader), UINT32_MAX);
        assert_int_equal(reader_u16(&reader), 1);
    }
    assert_int_equal(reader_finish(&reader, "description").code, ERR_NONE);
    writer_free(&out);
}

static void test_rows_are_written_as_text(void **state)
{
    (void)state;
    struct table *table = table_of_two_rows();
    struct table_cursor cursor = {0};
    struct writer out = writer_growing(4096);
    assert_int_equal(table_row_count(table), 2);
    assert_int_equal(table_write_rows(table, &cursor, 0, FORMATS_TEXT, &out), 2);
    struct reader reader = reader_of(writer_bytes(&out));
    assert_head(&reader, 'D');
    assert_int_equal(reader_u16(&reader), COLUMNS);
    assert_cell(&reader, "one", 3);
    assert_cell(&reader, "-1", 2);
    assert_cell(&reader, "1099511627776", 13);
    assert_head(&reader, 'D');
    assert_int_equal(reader_u16(&reader), COLUMNS);
    assert_int_equal(reader_u32(&reader), UINT32_MAX);
    assert_cell(&reader, "1", 1);
    assert_int_equal(reader_u32(&reader), UINT32_MAX);
    assert_int_equal(reader_finish(&reader, "rows").code, ERR_NONE);
    writer_free(&out);
    table_free(table);
}

static void test_rows_are_written_as_binary_where_that_is_asked(void **state)
{
    (void)state;
    const uint16_t formats[] = {1, 1, 0};
    struct table *table = table_of_two_rows();
    struct table_cursor cursor = {0};
    struct writer out = writer_growing(4096);
    assert_int_equal(table_write_rows(table, &cursor, 1, (struct formats){formats, COLUMNS}, &out), 1);
    struct reader reader = reader_of(writer_bytes(&out));
    assert_head(&reader, 'D');
    assert_int_equal(reader_u16(&reader), COLUMNS);
    assert_cell(&reader, "one", 3);
    assert_cell(&reader, "\xff\xff\xff\xff", 4);
    assert_cell(&reader, "1099511627776", 13);
    assert_int_equal(reader_finish(&reader, "rows").code, ERR_NONE);
    writer_free(&out);
    table_free(table);
}

static void test_eight_byte_integers_have_eight_bytes(void **state)
{
    (void)state;
    const uint16_t binary = 1;
    struct table *table = table_new(&columns[2], 1);
    struct table_cursor cursor = {0};
    struct writer out = writer_growing(4096);
    table_int(table, 258);
    table_write_rows(table, &cursor, 0, (struct formats){&binary, 1}, &out);
    struct reader reader = reader_of(writer_bytes(&out));
    assert_head(&reader, 'D');
    assert_int_equal(reader_u16(&reader), 1);
    assert_cell(&reader, "\0\0\0\0\0\0\1\2", 8);
    writer_free(&out);
    table_free(table);
}

static void test_a_cursor_goes_on_where_it_stood(void **state)
{
    (void)state;
    struct table *table = table_of_two_rows();
    struct table_cursor at_once = {0};
    struct table_cursor by_and_by = {0};
    struct writer whole = writer_growing(4096);
    struct writer pieces = writer_growing(4096);
    table_write_rows(table, &at_once, 0, FORMATS_TEXT, &whole);
    assert_int_equal(table_write_rows(table, &by_and_by, 1, FORMATS_TEXT, &pieces), 1);
    assert_int_equal(table_write_rows(table, &by_and_by, 1, FORMATS_TEXT, &pieces), 1);
    assert_int_equal(table_write_rows(table, &by_and_by, 1, FORMATS_TEXT, &pieces), 0);
    assert_true(bytes_equal(writer_bytes(&whole), writer_bytes(&pieces)));
    writer_free(&whole);
    writer_free(&pieces);
    table_free(table);
}

static void test_joined_rows_stand_behind_the_others(void **state)
{
    (void)state;
    struct table *table = table_new(columns, 1);
    struct table *other = table_new(columns, 1);
    struct table_cursor cursor = {0};
    struct writer out = writer_growing(4096);
    table_text(table, "first");
    table_textf(other, "%s", "second");
    table_join(table, other);
    assert_int_equal(table_write_rows(table, &cursor, 0, FORMATS_TEXT, &out), 2);
    struct reader reader = reader_of(writer_bytes(&out));
    assert_head(&reader, 'D');
    reader_skip(&reader, 2);
    assert_cell(&reader, "first", 5);
    assert_head(&reader, 'D');
    reader_skip(&reader, 2);
    assert_cell(&reader, "second", 6);
    writer_free(&out);
    table_free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_description_names_columns_types_and_formats),
        cmocka_unit_test(test_rows_are_written_as_text),
        cmocka_unit_test(test_rows_are_written_as_binary_where_that_is_asked),
        cmocka_unit_test(test_eight_byte_integers_have_eight_bytes),
        cmocka_unit_test(test_a_cursor_goes_on_where_it_stood),
        cmocka_unit_test(test_joined_rows_stand_behind_the_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
