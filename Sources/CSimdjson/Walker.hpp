#pragma once

#include "CSimdjson.h"

#include <memory>
#include <vector>

namespace starling {

/// What a message is collected in: kept from message to message.
struct Scratch {
    std::vector<starling_json_metric> metrics;
    /// Unescaped strings of the message at hand. As long as the JSON text: unescaping never lengthens.
    std::unique_ptr<uint8_t[]> unescaped;
    size_t unescaped_capacity = 0;
    size_t unescaped_count = 0;
};

/// Walks over the tokens of one JSON text and checks its grammar (RFC 8259) to the last byte.
///
/// Every method starts at the token it is named after and ends behind it, or returns false with `fault` and
/// `fault_offset` set; after that the walker is of no more use. No method recurses: nesting costs no stack.
class Walker {
public:
    /// `tokens` are the offsets that simdjson's first stage found in `text`. At least 64 bytes behind `text` can be
    /// read, and the first of them is white space or 0.
    Walker(const uint8_t *text, size_t count, const uint32_t *tokens, size_t tokens_count, Scratch &scratch)
        : text_(text), end_(text + count), tokens_(tokens), tokens_count_(tokens_count), scratch_(scratch) {}

    starling_json_fault fault = starling_json_fault_none;
    size_t fault_offset = 0;

    /// One message, whatever it is; its index is left alone.
    bool message(starling_json_message &message);
    /// Steps over the token if it is this one.
    bool take(char wanted);
    /// Nothing follows.
    bool end();
    bool fail(starling_json_fault fault);

private:
    enum class Field { device_id, timestamp, metrics, type, value, unknown };

    bool field(Field &field);
    bool object_goes_on(bool &goes_on);
    bool array_goes_on(bool &goes_on);
    bool metrics(starling_json_message &message);
    bool metric(starling_json_metric &metric);
    bool value(starling_json_value &value);
    bool skip_value();
    bool skip_scalar();
    bool text(starling_json_value &value);
    bool escaped_text(const uint8_t *start, const uint8_t *escape, starling_json_value &value);
    bool number(starling_json_value &value);
    bool literal(const char *word, size_t count);
    bool ends_here(const uint8_t *position) const;
    bool fail_at(starling_json_fault fault, const uint8_t *position);

    bool is_at_end() const { return next_ == tokens_count_; }
    const uint8_t *here() const { return is_at_end() ? end_ : text_ + tokens_[next_]; }
    /// 0 at the end: no token starts with it.
    uint8_t peek() const { return is_at_end() ? 0 : text_[tokens_[next_]]; }

    const uint8_t *text_;
    const uint8_t *end_;
    const uint32_t *tokens_;
    size_t tokens_count_;
    size_t next_ = 0;
    Scratch &scratch_;
};

}  // namespace starling
