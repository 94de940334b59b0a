#include "probes.hpp"

#include <sluice/ext/attributes.h>
#include <sluice/ext/codec.h>

namespace sluice::testing {

namespace {
thread_local bench* current_bench = nullptr;
}

at_bench::at_bench(bench& current) { current_bench = &current; }
at_bench::~at_bench() { current_bench = nullptr; }

feed::feed(const config&, host given) : host_{given} { current_bench->source = this; }

void feed::give(std::span<const input> records) {
  waiting_.insert(waiting_.end(), records.begin(), records.end());
  host_.wake_at(host_.now());
}

void feed::on_timer(time_point now) {
  std::vector<record> made;
  for (const input& from : waiting_) {
    record to{};
    to.key = from.key;
    to.schema = host_.schema(from.schema);
    to.priority = static_cast<std::uint8_t>(from.priority);
    to.flags = from.flags;
    to.received_ns = now.time_since_epoch().count();
    to.exchange_ns = from.exchange_time.count();
    to.data = reinterpret_cast<const std::uint8_t*>(from.text.data());
    to.size = static_cast<std::uint32_t>(from.text.size());
    to.weight = from.weight;
    made.push_back(to);
  }
  host_.push(made);
  waiting_.clear();
}

void feed::attributes(const std::vector<std::string>& names,
                      const std::vector<std::pair<std::uint64_t, std::vector<std::string>>>& rows) {
  std::vector<sluice_str> raw_names;
  for (const std::string& name : names) raw_names.push_back(borrow(name));
  std::vector<std::vector<sluice_str>> values;
  std::vector<sluice_key_row> raw_rows;
  values.reserve(rows.size());
  for (const auto& [key, texts] : rows) {
    auto& of_row = values.emplace_back();
    for (const std::string& text : texts) of_row.push_back(borrow(text));
    of_row.resize(names.size());
    raw_rows.push_back({key, of_row.data()});
  }
  const auto* table = host_.extension<sluice_attributes>(SLUICE_EXT_ATTRIBUTES);
  table->publish(host_.raw(), raw_names.data(), static_cast<std::uint32_t>(raw_names.size()),
                 raw_rows.data(), raw_rows.size());
}

collector::collector(const config&, host given) : host_{given}, bench_{*current_bench} {}

void collector::process(batch& records) {
  const auto* codecs = host_.extension<sluice_codecs>(SLUICE_EXT_CODECS);
  for (const record& each : records)
    bench_.outputs.push_back({each.key, each.seq, each.index,
                              std::string{reinterpret_cast<const char*>(each.data), each.size},
                              std::string{view(codecs->name(host_.raw(), each.schema))},
                              static_cast<priority>(each.priority), each.flags, each.weight,
                              received(each)});
}

}  // namespace sluice::testing
