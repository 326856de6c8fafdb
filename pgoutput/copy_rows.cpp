#include "pgoutput/copy_rows.hpp"

#include "core/failure.hpp"
#include "pgoutput/table_of.hpp"

namespace tidewire::pgoutput {

copied_lines::copied_lines(const listed_table& of)
    : listed(of), described(table_of(of.described, of.types)), plan(described) {
  check_names(described);
}

void copy_rows::begin(const copied_lines& of, std::string_view position) {
  of_ = &of;
  reader_.begin();
  values_.assign(of.listed.forms.size(), {});
  bytes_columns_.clear();
  converts_ = false;
  for (std::size_t i = 0; i < of.listed.forms.size(); ++i) {
    if (of.listed.forms[i] == copy_form::converted)
      converts_ = true;
    else
      bytes_columns_.push_back(static_cast<std::uint16_t>(i));
  }
  writer_.enter_read(position);
  rows_ = 0;
}

void copy_rows::refuse(const decode_error& error) const {
  throw failure{failure_kind::refused, "TW-PG-COPY-DECODE",
                "a row of " + of_->described.schema + "." + of_->described.name +
                    " can't be decoded: " + std::string(to_string(error.code)) + " at offset " +
                    std::to_string(error.offset) + " (" + error.field + ")",
                "what came before it is safe; is there nothing between here and the server?"};
}

void copy_rows::take(byte_view payload) {
  auto taken = reader_.take(payload, values_, [&](std::span<value> row) { one(row, payload.size()); });
  if (!taken) [[unlikely]]
    refuse(taken.error());
  rows_ += *taken;
}

void copy_rows::one(std::span<value> row, std::size_t payload_bytes) {
  for (std::uint16_t at : bytes_columns_)
    if (row[at].kind == value_kind::binary) row[at].kind = value_kind::text;
  if (converts_) {
    auto done = text_.render(row, of_->listed.described, no_types_);
    if (!done) [[unlikely]]
      refuse({done.error().code, done.error().offset, "binary value"});
    payload_bytes += text_.bytes();
  }
  writer_.read(of_->plan, row, payload_bytes);
}

void copy_rows::end() const {
  if (!reader_.ended()) refuse({decode_errc::truncated, 0, "trailer"});
}

}  // namespace tidewire::pgoutput
