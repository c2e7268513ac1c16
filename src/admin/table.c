#include "admin/table.h"

#include "base/mem.h"
#include "base/reader.h"
#include "wire/message.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define TABLE_SIZE_MAX ((size_t)1 << 30)

/* Before each cell in `cells`. */
enum cell { CELL_NULL, CELL_TEXT /* u32 length, bytes */, CELL_INTEGER /* u64 */ };

struct table {
    const struct column *columns;
    size_t column_count;
    size_t cell_count;
    struct writer cells;
};

struct table *table_new(const struct column *columns, size_t column_count)
{
    struct table *table = NEW(struct table);
    *table = (struct table){.columns = columns, .column_count = column_count, .cells = writer_growing(TABLE_SIZE_MAX)};
    return table;
}

void table_free(struct table *table)
{
    if (!table)
        return;
    writer_free(&table->cells);
    free(table);
}

void table_null(struct table *table)
{
    writer_u8(&table->cells, CELL_NULL);
    table->cell_count++;
}

void table_text(struct table *table, const char *text)
{
    if (!text) {
        table_null(table);
        return;
    }
    struct bytes bytes = bytes_of_string(text);
    writer_u8(&table->cells, CELL_TEXT);
    writer_u32(&table->cells, (uint32_t)bytes.n);
    writer_put(&table->cells, bytes);
    table->cell_count++;
}

void table_textf(struct table *table, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    table_text(table, text);
}

void table_int(struct table *table, int64_t value)
{
    writer_u8(&table->cells, CELL_INTEGER);
    writer_u64(&table->cells, (uint64_t)value);
    table->cell_count++;
}

void table_bool(struct table *table, bool value)
{
    table_int(table, value ? 1 : 0);
}

void table_join(struct table *table, struct table *from)
{
    writer_put(&table->cells, writer_bytes(&from->cells));
    table->cell_count += from->cell_count;
    table_free(from);
}

size_t table_row_count(const struct table *table)
{
    return table->cell_count / table->column_count;
}

/* ---- as messages ---- */

/* Object ids and sizes of PostgreSQL's types (pg_type): text, int4, int8. */
static const struct {
    uint32_t oid;
    uint16_t size;
} types[] = {
    [COLUMN_TEXT] = {25, UINT16_MAX},
    [COLUMN_INT] = {23, 4},
    [COLUMN_BIGINT] = {20, 8},
};

static uint16_t format_of(struct formats formats, size_t column)
{
    if (formats.count == 0)
        return 0;
    return formats.format[formats.count == 1 ? 0 : column];
}

void table_write_description(const struct column *columns, size_t column_count, struct formats formats,
                             struct writer *w)
{
    size_t at = wire_begin(w, WIRE_ROW_DESCRIPTION);
    writer_u16(w, (uint16_t)column_count);
    for (size_t i = 0; i < column_count; i++) {
        writer_cstring(w, columns[i].name);
        writer_u32(w, 0); /* table */
        writer_u16(w, 0); /* column of it */
        writer_u32(w, types[columns[i].type].oid);
        writer_u16(w, types[columns[i].type].size);
        writer_u32(w, UINT32_MAX); /* type modifier: none */
        writer_u16(w, format_of(formats, i));
    }
    wire_end(w, at);
}

static void write_integer(int64_t value, enum column_type type, bool binary, struct writer *w)
{
    if (binary && type == COLUMN_BIGINT) {
        writer_u32(w, 8);
        writer_u64(w, (uint64_t)value);
    } else if (binary && type == COLUMN_INT) {
        writer_u32(w, 4);
        writer_u32(w, (uint32_t)value);
    } else {
        char text[24];
        int n = snprintf(text, sizeof text, "%" PRId64, value);
        writer_u32(w, (uint32_t)n);
        writer_put(w, bytes_of(text, (size_t)n));
    }
}

static void write_cell(struct reader *cells, enum column_type type, bool binary, struct writer *w)
{
    switch ((enum cell)reader_u8(cells)) {
    case CELL_NULL:
        writer_u32(w, UINT32_MAX);
        break;
    case CELL_TEXT: {
        struct bytes text = reader_bytes(cells, reader_u32(cells));
        writer_u32(w, (uint32_t)text.n);
        writer_put(w, text);
        break;
    }
    case CELL_INTEGER:
        write_integer((int64_t)reader_u64(cells), type, binary, w);
        break;
    }
}

size_t table_write_rows(const struct table *table, struct table_cursor *cursor, size_t limit, struct formats formats,
                        struct writer *w)
{
    struct bytes cells = writer_bytes(&table->cells);
    struct reader reader = reader_of(cells);
    size_t written = 0;
    reader_skip(&reader, cursor->at);
    while (cursor->row < table_row_count(table) && (limit == 0 || written < limit)) {
        size_t at = wire_begin(w, WIRE_DATA_ROW);
        writer_u16(w, (uint16_t)table->column_count);
        for (size_t i = 0; i < table->column_count; i++)
            write_cell(&reader, table->columns[i].type, format_of(formats, i) == 1, w);
        wire_end(w, at);
        cursor->row++;
        written++;
    }
    cursor->at = cells.n - reader_left(&reader);
    return written;
}
