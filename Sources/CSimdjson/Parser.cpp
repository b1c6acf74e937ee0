#include "CSimdjson.h"
#include "Walker.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <simdjson.h>

using simdjson::internal::dom_parser_implementation;

// Running out of memory ends the process, as it does in Swift: nothing catches the exception.
struct starling_json_parser {
    std::unique_ptr<dom_parser_implementation> stage;
    size_t stage_capacity = 0;
    /// A copy with room behind it, of texts that end where the body ends.
    std::unique_ptr<uint8_t[]> padded;
    size_t padded_capacity = 0;
    starling::Scratch scratch;

    /// Where the tokens of `text` start. At least SIMDJSON_PADDING bytes behind it can be read.
    starling_json_fault tokenize(const uint8_t *text, size_t count);
    const uint8_t *with_padding(const uint8_t *text, size_t count);
    starling::Walker walker(const uint8_t *text, size_t count) {
        return {text, count, stage->structural_indexes.get(), stage->n_structural_indexes, scratch};
    }
    /// Gives back what one large body took.
    void shrink();
};

namespace {

constexpr size_t first_capacity = 4096;

size_t grown(size_t count) {
    size_t capacity = first_capacity;
    while (capacity < count) { capacity *= 2; }
    return capacity;
}

bool is_blank(const uint8_t *line, const uint8_t *end) {
    return std::all_of(line, end, [](uint8_t byte) { return byte == ' ' || byte == '\t' || byte == '\r'; });
}

starling_json_fault walk_document(
    starling::Walker &walker, starling_json_message &message, void *context, starling_json_visit visit) {
    if (!walker.take('[')) {
        if (!walker.message(message) || !walker.end()) { return walker.fault; }
        visit(context, &message);
        return starling_json_fault_none;
    }
    uint64_t index = 0;
    bool goes_on = !walker.take(']');
    while (goes_on) {
        if (!walker.message(message)) { return walker.fault; }
        message.index = index++;
        visit(context, &message);
        goes_on = walker.take(',');
        if (!goes_on && !walker.take(']')) {
            walker.fail(starling_json_fault_array_open);
            return walker.fault;
        }
    }
    walker.end();
    return walker.fault;
}

}  // namespace

starling_json_fault starling_json_parser::tokenize(const uint8_t *text, size_t count) {
    if (!stage || stage_capacity < count) {
        stage.reset();
        stage_capacity = grown(count);
        const auto error = simdjson::get_active_implementation()->create_dom_parser_implementation(
            stage_capacity, STARLING_JSON_DEPTH_MAX, stage);
        if (error) { throw std::bad_alloc(); }
    }
    switch (stage->stage1(text, count, simdjson::stage1_mode::regular)) {
    case simdjson::SUCCESS: return starling_json_fault_none;
    case simdjson::EMPTY: return starling_json_fault_empty;
    case simdjson::UTF8_ERROR: return starling_json_fault_utf8;
    case simdjson::UNCLOSED_STRING: return starling_json_fault_unclosed_string;
    case simdjson::UNESCAPED_CHARS: return starling_json_fault_raw_control;
    // The empty text, which its block reader does not take.
    default: return count == 0 ? starling_json_fault_empty : starling_json_fault_value_expected;
    }
}

const uint8_t *starling_json_parser::with_padding(const uint8_t *text, size_t count) {
    const size_t needed = count + simdjson::SIMDJSON_PADDING;
    if (padded_capacity < needed) {
        padded_capacity = grown(needed);
        padded.reset(new uint8_t[padded_capacity]);
    }
    if (count > 0) { std::memcpy(padded.get(), text, count); }
    std::memset(padded.get() + count, 0, simdjson::SIMDJSON_PADDING);
    return padded.get();
}

void starling_json_parser::shrink() {
    if (stage_capacity > STARLING_JSON_KEPT_BYTES) {
        stage.reset();
        stage_capacity = 0;
    }
    if (padded_capacity > STARLING_JSON_KEPT_BYTES) {
        padded.reset();
        padded_capacity = 0;
    }
    if (scratch.unescaped_capacity > STARLING_JSON_KEPT_BYTES) {
        scratch.unescaped.reset();
        scratch.unescaped_capacity = 0;
    }
    if (scratch.metrics.capacity() * sizeof(starling_json_metric) > STARLING_JSON_KEPT_BYTES) {
        std::vector<starling_json_metric>().swap(scratch.metrics);
    }
}

extern "C" starling_json_parser *starling_json_parser_create(void) { return new starling_json_parser(); }

extern "C" void starling_json_parser_destroy(starling_json_parser *parser) { delete parser; }

extern "C" starling_json_outcome starling_json_parse_document(
    starling_json_parser *parser, const uint8_t *body, size_t count, void *context,
    starling_json_visit visit) {
    starling_json_outcome outcome = {starling_json_fault_none, 0};
    const uint8_t *text = parser->with_padding(body, count);
    outcome.fault = parser->tokenize(text, count);
    if (outcome.fault == starling_json_fault_none) {
        starling_json_message message = {};
        starling::Walker walker = parser->walker(text, count);
        outcome.fault = walk_document(walker, message, context, visit);
        outcome.offset = walker.fault_offset;
    }
    parser->shrink();
    return outcome;
}

extern "C" void starling_json_parse_lines(
    starling_json_parser *parser, const uint8_t *body, size_t count, void *context,
    starling_json_visit visit) {
    const uint8_t *const end = body + count;
    uint64_t index = 0;
    // Lines are cut here and parsed one by one: a broken line must not take its neighbours along, as it does when
    // simdjson walks over many documents at once.
    for (const uint8_t *line = body; line < end; ++index) {
        const void *newline = std::memchr(line, '\n', size_t(end - line));
        const uint8_t *line_end = newline ? static_cast<const uint8_t *>(newline) : end;
        const size_t line_count = size_t(line_end - line);
        if (!is_blank(line, line_end)) {
            const bool has_room = size_t(end - line_end) >= simdjson::SIMDJSON_PADDING;
            const uint8_t *text = has_room ? line : parser->with_padding(line, line_count);
            starling_json_message message = {};
            starling_json_fault fault = parser->tokenize(text, line_count);
            size_t offset = 0;
            if (fault == starling_json_fault_none) {
                starling::Walker walker = parser->walker(text, line_count);
                if (!walker.message(message) || !walker.end()) {
                    fault = walker.fault;
                    offset = walker.fault_offset;
                }
            }
            if (fault != starling_json_fault_none) {
                message = {};
                message.fault = fault;
                message.fault_offset = size_t(line - body) + offset;
            }
            message.index = index;
            visit(context, &message);
        }
        line = line_end + 1;
    }
    parser->shrink();
}
