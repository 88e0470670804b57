/* tell.c - where a flaw is, for people: the line is found by reading the file again, up to the flaw. */
#include "records/source/source.h"

#include "records/source/stream.h"
#include "say.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 1 for the first line; 0: it cannot be read any more, or not again. */
static uint64_t line_of(const struct sources *sources, uint32_t file, uint64_t byte)
{
    enum { ROOM = 256 << 10 };
    struct flaw flaw;
    struct stream *stream;
    if (sources->file[file].inode == 0 || stream_open(sources, file, &stream, &flaw) != 0)
        return 0;
    uint64_t line = 1, at = 0;
    char *buf = malloc(ROOM);
    int64_t n = 1;
    while (buf && at < byte && n > 0) {
        n = stream_read(stream, buf, byte - at < ROOM ? byte - at : ROOM, &flaw);
        for (int64_t i = 0; i < n; i++)
            line += buf[i] == '\n';
        at += n > 0 ? (uint64_t)n : 0;
    }
    free(buf);
    stream_close(stream);
    return at == byte ? line : 0;
}

static bool has_place(const struct flaw *flaw)
{
    return flaw->kind == FLAW_QUOTE || flaw->kind == FLAW_FIELDS || flaw->kind == FLAW_NUMBER || flaw->kind == FLAW_LONG;
}

/* The header and the line, as a shell shows them. */
static void say_look_at(const char *name, enum packing packing, uint64_t line)
{
    if (packing == PACKED_NOT)
        say_hint("look at it beside the header: sed -n '1p;%" PRIu64 "p' '%s'; or count such rows only: --lenient", line, name);
    else
        say_hint("look at it beside the header: %s -dc '%s' | sed -n '1p;%" PRIu64 "p'; or count such rows only: --lenient",
                 packing == PACKED_GZIP ? "gzip" : "zstd", name, line);
}

static void say_what_to_do(const char *name, enum packing packing, const struct flaw *flaw, uint64_t line)
{
    switch ((enum flaw_kind)flaw->kind) {
    case FLAW_QUOTE:
        say_hint("quotes stand around whole fields and are doubled inside; for a file in which they mean nothing: --quote=none");
        break;
    case FLAW_FIELDS:
        if (line)
            say_look_at(name, packing, line);
        else
            say_hint("count such rows only: --lenient");
        break;
    case FLAW_NUMBER:
        say_hint("take such cells for missing, and count them: --lenient; or leave them out: -w");
        break;
    case FLAW_LONG:
        say_hint("a quote that is never closed makes one row of all that follows; are there lines at all? head -c 300 '%s'", name);
        break;
    case FLAW_CHANGED:
        say_hint("run it again when nobody writes to the file, or on a copy of it");
        break;
    case FLAW_PACKED:
        say_hint("it is cut short or damaged: get it anew, and test it: gzip -t or zstd -t");
        break;
    case FLAW_MEMORY:
        say_hint("fewer workers need less: -j 1");
        break;
    case FLAW_OPEN:
    case FLAW_READ:
        say_hint("see whether it can be read at all: cat '%s' | wc -c", name);
        break;
    }
}

static const char *shown_name(const struct sources *sources, uint32_t file)
{
    const char *name = file < sources->n ? sources->own->shown[file] : "?";
    return strcmp(name, "-") == 0 ? "standard input" : name;
}

const char *sources_place(const struct sources *sources, place at, uint64_t line, char buf[SOURCES_PLACE])
{
    const char *name = shown_name(sources, place_file(at));
    if (!line && place_file(at) < sources->n)
        line = line_of(sources, place_file(at), place_byte(at));
    if (line)
        snprintf(buf, SOURCES_PLACE, "%s:%" PRIu64 ": byte %" PRIu64, name, line, place_byte(at));
    else
        snprintf(buf, SOURCES_PLACE, "%s: byte %" PRIu64, name, place_byte(at));
    return buf;
}

int sources_say_flaw(const struct sources *sources, const struct flaw *flaw)
{
    char where[SOURCES_PLACE];
    uint32_t file = place_file(flaw->at);
    const char *name = shown_name(sources, file);
    bool is_known = file < sources->n, is_input = is_known && strcmp(sources->own->shown[file], "-") == 0;
    uint64_t line = flaw->line;
    if (!line && is_known && has_place(flaw))
        line = line_of(sources, file, place_byte(flaw->at));
    int status = say_error(SAY_BAD_INPUT, "%s: %s", has_place(flaw) ? sources_place(sources, flaw->at, line, where) : name, flaw->text);
    if (!is_input || (flaw->kind != FLAW_OPEN && flaw->kind != FLAW_READ && flaw->kind != FLAW_LONG))
        say_what_to_do(name, is_known ? sources->file[file].packing : PACKED_NOT, flaw, is_input ? 0 : line);
    return status;
}
