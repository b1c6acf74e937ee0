#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// JSON bodies of reading messages, taken apart into plain values. It knows the shape of a message (which fields are
/// looked at) and the grammar of JSON; what a good name, time or value is, the caller decides.
///
/// simdjson's first stage finds where each token starts, checks UTF-8 and that strings close and hold no raw control
/// characters. The walk over the tokens is ours, because neither of simdjson's own fits: the DOM fails a whole
/// document for one 1e400 and cannot say where it broke; On-Demand does not check what it skips.

#ifdef __cplusplus
extern "C" {
#endif

enum {
    /// Values nested deeper than this are a fault. A message needs 4 levels; the walk takes no stack for them.
    STARLING_JSON_DEPTH_MAX = 1024,
    /// Metrics of one message that are kept. No 8 MiB body of well-formed metrics reaches it (23 bytes each: 364,722).
    STARLING_JSON_METRICS_MAX = 400000,
    /// A parser that grew beyond this for one body gives the memory back after it.
    STARLING_JSON_KEPT_BYTES = 262144,
};

typedef enum __attribute__((enum_extensibility(closed))) starling_json_kind : uint8_t {
    starling_json_kind_absent,
    starling_json_kind_null,
    starling_json_kind_boolean,
    /// A finite number.
    starling_json_kind_number,
    /// A number by the grammar, beyond the range of a double (1e400).
    starling_json_kind_infinite,
    starling_json_kind_text,
    /// A string that holds half of a surrogate pair, so that it stands for no Unicode text.
    starling_json_kind_broken_text,
    starling_json_kind_array,
    starling_json_kind_object,
} starling_json_kind;

typedef enum __attribute__((enum_extensibility(closed))) starling_json_fault : uint8_t {
    starling_json_fault_none,
    /// Nothing but white space.
    starling_json_fault_empty,
    starling_json_fault_utf8,
    starling_json_fault_unclosed_string,
    starling_json_fault_raw_control,
    starling_json_fault_value_expected,
    starling_json_fault_key_expected,
    starling_json_fault_colon_expected,
    /// `,` or `}` expected.
    starling_json_fault_object_open,
    /// `,` or `]` expected.
    starling_json_fault_array_open,
    starling_json_fault_literal,
    starling_json_fault_number,
    starling_json_fault_escape,
    starling_json_fault_too_deep,
    /// Something follows the value.
    starling_json_fault_trailing,
} starling_json_fault;

typedef struct {
    /// UTF-8, unescaped; of kind `text` only. Valid until `visit` returns.
    const uint8_t *text;
    /// Of kind `number` only.
    double number;
    uint32_t text_count;
    starling_json_kind kind;
} starling_json_value;

typedef struct {
    starling_json_value type;
    starling_json_value value;
    /// What stands in the array: `type` and `value` mean something only in an object.
    starling_json_kind kind;
} starling_json_metric;

typedef struct {
    /// Of the element in its array or of the line, from 0.
    uint64_t index;
    /// Anything but `none`: the line is broken at `fault_offset` (bytes into the body), and nothing below is set. Of
    /// lines only.
    starling_json_fault fault;
    size_t fault_offset;
    /// What the message is: the fields mean something only in an object.
    starling_json_kind kind;
    /// Where a field stands twice, the last one counts.
    starling_json_value device_id;
    starling_json_value timestamp;
    /// `array`: `metrics` has its elements. Valid until `visit` returns.
    starling_json_kind metrics_kind;
    /// More than STARLING_JSON_METRICS_MAX elements; `metrics` has the first.
    bool has_too_many_metrics;
    size_t metrics_count;
    const starling_json_metric *metrics;
} starling_json_message;

typedef struct {
    /// `none`, or what broke the body at `offset` bytes into it: messages visited before are void then.
    /// `utf8`, `unclosed_string` and `raw_control` come without a place: `offset` is where the JSON text starts.
    starling_json_fault fault;
    size_t offset;
} starling_json_outcome;

typedef void (*starling_json_visit)(void *context, const starling_json_message *message);

/// Memory that is reused from body to body. One body at a time; any thread.
typedef struct starling_json_parser starling_json_parser;

starling_json_parser *starling_json_parser_create(void);
void starling_json_parser_destroy(starling_json_parser *parser);

/// One message or an array of them. Calls `visit` for each message in order, as soon as it is read.
starling_json_outcome starling_json_parse_document(
    starling_json_parser *parser, const uint8_t *body, size_t count, void *context, starling_json_visit visit);

/// One message a line (`\n`); lines of white space are counted and skipped. A broken line is visited with its fault.
void starling_json_parse_lines(
    starling_json_parser *parser, const uint8_t *body, size_t count, void *context, starling_json_visit visit);

#ifdef __cplusplus
}
#endif
