#include "snp/certtable.h"

#include "base/reader.h"

#include <stdlib.h>
#include <string.h>

#define GUID_SIZE  16
#define ENTRY_SIZE (GUID_SIZE + 4 + 4)

struct table_entry {
    struct bytes guid;
    uint32_t offset, size;
};

/* What each GUID names (publication 56421). */
static const struct table_kind {
    uint8_t guid[GUID_SIZE];
    size_t place; /* of its view in struct snp_certtable */
} table_kinds[] = {
    {{0x63, 0xda, 0x75, 0x8d, 0xe6, 0x64, 0x45, 0x64, 0xad, 0xc5, 0xf4, 0xb9, 0x3b, 0xe8, 0xac, 0xcd},
     offsetof(struct snp_certtable, vcek)},
    {{0xa8, 0x07, 0x4b, 0xc2, 0xa2, 0x5a, 0x48, 0x3e, 0xaa, 0xe6, 0x39, 0xc0, 0x45, 0xa0, 0xb8, 0xa1},
     offsetof(struct snp_certtable, vlek)},
    {{0x4a, 0xb7, 0xb3, 0x79, 0xbb, 0xac, 0x4f, 0xe4, 0xa0, 0x2f, 0x05, 0xae, 0xf3, 0x27, 0xc7, 0x82},
     offsetof(struct snp_certtable, intermediate)},
    {{0xc0, 0xb4, 0x06, 0xa4, 0xa8, 0x03, 0x49, 0x52, 0x97, 0x43, 0x3f, 0xb6, 0x01, 0x4c, 0xd0, 0xae},
     offsetof(struct snp_certtable, ark)},
    {{0x92, 0xf8, 0x1b, 0xc3, 0x58, 0x11, 0x4d, 0x3d, 0x97, 0xff, 0xd1, 0x9f, 0x88, 0xdc, 0x67, 0xea},
     offsetof(struct snp_certtable, crl)},
};
#define TABLE_KINDS (sizeof(table_kinds) / sizeof(table_kinds[0]))

/* Reads the entries up to the zero entry that ends them; what is left in `r` lies behind it. */
static struct err table_read_entries(struct reader *r, struct table_entry *entries, size_t *count)
{
    *count = 0;
    for (;;) {
        struct table_entry entry = {.guid = reader_bytes(r, GUID_SIZE)};
        entry.offset = reader_u32_le(r);
        entry.size = reader_u32_le(r);
        if (r->bad)
            return err_make(ERR_INPUT, "the certificate table has no end");
        bool is_end = bytes_are_zero(entry.guid);
        if (is_end && (entry.offset != 0 || entry.size != 0))
            return err_make(ERR_INPUT, "an entry of the certificate table has no GUID");
        if (is_end)
            return OK;
        if (*count == SNP_CERTTABLE_ENTRIES_MAX)
            return err_make(ERR_LIMIT, "the certificate table has more than %d entries", SNP_CERTTABLE_ENTRIES_MAX);
        entries[(*count)++] = entry;
    }
}

static struct err table_check_entry(const struct table_entry *entries, size_t index, size_t header_size,
                                    size_t table_size)
{
    const struct table_entry *entry = &entries[index];
    if (entry->size == 0)
        return err_make(ERR_INPUT, "an entry of the certificate table is empty");
    if (entry->offset < header_size)
        return err_make(ERR_INPUT, "an entry of the certificate table reaches into the table's header");
    if (entry->offset > table_size || entry->size > table_size - entry->offset)
        return err_make(ERR_INPUT, "an entry of the certificate table reaches outside the table");
    for (size_t i = 0; i < index; i++) {
        if (bytes_equal(entries[i].guid, entry->guid))
            return err_make(ERR_INPUT, "an entry stands twice in the certificate table");
        if (entry->offset < entries[i].offset + entries[i].size && entries[i].offset < entry->offset + entry->size)
            return err_make(ERR_INPUT, "two entries of the certificate table overlap");
    }
    return OK;
}

static int table_compare_offsets(const void *a, const void *b)
{
    const struct table_entry *one = a, *other = b;
    return (one->offset > other->offset) - (one->offset < other->offset);
}

/* What lies between the entries must be zero. Sorts the entries. */
static struct err table_check_gaps(struct bytes table, struct table_entry *entries, size_t count, size_t header_size)
{
    if (count > 0)
        qsort(entries, count, sizeof(*entries), table_compare_offsets);
    size_t at = header_size;
    for (size_t i = 0; i <= count; i++) {
        size_t end = i < count ? entries[i].offset : table.n;
        if (!bytes_are_zero(bytes_of(table.p + at, end - at)))
            return err_make(ERR_INPUT, "the certificate table holds bytes that belong to no entry");
        if (i < count)
            at = end + entries[i].size;
    }
    return OK;
}

static void table_take(struct bytes table, const struct table_entry *entry, struct snp_certtable *out)
{
    for (size_t i = 0; i < TABLE_KINDS; i++)
        if (bytes_equal(entry->guid, BYTES(table_kinds[i].guid))) {
            struct bytes content = bytes_of(table.p + entry->offset, entry->size);
            memcpy((uint8_t *)out + table_kinds[i].place, &content, sizeof(content));
            return;
        }
    out->unknown++;
}

struct err snp_certtable_parse(struct bytes table, struct snp_certtable *out)
{
    *out = (struct snp_certtable){0};
    if (table.n == 0)
        return OK;
    if (table.n > SNP_CERTTABLE_MAX)
        return err_make(ERR_LIMIT, "the certificate table is longer than %d bytes", SNP_CERTTABLE_MAX);
    struct table_entry entries[SNP_CERTTABLE_ENTRIES_MAX];
    size_t count = 0;
    struct reader r = reader_of(table);
    TRY(table_read_entries(&r, entries, &count));
    size_t header_size = table.n - reader_left(&r);
    for (size_t i = 0; i < count; i++)
        TRY(table_check_entry(entries, i, header_size, table.n));
    TRY(table_check_gaps(table, entries, count, header_size));
    for (size_t i = 0; i < count; i++)
        table_take(table, &entries[i], out);
    return OK;
}

static struct bytes table_content(const struct snp_certtable *table, size_t kind)
{
    struct bytes content;
    memcpy(&content, (const uint8_t *)table + table_kinds[kind].place, sizeof(content));
    return content;
}

static void writer_u32_le(struct writer *w, size_t value)
{
    for (unsigned shift = 0; shift < 32; shift += 8)
        writer_u8(w, (uint8_t)(value >> shift));
}

void snp_certtable_write(const struct snp_certtable *table, struct writer *w)
{
    size_t at = ENTRY_SIZE; /* the end's */
    for (size_t i = 0; i < TABLE_KINDS; i++)
        if (table_content(table, i).n > 0)
            at += ENTRY_SIZE;
    for (size_t i = 0; i < TABLE_KINDS; i++) {
        struct bytes content = table_content(table, i);
        if (content.n == 0)
            continue;
        writer_put(w, BYTES(table_kinds[i].guid));
        writer_u32_le(w, at);
        writer_u32_le(w, content.n);
        at += content.n;
    }
    static const uint8_t end[ENTRY_SIZE];
    writer_put(w, BYTES(end));
    for (size_t i = 0; i < TABLE_KINDS; i++)
        writer_put(w, table_content(table, i));
}
