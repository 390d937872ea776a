// Result<T>: a value or an `Error`. For everything that may fail in operation.
//
// <expected> is absent with g++ 12, so this is ours, and small. Reading the
// value of a failed result is a broken invariant and aborts.
#pragma once

#include <type_traits>
#include <utility>
#include <variant>

#include "base/assert.h"
#include "base/error.h"

namespace spex::base {

template <typename T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  Result(T value) : content_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: implicit by design
  Result(Error error) : content_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: implicit by design
  template <typename U>
  requires(std::is_convertible_v<U, T> && !std::is_same_v<std::remove_cvref_t<U>, T> &&
           !std::is_same_v<std::remove_cvref_t<U>, Error> && !std::is_same_v<std::remove_cvref_t<U>, Result<T>>)
      Result(U&& value)
      : content_(std::in_place_index<0>, std::forward<U>(value)) {}  // NOLINT: implicit by design

  bool ok() const { return content_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() & {
    SPEX_ASSERT(ok());
    return *std::get_if<0>(&content_);
  }
  const T& value() const& {
    SPEX_ASSERT(ok());
    return *std::get_if<0>(&content_);
  }
  T&& value() && {
    SPEX_ASSERT(ok());
    return std::move(*std::get_if<0>(&content_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  const Error& error() const& {
    SPEX_ASSERT(!ok());
    return *std::get_if<1>(&content_);
  }
  Error&& error() && {
    SPEX_ASSERT(!ok());
    return std::move(*std::get_if<1>(&content_));
  }

 private:
  std::variant<T, Error> content_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;

  Result() = default;
  Result(Error error) : content_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: implicit by design

  bool ok() const { return content_.index() == 0; }
  explicit operator bool() const { return ok(); }
  const Error& error() const& {
    SPEX_ASSERT(!ok());
    return *std::get_if<1>(&content_);
  }
  Error&& error() && {
    SPEX_ASSERT(!ok());
    return std::move(*std::get_if<1>(&content_));
  }

 private:
  std::variant<std::monostate, Error> content_;
};

// The error to return: `return fail(Reason::…, "what: why");`
inline Error fail(Reason reason, std::string message) { return Error(reason, std::move(message)); }

}  // namespace spex::base

// Returns the error of `expression` (a Result) from the enclosing function, if it failed.
#define SPEX_TRY(expression)                                                \
  do {                                                                      \
    if (auto spex_try_result = (expression); !spex_try_result) [[unlikely]] \
      return std::move(spex_try_result).error();                            \
  } while (false)

#define SPEX_CONCAT_INNER(a, b) a##b
#define SPEX_CONCAT(a, b) SPEX_CONCAT_INNER(a, b)
// Declares `variable` with the value of `expression` (a Result), or returns its error.
#define SPEX_TRY_ASSIGN(variable, expression)                   \
  auto SPEX_CONCAT(spex_try_, __LINE__) = (expression);         \
  if (!SPEX_CONCAT(spex_try_, __LINE__)) [[unlikely]]           \
    return std::move(SPEX_CONCAT(spex_try_, __LINE__)).error(); \
  variable = std::move(SPEX_CONCAT(spex_try_, __LINE__)).value()
