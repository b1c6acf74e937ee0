#include "Walker.hpp"

#include <cstring>

namespace starling {

namespace {

/// One bit a container that is open: set for an object.
class Nesting {
public:
    bool push(bool is_object) {
        if (depth_ == STARLING_JSON_DEPTH_MAX) { return false; }
        const uint64_t bit = uint64_t(1) << (depth_ % 64);
        if (is_object) { words_[depth_ / 64] |= bit; } else { words_[depth_ / 64] &= ~bit; }
        ++depth_;
        return true;
    }
    void pop() { --depth_; }
    bool is_empty() const { return depth_ == 0; }
    bool is_in_object() const { return (words_[(depth_ - 1) / 64] >> ((depth_ - 1) % 64)) & 1; }

private:
    uint64_t words_[STARLING_JSON_DEPTH_MAX / 64];
    size_t depth_ = 0;
};

}  // namespace

bool Walker::fail_at(starling_json_fault fault, const uint8_t *position) {
    this->fault = fault;
    fault_offset = size_t(position - text_);
    return false;
}

bool Walker::fail(starling_json_fault fault) { return fail_at(fault, here()); }

bool Walker::take(char wanted) {
    if (peek() != uint8_t(wanted)) { return false; }
    ++next_;
    return true;
}

bool Walker::end() { return is_at_end() || fail(starling_json_fault_trailing); }

bool Walker::ends_here(const uint8_t *position) const {
    if (position >= end_) { return true; }
    switch (*position) {
    case ' ': case '\t': case '\n': case '\r': case ',': case ':': case '[': case ']': case '{': case '}': return true;
    default: return false;
    }
}

// MARK: Messages

bool Walker::message(starling_json_message &message) {
    message = {};
    scratch_.metrics.clear();
    scratch_.unescaped_count = 0;
    if (peek() != '{') {
        starling_json_value other = {};
        if (!value(other)) { return false; }
        message.kind = other.kind;
        return true;
    }
    message.kind = starling_json_kind_object;
    ++next_;
    bool goes_on = !take('}');
    while (goes_on) {
        Field name;
        if (!field(name)) { return false; }
        switch (name) {
        case Field::device_id:
            if (!value(message.device_id)) { return false; }
            break;
        case Field::timestamp:
            if (!value(message.timestamp)) { return false; }
            break;
        case Field::metrics:
            if (!metrics(message)) { return false; }
            break;
        default:
            if (!skip_value()) { return false; }
        }
        if (!object_goes_on(goes_on)) { return false; }
    }
    message.metrics = scratch_.metrics.data();
    message.metrics_count = scratch_.metrics.size();
    return true;
}

bool Walker::metrics(starling_json_message &message) {
    scratch_.metrics.clear();
    message.has_too_many_metrics = false;
    if (!take('[')) {
        starling_json_value other = {};
        if (!value(other)) { return false; }
        message.metrics_kind = other.kind;
        return true;
    }
    message.metrics_kind = starling_json_kind_array;
    bool goes_on = !take(']');
    while (goes_on) {
        starling_json_metric one = {};
        if (!metric(one)) { return false; }
        if (scratch_.metrics.size() < STARLING_JSON_METRICS_MAX) {
            scratch_.metrics.push_back(one);
        } else {
            message.has_too_many_metrics = true;
        }
        if (!array_goes_on(goes_on)) { return false; }
    }
    return true;
}

bool Walker::metric(starling_json_metric &metric) {
    if (!take('{')) {
        starling_json_value other = {};
        if (!value(other)) { return false; }
        metric.kind = other.kind;
        return true;
    }
    metric.kind = starling_json_kind_object;
    bool goes_on = !take('}');
    while (goes_on) {
        Field name;
        if (!field(name)) { return false; }
        switch (name) {
        case Field::type:
            if (!value(metric.type)) { return false; }
            break;
        case Field::value:
            if (!value(metric.value)) { return false; }
            break;
        default:
            if (!skip_value()) { return false; }
        }
        if (!object_goes_on(goes_on)) { return false; }
    }
    return true;
}

/// The name of a field with its colon.
bool Walker::field(Field &field) {
    if (peek() != '"') { return fail(starling_json_fault_key_expected); }
    starling_json_value key = {};
    if (!text(key)) { return false; }
    field = Field::unknown;
    switch (key.text_count) {  // a length known to the compiler makes the comparison one or two loads
    case 4:
        if (std::memcmp(key.text, "type", 4) == 0) { field = Field::type; }
        break;
    case 5:
        if (std::memcmp(key.text, "value", 5) == 0) { field = Field::value; }
        break;
    case 7:
        if (std::memcmp(key.text, "metrics", 7) == 0) { field = Field::metrics; }
        break;
    case 9:
        if (std::memcmp(key.text, "device_id", 9) == 0) { field = Field::device_id; }
        else if (std::memcmp(key.text, "timestamp", 9) == 0) { field = Field::timestamp; }
        break;
    default: break;
    }
    return take(':') || fail(starling_json_fault_colon_expected);
}

bool Walker::object_goes_on(bool &goes_on) {
    goes_on = take(',');
    return goes_on || take('}') || fail(starling_json_fault_object_open);
}

bool Walker::array_goes_on(bool &goes_on) {
    goes_on = take(',');
    return goes_on || take(']') || fail(starling_json_fault_array_open);
}

// MARK: Values

/// Any value; of an array or an object only that it is one.
bool Walker::value(starling_json_value &value) {
    value = {};
    switch (peek()) {
    case '"': return text(value);
    case '-': case '0': case '1': case '2': case '3': case '4': case '5': case '6': case '7': case '8': case '9':
        return number(value);
    case '[': value.kind = starling_json_kind_array; break;
    case '{': value.kind = starling_json_kind_object; break;
    case 'n': value.kind = starling_json_kind_null; break;
    default: value.kind = starling_json_kind_boolean;
    }
    return skip_value();
}

bool Walker::skip_value() {
    Nesting nesting;
    Field ignored;
    while (true) {
        const bool is_object = peek() == '{';
        if (is_object || peek() == '[') {
            if (!nesting.push(is_object)) { return fail(starling_json_fault_too_deep); }
            ++next_;
            if (!take(is_object ? '}' : ']')) {
                if (is_object && !field(ignored)) { return false; }
                continue;
            }
            nesting.pop();
        } else if (!skip_scalar()) {
            return false;
        }
        bool goes_on = false;
        while (!goes_on && !nesting.is_empty()) {
            if (nesting.is_in_object()) {
                if (!object_goes_on(goes_on) || (goes_on && !field(ignored))) { return false; }
            } else if (!array_goes_on(goes_on)) {
                return false;
            }
            if (!goes_on) { nesting.pop(); }
        }
        if (!goes_on) { return true; }
    }
}

bool Walker::skip_scalar() {
    starling_json_value ignored = {};
    switch (peek()) {
    case '"': return text(ignored);
    case 't': return literal("true", 4);
    case 'f': return literal("false", 5);
    case 'n': return literal("null", 4);
    case '-': case '0': case '1': case '2': case '3': case '4': case '5': case '6': case '7': case '8': case '9':
        return number(ignored);
    // A bracket or a comma, the end, or a word like NaN.
    default: return fail(starling_json_fault_value_expected);
    }
}

bool Walker::literal(const char *word, size_t count) {
    const uint8_t *start = here();
    if (size_t(end_ - start) < count || std::memcmp(start, word, count) != 0 || !ends_here(start + count)) {
        return fail(starling_json_fault_literal);
    }
    ++next_;
    return true;
}

}  // namespace starling
