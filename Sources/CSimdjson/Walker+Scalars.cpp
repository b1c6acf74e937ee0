#include "Walker.hpp"

#include <bit>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <string>

namespace starling {

namespace {

bool is_digit(uint8_t byte) { return uint8_t(byte - '0') <= 9; }

// MARK: Strings

constexpr uint64_t every_byte(uint8_t byte) { return 0x0101010101010101 * byte; }

/// The high bit of each byte that is 0, exact up to the first one (Warren, "Hacker's Delight", 6-1).
uint64_t zero_bytes(uint64_t word) { return (word - every_byte(0x01)) & ~word & every_byte(0x80); }

/// The first quote or backslash, eight bytes at a time; `end` or beyond if there is none. Reads up to 7 bytes behind
/// `end`, where the padding is.
const uint8_t *find_quote_or_escape(const uint8_t *position, const uint8_t *end) {
    static_assert(std::endian::native == std::endian::little, "the first byte must be the lowest");
    for (; position < end; position += 8) {
        uint64_t word;
        std::memcpy(&word, position, 8);
        const uint64_t hits = zero_bytes(word ^ every_byte('"')) | zero_bytes(word ^ every_byte('\\'));
        if (hits != 0) { return position + std::countr_zero(hits) / 8; }
    }
    return position;
}

/// Four hexadecimal digits, or -1.
int32_t code_unit(const uint8_t *digits, const uint8_t *end) {
    if (end - digits < 4) { return -1; }
    int32_t unit = 0;
    for (int index = 0; index < 4; ++index) {
        const uint8_t byte = digits[index];
        const uint8_t letter = uint8_t((byte | 0x20) - 'a');
        if (!is_digit(byte) && letter > 5) { return -1; }
        unit = unit * 16 + (is_digit(byte) ? byte - '0' : letter + 10);
    }
    return unit;
}

uint8_t *append_utf8(uint8_t *out, uint32_t scalar) {
    if (scalar < 0x80) {
        *out++ = uint8_t(scalar);
        return out;
    }
    if (scalar < 0x800) {
        *out++ = uint8_t(0xC0 | (scalar >> 6));
    } else {
        if (scalar < 0x10000) {
            *out++ = uint8_t(0xE0 | (scalar >> 12));
        } else {
            *out++ = uint8_t(0xF0 | (scalar >> 18));
            *out++ = uint8_t(0x80 | ((scalar >> 12) & 0x3F));
        }
        *out++ = uint8_t(0x80 | ((scalar >> 6) & 0x3F));
    }
    *out++ = uint8_t(0x80 | (scalar & 0x3F));
    return out;
}

/// Reads the `\uXXXX` at `in`, with its second half if it is a surrogate pair, and steps behind.
/// - Returns: false if no four digits follow. Half a pair becomes U+FFFD.
bool unescape_unicode(const uint8_t *&in, const uint8_t *end, uint8_t *&out, bool &is_broken) {
    const int32_t first = code_unit(in + 2, end);
    if (first < 0) { return false; }
    in += 6;
    uint32_t scalar = uint32_t(first);
    if (scalar >= 0xD800 && scalar <= 0xDFFF) {
        const bool is_high = scalar < 0xDC00;
        const int32_t second = is_high && end - in >= 6 && in[0] == '\\' && in[1] == 'u' ? code_unit(in + 2, end) : -1;
        if (second >= 0xDC00 && second <= 0xDFFF) {
            in += 6;
            scalar = 0x10000 + ((scalar - 0xD800) << 10) + (uint32_t(second) - 0xDC00);
        } else {
            is_broken = true;
            scalar = 0xFFFD;
        }
    }
    out = append_utf8(out, scalar);
    return true;
}

uint8_t unescaped(uint8_t letter) {
    switch (letter) {
    case '"': case '\\': case '/': return letter;
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    default: return 0;
    }
}

// MARK: Numbers

/// The parts of a number (RFC 8259 section 6), as read from left to right.
struct Decimal {
    const uint8_t *end = nullptr;
    /// The first 19 digits without the point; more make `is_long`.
    uint64_t digits = 0;
    int digits_count = 0;
    int fraction_count = 0;
    bool has_exponent = false;
};

const uint8_t *read_digits(const uint8_t *position, Decimal &decimal) {
    for (; is_digit(*position); ++position) {
        if (decimal.digits_count < 19) { decimal.digits = decimal.digits * 10 + (*position - '0'); }
        if (decimal.digits_count < 1000) { ++decimal.digits_count; }
    }
    return position;
}

/// - Returns: false if the bytes are no number. The byte behind the text is no digit, so this ends.
bool read_decimal(const uint8_t *position, Decimal &decimal) {
    if (*position == '-') { ++position; }
    if (!is_digit(*position)) { return false; }
    const bool is_zero = *position == '0';
    const uint8_t *start = position;
    position = read_digits(position, decimal);
    if (is_zero && position - start > 1) { return false; }
    if (*position == '.') {
        start = ++position;
        position = read_digits(position, decimal);
        if (position == start) { return false; }
        decimal.fraction_count = int(position - start < 1000 ? position - start : 1000);
    }
    if (*position == 'e' || *position == 'E') {
        decimal.has_exponent = true;
        ++position;
        if (*position == '+' || *position == '-') { ++position; }
        if (!is_digit(*position)) { return false; }
        while (is_digit(*position)) { ++position; }
    }
    decimal.end = position;
    return true;
}

/// The exact powers: a product or quotient of two exact doubles is rounded once, so it is the nearest double
/// (Clinger 1990). Nearly every value of a sensor takes this way.
constexpr double powers_of_ten[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

double to_double(const uint8_t *start, const Decimal &decimal) {
    if (!decimal.has_exponent && decimal.digits_count <= 19 && decimal.digits <= (uint64_t(1) << 53)) {
        const double magnitude = double(decimal.digits) / powers_of_ten[decimal.fraction_count];
        return *start == '-' ? -magnitude : magnitude;
    }
    const char *first = reinterpret_cast<const char *>(start);
    const char *last = reinterpret_cast<const char *>(decimal.end);
    double value = 0;
    if (std::from_chars(first, last, value).ec == std::errc()) { return value; }
    // Out of range, which may be too small (0 then) as well as too large. The program keeps the "C" locale.
    return std::strtod(std::string(first, last).c_str(), nullptr);
}

}  // namespace

bool Walker::text(starling_json_value &value) {
    const uint8_t *start = here() + 1;
    const uint8_t *position = find_quote_or_escape(start, end_);
    if (position >= end_) { return fail(starling_json_fault_unclosed_string); }
    if (*position == '\\') { return escaped_text(start, position, value); }
    value.kind = starling_json_kind_text;
    value.text = start;
    value.text_count = uint32_t(position - start);
    ++next_;
    return true;
}

bool Walker::escaped_text(const uint8_t *start, const uint8_t *escape, starling_json_value &value) {
    if (scratch_.unescaped_capacity < size_t(end_ - text_)) {
        // The first escape of this text: nothing points into the old buffer yet.
        scratch_.unescaped.reset(new uint8_t[size_t(end_ - text_)]);
        scratch_.unescaped_capacity = size_t(end_ - text_);
    }
    uint8_t *const unescaped_start = scratch_.unescaped.get() + scratch_.unescaped_count;
    std::memcpy(unescaped_start, start, size_t(escape - start));
    uint8_t *out = unescaped_start + (escape - start);
    const uint8_t *in = escape;
    bool is_broken = false;
    while (in < end_ && *in != '"') {
        if (*in != '\\') {
            *out++ = *in++;
        } else if (end_ - in >= 2 && in[1] == 'u') {
            const uint8_t *at = in;
            if (!unescape_unicode(in, end_, out, is_broken)) { return fail_at(starling_json_fault_escape, at); }
        } else {
            const uint8_t byte = end_ - in >= 2 ? unescaped(in[1]) : 0;
            if (byte == 0) { return fail_at(starling_json_fault_escape, in); }
            *out++ = byte;
            in += 2;
        }
    }
    if (in == end_) { return fail(starling_json_fault_unclosed_string); }
    value.kind = is_broken ? starling_json_kind_broken_text : starling_json_kind_text;
    value.text = unescaped_start;
    value.text_count = uint32_t(out - unescaped_start);
    scratch_.unescaped_count += value.text_count;
    ++next_;
    return true;
}

bool Walker::number(starling_json_value &value) {
    Decimal decimal;
    const uint8_t *start = here();
    if (!read_decimal(start, decimal) || !ends_here(decimal.end)) { return fail(starling_json_fault_number); }
    const double number = to_double(start, decimal);
    value.kind = std::isfinite(number) ? starling_json_kind_number : starling_json_kind_infinite;
    value.number = number;
    ++next_;
    return true;
}

}  // namespace starling
